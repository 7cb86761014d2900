#include "apps/latent/expression.h"

#include <cmath>

#include "apps/latent/term.h"
#include "lib/error.h"

namespace duel::latent {
namespace {

class Evaluation {
 public:
  Evaluation(std::string_view text, const Names& names) : text_(text), names_(names) {}

  Value of(const Term& term) const {
    Value value = compute(term);
    for (const double x : value.elements)
      if (!std::isfinite(x)) fail_at(text_, term.column, "the result is not finite");
    return value;
  }

 private:
  Value compute(const Term& term) const {
    using Kind = Term::Kind;
    if (term.kind == Kind::Number) return Value::number(term.number);
    if (term.kind == Kind::Name) return named(term);
    std::vector<Value> operands;
    for (const auto& operand : term.operands) operands.push_back(of(*operand));
    switch (term.kind) {
      case Kind::Negate:
        return componentwise(Value::number(0), operands[0], std::minus<>());
      case Kind::Add:
        return componentwise(operands[0], operands[1], std::plus<>());
      case Kind::Subtract:
        return componentwise(operands[0], operands[1], std::minus<>());
      case Kind::Multiply:
        return componentwise(operands[0], operands[1], std::multiplies<>());
      case Kind::Divide:
        return quotient(term, operands[0], operands[1]);
      default:
        return call(term, operands);
    }
  }

  Value named(const Term& term) const {
    const Latent* const z = names_.find(term.name);
    if (z == nullptr)
      fail_at(
          text_, term.column,
          concat("nothing is named '", term.name, "'; ",
                 names_.entries().empty()
                     ? "there are no names: dcgan sample and dcgan latent name make them, --names reads them"
                     : "there are: " + names_.list()));
    return {std::vector<double>(z->begin(), z->end())};
  }

  Value quotient(const Term& term, const Value& a, const Value& b) const {
    for (size_t i = 0; i < b.elements.size(); ++i) {
      if (b.elements[i] == 0)
        fail_at(text_, term.column,
                b.is_number ? std::string("division by zero")
                            : concat("division by zero: component ", i, " of the divisor is 0"));
    }
    return componentwise(a, b, std::divides<>());
  }

  Value call(const Term& term, const std::vector<Value>& arguments) const {
    try {
      return find_function(term.name)->apply(arguments);
    } catch (const Error& error) {
      fail_at(text_, term.column, error.what());
    }
  }

  std::string_view text_;
  const Names& names_;
};

}  // namespace

Expression::Expression(std::string text) : text_(std::move(text)), root_(parse(text_, parts_)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression::~Expression() = default;

Value Expression::evaluate(const Names& names) const { return Evaluation(text_, names).of(*root_); }

Latent Expression::evaluate_latent(const Names& names) const {
  const Value value = evaluate(names);
  if (value.is_number) fail_at(text_, 1, concat("is the number ", value.elements[0], " and no face"));
  Latent z(value.elements.begin(), value.elements.end());
  for (const float x : z)
    if (!std::isfinite(x)) fail_at(text_, 1, "the result is too large for single precision");
  return z;
}

}  // namespace duel::latent
