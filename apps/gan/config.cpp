#include "apps/gan/config.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <type_traits>

#include "apps/recipes/anime64_json.h"
#include "apps/recipes/celeba32_json.h"
#include "apps/recipes/dcgan64_json.h"
#include "apps/recipes/recipe_schema_json.h"
#include "lib/error.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

struct ShippedRecipe {
  const char* name;
  std::string_view (*text)();
};

constexpr ShippedRecipe shipped[] = {
    {"celeba32", celeba32_json}, {"anime64", anime64_json}, {"dcgan64", dcgan64_json}};

// Bounds that no run of use comes near. Within them no product of a run's numbers overflows, and what would
// fill any memory is refused before anything is computed.
constexpr int64_t most_epochs = 1'000'000'000, most_steps = 1'000'000'000'000;
constexpr int64_t most_pictures = 10'000'000, most_samples = 10'000, most_wide = 1'000'000;
/// Numbers take part in products of float32, which would make infinities of greater ones.
constexpr double most_real = std::numeric_limits<float>::max();

/// Messages name the option, which users type, and the key, which writers of recipes look for.
template <class Value>
void within(const char* option, const std::string& key, Value value, std::type_identity_t<Value> least,
            std::type_identity_t<Value> most) {
  check(value >= least, option, " must be at least ", least, ", got ", value, " (key ", key, ")");
  check(value <= most, option, " must be at most ", most, ", got ", value, " (key ", key, ")");
}

void at_least(const char* option, const std::string& key, double value, double least) {
  within(option, key, value, least, most_real);
}

void in_unit(const char* option, const std::string& key, double value) {
  check(value >= 0 && value < 1, option, " must be at least 0 and less than 1, got ", value, " (key ", key,
        ")");
}

void one_of(const char* what, const std::string& key, const std::string& value, const char* a,
            const char* b = nullptr) {
  check(value == a || (b && value == b), what, " must be ", a, b ? " or " : "", b ? b : "", ", got '",
        quoted_around(value, 0), "' (key ", key, ")");
}

void check_optimizer(const std::string& section, const OptimizerConfig& o) {
  one_of("the optimiser", section + ".type", o.type, "Adam", "RMSprop");
  at_least(section == "optimizer_G" ? "--lr or --lr-g" : "--lr or --lr-d", section + ".lr", o.lr, 0);
  in_unit("--betas: the first", section + ".betas", o.betas[0]);
  in_unit("--betas: the second", section + ".betas", o.betas[1]);
  in_unit("--alpha", section + ".alpha", o.alpha);
  at_least("--eps", section + ".eps", o.eps, 0);
  at_least("--clip-value", section + ".clip_value", o.clip_value, 0);
  at_least("--decay", section + ".decay", o.decay, 0);
  const OptimizerConfig standard;
  check(o.type == "RMSprop" || (o.clip_value == 0 && o.decay == 0 && o.alpha == standard.alpha), section,
        ": --alpha, --clip-value and --decay belong to RMSprop, this recipe's is ", o.type);
  check(o.type == "Adam" || o.betas == standard.betas, section, ": --betas belong to Adam, this recipe's is ",
        o.type);
}

bool may_stand_in_names(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

/// A recipe's name becomes that of a folder, runs/NAME-1, which must not lie anywhere else.
void check_recipe_name(const std::string& name) {
  check(!name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), may_stand_in_names),
        "the recipe's name must be letters, digits, '-', '_' and '.', and not begin with '.', got '", name,
        "' (key recipe)");
}

/// The name of a recipe that has none of its own: that of its file, as far as it can be one.
std::string name_after(const std::filesystem::path& file) {
  std::string name = file.stem().string();
  for (char& c : name)
    if (!may_stand_in_names(c)) c = '_';
  if (name[0] == '.') name[0] = '_';
  return name;
}

}  // namespace

const Layers& celeba32_generator() {
  static const Layers layers = parse_json(celeba32_json(), "celeba32")["generator"];
  return layers;
}

const Layers& celeba32_discriminator() {
  static const Layers layers = parse_json(celeba32_json(), "celeba32")["discriminator"];
  return layers;
}

void check_config(const Config& c) {
  check(c.image_size == 32 || c.image_size == 64 || c.image_size == 128,
        "--image-size must be 32, 64 or 128, got ", c.image_size, " (key data.image_size)");
  check(c.channels == 1 || c.channels == 3, "--channels must be 1 (grey) or 3 (RGB), got ", c.channels,
        " (key data.channels)");
  within("--synthetic-count", "run.synthetic_count", c.synthetic_count, 1, most_pictures);
  within("--crop", "data.crop", c.crop, 0, most_wide);
  within("--z-dim", "latent.z_dim", c.z_dim, 1, most_wide);
  one_of("--latent", "latent.distribution", c.latent, "uniform", "normal");
  within("--g-dim", "networks.g_dim", c.g_dim, 1, most_wide);
  within("--d-dim", "networks.d_dim", c.d_dim, 1, most_wide);
  at_least("--negative-slope", "networks.negative_slope", c.negative_slope, 0);
  check(c.bn_eps > 0 && c.bn_eps <= most_real, "--bn-eps must be positive and finite, got ", c.bn_eps,
        " (key networks.bn_eps)");
  check(c.bn_momentum >= 0 && c.bn_momentum <= 1, "--bn-momentum must be from 0 to 1, got ", c.bn_momentum,
        " (key networks.bn_momentum)");
  in_unit("--dropout", "networks.dropout", c.dropout);
  one_of("--init-distribution", "weights.distribution", c.init_distribution, "normal", "glorot_uniform");
  at_least("--init-std", "weights.std", c.init_std, 0);
  at_least("--bn-init-std", "weights.bn_std", c.bn_init_std, 0);
  check_optimizer("optimizer_G", c.optimizer_g);
  check_optimizer("optimizer_D", c.optimizer_d);
  one_of("the loss", "loss", c.loss, "bce_with_logits");
  check(c.label_real != c.label_fake, "--label-real and --label-fake must differ, both are ", c.label_real,
        " (keys labels.real, labels.fake)");
  at_least("--label-real", "labels.real", c.label_real, 0);
  at_least("--label-fake", "labels.fake", c.label_fake, 0);
  at_least("--label-noise", "labels.noise", c.label_noise, 0);
  within("--epochs", "schedule.epochs", c.epochs, 0, most_epochs);
  within("--steps", "schedule.steps", c.steps, 0, most_steps);
  for (const int64_t step : c.keep_at) within("--keep-at", "schedule.keep_at", step, 1, most_steps);
  check(c.batch_size >= 2,
        "--batch-size must be at least 2, since batch norm compares the pictures of a batch; got ",
        c.batch_size, " (key schedule.batch_size)");
  within("--batch-size", "schedule.batch_size", c.batch_size, 2, most_wide);
  within("--log-every", "run.log_every", c.log_every, 1, most_steps);
  within("--sample-count", "run.sample_count", c.sample_count, 1, most_samples);
}

Config checked_config(const Json& json, const std::string& where) {
  try {
    Config config = config_from_json(json);
    check_config(config);
    return config;
  } catch (const Error& error) {
    fail(where, ": ", error.what());
  }
}

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const ShippedRecipe& recipe : shipped) names.emplace_back(recipe.name);
  return names;
}

std::string_view recipe_schema() { return recipe_schema_json(); }

Config recipe(const std::string& name_or_file) {
  for (const ShippedRecipe& recipe : shipped)
    if (name_or_file == recipe.name) return config_from_json(parse_json(recipe.text(), recipe.name));
  std::string names;
  for (const std::string& name : recipe_names()) names += name + ", ";
  const std::filesystem::path file = name_or_file;
  check(std::filesystem::is_regular_file(file), "there is no recipe and no file '", name_or_file,
        "'; --recipe takes: ", names, "or a JSON file");
  Json json = read_json(file);
  if (json.is_object() && !json.contains("recipe")) json["recipe"] = name_after(file);
  const Config config = checked_config(json, file.string());
  try {
    check_recipe_name(config.recipe);
  } catch (const Error& error) {
    fail(file.string(), ": ", error.what());
  }
  return config;
}

}  // namespace duel::gan
