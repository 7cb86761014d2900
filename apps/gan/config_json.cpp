// The form of a configuration as JSON: sections of named values.
#include <algorithm>
#include <map>
#include <type_traits>

#include "apps/gan/config.h"
#include "lib/error.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

template <class SomeOptimizer, class Visit>
void for_each_optimizer_member(const std::string& section, SomeOptimizer& o, const Visit& visit) {
  visit(section + ".type", o.type);
  visit(section + ".lr", o.lr);
  visit(section + ".betas", o.betas);
  visit(section + ".alpha", o.alpha);
  visit(section + ".eps", o.eps);
  visit(section + ".clip_value", o.clip_value);
  visit(section + ".decay", o.decay);
}

/// Calls visit("section.key" or "key", member) for every member: the one list that writing and reading go by.
template <class SomeConfig, class Visit>
void for_each_member(SomeConfig& c, const Visit& visit) {
  visit("recipe", c.recipe);
  visit("data.image_size", c.image_size);
  visit("data.channels", c.channels);
  visit("data.crop", c.crop);
  visit("data.hflip", c.hflip);
  visit("data.shuffle", c.shuffle);
  visit("latent.z_dim", c.z_dim);
  visit("latent.distribution", c.latent);
  visit("networks.g_dim", c.g_dim);
  visit("networks.d_dim", c.d_dim);
  visit("networks.negative_slope", c.negative_slope);
  visit("networks.bn_eps", c.bn_eps);
  visit("networks.bn_momentum", c.bn_momentum);
  visit("networks.dropout", c.dropout);
  visit("generator", c.generator);
  visit("discriminator", c.discriminator);
  visit("weights.distribution", c.init_distribution);
  visit("weights.std", c.init_std);
  visit("weights.bn_std", c.bn_init_std);
  for_each_optimizer_member("optimizer_G", c.optimizer_g, visit);
  for_each_optimizer_member("optimizer_D", c.optimizer_d, visit);
  visit("loss", c.loss);
  visit("labels.real", c.label_real);
  visit("labels.fake", c.label_fake);
  visit("labels.noise", c.label_noise);
  visit("schedule.epochs", c.epochs);
  visit("schedule.steps", c.steps);
  visit("schedule.batch_size", c.batch_size);
  visit("schedule.keep_at", c.keep_at);
  visit("run.data", c.data);
  visit("run.synthetic_count", c.synthetic_count);
  visit("run.seed", c.seed);
  visit("run.init", c.init);
  visit("run.log_every", c.log_every);
  visit("run.sample_count", c.sample_count);
}

/// The place of "section.key" or "key".
Json::json_pointer pointer(std::string path) {
  for (char& c : path)
    if (c == '.') c = '/';
  return Json::json_pointer("/" + path);
}

/// What a member's value must be, for messages; empty where `json` is it.
template <class Member>
const char* mismatch(const Json& json) {
  const auto unless = [](bool fits, const char* expected) { return fits ? "" : expected; };
  if constexpr (std::is_same_v<Member, Layers>) return unless(json.is_array(), "a list of layers");
  if constexpr (std::is_same_v<Member, bool>) return unless(json.is_boolean(), "true or false");
  if constexpr (std::is_same_v<Member, std::string>) return unless(json.is_string(), "a text");
  if constexpr (std::is_same_v<Member, uint64_t>)
    return unless(json.is_number_unsigned(), "a whole number of at least 0");
  if constexpr (std::is_same_v<Member, int64_t>) return unless(json.is_number_integer(), "a whole number");
  if constexpr (std::is_same_v<Member, double>) return unless(json.is_number(), "a number");
  if constexpr (std::is_same_v<Member, std::array<double, 2>>)
    return unless(json.is_array() && json.size() == 2 && json[0].is_number() && json[1].is_number(),
                  "a list of two numbers");
  if constexpr (std::is_same_v<Member, std::vector<int64_t>>) {
    bool fits = json.is_array();
    for (const Json& element : json) fits = fits && element.is_number_integer();
    return unless(fits, "a list of whole numbers");
  }
}

/// The sections of a file from before there were any: each value stood at the top, and one Adam's options
/// served both networks.
Json with_sections(Json flat) {
  if (flat.contains("beta1") && flat.contains("beta2")) {
    flat["betas"] = {flat["beta1"], flat["beta2"]};
    flat.erase("beta1");
    flat.erase("beta2");
  }
  if (flat.contains("init_std")) flat["std"] = flat["init_std"];
  flat.erase("init_std");
  Json nested = Json::object(), unknown = flat;
  const Config any;
  for_each_member(any, [&](const std::string& path, const auto&) {
    const std::string key = path.substr(path.find('.') + 1);
    if (!flat.contains(key)) return;
    nested[pointer(path)] = flat[key];
    unknown.erase(key);
  });
  for (const auto& [key, value] : unknown.items()) nested[key] = value;
  return nested;
}

/// The keys that an optimiser of this type would ignore, which would mislead readers.
std::vector<std::string> keys_of_other_type(const std::string& type) {
  if (type == "RMSprop") return {"betas"};
  return {"alpha", "clip_value", "decay"};
}

/// The keys of every section, and under "" those outside sections and the names of the sections.
std::map<std::string, std::vector<std::string>> known_keys() {
  std::map<std::string, std::vector<std::string>> keys;
  const Config any;
  for_each_member(any, [&](const std::string& path, const auto&) {
    const size_t dot = path.find('.');
    if (dot == std::string::npos) return keys[""].push_back(path);
    std::vector<std::string>& section = keys[path.substr(0, dot)];
    if (section.empty()) keys[""].push_back(path.substr(0, dot));
    section.push_back(path.substr(dot + 1));
  });
  return keys;
}

void check_known(const Json& json, const std::string& prefix, const std::vector<std::string>& known) {
  std::string names;
  for (const std::string& key : known) names += (names.empty() ? "" : ", ") + key;
  for (const auto& entry : json.items())
    check(std::find(known.begin(), known.end(), entry.key()) != known.end(),
          "the configuration has an unknown entry '", prefix, quoted_around(entry.key(), 0), "'; there are ",
          names);
}

void check_optimizer_keys(const Json& optimizer, const std::string& section) {
  const Json type = optimizer.value("type", Json("Adam"));
  for (const char* known : {"Adam", "RMSprop"}) {
    if (type != Json(known)) continue;
    for (const std::string& key : keys_of_other_type(known))
      check(!optimizer.contains(key), section, ".", key, " does not belong to ", known);
  }
}

void check_keys(const Json& json) {
  const auto keys = known_keys();
  check_known(json, "", keys.at(""));
  for (const auto& [section, value] : json.items()) {
    if (!keys.contains(section)) continue;
    if (!value.is_object()) fail("the configuration's ", section, " must be an object, got ", quoted(value));
    check_known(value, section + ".", keys.at(section));
    if (section.starts_with("optimizer_")) check_optimizer_keys(value, section);
  }
}

/// JSON with line breaks only inside what does not fit into a line.
std::string pretty(const Json& json, size_t indent = 0) {
  constexpr size_t width = 110;
  if (!json.is_structured()) return json_text(json);
  const std::string blanks(indent + 2, ' ');
  std::string line, lines;
  for (const auto& entry : json.items()) {
    const std::string key = json.is_object() ? json_text(Json(entry.key())) + ": " : "";
    const std::string part = key + pretty(entry.value(), indent + 2);
    line += (line.empty() ? "" : ", ") + part;
    lines += (lines.empty() ? "\n" : ",\n") + blanks + part;
  }
  const bool fits = indent > 0 && indent + line.size() + 2 <= width && line.find('\n') == std::string::npos;
  const std::string inside = fits || line.empty() ? line : lines + "\n" + std::string(indent, ' ');
  return json.is_array() ? "[" + inside + "]" : "{" + inside + "}";
}

}  // namespace

Json to_json(const Config& config) {
  Json json;
  for_each_member(config, [&](const std::string& path, const auto& member) { json[pointer(path)] = member; });
  for (const char* optimizer : {"optimizer_G", "optimizer_D"})
    for (const std::string& key : keys_of_other_type(json[optimizer]["type"])) json[optimizer].erase(key);
  return json;
}

std::string recipe_text(const Config& config) {
  Json json = to_json(config);
  json.erase("run");
  return pretty(json) + "\n";
}

std::string config_text(const Config& config, const Json& options) {
  Json json = to_json(config);
  if (!options.empty()) json["run"]["options"] = options;
  return pretty(json) + "\n";
}

Config config_from_json(const Json& json) {
  check(json.is_object(), "a configuration must be a JSON object, got ", json.type_name());
  const bool flat =
      std::none_of(json.begin(), json.end(), [](const Json& value) { return value.is_object(); });
  Json nested = flat ? with_sections(json) : json;
  nested.erase("$schema");
  if (nested.contains("run") && nested["run"].is_object()) nested["run"].erase("options");
  check_keys(nested);
  Config config;
  for_each_member(config, [&](const std::string& path, auto& member) {
    if (!nested.contains(pointer(path))) return;
    const Json& value = nested[pointer(path)];
    const std::string expected = mismatch<std::remove_reference_t<decltype(member)>>(value);
    if (!expected.empty()) fail("the configuration's ", path, " must be ", expected, ", got ", quoted(value));
    value.get_to(member);
  });
  return config;
}

}  // namespace duel::gan
