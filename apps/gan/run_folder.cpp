#include "apps/gan/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>
#include <utility>

#include "apps/gan/json.h"
#include "apps/gan/run_table.h"
#include "lib/io/file.h"

namespace duel::gan {
namespace {

namespace fs = std::filesystem;

/// The tables of a run, and which of their columns hold no numbers.
const std::pair<const char*, std::vector<std::string>> tables[] = {{run_files::metrics, {}},
                                                                   {run_files::norms, {"layer"}},
                                                                   {run_files::vitals, {}},
                                                                   {run_files::diagnosis, {"cause", "text"}},
                                                                   {run_files::quality, {}}};

constexpr const char* runs = "runs";  // the folder of those for which none was named
constexpr const char* other_folder = ", or name another folder with --output";
constexpr const char* advice = "; choose another place with --output";

void make_folder(const fs::path& path, const char* what_to_do = "") {
  std::error_code error;
  fs::create_directories(path, error);
  check(!error, path.string(), ": the folder cannot be made: ", error.message(), what_to_do);
}

/// "epoch-0012" and the ending.
std::string epoch_file(int64_t epoch, const char* ending) {
  char name[64];
  std::snprintf(name, sizeof name, "epoch-%04lld%s", static_cast<long long>(epoch), ending);
  return name;
}

/// "step-020000" and the ending.
std::string step_file(int64_t step, const char* ending) {
  char name[64];
  std::snprintf(name, sizeof name, "step-%06lld%s", static_cast<long long>(step), ending);
  return name;
}

/// The number in the name of a file of this ending, which `name_of` makes of it; 0 for other files.
int64_t number_in(const fs::path& file, const char* ending, const char* format,
                  std::string (*name_of)(int64_t, const char*)) {
  const std::string name = file.filename().string();
  long long number = 0;
  return std::sscanf(name.c_str(), format, &number) == 1 && name == name_of(number, ending) ? number : 0;
}

int64_t epoch_in(const fs::path& file, const char* ending) {
  return number_in(file, ending, "epoch-%lld", epoch_file);
}

int64_t step_in(const fs::path& file, const char* ending) {
  return number_in(file, ending, "step-%lld", step_file);
}

/// Removes what a run that was killed while it saved has left: the start of a file that never got its name
/// (see write_file_atomically()).
void remove_unfinished(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const fs::path wanted = name.substr(0, name.find(".tmp-"));
    const std::string ending = wanted.extension().string();
    const bool ours = ending == ".safetensors" || ending == ".png" || ending == ".csv" || ending == ".json" ||
                      ending == ".html";
    std::error_code ignored;
    if (ours && wanted != name) fs::remove(entry.path(), ignored);
  }
}

/// Said before a run is read, of which nothing could be saved then.
void check_writable(const fs::path& folder) {
  const std::string why = why_not_writable(folder);
  check(why.empty(), folder.string(), ": cannot be written: ", why,
        "; copy the run to a place that can be, and resume it there");
}

bool is_in_checkpoints(const fs::path& file) {
  return file.parent_path().filename() == run_files::checkpoints;
}

/// Throws Error unless a run may begin in this folder.
void check_empty(const fs::path& path) {
  check(!fs::exists(path / run_files::config), path.string(),
        ": already holds a run; continue it with --resume, or name another folder with --output");
  // But for what a beginning that was killed, or could not write more, has left.
  const bool is_new =
      std::all_of(fs::directory_iterator(path), fs::directory_iterator(), [](const auto& entry) {
        const std::string name = entry.path().filename().string();
        return name.starts_with(concat(run_files::config, ".tmp-")) ||
               ((name == run_files::checkpoints || name == run_files::samples) && fs::is_empty(entry.path()));
      });
  check(is_new, path.string(),
        ": is not empty and holds no run; name a new or an empty folder with --output");
}

/// A new "runs/<recipe>-<n>". Of two processes that want the same n only one makes it.
fs::path make_numbered_folder(const std::string& recipe) {
  make_folder(runs, advice);
  for (int n = 1;; ++n) {
    const fs::path candidate = fs::path(runs) / concat(recipe, "-", n);
    std::error_code error;
    if (fs::create_directory(candidate, error)) return candidate;
    check(!error || fs::exists(candidate), candidate.string(),
          ": the folder cannot be made: ", error.message(), advice);
  }
}

}  // namespace

fs::path run_around(const fs::path& file) {
  const fs::path parent = file.parent_path(), run = is_in_checkpoints(file) ? parent.parent_path() : parent;
  std::error_code ignored;
  return fs::exists(run / run_files::config, ignored) ? run : fs::path();
}

bool is_part_of_run(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored) || run_around(file).empty()) return false;
  const fs::path name = file.filename();
  return is_in_checkpoints(file) || name == run_files::config || name == run_files::about ||
         name == run_files::networks ||
         std::any_of(std::begin(tables), std::end(tables),
                     [&](const auto& table) { return name == table.first; });
}

// The system lets go of the lock when the process ends, however it ends: no lock is ever left behind.
FolderLock::FolderLock(const fs::path& folder, const char* what_to_do)
    : folder_(std::make_shared<FileDescriptor>(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {
  check(folder_->valid(), folder.string(), ": cannot be opened: ", std::strerror(errno));
  // Some file systems lock no folders and say so by other errors: there a run goes on unguarded.
  const bool taken = ::flock(folder_->get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  check(!taken, folder.string(), ": another process trains in it; wait until it has ended", what_to_do);
}

RunFolder RunFolder::create(const fs::path& wanted, const Config& config, const Json& options) {
  const fs::path path = wanted.empty() ? make_numbered_folder(config.recipe) : wanted;
  make_folder(path, advice);
  RunFolder folder(path, other_folder);
  check_empty(path);
  for (const char* part : {run_files::checkpoints, run_files::samples}) make_folder(path / part, advice);
  folder.write_config(config, options);
  return folder;
}

void RunFolder::check_creatable(const fs::path& wanted) {
  const fs::path path = wanted.empty() ? fs::path(runs) : wanted;
  const std::string why = why_not_fillable(path);
  check(why.empty(), path.string(), ": the folder cannot be made or written: ", why, advice);
  if (wanted.empty() || !fs::exists(path)) return;
  const RunFolder locked(path, other_folder);  // says first where another process trains in it
  check_empty(path);
}

RunFolder RunFolder::open(const fs::path& path) {
  check(fs::is_directory(path), path.string(), ": is no folder; --resume takes the folder of a run");
  check(fs::exists(path / run_files::config), path.string(), ": holds no run: ", run_files::config,
        " is not there");
  RunFolder folder(path, "");
  const fs::path parts[] = {path, path / run_files::checkpoints, path / run_files::samples};
  for (const fs::path& part : parts) {
    make_folder(part);
    check_writable(part);
  }
  for (const fs::path& part : parts) remove_unfinished(part);
  return folder;
}

Config RunFolder::config() const {
  const fs::path file = path_ / run_files::config;
  return checked_config(read_json(file), file.string());
}

Json RunFolder::options() const {
  const Json json = read_json(path_ / run_files::config);
  const Json::json_pointer place("/run/options");
  return json.contains(place) ? json[place] : Json::object();
}

void RunFolder::write_config(const Config& config, const Json& options) const {
  write_file_atomically(path_ / run_files::config, config_text(config, options));
}

fs::path RunFolder::epoch_checkpoint(int64_t epoch) const {
  return path_ / run_files::checkpoints / epoch_file(epoch, ".safetensors");
}

fs::path RunFolder::step_checkpoint(int64_t step) const {
  return path_ / run_files::checkpoints / step_file(step, ".safetensors");
}

fs::path RunFolder::step_samples(int64_t step) const {
  return path_ / run_files::samples / step_file(step, ".png");
}

fs::path RunFolder::samples(int64_t epoch) const {
  return path_ / run_files::samples / epoch_file(epoch, ".png");
}

void RunFolder::drop_networks() const {
  std::error_code ignored;  // those that stay are written over at the end
  fs::remove(networks(), ignored);
}

fs::path RunFolder::place_to_go_on() const {
  if (fs::exists(latest())) return latest();
  if (const fs::path furthest = furthest_checkpoint(); !furthest.empty()) return furthest;
  int64_t epochs = 0;
  for (const fs::path& picture : list_folder(path_ / run_files::samples))
    epochs = std::max(epochs, epoch_in(picture, ".png"));
  // Killed before its first epoch was saved as a whole, a run repeats it, and nothing is lost by that.
  check(epochs <= 1, latest().string(),
        ": is missing, and there is no other whole checkpoint, so that the run, which has done ", epochs,
        " epochs, cannot go on; begin another");
  return {};
}

fs::path RunFolder::furthest_checkpoint() const {
  fs::path furthest;
  std::pair<int64_t, int64_t> farthest{0, 0};
  for (const fs::path& file : list_folder(path_ / run_files::checkpoints)) {
    // The healthy one is a copy of the latest, made when all of its epoch had been written.
    const bool of_epoch = epoch_in(file, ".safetensors") > 0 || file.filename() == run_files::healthy;
    if (!of_epoch && step_in(file, ".safetensors") == 0) continue;
    const std::optional<Position> position = position_if_whole(file);
    if (!position) continue;
    // A step that ends an epoch is saved before the rest of what belongs to the epoch is written.
    const bool is_all = of_epoch || position->batch > 0 || fs::exists(samples(position->epoch));
    const std::pair<int64_t, int64_t> place{position->epoch, position->batch};
    if (is_all && place > farthest) furthest = file, farthest = place;
  }
  return furthest;
}

void RunFolder::append_metrics(const Metrics& m) const {
  const auto digits = [](double value, int count) {
    std::ostringstream out;
    out.precision(count);
    out << value;
    return out.str();
  };
  append_row(path_ / run_files::metrics,
             {"epoch", "batch", "step", "d_loss", "g_loss", "d_real", "d_fake", "images_per_second"},
             {std::to_string(m.epoch), std::to_string(m.batch), std::to_string(m.step), digits(m.d_loss, 9),
              digits(m.g_loss, 9), digits(m.d_real, 9), digits(m.d_fake, 9), digits(m.images_per_second, 5)});
}

std::vector<std::string> RunFolder::go_back_to(int64_t epoch, int64_t step) const {
  std::vector<std::string> damaged;
  for (const auto& [name, texts] : tables) {
    std::string line = cut_table(path_ / name, step, texts);
    if (!line.empty()) damaged.push_back(std::move(line));
  }
  for (const auto& [part, ending] :
       {std::pair{run_files::samples, ".png"}, {run_files::checkpoints, ".safetensors"}}) {
    for (const fs::path& file : list_folder(path_ / part)) {
      std::error_code ignored;  // one that stays is written over when the run gets there
      if (epoch_in(file, ending) > epoch || step_in(file, ending) > step) fs::remove(file, ignored);
    }
  }
  const fs::path healthy = path_ / run_files::checkpoints / run_files::healthy;
  const std::optional<Position> position = position_if_whole(healthy);  // always the end of an epoch
  std::error_code ignored;  // one that stays is written over after the next healthy epoch
  if (position && position->epoch > epoch) fs::remove(healthy, ignored);
  return damaged;
}

void RunFolder::prune_checkpoints(int64_t epoch, int64_t keep) const {
  for (const fs::path& file : list_folder(path_ / run_files::checkpoints)) {
    const int64_t old = epoch_in(file, ".safetensors");
    std::error_code ignored;  // one that stays is tried again after the next epoch
    if (old > 0 && old <= epoch - keep) fs::remove(file, ignored);
  }
}

}  // namespace duel::gan
