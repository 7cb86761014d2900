// What dcgan says of folders that it may not read or write.
#include "tests/dcgan_program.h"

namespace duel {
namespace {

/// The program run by somebody whom the folders that it is run in do not belong to. To the superuser all
/// folders are open, so that there the test becomes somebody else.
class AppPermissions : public testing::Test {
 protected:
  void become_somebody_else() {
    for (const char* stream : {"stdout", "stderr"}) std::filesystem::remove(dcgan_ / stream);
    std::filesystem::permissions(dcgan_.folder().path(), std::filesystem::perms::all);
    was_root_ = ::geteuid() == 0;
    if (was_root_) {
      ASSERT_EQ(::setreuid(nobody, 0), 0);
      ASSERT_EQ(::seteuid(nobody), 0);
    }
    if (::access(DUEL_DCGAN, X_OK) != 0) GTEST_SKIP() << "others may not run " << DUEL_DCGAN;
  }
  void TearDown() override {
    if (was_root_) {
      ASSERT_EQ(::seteuid(0), 0);
      ASSERT_EQ(::setreuid(0, 0), 0);
    }
    for (const std::string& folder : closed_)
      std::filesystem::permissions(dcgan_ / folder, std::filesystem::perms::owner_all);
  }
  void close(const std::string& folder, std::filesystem::perms left) {
    std::filesystem::permissions(dcgan_ / folder, left);
    closed_.push_back(folder);
  }

  const std::filesystem::perms nothing_ = std::filesystem::perms::none, reading_{0555};
  static constexpr uid_t nobody = 65534;
  bool was_root_ = false;
  Program dcgan_;
  Words closed_;
};

TEST_F(AppPermissions, AFolderOfPicturesThatCannotBeReadIsNamed) {
  for (const char* file : {"data/a.png", "data/b/c.png", "data/d/e/f.png"})
    dcgan_.folder().write(file, read_file(fixture("rgb.png")));
  close("data/d/e", nothing_);
  become_somebody_else();
  if (IsSkipped()) return;
  dcgan_.bad(tiny_train({"--data", "data"}), "cannot read the folder data/d/e: Permission denied");
}

TEST_F(AppPermissions, ARunThatCannotBeWrittenIsReadAndSaysWhatElseCanBeDone) {
  dcgan_.good(tiny_train({"--epochs", "1", "--output", "run"}));
  dcgan_.folder().write("runs/x/nothing", "");
  for (const char* folder : {"run", "run/checkpoints", "run/samples", "runs", "runs/x"})
    close(folder, reading_);
  become_somebody_else();
  if (IsSkipped()) return;
  dcgan_.bad({"train", "--resume", "run", "--epochs", "2"},
             "run: cannot be written: Permission denied; copy the run to a place that can be, and resume it "
             "there\n");
  for (const Words& where : {Words{}, Words{"--output", "runs/x/y"}})
    dcgan_.bad(tiny_train(where), "Permission denied; choose another place with --output");
  dcgan_.bad({"report", "run"},
             "run/report.html cannot be written into run: Permission denied; name the page elsewhere by "
             "--output\n");
  for (const Words& command : {Words{"sample", "--checkpoint", "run", "--output"},
                               {"latent", "average", "--checkpoint", "run", "--output"}})
    dcgan_.bad(command + Words{"run/a.png"},
               "--output: run/a.png cannot be written into run: Permission denied; name one in a folder that "
               "can be\n");
  dcgan_.bad(
      {"evaluate", "--checkpoint", "run", "--json", "run/a.json"},
      "--json: run/a.json cannot be written into run: Permission denied; name one in a folder that can");
  dcgan_.bad({"latent", "name", "G=seed:1", "--checkpoint", "run", "--names", "run/n.safetensors"},
             "--names: run/n.safetensors cannot be written into run: Permission denied; name one in a");
  for (const char* folder : {"run", "run/samples/a/b"})
    dcgan_.bad({"sample", "--checkpoint", "run", "--singles", folder, "--force"},
               concat("--singles: ", folder, " cannot be written: Permission denied; name another folder\n"));
  EXPECT_FALSE(dcgan_.exists("samples.png"));
  dcgan_.good({"sample", "--checkpoint", "run", "--count", "2"});
  dcgan_.good({"latent", "eval", "A+B", "--checkpoint", "run"});
  dcgan_.good({"evaluate", "--checkpoint", "run", "--count", "6"});
  dcgan_.good({"report", "run", "--output", "page.html"});
}

}  // namespace
}  // namespace duel
