#include "apps/report/report.h"

#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "apps/gan/run_files.h"
#include "apps/report/charts_js.h"
#include "apps/report/dygraph_css.h"
#include "apps/report/dygraph_js.h"
#include "apps/report/losses_picture.h"
#include "apps/report/report_css.h"
#include "apps/report/report_js.h"
#include "apps/report/report_template.h"
#include "apps/report/run_data.h"
#include "apps/report/synchronizer_js.h"
#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/io/image.h"

namespace duel::report {
namespace {

/// Of base64, in all runs together.
constexpr uint64_t all_picture_bytes = 4'000'000;

/// The template with each {{name}} replaced, what is put in staying as it is.
std::string fill(std::string_view page, const std::map<std::string_view, std::string_view>& parts) {
  std::string filled;
  for (size_t open; (open = page.find("{{")) != std::string_view::npos;) {
    const size_t close = page.find("}}", open);
    filled += page.substr(0, open);
    filled += parts.at(page.substr(open + 2, close - open - 2));
    page.remove_prefix(close + 2);
  }
  return filled.append(page);
}

/// JSON that may stand in a script element: no text of it can end the element.
std::string for_script(const gan::Json& json) {
  const std::string text = gan::json_text(json);
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      escaped += "\\u003c";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::vector<double> numbers(const gan::Json& list) {
  std::vector<double> values;
  for (const auto& value : list)
    values.push_back(value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN());
  return values;
}

LossCurves loss_curves(const gan::Json& run) {
  LossCurves curves{run["name"], {}, {}, {}};
  const auto& metrics = run["metrics"];
  if (metrics.is_null()) return curves;
  curves.epochs = numbers(metrics["x"]);
  curves.d_loss = numbers(metrics["d_loss"]);
  curves.g_loss = numbers(metrics["g_loss"]);
  return curves;
}

/// The page tells runs apart by their names: where those of two are alike, both have their paths instead, as
/// they were given unless that is the name of another run.
void tell_apart(gan::Json& data, const std::vector<std::filesystem::path>& runs) {
  std::map<std::string, int> times;
  for (const auto& run : data) ++times[run["name"]];
  std::set<std::string> names;
  for (size_t i = 0; i < runs.size(); ++i) {
    std::string name = data[i]["name"];
    if (times[name] > 1) name = runs[i].string();
    if (!names.insert(name).second) name = std::filesystem::weakly_canonical(runs[i]).string();
    names.insert(name);
    data[i]["name"] = name;
  }
}

}  // namespace

std::filesystem::path losses_picture_beside(const std::filesystem::path& page) {
  std::filesystem::path picture = page;
  return page.filename() == gan::run_files::report ? picture.replace_filename(gan::run_files::losses)
                                                   : picture.replace_extension(".png");
}

bool is_report(const std::filesystem::path& file) {
  constexpr std::string_view title = "<title>Duel report</title>";
  constexpr size_t head = 4096;  // the title stands among the first lines
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return false;
  const MappedFile mapped(file);
  const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
  return text.substr(0, head).find(title) != std::string_view::npos;
}

std::vector<std::string> write_report(const std::vector<std::filesystem::path>& runs,
                                      const std::filesystem::path& output) {
  check(!runs.empty(), "a report takes at least one run");
  gan::Json data = gan::Json::array();
  std::vector<std::string> left_out;
  std::set<std::filesystem::path> folders;
  for (const std::filesystem::path& folder : runs) {
    check(folders.insert(std::filesystem::weakly_canonical(folder)).second, folder.string(),
          ": is given twice");
    RunData run = read_run(folder, all_picture_bytes / runs.size(), runs.size() == 1);
    data.push_back(std::move(run.json));
    left_out.insert(left_out.end(), run.left_out.begin(), run.left_out.end());
  }
  tell_apart(data, runs);
  std::vector<LossCurves> losses;
  for (const auto& run : data) losses.push_back(loss_curves(run));
  const std::string json = for_script(data);
  write_file_atomically(output, fill(report_template(), {{"dygraph_css", dygraph_css()},
                                                         {"report_css", report_css()},
                                                         {"data", json},
                                                         {"dygraph_js", dygraph_js()},
                                                         {"synchronizer_js", synchronizer_js()},
                                                         {"charts_js", charts_js()},
                                                         {"report_js", report_js()}}));
  write_png(losses_picture_beside(output), draw_losses(losses));
  return left_out;
}

}  // namespace duel::report
