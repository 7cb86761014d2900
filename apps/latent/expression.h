// The language in which faces are computed with: "0.5*(A+B) - C", "slerp(A,B,0.3)", "abs(G - D)".
//
//     sum     = product { ("+" | "-") product }
//     product = factor { ("*" | "/") factor }
//     factor  = "-" factor | number | name | function "(" sum { "," sum } ")" | "(" sum ")"
//
// A value is a number or a vector of z_dim numbers. Everything is computed component by component, in double
// precision; a number beside a vector counts for each of its components. See functions.cpp for the functions.
// Every error names the column, counted from 1.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/latent/names.h"

namespace duel::latent {

/// A number, or a vector.
struct Value {
  std::vector<double> elements;
  bool is_number = false;

  static Value number(double x) { return {{x}, true}; }
};

/// A node of the parsed expression.
struct Term;

/// A name, or what stands in the text before, between and after names.
struct ExpressionPart {
  std::string text;
  bool is_name = false;
};

class Expression {
 public:
  /// Throws Error with the column if the text does not parse.
  explicit Expression(std::string text);
  Expression(Expression&&) noexcept;
  ~Expression();

  const std::string& text() const { return text_; }
  /// The text, cut so that each name stands alone.
  const std::vector<ExpressionPart>& parts() const { return parts_; }

  /// Throws Error with the column for an unknown name, a division by zero, an argument that a function cannot
  /// take, and a result that is not finite.
  Value evaluate(const Names& names) const;
  /// Throws Error also where the value is a number.
  Latent evaluate_latent(const Names& names) const;

 private:
  std::string text_;
  std::vector<ExpressionPart> parts_;  // filled by the parser, so it comes before the tree
  std::unique_ptr<Term> root_;
};

/// Whether the text is a letter or '_', then letters, digits and '_'.
bool is_identifier(std::string_view text);
/// Whether it is the name of a function.
bool is_function(std::string_view name);

/// The Euclidean length.
double length(const std::vector<double>& v);

/// (1-t) a + t b.
std::vector<double> lerp(const std::vector<double>& a, const std::vector<double>& b, double t);

/// The vector at share t of the arc from a to b (Shoemake, 1985): with w the angle between them,
/// (sin((1-t) w) a + sin(t w) b) / sin w. Its length is that of a and b where these are equal. Nearly
/// parallel vectors are interpolated linearly. Throws Error if one is zero or they point in opposite
/// directions.
std::vector<double> slerp(const std::vector<double>& a, const std::vector<double>& b, double t);

}  // namespace duel::latent
