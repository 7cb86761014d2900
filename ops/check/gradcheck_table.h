// What a series of gradient checks found, as a table for people.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "ops/check/gradcheck.h"

namespace duel {

/// The line of one op or network: how much was checked, and where it was worst.
class GradcheckRow {
 public:
  explicit GradcheckRow(std::string name) : name_(std::move(name)) {}

  /// Adds a case, which is called `at`; `names` says what its inputs are called.
  void add(const GradcheckResult& result, const std::string& at, const std::vector<std::string>& names);

  bool passed() const { return passed_; }
  /// With "ok" or "FAIL" in it, and without a line break.
  std::string str() const;

 private:
  std::string name_, where_;
  int64_t cases_ = 0, checked_ = 0, elements_ = 0;
  bool passed_ = true;
  double error_ = -1;
};

/// Prints its head at once, and each row as it is added.
class GradcheckTable {
 public:
  explicit GradcheckTable(std::ostream& out);

  void add(const GradcheckRow& row);
  /// Whether every row has passed.
  bool passed() const { return passed_; }

 private:
  std::ostream& out_;
  bool passed_ = true;
};

}  // namespace duel
