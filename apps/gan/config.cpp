#include "apps/gan/config.h"

#include <nlohmann/json.hpp>

#include "lib/error.h"

namespace duel::gan {
namespace {

/// Calls visit(key, member) for every member: the one list that writing and reading go by.
template <class SomeConfig, class Visit>
void for_each_member(SomeConfig& c, const Visit& visit) {
  visit("recipe", c.recipe);
  visit("data", c.data);
  visit("synthetic_count", c.synthetic_count);
  visit("image_size", c.image_size);
  visit("channels", c.channels);
  visit("crop", c.crop);
  visit("hflip", c.hflip);
  visit("z_dim", c.z_dim);
  visit("g_dim", c.g_dim);
  visit("d_dim", c.d_dim);
  visit("negative_slope", c.negative_slope);
  visit("bn_eps", c.bn_eps);
  visit("bn_momentum", c.bn_momentum);
  visit("init_std", c.init_std);
  visit("init", c.init);
  visit("lr", c.lr);
  visit("beta1", c.beta1);
  visit("beta2", c.beta2);
  visit("eps", c.eps);
  visit("epochs", c.epochs);
  visit("batch_size", c.batch_size);
  visit("seed", c.seed);
  visit("log_every", c.log_every);
  visit("sample_count", c.sample_count);
}

template <class Value, class Bound>
void at_least(const char* option, Value value, Bound bound) {
  check(value >= static_cast<Value>(bound), option, " must be at least ", bound, ", got ", value);
}

void in_unit(const char* option, double value) {
  check(value >= 0 && value < 1, option, " must be at least 0 and less than 1, got ", value);
}

}  // namespace

void check_config(const Config& c) {
  check(c.image_size == 32 || c.image_size == 64 || c.image_size == 128,
        "--image-size must be 32, 64 or 128 (each doubling adds a layer to both networks), got ",
        c.image_size);
  check(c.channels == 1 || c.channels == 3, "--channels must be 1 (grey) or 3 (RGB), got ", c.channels);
  at_least("--synthetic-count", c.synthetic_count, 1);
  at_least("--crop", c.crop, 0);
  at_least("--z-dim", c.z_dim, 1);
  at_least("--g-dim", c.g_dim, 1);
  at_least("--d-dim", c.d_dim, 1);
  at_least("--negative-slope", c.negative_slope, 0);
  check(c.bn_eps > 0, "--bn-eps must be positive, got ", c.bn_eps);
  check(c.bn_momentum >= 0 && c.bn_momentum <= 1, "--bn-momentum must be from 0 to 1, got ", c.bn_momentum);
  at_least("--init-std", c.init_std, 0);
  at_least("--lr", c.lr, 0);
  in_unit("--betas: the first", c.beta1);
  in_unit("--betas: the second", c.beta2);
  at_least("--eps", c.eps, 0);
  at_least("--epochs", c.epochs, 0);
  check(c.batch_size >= 2,
        "--batch-size must be at least 2, since batch norm compares the pictures of a batch; got ",
        c.batch_size);
  at_least("--log-every", c.log_every, 1);
  at_least("--sample-count", c.sample_count, 1);
}

Config recipe(const std::string& name) {
  check(name == "celeba32", "there is no recipe '", name, "'; --recipe takes: celeba32");
  return {};
}

nlohmann::ordered_json to_json(const Config& config) {
  nlohmann::ordered_json json;
  for_each_member(config, [&](const char* key, const auto& member) { json[key] = member; });
  return json;
}

Config config_from_json(const nlohmann::json& json) {
  check(json.is_object(), "a configuration must be a JSON object, got ", json.type_name());
  Config config;
  for_each_member(config, [&](const char* key, auto& member) {
    const auto found = json.find(key);
    if (found == json.end()) return;
    try {
      found->get_to(member);
    } catch (const nlohmann::json::exception&) {
      fail("the configuration's '", key, "' is of the wrong type: ", *found);
    }
  });
  for (const auto& [key, value] : json.items()) {
    bool known = false;
    for_each_member(config, [&](const char* name, const auto&) { known = known || key == name; });
    check(known, "the configuration has an unknown entry '", key, "'");
  }
  return config;
}

}  // namespace duel::gan
