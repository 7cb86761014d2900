// The sets of pictures that are read from the disk.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/data/cached_dataset.h"
#include "lib/data/cifar10.h"
#include "lib/data/idx.h"
#include "lib/data/open_dataset.h"
#include "lib/data/picture_folder.h"
#include "lib/io/file.h"
#include "lib/io/image.h"
#include "tests/files.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

std::vector<uint8_t> picture(const Dataset& data, int64_t index) {
  std::vector<uint8_t> pixels(static_cast<size_t>(data.picture_bytes()));
  data.read(index, pixels.data());
  return pixels;
}

Image plain(int64_t width, int64_t height, uint8_t value) {
  return {width, height, 1, std::vector<uint8_t>(static_cast<size_t>(width * height), value)};
}

// PictureFolder

TEST(PictureFolder, FindsPicturesInOrderOfTheirPaths) {
  TemporaryFolder folder;
  for (const char* name : {"b.png", "B.PNG", "a/z.Jpeg", "a.ppm", "c.JFIF", "c.jpe", "a/sub/c.gif",
                           ".hidden.png", ".git/d.png", "notes.txt", "png", "a/labels.csv"}) {
    folder.write(name, "x");
  }
  fs::create_directory(folder / "folder.png");
  fs::create_symlink("b.png", folder / "link.png");
  fs::create_symlink("nowhere", folder / "broken.png");
  fs::create_directory_symlink("a", folder / "linked_folder");
  ASSERT_EQ(::mkfifo((folder / "pipe.png").c_str(), 0600), 0);

  const PictureFolder data(folder.path(), {});
  std::vector<std::string> files;
  for (int64_t i = 0; i < data.size(); ++i) files.push_back(data.file(i));
  EXPECT_EQ(files, (std::vector<std::string>{"B.PNG", "a.ppm", "a/sub/c.gif", "a/z.Jpeg", "b.png",
                                             "broken.png", "c.JFIF", "c.jpe", "link.png"}));
  EXPECT_EQ(data.passed_by(), "passed by 3 files with other endings (none, .csv, .txt)");
}

TEST(PictureFolder, FollowsLinksToFoldersAndReadsEachOnce) {
  TemporaryFolder folder, elsewhere;
  folder.write("data/z/a.png", "x");
  elsewhere.write("more/b.png", "x");
  elsewhere.write("c.png", "x");
  fs::create_directory_symlink("z", folder / "data/a");        // to what is there anyway
  fs::create_directory_symlink("..", folder / "data/z/loop");  // to a folder around it
  fs::create_directory_symlink(".", folder / "data/self");
  fs::create_directory_symlink(elsewhere.path(), folder / "data/far");
  fs::create_directory_symlink(elsewhere / "more", folder / "data/near");  // what "far" has led to by then
  fs::create_directory_symlink("nowhere", folder / "data/gone");
  const PictureFolder data(folder / "data", {});
  std::vector<std::string> files;
  for (int64_t i = 0; i < data.size(); ++i) files.push_back(data.file(i));
  EXPECT_EQ(files, (std::vector<std::string>{"far/c.png", "far/more/b.png", "z/a.png"}));
}

TEST(PictureFolder, CountsWhatItPassesBy) {
  TemporaryFolder folder;
  folder.write("a.png", "x");
  EXPECT_EQ(PictureFolder(folder.path(), {}).passed_by(), "");
  folder.write("sub/b.WebP", "x");
  EXPECT_EQ(PictureFolder(folder.path(), {}).passed_by(), "passed by 1 file with another ending (.webp)");
  for (const char* name : {"b.webp", "c.tiff", "d.avif", "e.heic", "f.jxl", "g.txt", ".hidden"})
    folder.write(name, "x");
  EXPECT_EQ(PictureFolder(folder.path(), {}).passed_by(),
            "passed by 7 files with other endings (.avif, .heic, .jxl, .tiff, .txt, ...)");
}

// A run that is made below its own data would else learn from its samples.
TEST(PictureFolder, PassesByTheFoldersOfRuns) {
  TemporaryFolder folder;
  folder.write("a.png", "x");
  folder.write("runs/one/config.json", "{}");
  folder.write("runs/one/samples/epoch-0001.png", "x");
  fs::create_directory(folder / "runs/one/checkpoints");
  folder.write("runs/notes/config.json", "{}");  // a file of that name makes no run
  folder.write("runs/notes/b.png", "x");
  const PictureFolder data(folder.path(), {});
  ASSERT_EQ(data.size(), 2);
  EXPECT_EQ(data.file(0), "a.png");
  EXPECT_EQ(data.file(1), "runs/notes/b.png");
  EXPECT_EQ(data.passed_by(),
            "passed by 1 file with another ending (.json) and 1 folder of a training run (runs/one)");
  EXPECT_EQ(PictureFolder(folder / "runs/one", {}).size(), 1) << "what was asked for";
  fs::remove(folder / "runs/notes/config.json");
  fs::copy(folder / "runs/one", folder / "two", fs::copy_options::recursive);
  EXPECT_EQ(PictureFolder(folder.path(), {}).passed_by(),
            "passed by 2 folders of training runs (runs/one, two)");
  folder.write("fresh/run/config.json", "{}");
  fs::create_directory(folder / "fresh/run/checkpoints");
  const std::string message = error_of([&] { PictureFolder(folder / "fresh", {}); });
  EXPECT_TRUE(message.ends_with(".ppm; passed by 1 folder of a training run (run)")) << message;
}

TEST(PictureFolder, CropsResizesAndConverts) {
  TemporaryFolder folder;
  Image image = plain(20, 30, 10);
  for (int64_t y = 10; y < 20; ++y) std::memset(&image.pixels[static_cast<size_t>(y * 20 + 5)], 200, 10);
  folder.write("a.png", encode_png(image));

  const PictureFolder cropped(folder.path(), {4, 3, 10});
  EXPECT_EQ(picture(cropped, 0), std::vector<uint8_t>(4 * 4 * 3, 200));
  const PictureFolder whole(folder.path(), {20, 1, 0});
  const std::vector<uint8_t> pixels = picture(whole, 0);
  EXPECT_EQ(pixels[0], 10);
  EXPECT_EQ(pixels[20 * 5 + 5], 200);
  EXPECT_EQ(whole.description(),
            "1 pictures of " + folder.path().string() + ", central square resized to 20x20, grey");

  const PictureFolder too_small(folder.path(), {4, 3, 25});
  EXPECT_EQ(error_of([&] { picture(too_small, 0); }),
            (folder / "a.png").string() + " is 20x30 pixels, smaller than the crop of 25x25");
}

TEST(PictureFolder, SaysWhatIsWrong) {
  TemporaryFolder folder;
  folder.write("notes.txt", "x");
  folder.write("sub/data.csv", "x");
  const auto message = [](const fs::path& path) { return error_of([&] { PictureFolder(path, {}); }); };
  EXPECT_EQ(message(folder / "none"), "no such folder: " + (folder / "none").string());
  EXPECT_EQ(message(folder / "notes.txt"), (folder / "notes.txt").string() + " is not a folder");
  EXPECT_EQ(message(folder.path()),
            "no pictures in " + folder.path().string() +
                " or below it: none of its 2 files is named .jpg .jpeg .jpe .jfif .png .bmp "
                ".tga .gif .pnm .pbm .pgm .ppm");
}

TEST(PictureFormat, ChecksItsRanges) {
  TemporaryFolder folder;
  folder.write("a.png", "x");
  for (const PictureFormat format : {PictureFormat{0, 3, 0}, {5000, 3, 0}, {32, 2, 0}, {32, 3, -1}}) {
    EXPECT_THROW(PictureFolder(folder.path(), format), Error);
  }
}

// CachedDataset

class CachedPictures : public testing::TestWithParam<int64_t> {};

TEST_P(CachedPictures, LeaveOutBrokenFilesAndNameThem) {
  TemporaryFolder folder;
  for (int i = 0; i < 60; ++i) {
    folder.write("good" + std::to_string(10 + i) + ".png", encode_png(plain(8, 8, static_cast<uint8_t>(i))));
  }
  std::vector<uint8_t> cut = read_file(folder / "good10.png");
  cut.resize(cut.size() / 2);
  folder.write("good10a.png", cut);
  folder.write("good33a.jpg", "");
  folder.write("zzz.jpg", "no picture");

  CacheOptions options;
  options.memory_budget = GetParam();
  options.threads = 3;
  const CachedDataset data(std::make_unique<PictureFolder>(folder.path(), PictureFormat{8, 1, 0}), options);
  EXPECT_EQ(data.in_memory(), GetParam() != 0);
  ASSERT_EQ(data.size(), 60);
  for (int64_t i = 0; i < 60; ++i) {
    EXPECT_EQ(picture(data, i), std::vector<uint8_t>(64, static_cast<uint8_t>(i))) << i;
    EXPECT_EQ(data.file_of(i), (folder / ("good" + std::to_string(10 + i) + ".png")).string());
  }
  ASSERT_EQ(data.skipped().size(), 3u);
  EXPECT_EQ(data.skipped()[0],
            (folder / "good10a.png").string() + " is cut short: the file ends before the picture does");
  EXPECT_EQ(data.skipped()[1], (folder / "good33a.jpg").string() + " is empty: 0 bytes");
  EXPECT_EQ(data.skipped()[2],
            (folder / "zzz.jpg").string() + " is not a JPEG, PNG, BMP, TGA, GIF or PNM picture");
}

INSTANTIATE_TEST_SUITE_P(CachedDataset, CachedPictures, testing::Values(0, 63 * 64), [](const auto& test) {
  return test.param == 0 ? "reading_each_time" : "in_memory";
});

TEST(CachedDataset, KeepsNoMoreThanItsBudget) {
  TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) folder.write(std::to_string(i) + ".png", encode_png(plain(8, 8, 1)));
  const auto in_memory = [&](int64_t budget) {
    CacheOptions options;
    options.memory_budget = budget;
    return CachedDataset(std::make_unique<PictureFolder>(folder.path(), PictureFormat{8, 1, 0}), options)
        .in_memory();
  };
  EXPECT_TRUE(in_memory(-1));
  EXPECT_TRUE(in_memory(3 * 64));
  EXPECT_FALSE(in_memory(3 * 64 - 1));
}

TEST(CachedDataset, SaysWhyNothingIsLeft) {
  TemporaryFolder folder;
  folder.write("a.jpg", "no picture");
  folder.write("b.jpg", "");
  DataOptions options;
  options.path = folder.path().string();
  EXPECT_EQ(error_of([&] { open_dataset(options); }),
            "none of the 2 pictures of " + folder.path().string() +
                ", central square resized to 32x32, RGB can be read; the first: " +
                (folder / "a.jpg").string() + " is not a JPEG, PNG, BMP, TGA, GIF or PNM picture");
}

TEST(CachedDataset, SaysThatTheCropIsTooLarge) {
  TemporaryFolder folder;
  folder.write("a.jpg", "no picture");
  for (int i = 0; i < 4; ++i) folder.write(concat("b", i, ".png"), encode_png(plain(20 + i, 30, 1)));
  DataOptions options;
  options.path = folder.path().string();
  options.format.crop = 24;
  EXPECT_EQ(
      error_of([&] { open_dataset(options); }),
      "none of the 5 pictures of " + folder.path().string() +
          ", central 24x24 resized to 32x32, RGB can be used: 4 of 5 pictures are smaller than the crop "
          "(the largest has a side of 23); use a smaller crop");
  options.format.crop = 23;
  const auto data = open_dataset(options);
  EXPECT_EQ(data->size(), 1);
  EXPECT_EQ(data->description(), "5 pictures of " + folder.path().string() +
                                     ", central 23x23 resized to 32x32, RGB; left out: 4, used: 1");
}

class Slow : public Dataset {
 public:
  Slow(int64_t size, std::function<void(int64_t)> at_read) : size_(size), at_read_(std::move(at_read)) {}
  int64_t size() const override { return size_; }
  int64_t image_size() const override { return 1; }
  int64_t channels() const override { return 1; }
  void read(int64_t index, uint8_t* pixels) const override {
    at_read_(index);
    *pixels = static_cast<uint8_t>(index);
  }
  std::string description() const override { return "slow pictures"; }

 private:
  int64_t size_;
  std::function<void(int64_t)> at_read_;
};

TEST(CachedDataset, ReportsProgress) {
  // The last pictures wait until a report has been made, so that one is made before the end.
  std::atomic<bool> reported{false};
  std::vector<int64_t> reports;
  CacheOptions options;
  options.progress = [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 200);
    reports.push_back(done);
    reported = true;
    reported.notify_all();
  };
  const CachedDataset data(std::make_unique<Slow>(200,
                                                  [&](int64_t index) {
                                                    if (index >= 190) reported.wait(false);
                                                  }),
                           options);
  ASSERT_GE(reports.size(), 2u);
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
  EXPECT_LT(reports.front(), 200);
  EXPECT_EQ(reports.back(), 200);
  EXPECT_EQ(picture(data, 123), std::vector<uint8_t>{123});
  EXPECT_EQ(data.file_of(123), "") << "of pictures without files";
}

// Threads come upon the broken ones in any order: here upon the later one first.
TEST(CachedDataset, LeavesOutWhatIsBrokenInAnyOrder) {
  std::atomic<bool> later{false};
  CacheOptions options;
  options.threads = 2;
  const CachedDataset data(std::make_unique<Slow>(200,
                                                  [&](int64_t index) {
                                                    if (index == 101) later = true, later.notify_all();
                                                    if (index == 5) later.wait(false);
                                                    if (index == 5 || index == 100) fail("broken ", index);
                                                  }),
                           options);
  const std::vector<std::string> skipped(data.skipped().begin(), data.skipped().end());
  EXPECT_EQ(skipped, (std::vector<std::string>{"broken 5", "broken 100"}));
  ASSERT_EQ(data.size(), 198);
  for (const auto& [index, value] : {std::pair{4, 4}, {5, 6}, {98, 99}, {99, 101}, {197, 199}})
    EXPECT_EQ(picture(data, index), std::vector<uint8_t>{static_cast<uint8_t>(value)}) << index;
}

TEST(CachedDataset, StopsWhenProgressThrows) {
  constexpr int kMoreThanAMinuteTakes = 2'000'000;
  std::atomic<int> read{0};
  CacheOptions options;
  options.threads = 2;
  options.progress = [](int64_t, int64_t) { throw std::runtime_error("stop"); };
  const auto load = [&] {
    CachedDataset(std::make_unique<Slow>(kMoreThanAMinuteTakes,
                                         [&](int64_t) {
                                           ++read;
                                           std::this_thread::sleep_for(std::chrono::microseconds(100));
                                         }),
                  options);
  };
  EXPECT_THROW(load(), std::runtime_error);
  EXPECT_LT(read, kMoreThanAMinuteTakes);
}

TEST(CachedDataset, PassesOnOtherExceptions) {
  const auto load = [] {
    CachedDataset(std::make_unique<Slow>(200, [](int64_t index) {
      if (index == 100) throw std::bad_alloc();
    }));
  };
  EXPECT_THROW(load(), std::bad_alloc);
}

// Cifar10

std::string cifar_record(char label, char red, char green, char blue) {
  return std::string(1, label) + std::string(1024, red) + std::string(1024, green) + std::string(1024, blue);
}

TEST(Cifar10, ReadsEveryBatchOfAFolder) {
  TemporaryFolder folder;
  folder.write("data_batch_2.bin", cifar_record(9, 7, 8, 9));
  folder.write("data_batch_1.bin", cifar_record(0, 1, 2, 3) + cifar_record(3, 4, 5, 6));
  folder.write("test_batch.bin", cifar_record(0, 0, 0, 0));
  const Cifar10 data(folder.path(), {32, 3, 0});
  ASSERT_EQ(data.size(), 3);
  for (uint8_t i = 0; i < 3; ++i) {
    const std::vector<uint8_t> pixels = picture(data, i);
    for (size_t j = 0; j < pixels.size(); ++j) ASSERT_EQ(pixels[j], 3 * i + 1 + j % 3) << int{i};
  }
  EXPECT_EQ(Cifar10(folder / "test_batch.bin", {32, 3, 0}).size(), 1);
}

TEST(Cifar10, PutsPixelsWhereTheyBelong) {
  TemporaryFolder folder;
  std::string record = cifar_record(0, 0, 0, 0);
  record[1 + 1024 + 5 * 32 + 17] = 99;  // green of row 5, column 17
  folder.write("a.bin", record);
  const Cifar10 data(folder / "a.bin", {32, 3, 0});
  EXPECT_EQ(picture(data, 0)[(5 * 32 + 17) * 3 + 1], 99);
  const Cifar10 cropped(folder / "a.bin", {4, 3, 4});  // rows and columns 14 to 17
  EXPECT_EQ(picture(cropped, 0), std::vector<uint8_t>(48, 0));
}

TEST(Cifar10, SaysWhatIsWrong) {
  TemporaryFolder folder;
  const std::string file = folder.write("a.bin", cifar_record(0, 1, 2, 3) + "x").string();
  EXPECT_EQ(error_of([&] { Cifar10(file, {}); }),
            file + " is 3074 bytes long; a file of CIFAR-10 is a multiple of 3073, the nearest 3073");
  folder.write("a.bin", "");
  EXPECT_EQ(error_of([&] { Cifar10(file, {}); }),
            file + " is 0 bytes long; a file of CIFAR-10 is a multiple of 3073, the nearest 3073");
  folder.write("a.bin", cifar_record(0, 1, 2, 3) + cifar_record(10, 1, 2, 3));
  EXPECT_EQ(error_of([&] { Cifar10(file, {}); }),
            file + " is not of CIFAR-10: record 1 has the label 10, where 9 is the largest");
}

// IdxImages

std::string idx_file(uint8_t count, uint8_t height, uint8_t width) {
  using namespace std::string_literals;
  std::string bytes = "\0\0\x08\x03"s;
  for (const uint8_t size : {count, height, width}) bytes += "\0\0\0"s + static_cast<char>(size);
  for (int i = 0; i < count * height * width; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string packed(const std::string& bytes) {
  z_stream stream{};
  check(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
  std::string result(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  check(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib");
  result.resize(stream.total_out);
  ::deflateEnd(&stream);
  return result;
}

TEST(IdxImages, ReadsPlainAndPackedFiles) {
  TemporaryFolder folder;
  folder.write("a-idx3-ubyte", idx_file(3, 4, 4));
  folder.write("a-idx3-ubyte.gz", packed(idx_file(3, 4, 4)));
  for (const char* name : {"a-idx3-ubyte", "a-idx3-ubyte.gz"}) {
    const IdxImages data(folder / name, {4, 1, 0});
    ASSERT_EQ(data.size(), 3);
    const std::vector<uint8_t> pixels = picture(data, 2);
    for (size_t i = 0; i < 16; ++i) EXPECT_EQ(pixels[i], 32 + i);
  }
  const IdxImages colour(folder / "a-idx3-ubyte", {4, 3, 0});
  EXPECT_EQ(picture(colour, 1)[3 * 5 + 2], 16 + 5);
  const IdxImages larger(folder / "a-idx3-ubyte", {8, 1, 0});
  EXPECT_EQ(picture(larger, 1).size(), 64u);
}

TEST(IdxImages, ChoosesTheTrainingPicturesOfAFolder) {
  TemporaryFolder folder;
  const auto chosen = [&] { return IdxImages::file(folder.path()).filename().string(); };
  EXPECT_EQ(chosen(), "");
  folder.write("train-labels-idx1-ubyte", "x");
  EXPECT_EQ(chosen(), "");
  folder.write("t10k-images-idx3-ubyte", "x");
  EXPECT_EQ(chosen(), "t10k-images-idx3-ubyte");
  folder.write("train-images-idx3-ubyte.gz", "x");
  EXPECT_EQ(chosen(), "train-images-idx3-ubyte.gz");
  folder.write("train-images-idx3-ubyte", "x");
  EXPECT_EQ(chosen(), "train-images-idx3-ubyte");
}

TEST(IdxImages, SaysWhatIsWrong) {
  TemporaryFolder folder;
  const std::string name = (folder / "a-idx3-ubyte.gz").string();
  const auto message = [&](const std::string& content) {
    folder.write("a-idx3-ubyte.gz", content);
    return error_of([&] { IdxImages(name, {}); });
  };
  const std::string good = idx_file(3, 4, 5);
  for (const bool pack : {false, true}) {
    const auto as_stored = [&](const std::string& bytes) { return pack ? packed(bytes) : bytes; };
    EXPECT_EQ(message(as_stored(good.substr(0, 70))),
              name + " is 70 bytes long where 3 pictures of 4x5 take 76");
    EXPECT_EQ(message(as_stored(good + "xy")), name + " is 78 bytes long where 3 pictures of 4x5 take 76");
    EXPECT_EQ(message(as_stored(good.substr(0, 10))),
              name + " is 10 bytes long, shorter than the header of 16");
    EXPECT_EQ(message(as_stored(idx_file(0, 4, 5))),
              name + " promises 0 pictures of 4x5 pixels: its header is damaged");
    std::string labels = good;
    labels[3] = 1;
    EXPECT_EQ(
        message(as_stored(labels)),
        name + " is no IDX file of pictures: it begins with other bytes than 0 0 8 3 (these may be labels)");
    // A header that promises 2^31 pictures of 4096x4096 must not take the memory for them.
    std::string boastful = good;
    boastful.replace(4, 12, std::string("\x7F\xFF\xFF\xFF\0\0\x10\0\0\0\x10\0", 12));
    EXPECT_TRUE(contains(message(as_stored(boastful)), name + " is 76 bytes long where 2147483647 pictures"));
  }
  EXPECT_EQ(message(""), name + " is no IDX file of pictures: it begins with other bytes than 0 0 8 3");

  const std::string gz = packed(idx_file(200, 20, 20));
  for (const size_t length : {size_t{3}, size_t{20}, gz.size() / 2, gz.size() - 1}) {
    const std::string what = message(gz.substr(0, length));
    EXPECT_TRUE(what == "cannot unpack " + name + ": it is cut short" || length < 10) << what;
  }
  std::string damaged = gz;
  damaged[damaged.size() - 5] ^= 1;  // the checksum
  EXPECT_TRUE(contains(message(damaged), "cannot unpack " + name + ": "));
  EXPECT_TRUE(contains(error_of([&] { IdxImages(folder / "none", {}); }), "none: No such file or directory"));
}

// open_dataset

TEST(OpenDataset, RecognisesWhatThePathIs) {
  TemporaryFolder folder;
  folder.write("pictures/sub/a.png", encode_png(plain(8, 8, 1)));
  folder.write("cifar/data_batch_1.bin", cifar_record(0, 1, 2, 3));
  folder.write("mnist/train-images-idx3-ubyte.gz", packed(idx_file(4, 4, 4)));
  folder.write("unnamed", idx_file(4, 4, 4));
  const auto description = [&](const std::string& path) {
    DataOptions options;
    options.path = path;
    options.synthetic_count = 5;
    const std::unique_ptr<Dataset> data = open_dataset(options);
    EXPECT_EQ(picture(*data, data->size() - 1).size(), 32u * 32 * 3);
    EXPECT_TRUE(data->skipped().empty());
    return data->description();
  };
  const auto inside = [&](const char* name) { return (folder / name).string(); };
  const std::string format = ", central square resized to 32x32, RGB";
  EXPECT_EQ(description(inside("pictures")), "1 pictures of " + inside("pictures") + format);
  EXPECT_EQ(description(inside("cifar")), "1 pictures of CIFAR-10 from " + inside("cifar") + format);
  EXPECT_EQ(description(inside("cifar/data_batch_1.bin")),
            "1 pictures of CIFAR-10 from " + inside("cifar/data_batch_1.bin") + format);
  EXPECT_EQ(description(inside("mnist")),
            "4 pictures of " + inside("mnist/train-images-idx3-ubyte.gz") + format);
  EXPECT_EQ(description(inside("mnist/train-images-idx3-ubyte.gz")), description(inside("mnist")));
  DataOptions cropped;
  cropped.path = "synthetic";
  cropped.format.crop = 4;
  EXPECT_EQ(error_of([&] { open_dataset(cropped); }),
            "the synthetic faces are drawn at their size and cannot be cropped");
  folder.write("digits.gz", packed(idx_file(4, 4, 4)));  // told by its content
  EXPECT_EQ(description(inside("digits.gz")), "4 pictures of " + inside("digits.gz") + format);
  EXPECT_EQ(description(inside("unnamed")), "4 pictures of " + inside("unnamed") + format);
  EXPECT_TRUE(contains(description("synthetic"), "synthetic"));
}

TEST(OpenDataset, SaysWhatIsWrong) {
  TemporaryFolder folder;
  DataOptions options;
  options.path = (folder / "none").string();
  EXPECT_EQ(error_of([&] { open_dataset(options); }),
            "cannot read the data in " + options.path + ": No such file or directory");
  options.path = folder.write("notes.txt", "Dear reader").string();
  EXPECT_TRUE(contains(error_of([&] { open_dataset(options); }),
                       options.path + " is no set of pictures: give a folder"));
  options.path = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(options.path.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { open_dataset(options); }), options.path + " is neither a folder nor a file");
  options.path = "synthetic";
  options.format.crop = 10;
  EXPECT_TRUE(contains(error_of([&] { open_dataset(options); }), "cannot be cropped"));
}

// Real pictures

struct RealSet {
  const char* name;
  int64_t size, image_size, channels, crop;
};

class RealPictures : public testing::TestWithParam<RealSet> {};

TEST_P(RealPictures, AreReadAndLookLikePictures) {
  const auto path = shared_data(GetParam().name);
  if (!path) GTEST_SKIP() << "no " << GetParam().name << " in ../shared/data or $DUEL_SHARED/data";
  DataOptions options;
  options.path = path->string();
  options.format = {GetParam().image_size, GetParam().channels, GetParam().crop};
  const std::unique_ptr<Dataset> data = open_dataset(options);
  EXPECT_EQ(data->size(), GetParam().size);
  EXPECT_TRUE(data->skipped().empty());
  // Neighbouring pixels of a picture are far more alike than those of noise, whose mean difference is 85.
  int64_t difference = 0, count = 0;
  for (int64_t i = 0; i < data->size(); i += 97) {
    const std::vector<uint8_t> pixels = picture(*data, i);
    const size_t right = static_cast<size_t>(data->channels());
    for (size_t j = 0; j + right < pixels.size(); ++j, ++count)
      difference += std::abs(pixels[j] - pixels[j + right]);
  }
  EXPECT_LT(static_cast<double>(difference) / static_cast<double>(count), 30);
}

INSTANTIATE_TEST_SUITE_P(RealPictures, RealPictures,
                         testing::Values(RealSet{"faces64", 10'000, 32, 3, 40},
                                         RealSet{"faces178", 300, 64, 3, 108},
                                         RealSet{"anime64", 4'280, 64, 3, 0},
                                         RealSet{"mnist", 60'000, 32, 1, 0},
                                         RealSet{"cifar10", 258, 32, 3, 0}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace duel
