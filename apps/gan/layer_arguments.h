// The arguments of one layer of a recipe.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "apps/gan/config.h"
#include "apps/gan/expression.h"
#include "ops/conv2d.h"

namespace duel::gan {

/// Reads values by their keys, and remembers which there are. Every Error names the key with its path. A
/// number may be an expression; one without a `standard` must be there.
class LayerArguments {
 public:
  LayerArguments(const Json& layer, std::string path, const Variables& variables);

  const std::string& path() const { return path_; }
  bool has(const char* key);
  bool is_text(const char* key);
  double number(const char* key, std::optional<double> standard = {});
  int64_t whole(const char* key, int64_t least, std::optional<int64_t> standard = {});
  bool flag(const char* key, bool standard);
  std::string text(const char* key);
  /// One number for both sides, or [height, width].
  Pair pair(const char* key, int64_t least, std::optional<Pair> standard = {});
  /// A list of `count` whole numbers of at least 1.
  std::vector<int64_t> wholes(const char* key, size_t count);
  /// A size that the layer's input has: it may be left out, and must be `actual` where it is there.
  void check_size(const char* key, int64_t actual, const std::string& input);
  const Json& list(const char* key);

  /// Throws if the layer has a key that none of the above was asked for.
  void check_all_known() const;

  template <class... Parts>
  [[noreturn]] void complain(const char* key, const Parts&... parts) const {
    fail(path_, ".", key, " ", parts...);
  }

 private:
  const Json& at(const char* key);
  double evaluated(const Json& value, const char* key) const;
  int64_t evaluated_whole(const Json& value, const char* key, int64_t least) const;

  const Json& layer_;
  std::string path_;
  const Variables& variables_;
  std::set<std::string> known_;
};

}  // namespace duel::gan
