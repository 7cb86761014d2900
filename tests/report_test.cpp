// The report of a run, as `dcgan train` and `dcgan report` write it. What a browser makes of the page is
// tested in tests/python/report_test.py.
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "apps/gan/json.h"
#include "apps/gan/run_table.h"
#include "apps/gan/trainer.h"
#include "apps/report/base64.h"
#include "apps/report/losses_picture.h"
#include "apps/report/norms.h"
#include "apps/report/report_observer.h"
#include "lib/autograd.h"
#include "lib/data/synthetic.h"
#include "lib/io/image.h"
#include "tests/dcgan_program.h"

namespace duel {
namespace {

using gan::Json;

/// The runs in a page, as its script reads them.
Json runs_in(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">", close = "</script>";
  const size_t from = page.find(open) + open.size();
  EXPECT_NE(page.find(open), std::string::npos);
  return gan::parse_json(page.substr(from, page.find(close, from) - from), "the page");
}

constexpr const char* kMetricsHead = "epoch,batch,step,d_loss,g_loss,d_real,d_fake,images_per_second\n";

/// A run's folder with nothing in it but what is written by hand.
class ReportOfFiles : public testing::Test {
 protected:
  void SetUp() override { write("config.json", "{\"epochs\": 3}"); }

  void write(const std::string& name, const std::string& text) const {
    dcgan_.folder().write("run/" + name, text);
  }
  void write_picture(const std::string& name, int64_t size = 4) const {
    std::filesystem::create_directories((dcgan_ / ("run/" + name)).parent_path());
    write_png(dcgan_ / ("run/" + name),
              {size, size, 3, std::vector<uint8_t>(static_cast<size_t>(size * size * 3), 7)});
  }
  Json report() const {
    dcgan_.good({"report", "run"});
    return runs_in(dcgan_.text("run/report.html")).at(0);
  }

  Program dcgan_;
};

TEST_F(ReportOfFiles, OfARunThatHasJustBegun) {
  const Json run = report();
  EXPECT_EQ(run["name"], "run");
  EXPECT_TRUE(run["metrics"].is_null());
  EXPECT_TRUE(run["norms"].is_null());
  EXPECT_TRUE(run["film"]["frames"].empty());
  for (const char* text : {"", "epoch,ba", kMetricsHead}) {
    write("metrics.csv", text);
    EXPECT_TRUE(report()["metrics"].is_null()) << text;
  }
}

TEST_F(ReportOfFiles, CountsTheEpochsThatAreDone) {
  const auto done = [&] { return report()["epochs_done"].get<int>(); };
  EXPECT_EQ(done(), 0);
  write_picture("samples/epoch-0007.png");
  EXPECT_EQ(done(), 7);
  write("metrics.csv", std::string(kMetricsHead) + "1,3,3,1,1,1,1,1\n");
  EXPECT_EQ(done(), 7);  // the epoch's length is unknown
  write("about.json", "{\"batches_per_epoch\": 4}");
  EXPECT_EQ(done(), 0);
  write("metrics.csv", std::string(kMetricsHead) + "1,3,3,1,1,1,1,1\n1,4,4,1,1,1,1,1\n2,1,5,1,1,1,1,1\n");
  EXPECT_EQ(done(), 1);
  std::filesystem::remove(dcgan_ / "run/about.json");
  EXPECT_EQ(done(), 1);
  std::filesystem::remove_all(dcgan_ / "run/samples");
  EXPECT_EQ(done(), 1);
}

TEST_F(ReportOfFiles, DrawsAResumedRunAsOne) {
  write("metrics.csv", std::string(kMetricsHead) +
                           "1,1,1,1.5,0.5,0.6,0.5,90\n"
                           "1,4,4,1.4,0.6,0.6,0.4,91\n"
                           "2,1,5,9,9,9,9,9\n"
                           "3,1,9,1.2,nan,0.8,0.2,93\n"
                           "2,1,5,1.3,0.7,0.7,0.3,92\n"
                           "3,4,12,1.1,");
  const Json metrics = report()["metrics"];
  EXPECT_EQ(metrics["step"], (Json{1.0, 4.0, 5.0, 9.0}));
  EXPECT_EQ(metrics["x"], (Json{0.25, 1.0, 1.25, 2.25}));
  EXPECT_EQ(metrics["d_loss"], (Json{1.5, 1.4, 1.3, 1.2}));
  EXPECT_TRUE(metrics["g_loss"][3].is_null());
}

TEST_F(ReportOfFiles, ThinsLongCurves) {
  std::string rows = kMetricsHead;
  for (int step = 1; step <= 10001; ++step) rows += concat("1,", step, ",", step, ",1,1,0.5,0.5,100\n");
  write("metrics.csv", rows);
  const Json metrics = report()["metrics"];
  EXPECT_LE(metrics["step"].size(), 4001u);
  EXPECT_GE(metrics["step"].size(), 3000u);
  EXPECT_EQ(metrics["step"].front(), 1);
  EXPECT_EQ(metrics["step"].back(), 10001);
}

TEST_F(ReportOfFiles, ThinsALongFilm) {
  std::string noise(4 << 20, '\0');  // behind the picture's end, where no decoder looks
  write_picture("samples/epoch-0001.png");
  const std::string picture = dcgan_.text("run/samples/epoch-0001.png");
  for (int epoch = 1; epoch <= 9; ++epoch)
    write(concat("samples/epoch-000", epoch, ".png"), picture + noise.substr(0, 1 << 20));
  write("samples/epoch-0003.png.txt", "no picture of the film");
  const Json film = report()["film"];
  EXPECT_EQ(film["of"], 9);
  ASSERT_LE(film["frames"].size(), 4u);
  EXPECT_EQ(film["frames"].front()["epoch"], 1);
  EXPECT_EQ(film["frames"].back()["epoch"], 9);
  EXPECT_LT(dcgan_.bytes("run/report.html").size(), size_t{6} << 20);
  for (const int epoch : {1, 9})
    write(concat("samples/epoch-000", epoch, ".png"), picture + noise.substr(0, 3 << 20));
  EXPECT_EQ(report()["film"]["frames"].size(), 2u) << "the first and the last, however large";
}

TEST_F(ReportOfFiles, ThePicturesOfTheDataCountAsWell) {
  write_picture("reals.png");
  const std::string picture = dcgan_.text("run/reals.png"), noise(2 << 20, '\0');
  for (int epoch = 1; epoch <= 9; ++epoch)
    write(concat("samples/epoch-000", epoch, ".png"), picture + noise.substr(0, 256 << 10));
  EXPECT_EQ(report()["film"]["frames"].size(), 9u);
  write("reals.png", picture + noise);
  const Json run = report();
  EXPECT_EQ(run["film"]["of"], 9);
  EXPECT_EQ(run["film"]["frames"].size(), 3u);
  EXPECT_LT(dcgan_.bytes("run/report.html").size(), size_t{5'000'000});
  // A comparison does not show them.
  dcgan_.folder().write("other/config.json", "{\"epochs\": 5}");
  dcgan_.good({"report", "run", "other"});
  const Json compared = runs_in(dcgan_.text("comparison.html")).at(0);
  EXPECT_TRUE(compared["reals"].is_null());
  EXPECT_EQ(compared["film"]["frames"].size(), 5u) << "of half as much room";
}

/// Pixels of a picture that are nearly of a colour.
int64_t count_colour(const Image& image, std::array<int, 3> colour) {
  int64_t count = 0;
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    int off = 0;
    for (size_t c = 0; c < 3; ++c) off = std::max(off, std::abs(image.pixels[i + c] - colour[c]));
    count += off < 12;
  }
  return count;
}
constexpr std::array<int, 3> kOrange{0xc2, 0x41, 0x0c}, kBlue{0x1d, 0x4e, 0xd8};

TEST_F(ReportOfFiles, DrawsTheLossesAlone) {
  report();
  EXPECT_EQ(count_colour(load_image(dcgan_ / "run/losses.png"), kOrange), 0);
  std::string rows = kMetricsHead;
  for (int step = 1; step <= 40; ++step) rows += concat("1,", step, ",", step, ",", step, ",2,0.5,0.5,100\n");
  write("metrics.csv", rows + "2,1,41,nan,inf,0.5,0.5,100\n");
  report();
  const Image image = load_image(dcgan_ / "run/losses.png");
  EXPECT_EQ(image.width, 960);
  // D's loss rises through all of its panel, G's stays where it is in the other one.
  EXPECT_GT(count_colour(image, kOrange), 1000);
  EXPECT_GT(count_colour(image, kBlue), 1000);
  std::array<int64_t, 2> first{image.height, image.height}, last{0, 0};
  for (int64_t y = 0; y < image.height; ++y) {
    Image row{image.width, 1, 3, {}};
    const auto from = image.pixels.begin() + y * image.width * 3;
    row.pixels.assign(from, from + image.width * 3);
    for (size_t i = 0; i < 2; ++i) {
      if (count_colour(row, i == 0 ? kOrange : kBlue) == 0) continue;
      first[i] = std::min(first[i], y), last[i] = std::max(last[i], y);
    }
  }
  EXPECT_GT(last[0] - first[0], 200);
  EXPECT_LT(last[1] - first[1], 5);
  EXPECT_LT(last[0], first[1]);

  dcgan_.folder().write("other/config.json", "{\"epochs\": 5}");
  dcgan_.folder().write("other/metrics.csv", rows);
  const std::string out = dcgan_.good({"report", "run", "other"});
  EXPECT_TRUE(contains(out, "the losses alone in comparison.png")) << out;
  const Image both = load_image(dcgan_ / "comparison.png");
  EXPECT_GT(count_colour(both, kBlue), count_colour(image, kBlue));  // the other run's two
}

/// `count` runs without a loss, so that only the legend has colours; one of them has a curve.
std::vector<report::LossCurves> runs_with_a_curve(size_t count, size_t of) {
  std::vector<report::LossCurves> runs;
  for (size_t i = 0; i < count; ++i) runs.push_back({concat("a run of some length, ", i), {}, {}, {}});
  for (int epoch = 0; epoch < 9; ++epoch) {
    runs[of].epochs.push_back(epoch);
    runs[of].d_loss.push_back(epoch);
    runs[of].g_loss.push_back(1);
  }
  return runs;
}

TEST_F(ReportOfFiles, ColoursOfTheLossesAreThoseOfThePage) {
  report();
  const std::string page = dcgan_.text("run/report.html"), name = "--series: ";
  std::istringstream series(page.substr(page.find(name) + name.size(), 8 * 8));
  const Image image = report::draw_losses(runs_with_a_curve(9, 8));
  for (int i = 0; i < 8; ++i) {
    char sign = 0;
    unsigned colour = 0;
    ASSERT_TRUE(series >> sign >> std::hex >> colour) << i;
    const auto part = [&](int shift) { return static_cast<int>(colour >> shift & 0xff); };
    const int64_t mark = 24 * 6;
    if (i > 0) {
      EXPECT_EQ(count_colour(image, {part(16), part(8), part(0)}), mark) << i;
    } else {
      EXPECT_GT(count_colour(image, {part(16), part(8), part(0)}), 3 * mark);
    }
  }
}

TEST(ReportLosses, TheLegendGrowsWithTheRuns) {
  const int64_t mark = 24 * 6;
  const auto blues = [&](size_t runs) {
    return count_colour(report::draw_losses(runs_with_a_curve(runs, 0)), kBlue);
  };
  EXPECT_EQ(blues(2), mark);
  EXPECT_EQ(blues(10), mark + 2 * 10 * 6);  // a dashed one besides
  const int64_t of_two = report::draw_losses(runs_with_a_curve(2, 0)).height;
  const int64_t of_ten = report::draw_losses(runs_with_a_curve(10, 0)).height;
  EXPECT_EQ(of_two, 656);
  EXPECT_EQ(of_ten, of_two + 4 * 28);  // two names fit a line
  std::vector<report::LossCurves> endless = runs_with_a_curve(2, 0);
  endless[1].name = std::string(2000, 'w');
  EXPECT_EQ(report::draw_losses(endless).height, of_two + 28);
}

TEST(ReportLosses, CurvesBeyondThePaletteAreDashed) {
  const auto orange = [](size_t run) {
    return count_colour(report::draw_losses(runs_with_a_curve(9, run)), kOrange);
  };
  EXPECT_LT(orange(8), 0.8 * static_cast<double>(orange(0)));
  EXPECT_GT(orange(8), 0.4 * static_cast<double>(orange(0)));
}

TEST(ReportLosses, AHugeLossSpoilsNoMeanBehindIt) {
  const auto right_half_with = [](double spike) {
    report::LossCurves run{"run", {}, {}, {}};
    for (int i = 0; i < 40; ++i) {
      run.epochs.push_back(i);
      run.d_loss.push_back(i == 5 ? spike : 1);
      run.g_loss.push_back(i == 5 ? spike : 1);
    }
    const Image image = report::draw_losses({run});
    std::vector<uint8_t> half;
    for (int64_t y = 0; y < image.height; ++y)
      half.insert(half.end(), image.pixels.begin() + (y * image.width + image.width / 2) * 3,
                  image.pixels.begin() + (y + 1) * image.width * 3);
    return half;
  };
  EXPECT_TRUE(right_half_with(1e20) == right_half_with(1.5));  // both have the same axis
}

TEST_F(ReportOfFiles, LeavesOutWhatIsNoPicture) {
  for (const char* name : {"samples/epoch-0001.png", "samples/epoch-0002.png", "samples/epoch-0010.png"})
    write_picture(name);
  write("samples/epoch-0003.png", "no picture");
  write("samples/epoch-0004.png", "");
  write("samples/notes.txt", "not a sample");
  const Finished finished = dcgan_.run({"report", "run"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 2) << finished.err;
  EXPECT_TRUE(contains(finished.err, "left out: run/samples/epoch-0003.png")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "epoch-0004.png is empty")) << finished.err;
  const Json run = runs_in(dcgan_.text("run/report.html")).at(0);
  EXPECT_EQ(run["left_out"].size(), 2u);
  ASSERT_EQ(run["film"]["frames"].size(), 3u);
  EXPECT_EQ(run["film"]["frames"][2]["epoch"], 10);
  EXPECT_EQ(run["film"]["frames"][0]["png"], report::base64(dcgan_.bytes("run/samples/epoch-0001.png")));
}

TEST_F(ReportOfFiles, NoTextOfARunLeavesItsScriptElement) {
  const std::string nasty = "</script><script>alert('x')</script><!-- \"{{data}}\" -->";
  write("config.json", gan::json_text({{"epochs", 3}, {"data", nasty}}));
  write("diagnosis.csv", "epoch,step,cause,text\n2,7," + gan::csv_field(nasty) + ",\"a, b\n\"\"c\"\"\"\n");
  const Json run = report();
  EXPECT_EQ(run["config"]["data"], nasty);
  EXPECT_EQ(run["diagnosis"][0]["cause"], nasty);
  EXPECT_EQ(run["diagnosis"][0]["text"], "a, b\n\"c\"");
  EXPECT_FALSE(contains(dcgan_.text("run/report.html"), "alert('x')</script>"));
}

TEST_F(ReportOfFiles, ShowsQualityNumbers) {
  write("quality.csv", "epoch,step,distance\n1,4,0.5\n2,8,\n");
  EXPECT_EQ(report()["quality"]["distance"], (Json{"0.5", ""}));
}

TEST_F(ReportOfFiles, NamesWhatIsWrong) {
  const auto bad = [&](const std::string& part) { dcgan_.bad({"report", "run"}, part); };
  write("metrics.csv", "epoch,batch,step,loss\n1,1,1,0.5\n");
  bad("run/metrics.csv: has no column d_loss; was it written by another version?");
  write("metrics.csv", std::string(kMetricsHead) + "1,1,1,1,1,1,1,1\n1,2,2,1,1\n");
  bad("run/metrics.csv, row 2: has 5 fields, the head names 8 columns");
  write("metrics.csv", std::string(kMetricsHead) + "1,1,1,x1,1,1,1,1\n");
  bad("run/metrics.csv, row 1: d_loss is 'x1', which is no number");
  for (const char* step : {"", "nan", "inf", "-1", "0.5", "1e300"}) {
    write("metrics.csv", concat(kMetricsHead, "1,1,1,1,1,1,1,1\n1,2,", step, ",1,1,1,1,1\n"));
    bad(concat("run/metrics.csv, row 2: step is '", step, "', which is no whole number of at least 0"));
  }
  write("metrics.csv", kMetricsHead);
  write("about.json", R"({"batches_per_epoch": "four"})");
  bad("run/about.json: batches_per_epoch is \"four\", which is no number");
  std::filesystem::remove(dcgan_ / "run/about.json");
  write("config.json", "{\"epochs\"");
  bad("run/config.json: is no JSON: ");
  write("config.json", "[1]");
  bad("run/config.json: is no JSON object");
  std::filesystem::remove(dcgan_ / "run/config.json");
  bad("run: holds no run: config.json is not there");
  dcgan_.bad({"report", "nowhere"}, "nowhere: is no folder; a report takes the folder of a run");
  dcgan_.bad({"report"}, "runs");
  EXPECT_FALSE(dcgan_.exists("run/report.html"));
}

TEST_F(ReportOfFiles, ComparesRuns) {
  dcgan_.folder().write("other/run/config.json", "{\"epochs\": 5}");
  dcgan_.good({"report", "run", "other/run"});
  const Json runs = runs_in(dcgan_.text("comparison.html"));
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0]["name"], "run");
  EXPECT_EQ(runs[1]["name"], "other/run");
  for (const Words& folders : std::vector<Words>{{"other/run", "run"},
                                                 {"run", "third", "other/run"},
                                                 {"third", "run", "other/run"},
                                                 {"other/run", "third", "run", "other/third"}}) {
    dcgan_.folder().write("third/config.json", "{\"epochs\": 5}");
    std::filesystem::create_directories(dcgan_ / "other/third");
    dcgan_.folder().write("other/third/config.json", "{\"epochs\": 5}");
    dcgan_.good(Words{"report", "--output", "names.html", "--force"} + folders);
    const Json named = runs_in(dcgan_.text("names.html"));
    for (size_t i = 0; i < folders.size(); ++i) EXPECT_EQ(named.at(i)["name"], folders[i]);
  }
  // A link has the name of what it leads to, and its own may be that of another run.
  std::filesystem::create_directory_symlink(dcgan_ / "other/run", dcgan_ / "third/link");
  std::filesystem::create_directory_symlink(dcgan_ / "third/link", dcgan_ / "link");
  dcgan_.folder().write("other/link/config.json", "{\"epochs\": 5}");
  for (const Words& folders :
       std::vector<Words>{{"other/link", "link", "run"}, {"link", "other/link", "run"}}) {
    dcgan_.good(Words{"report", "--output", "names.html", "--force"} + folders);
    std::set<std::string> names;
    for (const Json& run : runs_in(dcgan_.text("names.html"))) names.insert(run["name"].get<std::string>());
    EXPECT_EQ(names.size(), 3u) << testing::PrintToString(names);
  }
  dcgan_.good({"report", "run", "other/run", "--output", "both.html"});
  EXPECT_EQ(dcgan_.bytes("both.html"), dcgan_.bytes("comparison.html"));
  dcgan_.bad({"report", "run", "other/../run"}, "other/../run: is given twice");
}

TEST_F(ReportOfFiles, PagesInOneFolderHaveAPictureEach) {
  dcgan_.folder().write("other/config.json", "{\"epochs\": 5}");
  std::filesystem::create_directories(dcgan_ / "two");
  const std::string out = dcgan_.good({"report", "run", "--output", "two/a.html"});
  EXPECT_TRUE(contains(out, "the losses alone in two/a.png")) << out;
  dcgan_.good({"report", "other", "--output", "two/b.html"});
  dcgan_.good({"report", "other", "--output", "two/report.html"});
  EXPECT_EQ(dcgan_.names("two"), (Words{"a.html", "a.png", "b.html", "b.png", "losses.png", "report.html"}));
  EXPECT_TRUE(contains(dcgan_.good({"report", "--help"}), "losses.png"));
}

TEST_F(ReportOfFiles, ReplacesReportsAndNothingElse) {
  dcgan_.folder().write("other/config.json", "{\"epochs\": 5}");
  dcgan_.folder().write("comparison.png", "mine");
  dcgan_.bad({"report", "run", "other"}, "comparison.png is already there; --force overwrites it");
  EXPECT_FALSE(dcgan_.exists("comparison.html"));
  EXPECT_EQ(dcgan_.text("comparison.png"), "mine");
  dcgan_.good({"report", "run", "other", "--force"});
  dcgan_.good({"report", "run", "other"});  // its own
  EXPECT_NE(dcgan_.text("comparison.png"), "mine");

  const auto config = dcgan_.bytes("other/config.json");
  dcgan_.bad({"report", "run", "--output", "other/config.json"},
             "other/config.json is a part of the run there");
  EXPECT_EQ(config, dcgan_.bytes("other/config.json"));
  dcgan_.bad({"report", "run", "--output", "nodir/page.html"}, "there is no folder nodir");
  dcgan_.bad({"report", "run", "other", "--output", "a.png"},
             "--output and the losses beside --output would be one file, a.png");
  dcgan_.good({"report", "run"});
  dcgan_.good({"report", "run"});
  dcgan_.good({"report", "run", "--output", "run/report.html"});
}

// ---- while training ----

TEST(ReportOfTraining, IsWrittenAndChangesNothing) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "with"}));
  dcgan.good(tiny_train({"--epochs", "2", "--output", "without", "--no-report"}));
  for (const char* name :
       {"networks.safetensors", "checkpoints/latest.safetensors", "samples/epoch-0002.png"})
    EXPECT_EQ(dcgan.bytes(concat("with/", name)), dcgan.bytes(concat("without/", name))) << name;
  for (const char* name : {"report.html", "losses.png", "norms.csv"})
    EXPECT_FALSE(dcgan.exists(concat("without/", name))) << name;
  EXPECT_EQ(dcgan.text("with/about.json"), dcgan.text("without/about.json"));

  const Json run = runs_in(dcgan.text("with/report.html")).at(0);
  EXPECT_EQ(run["film"]["frames"].size(), 2u);
  EXPECT_EQ(run["metrics"]["step"], (Json{1.0, 3.0, 4.0, 5.0, 7.0, 8.0}));
  EXPECT_EQ(run["about"]["batches_per_epoch"], 4);
  EXPECT_TRUE(contains(std::string(run["about"]["networks"]), "ConvTranspose2d(32, 16"));
  ASSERT_EQ(run["norms"].size(), 14u);
  for (const Json& layer : run["norms"]) {
    EXPECT_EQ(layer["x"].size(), 6u) << layer["layer"];
    for (const char* kind : {"weight", "gradient"})
      for (const Json& value : layer[kind]) EXPECT_GT(value, 0) << layer["layer"] << " " << kind;
  }
}

TEST(ReportOfTraining, GoesOnWhereTheRunIsResumed) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "2", "--output", "whole"}));
  dcgan.good(tiny_train({"--epochs", "1", "--output", "parts"}));
  dcgan.folder().write("parts/norms.csv",
                       dcgan.text("parts/norms.csv") + "5,G.fc,1,1\n6,G.f");  // killed later
  dcgan.good({"train", "--resume", "parts", "--epochs", "2", "--threads", "1"});
  EXPECT_EQ(dcgan.text("parts/norms.csv"), dcgan.text("whole/norms.csv"));
}

TEST(ReportOfTraining, APageThatCannotBeWrittenEndsNoRun) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run", "--no-report"}));
  std::filesystem::create_directories(dcgan / "run/report.html/in-the-way");
  const Finished finished = dcgan.run({"train", "--resume", "run", "--epochs", "3", "--report"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_TRUE(contains(finished.err, "no new report.html: cannot write run/report.html")) << finished.err;
}

// The end comes within an epoch, after which no page would have been written.
TEST(ReportOfTraining, ShowsHowTheRunEnded) {
  const Program dcgan;
  const auto page_of = [&](const std::string& run) {
    return runs_in(dcgan.text(run + "/report.html")).at(0);
  };
  dcgan.good(tiny_train({"--steps", "3", "--log-every", "1", "--output", "finished"}));
  const Json finished = page_of("finished");
  EXPECT_EQ(finished["about"]["ended"], "finished");
  EXPECT_EQ(finished["metrics"]["step"], (Json{1.0, 2.0, 3.0}));
  EXPECT_EQ(finished["epochs_done"], 0);
  EXPECT_GT(count_colour(load_image(dcgan / "finished/losses.png"), kOrange), 0);

  const Finished diverged =
      dcgan.run(tiny_train({"--epochs", "40", "--lr", "1e12", "--log-every", "1", "--output", "diverged"}));
  EXPECT_EQ(diverged.code, 1) << diverged.err;
  const Json page = page_of("diverged");
  EXPECT_EQ(page["about"]["ended"], "diverged");
  EXPECT_EQ(page["diagnosis"].size(), 1u);
  EXPECT_EQ(page["metrics"]["step"].size() + 1, dcgan.lines("diverged/metrics.csv").size());
}

// Which it would else say of the run as it was with one.
TEST(ReportOfTraining, HowARunWithoutOneEndedIsWrittenDown) {
  const Program dcgan;
  const auto ended = [&] {
    return std::string(Json::parse(dcgan.text("run/about.json")).value("ended", "nothing"));
  };
  dcgan.good(tiny_train({"--epochs", "1", "--output", "run"}));
  EXPECT_EQ(ended(), "finished");
  const pid_t child =
      dcgan.start({"train", "--resume", "run", "--epochs", "100000", "--threads", "1", "--no-report"});
  for (int i = 0; i < 2000 && !dcgan.exists("run/samples/epoch-0002.png"); ++i) ::usleep(5000);
  EXPECT_EQ(ended(), "nothing");
  ::kill(child, SIGINT);
  EXPECT_EQ(dcgan.wait(child).code, 130);
  EXPECT_EQ(ended(), "stopped");
  dcgan.good({"report", "run"});
  EXPECT_EQ(runs_in(dcgan.text("run/report.html")).at(0)["about"]["ended"], "stopped");
}

TEST(ReportOfTraining, ShowsWhereTheRunWasStopped) {
  const Program dcgan;
  const Words endless{"--epochs",    "100000", "--synthetic-count", "800",
                      "--log-every", "1",      "--output",          "run"};
  const pid_t child = dcgan.start(tiny_train(endless));
  for (int i = 0; i < 2000 && !dcgan.exists("run/metrics.csv"); ++i) ::usleep(5000);
  ::kill(child, SIGINT);
  EXPECT_EQ(dcgan.wait(child).code, 130);
  const Json page = runs_in(dcgan.text("run/report.html")).at(0);
  EXPECT_EQ(page["about"]["ended"], "stopped");
  EXPECT_EQ(page["metrics"]["step"].size() + 1, dcgan.lines("run/metrics.csv").size());
}

// Short epochs would else cost more in reports than in training.
TEST(ReportOfTraining, ShortEpochsShareAPageThatIsSoonAnew) {
  const Program dcgan;
  dcgan.good(tiny_train({"--epochs", "0", "--output", "run", "--no-report"}));
  const gan::RunFolder folder = gan::RunFolder::open(dcgan / "run");
  gan::Trainer trainer(folder.config());
  double now = 100;
  report::ReportObserver observer([&] { return now; });
  const auto page = dcgan / "run/report.html";
  /// Whether the page is written by what is done.
  const auto writes = [&](const auto& action) {
    std::filesystem::remove(page);
    action();
    return std::filesystem::exists(page);
  };
  const auto epoch_done = [&] { observer.epoch_done(trainer, folder, {}); };
  const auto logged = [&] { observer.logged(trainer, {.step = 1}); };
  EXPECT_TRUE(writes([&] { observer.begin(trainer, folder, {.pictures = 32}); }));
  now += 1;
  EXPECT_FALSE(writes(epoch_done));
  EXPECT_FALSE(writes(logged));
  now += report::ReportObserver::seconds_between;
  EXPECT_TRUE(writes(logged)) << "the next epoch may take long";
  EXPECT_FALSE(writes(epoch_done));
  now += report::ReportObserver::seconds_between;
  EXPECT_TRUE(writes(epoch_done));
  now += report::ReportObserver::seconds_between;
  EXPECT_FALSE(writes(logged)) << "no epoch since";
  EXPECT_TRUE(writes([&] { observer.ended(folder, gan::Ending::Stopped); }));
}

// ---- its parts ----

TEST(ReportNorms, AreThoseOfTheLastStep) {
  gan::Config config;
  config.g_dim = config.d_dim = 4;
  config.z_dim = 8;
  gan::Trainer trainer(config);
  for (const report::LayerNorms& of : report::layer_norms(trainer)) EXPECT_EQ(of.gradient, 0) << of.layer;
  const Tensor real = Tensor::full({2, 32, 32, 3}, 0.5);
  trainer.d_step(real, trainer.draw_z(2));
  std::map<std::string, double> d_squares;
  for (const nn::NamedTensor& parameter : trainer.discriminator().parameters("D")) {
    const auto gradient = parameter.tensor->grad().to_vector<float>();
    for (const float g : gradient)
      d_squares[parameter.name.substr(0, parameter.name.rfind('.'))] += double{g} * g;
  }
  trainer.g_step(trainer.draw_z(2));
  int checked = 0;
  for (const report::LayerNorms& of : report::layer_norms(trainer)) {
    EXPECT_GT(of.gradient, 0) << of.layer;
    if (!d_squares.contains(of.layer)) continue;
    EXPECT_NEAR(of.gradient, std::sqrt(d_squares[of.layer]), 1e-5 * of.gradient) << of.layer;
    ++checked;
  }
  EXPECT_EQ(checked, 6);
}

TEST(ReportBase64, FollowsTheStandard) {
  const auto encoded = [](std::string_view text) {
    return report::base64({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xff\xfe\xfd"), "//79");
  EXPECT_EQ(report::base64_size(4), 8u);
}

}  // namespace
}  // namespace duel
