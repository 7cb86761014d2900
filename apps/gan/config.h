// A recipe and the options of a run: every number of it, and its form as JSON (docs/recipes.md).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gan/json.h"

namespace duel::gan {

/// How one network learns. What the other type uses is ignored.
struct OptimizerConfig {
  std::string type = "Adam";  ///< "Adam" or "RMSprop"
  double lr = 2e-4;
  std::array<double, 2> betas{0.5, 0.999};  ///< Adam: decay of the two moments
  double alpha = 0.9;                       ///< RMSprop: decay of the mean square (Keras' rho)
  double eps = 1e-8;
  double clip_value = 0;  ///< RMSprop: gradients are clipped to +-this; 0: not at all
  double decay = 0;       ///< RMSprop: the rate is lr / (1 + decay * steps done)

  bool operator==(const OptimizerConfig&) const = default;
};

/// The layers of a network as a recipe lists them; build_layers() in apps/gan/layers.h reads them.
using Layers = Json;

/// Those of the recipe celeba32.
const Layers& celeba32_generator();
const Layers& celeba32_discriminator();

/// The defaults are the recipe celeba32.
struct Config {
  std::string recipe = "celeba32";

  // data
  std::string data = "synthetic";  ///< a folder of pictures, CIFAR-10 or IDX files, or "synthetic"
  int64_t synthetic_count = 6144;  ///< pictures of the synthetic set
  int64_t image_size = 32;         ///< 32, 64 or 128 pixels
  int64_t channels = 3;            ///< 1 (grey) or 3 (RGB)
  int64_t crop = 0;                ///< side of the central square taken from a picture; 0: its shorter side
  bool hflip = false;              ///< mirror each picture with probability 1/2
  bool shuffle = true;             ///< a new order every epoch; else the order of the set

  // latent
  int64_t z_dim = 100;
  std::string latent = "uniform";  ///< "uniform" on (-1, 1), or "normal" with mean 0 and deviation 1

  // networks: the names that their layers may use, and the layers
  int64_t g_dim = 64;  ///< channels of G's last hidden layer in celeba32; a unit of width in any recipe
  int64_t d_dim = 64;  ///< channels of D's first layer, likewise
  double negative_slope = 0.01;
  double bn_eps = 1e-5;
  double bn_momentum = 0.1;
  double dropout = 0;
  Layers generator = celeba32_generator();
  Layers discriminator = celeba32_discriminator();

  // first weights
  std::string init_distribution = "normal";  ///< "normal" or "glorot_uniform"; see ops/nn/init.h
  double init_std = 0.02;
  double bn_init_std = 0;  ///< of batch norm's weights around 1
  std::string init;        ///< the file that the first weights come from; empty: drawn from the seed

  OptimizerConfig optimizer_g, optimizer_d;

  // labels of D's step; G's asks for that of the real pictures, without noise
  std::string loss = "bce_with_logits";  ///< the only one there is
  double label_real = 1, label_fake = 0;
  double label_noise = 0;  ///< each label has this times a number from (0, 1) added

  // schedule
  int64_t epochs = 40;
  int64_t steps = 0;  ///< the length of the run in batches; 0: `epochs` says it
  int64_t batch_size = 256;
  std::vector<int64_t> keep_at;  ///< steps whose checkpoint is kept for good
  uint64_t seed = 0;
  int64_t log_every = 50;     ///< batches
  int64_t sample_count = 16;  ///< pictures in the grid of each epoch

  bool operator==(const Config&) const = default;
};

/// Throws Error naming the option and the key that is out of range, what it is and what it may be.
void check_config(const Config& config);

/// The names of the shipped recipes.
std::vector<std::string> recipe_names();
/// A shipped recipe by its name, or one in a JSON file, checked. Throws Error listing the names if it is
/// neither, or naming file and key if something in it is wrong.
Config recipe(const std::string& name_or_file);

/// The JSON schema of recipes, for editors: draft 7. What it says of keys, types and ranges is what
/// config_from_json(), check_config() and build_layers() check.
std::string_view recipe_schema();

/// The recipe as the text of a JSON file: all that does not belong to one run (its data, seed and files),
/// with a line for each short part.
std::string recipe_text(const Config& config);
/// The recipe and the run, likewise. `options`, unless empty, stand as run.options: what a run was started
/// with that is no part of its configuration.
std::string config_text(const Config& config, const Json& options = Json::object());
/// The same as JSON.
Json to_json(const Config& config);
/// What is not there has its default. Also reads the flat form without layers that files had before recipes
/// were data. Throws Error naming a key that is unknown, that its optimiser does not have, or whose value has
/// the wrong type. "$schema" and run.options are skipped.
Config config_from_json(const Json& json);
/// That, checked. What is wrong is said of `where`.
Config checked_config(const Json& json, const std::string& where);

}  // namespace duel::gan
