#include "apps/gan/expression.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "lib/error.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

/// The letters, digits and underscores from `at` on: a name, where they begin with no digit.
std::string_view word_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
    ++end;
  return text.substr(at, end - at);
}

/// Recursive descent: each function reads one level of the grammar and returns its value.
class Parser {
 public:
  Parser(std::string_view text, const Variables& variables) : text_(text), variables_(variables) {}

  double whole_text() {
    const double value = sum();
    skip_blanks();
    if (at_ < text_.size()) complain("an operator was expected");
    return value;
  }

 private:
  // Deeper nesting than anybody writes could exhaust the stack.
  static constexpr int deepest = 200;

  // sum: product (('+' | '-') product)*
  double sum() {
    double value = product();
    for (;;) {
      if (take('+')) {
        value += product();
      } else if (take('-')) {
        value -= product();
      } else {
        return value;
      }
    }
  }

  // product: power (('*' | '/') power)*
  double product() {
    double value = power();
    for (;;) {
      if (take('*')) {
        value *= power();
      } else if (take('/')) {
        const double divisor = power();
        if (divisor == 0) complain("division by zero");
        value /= divisor;
      } else {
        return value;
      }
    }
  }

  // power: '-' power | atom ('^' power)?
  double power() {
    if (++depth_ > deepest) complain("is nested too deeply");
    double value;
    if (take('-')) {
      value = -power();
    } else {
      value = atom();
      if (take('^')) value = std::pow(value, power());
    }
    --depth_;
    return value;
  }

  // atom: number | variable | 'log2' '(' sum ')' | '(' sum ')'
  double atom() {
    if (take('(')) return closed(sum());
    const size_t start = at_;
    if (at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.'))
      return number();
    const std::string_view name = word_at(text_, at_);
    at_ += name.size();
    if (name.empty()) complain("a number or a name was expected");
    if (name == "log2" && take('(')) return std::log2(closed(sum()));
    const auto found = variables_.find(name);
    if (found != variables_.end()) return found->second;
    at_ = start;
    std::string known;
    for (const auto& [variable, value] : variables_) known += (known.empty() ? "" : ", ") + variable;
    complain(concat("there is no '", name, "'; it may be one of ", known));
  }

  double number() {
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) complain("this is no number");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  double closed(double value) {
    if (!take(')')) complain("a ) is missing");
    return value;
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_blanks();
    return true;
  }

  [[noreturn]] void complain(const std::string& what) const {
    fail("'", quoted_around(text_, at_), "', column ", at_ + 1, ": ", what);
  }

  std::string_view text_;
  const Variables& variables_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

double evaluate(std::string_view text, const Variables& variables) {
  return Parser(text, variables).whole_text();
}

bool mentions(std::string_view text, std::string_view variable) {
  for (size_t at = 0; at < text.size();) {
    const std::string_view word = word_at(text, at);
    if (word == variable) return true;
    at += std::max<size_t>(1, word.size());
  }
  return false;
}

}  // namespace duel::gan
