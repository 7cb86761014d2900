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

Idle idle_crop(const std::string& data, int64_t crop) {
  return {"--crop", data == "synthetic" && crop != 0,
          "with --data synthetic, drawn at its size; leave it out, or give --data the pictures"};
}

std::unique_ptr<Dataset> open_data_of_run(const CLI::App& command, const gan::Config& config,
                                          const std::string& data, std::optional<int64_t> crop, int threads) {
  DataOptions options = data_of(config, threads);
  if (!data.empty()) options.path = data;
  refuse_idle(command, {idle_crop(options.path, crop.value_or(0))});
  options.format.crop = crop.value_or(options.path == "synthetic" ? 0 : config.crop);
  try {
    return open_dataset(options);
  } catch (const Error& error) {
    std::error_code ignored;
    if (!data.empty() || std::filesystem::exists(options.path, ignored)) throw;
    fail(error.what(), "; the run was trained on them: name where they are now by --data");
  }
}

}  // namespace duel::commands
