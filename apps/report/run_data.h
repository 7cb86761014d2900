// What a report shows of one run, gathered from its folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/gan/json.h"

namespace duel::report {

/// All that the page's script reads of a run. What the folder lacks is null: a run may have just begun, or
/// come from a version that did not write it.
struct RunData {
  gan::Json json;
  /// One line for each file of the run that cannot be shown.
  std::vector<std::string> left_out;
};

/// Reads the folder of a run, also of one that is still training. The film's pictures and, if they are
/// wanted, those of the data take at most `picture_bytes` of base64: with more, epochs in between are left
/// out evenly (json["film"]["of"] is how many there are), but never the first and the last. Throws Error if
/// the folder holds no run, or naming the file (and row) that another version or a broken disk wrote.
RunData read_run(const std::filesystem::path& folder, uint64_t picture_bytes, bool with_reals);

}  // namespace duel::report
