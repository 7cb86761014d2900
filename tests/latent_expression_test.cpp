// The expressions over named faces: values, and the column of every error.
#include <cmath>

#include "apps/latent/expression.h"
#include "tests/files.h"

namespace duel::latent {
namespace {

/// Faces of three components.
Names faces() {
  Names names(3);
  names.set("A", {1, 2, 3});
  names.set("B", {-1, 0.5f, 4});
  names.set("big", {3, 0, 4});
  names.set("zero", {0, 0, 0});
  names.set("_x1", {0, 1, 0});
  return names;
}

std::vector<double> value(const std::string& text) { return Expression(text).evaluate(faces()).elements; }

/// The message of the error.
std::string whole_error(const std::string& text) {
  return error_of([&] { Expression(text).evaluate(faces()); });
}

/// Likewise, without the quoted expression, of which a long one is cut.
std::string error(const std::string& text) {
  const std::string message = whole_error(text), end = "\", column ";
  EXPECT_TRUE(text.size() > 80 || message.starts_with("\"" + text + end)) << message;
  EXPECT_FALSE(contains(message, "\n"));
  return message.substr(std::min(message.find(end) + 3, message.size()));
}

using Vector = std::vector<double>;

TEST(LatentExpression, ComputesWithNumbers) {
  EXPECT_EQ(value("1 + 2*3 - 4/8"), Vector{6.5});
  EXPECT_EQ(value("2 - 3 - 4"), Vector{-5});
  EXPECT_EQ(value("16/4/2"), Vector{2});
  EXPECT_EQ(value("-(1 + 2)*-2"), Vector{6});
  EXPECT_EQ(value("--2"), Vector{2});
  EXPECT_EQ(value(".5e1"), Vector{5});
  EXPECT_TRUE(Expression("1").evaluate(faces()).is_number);
}

TEST(LatentExpression, ComputesComponentByComponent) {
  EXPECT_EQ(value("A + B"), (Vector{0, 2.5, 7}));
  EXPECT_EQ(value("A - B"), (Vector{2, 1.5, -1}));
  EXPECT_EQ(value("A * B"), (Vector{-1, 1, 12}));
  EXPECT_EQ(value("A / B"), (Vector{-1, 4, 0.75}));
  EXPECT_EQ(value("-A"), (Vector{-1, -2, -3}));
  EXPECT_EQ(value("0.5*(A+B) - _x1"), (Vector{0, 0.25, 3.5}));
}

TEST(LatentExpression, ANumberBesideAVectorCountsForEachComponent) {
  EXPECT_EQ(value("A + 1"), (Vector{2, 3, 4}));
  EXPECT_EQ(value("1 - A"), (Vector{0, -1, -2}));
  EXPECT_EQ(value("2 * A / 4"), (Vector{0.5, 1, 1.5}));
  EXPECT_EQ(value("6 / A"), (Vector{6, 3, 2}));
}

TEST(LatentExpression, Functions) {
  EXPECT_EQ(value("abs(B - 4)"), (Vector{5, 3.5, 0}));
  EXPECT_EQ(value("abs(-3)"), Vector{3});
  EXPECT_EQ(value("norm(big)"), Vector{5});
  EXPECT_EQ(value("big / norm(big)"), (Vector{0.6, 0, 0.8}));
  EXPECT_EQ(value("mean(A)"), Vector{2});
  EXPECT_EQ(value("mean(A, zero)"), (Vector{0.5, 1, 1.5}));
  EXPECT_EQ(value("mean(A, B, 3)"), (Vector{1, 5.5 / 3, 10.0 / 3}));
  EXPECT_EQ(value("lerp(A, B, 0.25)"), (Vector{0.5, 1.625, 3.25}));
  EXPECT_EQ(value("lerp(1, 3, 0.5)"), Vector{2});
  EXPECT_EQ(value("clamp(A, 1.5, 2.5)"), (Vector{1.5, 2, 2.5}));
  EXPECT_TRUE(Expression("norm(A) * mean(B)").evaluate(faces()).is_number);
}

TEST(LatentExpression, SlerpEndsAtBothAndKeepsLengthAndAngle) {
  const Vector a{3, 0, 4}, b{0, 5, 0};  // at a right angle, both of length 5
  const auto near = [](const Vector& x, const Vector& y) {
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-12);
  };
  near(slerp(a, b, 0), a);
  near(slerp(a, b, 1), b);
  for (const double t : {0.1, 0.3, 0.5, 0.9}) {
    const Vector x = slerp(a, b, t);
    EXPECT_NEAR(length(x), 5, 1e-12);
    const double cosine = (x[0] * a[0] + x[1] * a[1] + x[2] * a[2]) / 25;
    EXPECT_NEAR(std::acos(cosine), t * std::acos(0.0), 1e-12);
    near(x, slerp(b, a, 1 - t));
  }
  near(slerp({1, 2, 3}, {2, 4, 6}, 0.5), {1.5, 3, 4.5});  // parallel: straight
  // The squares of these are beyond what a double holds, or below.
  EXPECT_DOUBLE_EQ(length({3e200, 4e200}), 5e200);
  EXPECT_DOUBLE_EQ(length({3e-200, 4e-200}), 5e-200);
  for (const double scale : {1e-200, 1e200}) {
    const Vector middle = slerp({scale, 0}, {0, scale}, 0.5);
    EXPECT_NEAR(middle[0] / scale, std::sqrt(0.5), 1e-12);
    EXPECT_NEAR(middle[1] / scale, std::sqrt(0.5), 1e-12);
  }
}

TEST(LatentExpression, PartsCutTheTextAtItsNames) {
  const Expression expression(" 0.5*(A+B) - slerp(A, _x1,0.3) ");
  std::string text;
  for (const ExpressionPart& part : expression.parts())
    text += part.is_name ? "<" + part.text + ">" : part.text + "|";
  EXPECT_EQ(text, "0.5*(|<A>+|<B>) - slerp(|<A>,|<_x1>,0.3)|");
  const Expression moved = [] { return Expression("A-B"); }();
  EXPECT_EQ(moved.parts().size(), 3u);
}

TEST(LatentExpression, WhatDoesNotParseIsNamedWithItsColumn) {
  EXPECT_EQ(error(""), "column 1: expected a name, a number or '(', found the end");
  EXPECT_EQ(error("A +"), "column 4: expected a name, a number or '(', found the end");
  EXPECT_EQ(error("A + * B"), "column 5: expected a name, a number or '(', found '*'");
  EXPECT_EQ(error("abs(A - B"), "column 10: expected ')' for the '(' at column 4, found the end");
  EXPECT_EQ(error("(A + B))"), "column 8: expected an operator, found ')'");
  EXPECT_EQ(error("0.5A"), "column 4: expected an operator, found 'A'");
  EXPECT_EQ(error("A B"), "column 3: expected an operator, found 'B'");
  EXPECT_EQ(error("A $ B"), "column 3: expected an operator, found '$'");
  EXPECT_EQ(error("1.2.3"), "column 4: expected an operator, found '.'");
  EXPECT_EQ(error("A + ."), "column 5: expected a number, found '.'");
  EXPECT_EQ(error("1e999"), "column 1: the number is out of range");
  EXPECT_TRUE(error(std::string(500, '(') + "A").starts_with("column 201: is nested too deeply"));
  EXPECT_TRUE(error(std::string(100000, '-') + "A").starts_with("column 201: is nested too deeply"));
  std::string sum = "A", product = "A";
  for (int i = 0; i < 1000; ++i) sum += "-B", product += "*2";
  EXPECT_EQ(value(sum).size(), 3u);
  EXPECT_EQ(error(sum + "+A"), "column 2002: there are more than 1000 operations");
  EXPECT_EQ(error(product + "/2"), "column 2002: there are more than 1000 operations");
}

TEST(LatentExpression, ErrorsAreOneLineOfUtf8) {
  EXPECT_EQ(whole_error("A + \xc3\xa9"),
            "\"A + \xc3\xa9\", column 5: expected a name, a number or '(', found '\xc3\xa9'");
  EXPECT_EQ(whole_error("A\n+ B"), "\"A\\n+ B\", column 2: expected an operator, found '\\n'");
  EXPECT_EQ(whole_error("A\x01"), "\"A\\x01\", column 2: expected an operator, found '\\x01'");
  EXPECT_EQ(whole_error("A\xc3"), "\"A\\xc3\", column 2: expected an operator, found '\\xc3'");
  // A long expression is quoted around the column, and cut between characters.
  const std::string blanks(200, ' ');
  EXPECT_EQ(whole_error("A" + blanks + "$" + blanks),
            "\"..." + std::string(40, ' ') + "$" + std::string(39, ' ') +
                "...\", column 202: expected an operator, found '$'");
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  const std::string message = whole_error("A + B " + accents);
  EXPECT_TRUE(contains(message, "\"A + B \xc3\xa9")) << message;
  EXPECT_TRUE(contains(message, "\xc3\xa9...\", column 7")) << message;
}

TEST(LatentExpression, WrongNamesAndArgumentsAreNamedWithTheirColumn) {
  EXPECT_EQ(error("A + Q"), "column 5: nothing is named 'Q'; there are: A, B, big, zero, _x1");
  EXPECT_EQ(error("A + a"), "column 5: nothing is named 'a'; there are: A, B, big, zero, _x1");
  EXPECT_EQ(error("A + sin(B)"),
            "column 5: there is no function 'sin'; there are abs, clamp, lerp, mean, norm, slerp");
  EXPECT_EQ(error("A(B)"),
            "column 1: there is no function 'A'; there are abs, clamp, lerp, mean, norm, slerp");
  EXPECT_EQ(error("2 * abs"), "column 5: 'abs' is a function: write abs(A)");
  EXPECT_EQ(error("1 + lerp(A, B)"), "column 5: write lerp(A, B, share); here are 2 arguments");
  EXPECT_EQ(error("norm(A, B)"), "column 1: write norm(A); here are 2 arguments");
  EXPECT_EQ(error("norm()"), "column 6: expected a name, a number or '(', found ')'");
  EXPECT_TRUE(contains(error("A + lerp(A, B, B)"), "column 5: the share"));
  EXPECT_EQ(error("slerp(A, 1, 0.5)"), "column 1: slerp's second argument must be a vector, not a number");
  EXPECT_TRUE(contains(error("slerp(A, zero, 0.5)"), "column 1: slerp has no direction"));
  EXPECT_TRUE(contains(error("slerp(A, -A, 0.5)"), "opposite directions"));
  EXPECT_EQ(error("clamp(A, 1, -1)"), "column 1: clamp's bounds are the wrong way round: 1 is above -1");
}

TEST(LatentExpression, DivisionByZeroAndOverflowAreNamedWithTheirColumn) {
  EXPECT_EQ(error("A / 0"), "column 3: division by zero");
  EXPECT_EQ(error("A / (mean(A) - 2)"), "column 3: division by zero");
  EXPECT_EQ(error("1 + A / big"), "column 7: division by zero: component 1 of the divisor is 0");
  EXPECT_EQ(error("zero / norm(zero)"), "column 6: division by zero");
  EXPECT_EQ(error("A * 1e307 * 1e307"), "column 11: the result is not finite");
}

TEST(LatentExpression, ANumberIsNoFace) {
  EXPECT_EQ(error_of([] { Expression("norm(big)").evaluate_latent(faces()); }),
            "\"norm(big)\", column 1: is the number 5 and no face");
  EXPECT_EQ(Expression("A/2").evaluate_latent(faces()), (Latent{0.5f, 1, 1.5f}));
  EXPECT_TRUE(
      contains(error_of([] { Expression("A * 1e100").evaluate_latent(faces()); }), "single precision"));
}

}  // namespace
}  // namespace duel::latent
