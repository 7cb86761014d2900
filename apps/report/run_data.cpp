#include "apps/report/run_data.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "apps/gan/run_files.h"
#include "apps/gan/run_table.h"
#include "apps/report/base64.h"
#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/io/image.h"

namespace duel::report {
namespace {

namespace fs = std::filesystem;
namespace run_files = gan::run_files;
using gan::Json;
using gan::Table;

/// Points of a curve beyond this number are not told apart on any screen.
constexpr size_t most_points = 4000;

Json read_object(const fs::path& path) {
  Json json = gan::read_json(path);
  check(json.is_object(), path.string(), ": is no JSON object");
  return json;
}

/// The rows of a table by ascending step. Of a step that was written twice, before and after a run was
/// resumed, the later row counts.
std::vector<size_t> rows_by_step(const std::vector<double>& steps) {
  std::map<double, size_t> rows;
  for (size_t row = 0; row < steps.size(); ++row) rows[steps[row]] = row;
  std::vector<size_t> order;
  for (const auto& [step, row] : rows) order.push_back(row);
  return order;
}

/// Every n-th of `rows` and the last.
template <class T>
std::vector<T> each_nth(const std::vector<T>& rows, size_t n) {
  std::vector<T> kept;
  for (size_t i = 0; i < rows.size(); ++i)
    if (i % n == 0 || i + 1 == rows.size()) kept.push_back(rows[i]);
  return kept;
}

std::vector<size_t> thinned(const std::vector<size_t>& rows, size_t most) {
  return each_nth(rows, std::max<size_t>(1, (rows.size() + most - 1) / most));
}

std::vector<double> pick(const std::vector<double>& values, const std::vector<size_t>& rows) {
  std::vector<double> picked;
  for (const size_t row : rows) picked.push_back(values[row]);
  return picked;
}

/// Epochs, batches or steps, to be drawn and divided.
std::vector<double> counts(const Table& table, const std::string& column) {
  const std::vector<int64_t> whole = table.counts(column);
  return {whole.begin(), whole.end()};
}

/// Steps as epochs passed, where the length of an epoch is known.
std::vector<double> as_epochs(std::vector<double> steps, double batches) {
  for (double& step : steps) step /= batches;
  return steps;
}

Json read_metrics(const Table& table, double batches) {
  const std::vector<double> steps = counts(table, "step");
  const std::vector<size_t> rows = thinned(rows_by_step(steps), most_points);
  Json metrics{{"x", as_epochs(pick(steps, rows), batches)},
               {"epoch", pick(counts(table, "epoch"), rows)},
               {"step", pick(steps, rows)}};
  for (const char* column : {"d_loss", "g_loss", "d_real", "d_fake", "images_per_second"})
    metrics[column] = pick(table.numbers(column), rows);
  return metrics;
}

Json read_norms(const Table& table, double batches) {
  const std::vector<double> steps = counts(table, "step"), weights = table.numbers("weight"),
                            gradients = table.numbers("gradient");
  std::vector<std::string> layers;
  std::map<std::string, std::vector<size_t>> rows_of;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& layer = table.text(row, "layer");
    if (!rows_of.contains(layer)) layers.push_back(layer);
    rows_of[layer].push_back(row);
  }
  Json norms = Json::array();
  for (const std::string& layer : layers) {
    const std::vector<size_t>& all = rows_of.at(layer);
    const std::vector<size_t> in_order = thinned(rows_by_step(pick(steps, all)), most_points / 4);
    std::vector<size_t> rows;
    for (const size_t i : in_order) rows.push_back(all[i]);
    norms.push_back({{"layer", layer},
                     {"x", as_epochs(pick(steps, rows), batches)},
                     {"weight", pick(weights, rows)},
                     {"gradient", pick(gradients, rows)}});
  }
  return norms;
}

Json read_diagnosis(const Table& table, double batches) {
  const std::vector<double> epochs = counts(table, "epoch"), steps = counts(table, "step");
  Json lines = Json::array();
  for (size_t row = 0; row < table.rows.size(); ++row)
    lines.push_back({{"x", steps[row] / batches},
                     {"epoch", epochs[row]},
                     {"cause", table.text(row, "cause")},
                     {"text", table.text(row, "text")}});
  return lines;
}

Json read_columns(const Table& table) {
  Json columns = Json::object();
  for (const std::string& column : table.columns) {
    Json fields = Json::array();
    for (size_t row = 0; row < table.rows.size(); ++row) fields.push_back(table.text(row, column));
    columns[column] = std::move(fields);
  }
  return columns;
}

/// What `read` makes of a table, or null where there is none.
template <class Read>
Json if_written(const fs::path& path, Read read) {
  if (!fs::exists(path)) return nullptr;
  const Table table = gan::read_table(path);
  return table.rows.empty() ? Json(nullptr) : read(table);
}

double batches_per_epoch(const fs::path& about_path, const Json& about, const Table& metrics) {
  const Json said = about.is_null() ? Json(0) : about.value("batches_per_epoch", Json(0));
  if (!said.is_number())
    fail(about_path.string(), ": batches_per_epoch is ", gan::quoted(said), ", which is no number");
  const auto known = said.get<double>();
  if (known > 0 || metrics.rows.empty()) return std::max(known, 1.0);
  const std::vector<double> batches = counts(metrics, "batch");  // an epoch's last batch has a row
  return std::max(1.0, *std::max_element(batches.begin(), batches.end()));
}

/// Whole epochs done: the last batch of each has a row. Where the length of an epoch is unknown and only the
/// first one has rows, its picture tells.
int64_t epochs_done(const Json& about, const Table& metrics, double batches, int64_t last_frame) {
  if (metrics.rows.empty()) return last_frame;
  const std::vector<double> epochs = counts(metrics, "epoch"), steps = counts(metrics, "step");
  if (about.is_null() && *std::max_element(epochs.begin(), epochs.end()) <= 1) return last_frame;
  return static_cast<int64_t>(*std::max_element(steps.begin(), steps.end()) / batches);
}

struct Frame {
  int64_t epoch;
  fs::path path;
  uint64_t size;  ///< as base64
};

std::vector<Frame> list_frames(const fs::path& samples) {
  std::vector<Frame> frames;
  if (!fs::is_directory(samples)) return frames;
  for (const fs::path& path : list_folder(samples)) {
    long long epoch = 0;
    int length = 0;
    const std::string name = path.filename().string();
    const bool is_frame = std::sscanf(name.c_str(), "epoch-%lld.png%n", &epoch, &length) == 1;
    if (!is_frame || static_cast<size_t>(length) != name.size()) continue;
    std::error_code gone;  // read_picture() says what is wrong with it
    const uint64_t size = fs::file_size(path, gone);
    frames.push_back({epoch, path, gone ? 0 : base64_size(size)});
  }
  std::sort(frames.begin(), frames.end(), [](const Frame& a, const Frame& b) { return a.epoch < b.epoch; });
  return frames;
}

/// The file as base64, or null with a line in `left_out` where it is no picture.
Json read_picture(const fs::path& path, std::vector<std::string>& left_out) {
  try {
    const std::vector<uint8_t> bytes = read_file(path);
    if (bytes.empty()) fail(path.string(), " is empty: 0 bytes");
    load_image(path);
    return base64(bytes);
  } catch (const Error& error) {
    left_out.emplace_back(error.what());
    return nullptr;
  }
}

uint64_t embedded_size(const std::vector<Frame>& frames) {
  uint64_t bytes = 0;
  for (const Frame& frame : frames) bytes += frame.size;
  return bytes;
}

Json read_film(const std::vector<Frame>& all, uint64_t most_bytes, std::vector<std::string>& left_out) {
  std::vector<Frame> kept = all;
  for (size_t every = 2; kept.size() > 2 && embedded_size(kept) > most_bytes; ++every)
    kept = each_nth(all, every);
  Json frames = Json::array();
  for (const Frame& frame : kept) {
    Json png = read_picture(frame.path, left_out);
    if (!png.is_null()) frames.push_back({{"epoch", frame.epoch}, {"png", std::move(png)}});
  }
  return {{"of", all.size()}, {"frames", std::move(frames)}};
}

}  // namespace

RunData read_run(const fs::path& folder, uint64_t picture_bytes, bool with_reals) {
  check(fs::is_directory(folder), folder.string(), ": is no folder; a report takes the folder of a run");
  check(fs::exists(folder / run_files::config), folder.string(), ": holds no run: ", run_files::config,
        " is not there");
  RunData run;
  const fs::path about_path = folder / run_files::about;
  const Json about = fs::exists(about_path) ? read_object(about_path) : Json(nullptr);
  const fs::path metrics_path = folder / run_files::metrics;
  const Table metrics =
      fs::exists(metrics_path) ? gan::read_table(metrics_path) : Table{metrics_path, {}, {}};
  const double batches = batches_per_epoch(about_path, about, metrics);

  Json& json = run.json;
  json["name"] = fs::weakly_canonical(folder).filename().string();
  json["config"] = read_object(folder / run_files::config);
  json["about"] = about;
  json["metrics"] = metrics.rows.empty() ? Json(nullptr) : read_metrics(metrics, batches);
  json["norms"] =
      if_written(folder / run_files::norms, [&](const Table& t) { return read_norms(t, batches); });
  json["diagnosis"] =
      if_written(folder / run_files::diagnosis, [&](const Table& t) { return read_diagnosis(t, batches); });
  json["quality"] = if_written(folder / run_files::quality, read_columns);
  json["reals"] = with_reals && fs::exists(folder / run_files::reals)
                      ? read_picture(folder / run_files::reals, run.left_out)
                      : Json(nullptr);
  const uint64_t taken = json["reals"].is_null() ? 0 : json["reals"].get_ref<const std::string&>().size();
  const std::vector<Frame> frames = list_frames(folder / run_files::samples);
  json["film"] = read_film(frames, picture_bytes - std::min(picture_bytes, taken), run.left_out);
  json["epochs_done"] = epochs_done(about, metrics, batches, frames.empty() ? 0 : frames.back().epoch);
  json["left_out"] = run.left_out;
  return run;
}

}  // namespace duel::report
