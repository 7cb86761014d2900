#include "apps/commands/open_data.h"

#include <filesystem>
#include <system_error>

#include "lib/data/open_dataset.h"
#include "lib/error.h"

namespace duel::commands {

std::unique_ptr<Dataset> open_data_of_run(const gan::Config& config, const std::string& data,
                                          std::optional<int64_t> crop, int threads) {
  const std::string& path = data.empty() ? config.data : data;
  try {
    return open_dataset({.path = path,
                         .format = {config.image_size, config.channels, crop.value_or(config.crop)},
                         .cache = {.threads = threads, .progress = nullptr},
                         .synthetic_count = config.synthetic_count,
                         .synthetic_seed = config.seed});
  } catch (const Error& error) {
    std::error_code ignored;
    if (!data.empty() || std::filesystem::exists(path, ignored)) throw;
    fail(error.what(), "; the run was trained on them: name where they are now by --data");
  }
}

}  // namespace duel::commands
