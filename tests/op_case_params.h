// How tests choose and name the op cases.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "ops/check/op_cases.h"

namespace duel {

/// The cases marked for one kind of check: cases_with(&OpCase::gradcheck).
inline std::vector<OpCase> cases_with(bool OpCase::*mark) {
  std::vector<OpCase> cases = op_cases();
  std::erase_if(cases, [mark](const OpCase& op_case) { return !(op_case.*mark); });
  return cases;
}

/// "conv2d_k4_s2_p1": test names hold letters, digits and underscores alone.
inline std::string op_case_name(const testing::TestParamInfo<OpCase>& info) {
  std::string name = info.param.str();
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

inline void PrintTo(const OpCase& op_case, std::ostream* out) { *out << op_case.str(); }

}  // namespace duel
