// Whether a kernel overwrites its output or adds to it.
#pragma once

namespace duel {

enum class Write { Set, Add };

}  // namespace duel
