// Ways from one face to another.
#pragma once

#include <vector>

#include "apps/latent/names.h"

namespace duel::latent {

enum class Method {
  Lerp,   ///< straight, by equal steps
  Slerp,  ///< along the arc, by equal angles; see slerp()
};

const char* name_of(Method method);

/// `count` faces from a to b, both included; count >= 2. Throws Error as slerp() does.
std::vector<Latent> interpolate(const Latent& a, const Latent& b, int64_t count, Method method);

}  // namespace duel::latent
