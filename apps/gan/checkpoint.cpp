#include "apps/gan/checkpoint.h"

#include <bit>
#include <charconv>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "apps/gan/json.h"
#include "apps/gan/run_folder.h"
#include "lib/quote.h"
#include "ops/nn/state_file.h"

namespace duel::gan {
namespace {

constexpr const char* format_key = "format";
constexpr const char* position_suffix = "_position";
constexpr const char* format_value = "duel dcgan checkpoint 1";

// Far more than any run comes to; what is computed with them does not overflow.
constexpr int64_t most_counted = 1'000'000'000'000, most_drawn = int64_t{3} << 61;

using Entries = std::vector<nn::StoredTensor>;

void add_network(Entries& entries, const nn::Module& network, const char* prefix) {
  for (nn::StoredTensor& part : nn::stored_state(network, prefix)) {
    part.must_be_finite = part.tensor.dtype() == DType::Float32;
    entries.push_back(std::move(part));
  }
}

/// State tensors take the layout of the parameter that they belong to.
void add_optimizer(Entries& entries, const Optimizer& optimizer, const nn::Module& network,
                   const std::string& prefix) {
  std::map<std::string, nn::Layout> layouts;
  for (const nn::NamedTensor& parameter : network.parameters()) layouts[parameter.name] = parameter.layout;
  for (const auto& [name, tensor] : optimizer.state()) {
    const auto layout = layouts.find(name.substr(0, name.rfind('.')));
    entries.push_back(
        {prefix + "." + name, tensor, layout == layouts.end() ? nn::Layout::Plain : layout->second});
  }
}

Entries network_entries(Trainer& trainer) {
  Entries entries;
  add_network(entries, trainer.generator(), "G");
  add_network(entries, trainer.discriminator(), "D");
  return entries;
}

Entries all_entries(Trainer& trainer) {
  Entries entries = network_entries(trainer);
  add_optimizer(entries, trainer.optimizer_g(), trainer.generator(), "optimizer_G");
  add_optimizer(entries, trainer.optimizer_d(), trainer.discriminator(), "optimizer_D");
  return entries;
}

void read(const SafetensorsFile& file, const Entries& entries) {
  nn::read_stored(file, entries, " (--image-size, --z-dim, --g-dim, --d-dim)");
}

const std::string& metadata(const std::filesystem::path& path, const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  check(found != file.metadata.end(), path.string(), ": is not a checkpoint of dcgan: its metadata has no '",
        key, "'");
  return found->second;
}

int64_t number(const std::filesystem::path& path, const SafetensorsFile& file, const char* key,
               int64_t most) {
  const std::string& text = metadata(path, file, key);
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  check(is_number && value >= 0 && value <= most, path.string(), ": metadata '", key,
        "' is no count from 0 to ", most, ": '", quoted_around(text, 0), "'");
  return value;
}

Position position_of(const std::filesystem::path& path, const SafetensorsFile& file) {
  check(metadata(path, file, format_key) == format_value, path.string(), ": is of the format '",
        metadata(path, file, format_key), "', this program reads '", format_value, "'");
  return {number(path, file, "epoch", most_counted), number(path, file, "batch", most_counted),
          number(path, file, "pictures", most_counted)};
}

/// The header alone, which is held against the length of the file.
SafetensorsFile read_header(const std::filesystem::path& path) {
  return read_safetensors(path, [](std::string_view) { return false; });
}

Config config_of(const std::filesystem::path& path, const SafetensorsFile& file) {
  const Json json =
      parse_json(metadata(path, file, "config"), path.string() + ": the configuration in its metadata");
  return checked_config(json, path.string());
}

/// Where the data of the run around a checkpoint are now; what the checkpoint says where no run tells.
std::string data_of_run(const std::filesystem::path& checkpoint, const Config& config) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(checkpoint, error);
  const std::filesystem::path run = error ? std::filesystem::path() : run_around(file);
  if (run.empty()) return config.data;
  try {
    return config_from_json(read_json(run / run_files::config)).data;
  } catch (const Error&) {
    return config.data;
  }
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, Trainer& trainer, const Position& position) {
  std::map<std::string, std::string> metadata{{format_key, format_value},
                                              {"config", json_text(to_json(trainer.config()))},
                                              {"epoch", std::to_string(position.epoch)},
                                              {"batch", std::to_string(position.batch)},
                                              {"pictures", std::to_string(position.pictures)}};
  for (const auto& [name, stream] : trainer.random_streams())
    metadata[name + position_suffix] = std::to_string(stream->position());
  nn::write_stored(path, all_entries(trainer), metadata);
}

void save_networks(const std::filesystem::path& path, Trainer& trainer) {
  nn::write_stored(path, network_entries(trainer), {{"config", json_text(to_json(trainer.config()))}});
}

Config read_config(const std::filesystem::path& path) { return config_of(path, read_header(path)); }

std::optional<Position> position_if_whole(const std::filesystem::path& path) {
  try {
    return position_of(path, read_header(path));
  } catch (const Error&) {
    return {};
  }
}

Position load_checkpoint(const std::filesystem::path& path, Trainer& trainer) {
  const SafetensorsFile file = read_safetensors(path);
  const Position position = position_of(path, file);
  const auto streams = trainer.random_streams();
  std::vector<int64_t> stream_positions;
  for (const auto& [name, stream] : streams) {
    // Files from before there was dropout hold the latents' alone.
    const std::string key = name + position_suffix;
    const bool is_there = file.metadata.contains(key) || name == "latent";
    stream_positions.push_back(is_there ? number(path, file, key.c_str(), most_drawn) : stream->position());
  }
  read(file, all_entries(trainer));
  for (size_t i = 0; i < streams.size(); ++i) streams[i].second->set_position(stream_positions[i]);
  return position;
}

void set_rates(Trainer& trainer, const Config& config) {
  trainer.optimizer_g().set_lr(config.optimizer_g.lr);
  trainer.optimizer_d().set_lr(config.optimizer_d.lr);
}

std::filesystem::path find_checkpoint(const std::filesystem::path& path) {
  const bool is_there = std::filesystem::exists(path);
  check(is_there || path.filename() != run_files::networks || run_around(path).empty(), path.string(),
        ": is not there, as the run has not ended; its folder stands for the latest checkpoint");
  check(is_there, path.string(), ": there is no such file or run folder");
  if (!std::filesystem::is_directory(path)) return path;
  const std::filesystem::path in_the_run = std::filesystem::path(run_files::checkpoints) / run_files::latest;
  const std::filesystem::path latest = path / in_the_run;
  check(std::filesystem::exists(latest), path.string(), ": holds no checkpoint (", in_the_run.string(),
        " is not there)");
  return latest;
}

void load_networks(const std::filesystem::path& path, nn::Module* generator, nn::Module* discriminator) {
  Entries entries;
  if (generator) add_network(entries, *generator, "G");
  if (discriminator) add_network(entries, *discriminator, "D");
  // Not the optimisers' state, which is three times as large.
  const auto is_of_networks = [=](std::string_view name) {
    return (generator && name.starts_with("G.")) || (discriminator && name.starts_with("D."));
  };
  read(read_safetensors(path, is_of_networks), entries);
}

std::string fingerprint(const nn::Module& network) {
  uint64_t hash = 0;
  const auto add = [&hash](uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  for (const nn::NamedTensor& part : network.state()) {
    if (part.tensor->dtype() != DType::Float32) continue;  // a count of batches draws nothing
    for (const char c : part.name) add(static_cast<unsigned char>(c));
    const Tensor outside = nn::to_outside(*part.tensor, part.layout);
    for (int64_t i = 0; i < outside.dims(); ++i) add(static_cast<uint64_t>(outside.dim(i)));
    for (const float value : outside.to_vector<float>()) add(std::bit_cast<uint32_t>(value));
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

SavedGenerator load_generator(const std::filesystem::path& checkpoint_or_run, Device device) {
  const std::filesystem::path path = find_checkpoint(checkpoint_or_run);
  Config config = read_config(path);
  std::unique_ptr<Generator> generator;
  try {
    generator = std::make_unique<Generator>(config, device);
  } catch (const Error& error) {
    fail(path.string(), ": ", error.what());
  }
  load_networks(path, generator.get(), nullptr);
  generator->eval();
  config.data = data_of_run(path, config);
  return {path, std::move(config), std::move(generator)};
}

}  // namespace duel::gan
