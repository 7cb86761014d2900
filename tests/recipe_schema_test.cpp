// The schema that editors check recipes by says what the program's own checks say: every key, default, type
// and bound in it is tried on them.
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "apps/gan/json.h"
#include "apps/gan/layers.h"
#include "tests/files.h"

namespace duel::gan {
namespace {

const Json& schema() {
  static const Json json = parse_json(recipe_schema(), "the schema");
  return json;
}

/// A value somewhere in a recipe.
struct Leaf {
  std::string section, key, optimizer;  // section "": at the top; optimizer: its type, in those sections

  std::string path() const { return section.empty() ? key : section + "." + key; }
  /// A recipe in which this has the value, and all that could be in its way is as it may be.
  Json recipe_with(const Json& value) const {
    Json json = {{"labels", {{"real", 0.25}, {"fake", 0.5}}}};
    if (!optimizer.empty()) json[section]["type"] = optimizer;
    (section.empty() ? json : json[section])[key] = value;
    return json;
  }
};

void for_each_leaf(const std::function<void(const Leaf&, const Json& rule)>& visit) {
  for (const auto& [section, rule] : schema()["properties"].items()) {
    if (rule.contains("if")) {
      for (const char* type : {"Adam", "RMSprop"})
        for (const auto& [key, of_key] : schema()["definitions"][type]["properties"].items())
          visit({section, key, type}, of_key);
    } else if (rule.contains("properties")) {
      for (const auto& [key, of_key] : rule["properties"].items()) visit({section, key, ""}, of_key);
    } else {
      visit({"", section, ""}, rule);
    }
  }
}

/// What an action complains of; empty if it does not.
template <class Action>
std::string complaint(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// What is said of a recipe once it has been read from a file.
std::string verdict(const Json& recipe) {
  return complaint([&] { check_config(config_from_json(parse_json(json_text(recipe), "recipe"))); });
}

void expect_good(const Leaf& leaf, const Json& value) {
  EXPECT_EQ(verdict(leaf.recipe_with(value)), "") << leaf.path() << ": " << value;
}

void expect_bad(const Leaf& leaf, const Json& value) {
  const std::string error = verdict(leaf.recipe_with(value));
  EXPECT_TRUE(contains(error, leaf.path())) << leaf.path() << ": " << value << "\n" << error;
}

/// Tries the bounds of a number, put into a value by `around`.
void try_bounds(const Leaf& leaf, const Json& rule, const std::function<Json(const Json&)>& around) {
  const bool whole = rule["type"] == "integer";
  const double step = whole ? 1 : 0.5;
  const auto number = [&](double x) { return around(whole ? Json(static_cast<int64_t>(x)) : Json(x)); };
  if (rule.contains("minimum")) {
    expect_good(leaf, number(rule["minimum"]));
    expect_bad(leaf, number(rule["minimum"].get<double>() - step));
  }
  if (rule.contains("maximum")) {
    expect_good(leaf, number(rule["maximum"]));
    expect_bad(leaf, number(rule["maximum"].get<double>() + step));
  }
  for (const char* exclusive : {"exclusiveMinimum", "exclusiveMaximum"})
    if (rule.contains(exclusive)) expect_bad(leaf, number(rule[exclusive]));
  if (!rule.contains("exclusiveMaximum") && !rule.contains("maximum")) expect_good(leaf, number(1e6));
  expect_bad(leaf, around("3"));
  if (whole) expect_bad(leaf, around(1.5));
}

void try_leaf(const Leaf& leaf, const Json& rule) {
  if (rule.contains("enum")) {
    for (const Json& value : rule["enum"]) expect_good(leaf, value);
    expect_bad(leaf, rule["enum"][0].is_string() ? Json("no such") : Json(7));
  } else if (rule["type"] == "boolean") {
    expect_good(leaf, true);
    expect_bad(leaf, 1);
  } else if (rule["type"] == "string") {
    expect_good(leaf, "text");
    expect_bad(leaf, 1);
  } else if (rule["type"] == "array") {
    const size_t count = rule.value("minItems", size_t{1});
    try_bounds(leaf, rule["items"], [&](const Json& x) { return Json(std::vector<Json>(count, x)); });
    if (rule.contains("maxItems")) expect_bad(leaf, std::vector<double>(rule["maxItems"].get<size_t>() + 1));
    expect_bad(leaf, 3);
  } else {
    ASSERT_TRUE(rule["type"] == "integer" || rule["type"] == "number") << leaf.path();
    try_bounds(leaf, rule, [](const Json& x) { return x; });
  }
}

Json celeba32_with(const std::string& optimizer) {
  Config config;
  config.optimizer_g.type = config.optimizer_d.type = optimizer;
  return to_json(config);
}

TEST(RecipeSchema, HasTheKeysOfAConfiguration) {
  std::set<std::string> said, known{"$schema"};
  for_each_leaf([&](const Leaf& leaf, const Json&) { said.insert(leaf.path()); });
  for (const char* optimizer : {"Adam", "RMSprop"}) {
    const Json json = celeba32_with(optimizer);
    for (const auto& [section, value] : json.items()) {
      if (value.is_object()) {
        for (const auto& entry : value.items()) known.insert(section + "." + entry.key());
      } else {
        known.insert(section);
      }
    }
  }
  EXPECT_EQ(said, known);
  for (const auto& [name, rule] : schema()["properties"].items())
    if (rule.contains("properties")) {
      EXPECT_EQ(rule["additionalProperties"], false) << name;
    }
}

TEST(RecipeSchema, HasTheDefaultsOfCeleba32) {
  for_each_leaf([&](const Leaf& leaf, const Json& rule) {
    if (leaf.section.empty() || rule.contains("const")) return;
    const Json expected = celeba32_with(leaf.optimizer.empty() ? "Adam" : leaf.optimizer);
    ASSERT_TRUE(rule.contains("default")) << leaf.path();
    EXPECT_EQ(rule["default"], expected[leaf.section][leaf.key]) << leaf.path();
  });
}

TEST(RecipeSchema, HasTheTypesAndBoundsOfTheChecks) {
  int tried = 0;
  for_each_leaf([&](const Leaf& leaf, const Json& rule) {
    if (rule.contains("const") || rule.contains("$ref") || leaf.key == "$schema") return;
    try_leaf(leaf, rule);
    ++tried;
  });
  EXPECT_GT(tried, 30);
  expect_bad({"optimizer_G", "type", "SGD"}, "SGD");
  for (const char* network : {"generator", "discriminator"}) expect_bad({"", network, ""}, 3);
}

/// What build_layers() says of one layer that gets 2 x 4 x 4, or 8 numbers.
std::string layer_verdict(const Json& layer) {
  const bool of_rows = layer["type"] == "Linear" || layer["type"] == "Unflatten";
  Shape shape = of_rows ? Shape{1, 8} : Shape{1, 4, 4, 2};
  nn::Sequential network;
  RandomStream dropout(0, Stream::Dropout);
  return complaint([&] { build_layers(network, Json::array({layer}), "layers", {}, shape, dropout); });
}

std::set<std::string> words_after(const std::string& text, const std::string& mark) {
  std::istringstream words(text.substr(text.find(mark) + mark.size()));
  std::set<std::string> result;
  for (std::string word; words >> word;) result.insert(word.substr(0, word.find(',')));
  return result;
}

TEST(RecipeSchema, HasTheLayersAndTheirArguments) {
  const Json& types = schema()["definitions"]["layer"]["properties"]["type"]["enum"];
  const std::string unknown = layer_verdict({{"type", "Lineal"}}), mark = "must be one of ";
  EXPECT_EQ(words_after(unknown.substr(0, unknown.find(", got")), mark), types.get<std::set<std::string>>());
  const std::map<std::string, Json> needed{{"out_features", 4},
                                           {"out_channels", 2},
                                           {"kernel_size", 1},
                                           {"unflattened_size", {2, 2, 2}},
                                           {"layers", {{{"type", "ReLU"}}}}};
  for (const std::string type : types) {
    const Json& rule = schema()["definitions"][type];
    Json layer{{"type", type}};
    for (const std::string key : rule.value("required", Json::array())) layer[key] = needed.at(key);
    EXPECT_EQ(layer_verdict(layer), "") << type;
    for (const std::string key : rule.value("required", Json::array())) {
      Json without = layer;
      without.erase(key);
      EXPECT_TRUE(contains(layer_verdict(without), key + " is missing")) << type;
    }
    layer["colour"] = 1;
    std::set<std::string> arguments;
    for (const auto& entry : rule["properties"].items()) arguments.insert(entry.key());
    EXPECT_EQ(words_after(layer_verdict(layer), "it takes "), arguments) << type;
    EXPECT_EQ(rule["additionalProperties"], false) << type;
  }
}

}  // namespace
}  // namespace duel::gan
