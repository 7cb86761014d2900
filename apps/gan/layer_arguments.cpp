#include "apps/gan/layer_arguments.h"

#include <cmath>
#include <utility>

#include "lib/error.h"
#include "lib/quote.h"

namespace duel::gan {

LayerArguments::LayerArguments(const Json& layer, std::string path, const Variables& variables)
    : layer_(layer), path_(std::move(path)), variables_(variables) {
  if (!layer.is_object()) fail(path_, " must be a layer, as in {\"type\": \"ReLU\"}, got ", quoted(layer));
}

bool LayerArguments::has(const char* key) {
  known_.insert(key);
  return layer_.contains(key);
}

bool LayerArguments::is_text(const char* key) { return has(key) && layer_[key].is_string(); }

const Json& LayerArguments::at(const char* key) {
  check(has(key), path_, ".", key, " is missing");
  return layer_[key];
}

double LayerArguments::evaluated(const Json& value, const char* key) const {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) complain(key, "must be a number or an expression, got ", quoted(value));
  try {
    return evaluate(value.get_ref<const std::string&>(), variables_);
  } catch (const Error& error) {
    complain(key, "cannot be read: ", error.what());
  }
}

int64_t LayerArguments::evaluated_whole(const Json& value, const char* key, int64_t least) const {
  constexpr double most = 1e9;  // far beyond any size of use, and exact in both types
  const double number = evaluated(value, key);
  const bool is_too_large = number > most;
  if (number != std::floor(number) || number < static_cast<double>(least) || is_too_large)
    complain(key, "must be a whole number of at ", is_too_large ? "most " : "least ",
             is_too_large ? static_cast<int64_t>(most) : least, ", got ", number,
             value.is_string() ? concat(" = ", quoted_around(value.get<std::string>(), 0)) : "");
  return static_cast<int64_t>(number);
}

double LayerArguments::number(const char* key, std::optional<double> standard) {
  const double value = standard && !has(key) ? *standard : evaluated(at(key), key);
  if (!std::isfinite(value)) complain(key, "must be a finite number, got ", value);
  return value;
}

int64_t LayerArguments::whole(const char* key, int64_t least, std::optional<int64_t> standard) {
  return standard && !has(key) ? *standard : evaluated_whole(at(key), key, least);
}

bool LayerArguments::flag(const char* key, bool standard) {
  if (!has(key)) return standard;
  if (!at(key).is_boolean()) complain(key, "must be true or false, got ", quoted(at(key)));
  return at(key).get<bool>();
}

std::string LayerArguments::text(const char* key) {
  if (!at(key).is_string()) complain(key, "must be a text, got ", quoted(at(key)));
  return at(key).get<std::string>();
}

Pair LayerArguments::pair(const char* key, int64_t least, std::optional<Pair> standard) {
  if (standard && !has(key)) return *standard;
  const Json& value = at(key);
  if (!value.is_array()) {
    const int64_t both = evaluated_whole(value, key, least);
    return {both, both};
  }
  if (value.size() != 2) complain(key, "must be one number or [height, width], got ", quoted(value));
  return {evaluated_whole(value[0], key, least), evaluated_whole(value[1], key, least)};
}

std::vector<int64_t> LayerArguments::wholes(const char* key, size_t count) {
  const Json& values = list(key);
  if (values.size() != count) complain(key, "must be a list of ", count, " numbers, got ", quoted(values));
  std::vector<int64_t> evaluated;
  for (const Json& value : values) evaluated.push_back(evaluated_whole(value, key, 1));
  return evaluated;
}

void LayerArguments::check_size(const char* key, int64_t actual, const std::string& input) {
  if (!has(key)) return;
  const int64_t said = whole(key, 1);
  if (said != actual) complain(key, "is ", said, ", but the layer gets ", input);
}

const Json& LayerArguments::list(const char* key) {
  if (!at(key).is_array()) complain(key, "must be a list, got ", quoted(at(key)));
  return at(key);
}

void LayerArguments::check_all_known() const {
  for (const auto& entry : layer_.items()) {
    if (known_.contains(entry.key())) continue;
    std::string keys;
    for (const std::string& key : known_) keys += (keys.empty() ? "" : ", ") + key;
    fail(path_, " has an unknown entry '", quoted_around(entry.key(), 0), "'; it takes ", keys);
  }
}

}  // namespace duel::gan
