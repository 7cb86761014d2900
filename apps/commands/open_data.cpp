#include "apps/commands/open_data.h"

#include <filesystem>
#include <system_error>

#include "lib/error.h"

namespace duel::commands {

DataOptions data_of(const gan::Config& config, int threads) {
  return {.path = config.data,
          .format = {config.image_size, config.channels, config.crop},
          .cache = {.threads = threads, .progress = nullptr},
          .synthetic_count = config.synthetic_count,
          .synthetic_seed = config.seed};
}

std::unique_ptr<Dataset> open_data_of_run(const gan::Config& config, const std::string& data,
                                          std::optional<int64_t> crop, int threads) {
  DataOptions options = data_of(config, threads);
  if (!data.empty()) options.path = data;
  options.format.crop = crop.value_or(config.crop);
  try {
    return open_dataset(options);
  } catch (const Error& error) {
    std::error_code ignored;
    if (!data.empty() || std::filesystem::exists(options.path, ignored)) throw;
    fail(error.what(), "; the run was trained on them: name where they are now by --data");
  }
}

}  // namespace duel::commands
