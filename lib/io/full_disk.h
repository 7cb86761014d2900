// The one failure of writing that passes by itself, or by hand: there is no room.
#pragma once

#include "lib/error.h"

namespace duel {

/// A file could not be written because the disk or a quota is full, or the file larger than is allowed.
class FullDisk : public Error {
 public:
  using Error::Error;
};

}  // namespace duel
