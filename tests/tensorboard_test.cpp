// TensorBoard's event files, byte by byte. What the published package reads in them is tested in
// tests/python/tensorboard_test.py.
#include <limits>

#include "apps/tensorboard/event_file.h"
#include "apps/tensorboard/message.h"
#include "lib/io/full_disk.h"
#include "tests/dcgan_program.h"
#include "tests/file_size_limit.h"

namespace duel::tensorboard {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<uint8_t>(byte));
    text += digits;
  }
  return text;
}

// The vectors of RFC 3720, B.4, and the one that every list of checksums has.
TEST(TensorBoardChecksum, IsCrc32c) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string rising;
  for (char i = 0; i < 32; ++i) rising += i;
  EXPECT_EQ(crc32c(rising), 0x46dd794eu);
}

// What RecordWriter of the package tensorboard writes for the bytes "foo".
TEST(TensorBoardRecord, IsFramedAsThePackageFramesIt) {
  EXPECT_EQ(hex(record("foo")), "0300000000000000b099490e666f6f618abefe");
}

// The examples of the definition of the encoding, and each kind of field.
TEST(TensorBoardMessage, EncodesEachKindOfField) {
  EXPECT_EQ(hex(Message().whole(1, 150).bytes()), "089601");
  EXPECT_EQ(hex(Message().whole(1, 0).bytes()), "0800");
  EXPECT_EQ(hex(Message().whole(2, -1).bytes()), "10ffffffffffffffffff01");
  EXPECT_EQ(hex(Message().text(2, "testing").bytes()), "120774657374696e67");
  EXPECT_EQ(hex(Message().text(3, Message().whole(1, 150).bytes()).bytes()), "1a03089601");
  EXPECT_EQ(hex(Message().real(2, 1.0f).bytes()), "150000803f");
  EXPECT_EQ(hex(Message().real(1, 1.0).bytes()), "09000000000000f03f");
  EXPECT_EQ(hex(Message().reals(6, {1.0}).bytes()), "3208000000000000f03f");
  EXPECT_EQ(hex(Message().whole(16, 1).bytes()), "800101");
}

TEST(TensorBoardEventFile, HistogramsLeaveOutWhatIsNoDistribution) {
  const TemporaryFolder folder;
  EventFile file(folder.path(), 1);
  const auto size = [&] { return std::filesystem::file_size(file.path()); };
  const auto empty = size();
  file.histogram(1, "nothing", {});
  file.histogram(1, "not finite", std::vector<float>{1, std::numeric_limits<float>::infinity()});
  EXPECT_EQ(size(), empty);
  file.histogram(1, "equal", std::vector<float>{2, 2, 2});
  const auto one_bin = size() - empty;
  file.histogram(1, "equal", std::vector<float>{2, 2, 3});
  EXPECT_EQ(size() - empty - one_bin, one_bin + 39 * 16 + 5);  // 39 bins more, and longer lengths
}

TEST(TensorBoardEventFile, AFullDiskIsOneAsForAllOtherFiles) {
  const TemporaryFolder folder;
  EventFile file(folder.path(), 1);
  const FileSizeLimit limit(std::filesystem::file_size(file.path()) + 10);
  EXPECT_THROW(file.scalar(1, "loss", 0.5), FullDisk);
}

TEST(TensorBoardEventFile, EachHasANameBehindTheEarlierOnes) {
  const TemporaryFolder folder;
  std::filesystem::path last;
  for (int i = 0; i < 12; ++i) {
    const EventFile file(folder / "events", 1);
    EXPECT_GT(file.path(), last);
    last = file.path();
  }
}

TEST(TensorBoardTraining, ChangesNothingAndSaysWhereItCannotWrite) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "with", "--tensorboard"}));
  dcgan.good(tiny_train({"--epochs", "2", "--output", "without"}));
  EXPECT_EQ(dcgan.bytes("with/networks.safetensors"), dcgan.bytes("without/networks.safetensors"));
  EXPECT_FALSE(dcgan.exists("without/tensorboard"));
  EXPECT_EQ(dcgan.names("with/tensorboard").size(), 1u);
  dcgan.folder().write("without/tensorboard", "a file in the way");
  dcgan.bad({"train", "--resume", "without", "--epochs", "3", "--tensorboard"},
            "without/tensorboard: the folder cannot be made");
}

TEST(TensorBoardTraining, AResumedRunGoesOnInAFileOfItsOwn) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "run", "--tensorboard", "--evaluate-every", "2",
                         "--evaluate-count", "6"}));
  dcgan.good({"train", "--resume", "run", "--epochs", "4", "--threads", "1"});
  const Words files = dcgan.names("run/tensorboard");
  ASSERT_EQ(files.size(), 2u);
  const std::string first = dcgan.text("run/tensorboard/" + files[0]),
                    second = dcgan.text("run/tensorboard/" + files[1]);
  const std::string row = "quality/swd_16_low";
  for (const std::string& events : {first, second})
    EXPECT_EQ(events.find(row), events.rfind(row)) << "an epoch without a row has no events of one";
  EXPECT_TRUE(contains(second, row));
  const std::string data = "\n\4data";
  EXPECT_TRUE(contains(first, data));
  EXPECT_FALSE(contains(second, data));
  // From this step on readers forget the events of earlier files.
  EXPECT_TRUE(contains(first, "\x10\x01:\x02\x08\x01"));
  EXPECT_TRUE(contains(second, "\x10\x09:\x02\x08\x01"));
}

// A table of another kind than the run's, which is none of those that a resumed run mends.
TEST(TensorBoardTraining, ATableThatCannotBeReadEndsNoRun) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan.folder().write("run/quality.csv", "step,swd\n4,0.5\n");
  const Finished finished =
      dcgan.run({"train", "--resume", "run", "--epochs", "3", "--tensorboard", "--threads", "1"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_EQ(
      finished.err,
      "not for TensorBoard: run/quality.csv: has no column epoch; was it written by another version?\n");
}

}  // namespace
}  // namespace duel::tensorboard
