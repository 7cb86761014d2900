#include "ops/check/gradcheck_table.h"

#include <algorithm>
#include <cstdio>

#include "lib/error.h"

namespace duel {

void GradcheckRow::add(const GradcheckResult& result, const std::string& at,
                       const std::vector<std::string>& names) {
  ++cases_;
  checked_ += result.checked;
  elements_ += result.elements;
  passed_ = passed_ && result.passed;
  if (result.error <= error_) return;
  error_ = result.error;
  where_ = concat(at, at.empty() ? "" : " ", names[result.input], "[", result.element, "]");
}

std::string GradcheckRow::str() const {
  char numbers[128];
  std::snprintf(numbers, sizeof numbers, " %6lld %10lld of %-10lld %9.1e  %-4s  ",
                static_cast<long long>(cases_), static_cast<long long>(checked_),
                static_cast<long long>(elements_), error_, passed_ ? "ok" : "FAIL");
  return name_ + std::string(18 - std::min<size_t>(18, name_.size()), ' ') + numbers + where_;
}

GradcheckTable::GradcheckTable(std::ostream& out) : out_(out) {
  char head[128];
  std::snprintf(head, sizeof head, "%-18s %6s %10s    %-10s %9s  %-4s  %s\n", "op", "cases", "checked",
                "elements", "worst", "", "where");
  out_ << head << std::flush;
}

void GradcheckTable::add(const GradcheckRow& row) {
  out_ << row.str() << std::endl;
  passed_ = passed_ && row.passed();
}

}  // namespace duel
