// An expression inside: the tree that the parser makes, and the functions that it may call.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/latent/expression.h"

namespace duel::latent {

/// One operation with its operands, or a leaf.
struct Term {
  enum class Kind { Number, Name, Negate, Add, Subtract, Multiply, Divide, Call };

  Kind kind;
  size_t column;  // where it stands in the text: of an operation its operator
  double number = 0;
  std::string name = {};  // of a face or a function
  std::vector<std::unique_ptr<Term>> operands = {};
};

struct Function {
  const char* name;
  size_t least, most;  // arguments
  const char* usage;
  /// Throws Error, without a column, for arguments that it cannot take.
  Value (*apply)(std::span<const Value> arguments);
};

/// Null if there is none of that name.
const Function* find_function(std::string_view name);
/// For people: "abs, clamp, ...".
std::string function_names();

/// `f` component by component; a number beside a vector counts for each component.
template <class F>
Value componentwise(const Value& a, const Value& b, F f) {
  const Value& shape = a.is_number ? b : a;
  Value result{std::vector<double>(shape.elements.size()), shape.is_number};
  for (size_t i = 0; i < result.elements.size(); ++i)
    result.elements[i] = f(a.elements[a.is_number ? 0 : i], b.elements[b.is_number ? 0 : i]);
  return result;
}

/// Throws Error: what is wrong at a column of an expression.
[[noreturn]] void fail_at(std::string_view text, size_t column, const std::string& message);

/// The tree of an expression; throws Error with the column. `parts` receives the text cut at its names.
std::unique_ptr<Term> parse(std::string_view text, std::vector<ExpressionPart>& parts);

}  // namespace duel::latent
