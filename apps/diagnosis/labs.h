// Labs: trainings that fail on purpose, each in the way that its page in docs/labs/ explains.
#pragma once

#include <span>
#include <string_view>

#include "apps/diagnosis/judge.h"
#include "apps/gan/trainer.h"

namespace duel::diagnosis {

struct Lab {
  const char* name;
  const char* about;  ///< one line: what is done wrong
  Cause planted;      ///< what the diagnosis is to say
  gan::Config (*config)();
  void (*spoil)(gan::Trainer&);  ///< what no option of train can do
};

std::span<const Lab> labs();
/// Throws Error listing the labs if there is none of that name.
const Lab& find_lab(std::string_view name);

}  // namespace duel::diagnosis
