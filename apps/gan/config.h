// Every number of a training run, and its form as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace duel::gan {

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

  // networks
  int64_t z_dim = 100;
  int64_t g_dim = 64;  ///< channels of G's last hidden layer
  int64_t d_dim = 64;  ///< channels of D's first layer
  double negative_slope = 0.01;
  double bn_eps = 1e-5;
  double bn_momentum = 0.1;
  double init_std = 0.02;

  // optimisers
  double lr = 2e-4;
  double beta1 = 0.5, beta2 = 0.999;
  double eps = 1e-8;

  // schedule
  int64_t epochs = 40;
  int64_t batch_size = 256;
  uint64_t seed = 0;
  int64_t log_every = 50;     ///< batches
  int64_t sample_count = 16;  ///< pictures in the grid of each epoch

  bool operator==(const Config&) const = default;
};

/// Throws Error naming the option that is out of range, what it is and what it may be.
void check_config(const Config& config);

/// The defaults of a recipe. Throws Error listing the recipes if there is none of that name.
Config recipe(const std::string& name);

nlohmann::ordered_json to_json(const Config& config);
/// What is not there has its default. Throws Error naming a key that is unknown or whose value has the wrong type.
Config config_from_json(const nlohmann::json& json);

}  // namespace duel::gan
