#include "apps/commands/open_data.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "lib/error.h"
#include "lib/quote.h"

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

void report_left_out(std::span<const std::string> pictures) {
  constexpr size_t named = 10;
  if (pictures.empty()) return;
  std::cerr << "left out " << pictures.size() << " that cannot be read:\n";
  for (size_t i = 0; i < std::min(named, pictures.size()); ++i)
    std::cerr << "  " << printable(pictures[i]) << "\n";
  if (pictures.size() > named) std::cerr << "  and " << pictures.size() - named << " more\n";
  std::cerr << std::flush;
}

}  // namespace duel::commands
