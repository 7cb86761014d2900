// From the text of an expression to its tree: recursive descent over the grammar in expression.h.
#include <charconv>

#include "apps/latent/term.h"
#include "lib/error.h"
#include "lib/quote.h"

namespace duel::latent {
namespace {

// Without <cctype>, whose answers depend on the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

class Parser {
 public:
  Parser(std::string_view text, std::vector<ExpressionPart>& parts) : text_(text), parts_(parts) {}

  std::unique_ptr<Term> parse() {
    std::unique_ptr<Term> root = sum();
    if (!at_end()) fail_here("expected an operator, found " + found());
    cut_before(text_.size());
    return root;
  }

 private:
  // Deeper nesting than anybody writes could exhaust the stack.
  static constexpr int kDeepest = 200;
  // So could longer sums and products, which are trees as deep as they have operations.
  static constexpr int kMostOperations = 1000;

  std::unique_ptr<Term> sum() {
    std::unique_ptr<Term> left = product();
    for (;;) {
      const size_t column = here();
      if (take('+')) {
        left = binary(Term::Kind::Add, column, std::move(left), product());
      } else if (take('-')) {
        left = binary(Term::Kind::Subtract, column, std::move(left), product());
      } else {
        return left;
      }
    }
  }

  std::unique_ptr<Term> product() {
    std::unique_ptr<Term> left = factor();
    for (;;) {
      const size_t column = here();
      if (take('*')) {
        left = binary(Term::Kind::Multiply, column, std::move(left), factor());
      } else if (take('/')) {
        left = binary(Term::Kind::Divide, column, std::move(left), factor());
      } else {
        return left;
      }
    }
  }

  std::unique_ptr<Term> factor() {
    const size_t column = here();
    if (++depth_ > kDeepest) fail_here("is nested too deeply");
    std::unique_ptr<Term> term;
    if (take('-')) {
      term = std::make_unique<Term>(Term{Term::Kind::Negate, column});
      term->operands.push_back(factor());
    } else if (take('(')) {
      term = sum();
      close(column);
    } else if (!at_end() && begins_name(text_[position_])) {
      term = name_or_call();
    } else if (!at_end() && (is_digit(text_[position_]) || text_[position_] == '.')) {
      term = number();
    } else {
      fail_here("expected a name, a number or '(', found " + found());
    }
    --depth_;
    return term;
  }

  std::unique_ptr<Term> number() {
    const size_t column = here();
    auto term = std::make_unique<Term>(Term{Term::Kind::Number, column});
    const auto [end, error] =
        std::from_chars(text_.data() + position_, text_.data() + text_.size(), term->number);
    if (error == std::errc::result_out_of_range) fail_here("the number is out of range");
    if (error != std::errc()) fail_here("expected a number, found " + found());
    position_ = static_cast<size_t>(end - text_.data());
    return term;
  }

  std::unique_ptr<Term> name_or_call() {
    const size_t column = here(), begin = position_;
    while (position_ < text_.size() && (begins_name(text_[position_]) || is_digit(text_[position_])))
      ++position_;
    const size_t end = position_;
    auto term = std::make_unique<Term>(Term{Term::Kind::Name, column});
    term->name = text_.substr(begin, end - begin);
    const Function* const function = find_function(term->name);
    const size_t open = here();
    if (take('(')) {
      if (!function)
        fail_at(text_, column,
                concat("there is no function '", term->name, "'; there are ", function_names()));
      call(*term, *function, open);
    } else {
      if (function)
        fail_at(text_, column, concat("'", term->name, "' is a function: write ", function->usage));
      cut_before(begin);
      parts_.push_back({term->name, true});
      cut_ = end;
    }
    return term;
  }

  void call(Term& term, const Function& function, size_t open) {
    term.kind = Term::Kind::Call;
    do {
      term.operands.push_back(sum());
    } while (take(','));
    close(open);
    const size_t count = term.operands.size();
    if (count < function.least || count > function.most)
      fail_at(
          text_, term.column,
          concat("write ", function.usage, "; here are ", counted(static_cast<int64_t>(count), "argument")));
  }

  std::unique_ptr<Term> binary(Term::Kind kind, size_t column, std::unique_ptr<Term> left,
                               std::unique_ptr<Term> right) {
    if (++operations_ > kMostOperations)
      fail_at(text_, column, concat("there are more than ", kMostOperations, " operations"));
    auto term = std::make_unique<Term>(Term{kind, column});
    term->operands.push_back(std::move(left));
    term->operands.push_back(std::move(right));
    return term;
  }

  void skip_blanks() {
    while (position_ < text_.size() && is_blank(text_[position_])) ++position_;
  }
  bool at_end() {
    skip_blanks();
    return position_ == text_.size();
  }
  /// The column of what comes next.
  size_t here() {
    skip_blanks();
    return position_ + 1;
  }
  bool take(char c) {
    if (at_end() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void close(size_t open) {
    if (!take(')')) fail_here(concat("expected ')' for the '(' at column ", open, ", found ", found()));
  }
  std::string found() {
    if (at_end()) return "the end";
    const std::string_view rest = text_.substr(position_);
    return concat("'", rest.substr(0, length_of_character(rest)), "'");
  }
  [[noreturn]] void fail_here(const std::string& message) { fail_at(text_, here(), message); }

  /// What was not yet cut off becomes a part, without the blanks around it.
  void cut_before(size_t end) {
    size_t begin = cut_;
    while (begin < end && is_blank(text_[begin])) ++begin;
    while (end > begin && is_blank(text_[end - 1])) --end;
    if (end > begin) parts_.push_back({std::string(text_.substr(begin, end - begin)), false});
  }

  std::string_view text_;
  std::vector<ExpressionPart>& parts_;
  size_t position_ = 0, cut_ = 0;
  int depth_ = 0, operations_ = 0;
};

}  // namespace

bool is_identifier(std::string_view text) {
  if (text.empty() || !begins_name(text[0])) return false;
  for (const char c : text)
    if (!begins_name(c) && !is_digit(c)) return false;
  return true;
}

void fail_at(std::string_view text, size_t column, const std::string& message) {
  fail("\"", quoted_around(text, column - 1), "\", column ", column, ": ", message);
}

std::unique_ptr<Term> parse(std::string_view text, std::vector<ExpressionPart>& parts) {
  return Parser(text, parts).parse();
}

}  // namespace duel::latent
