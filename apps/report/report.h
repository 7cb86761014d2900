// report.html: one self-contained page of one run, or of several beside each other.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace duel::report {

/// Writes the page atomically. It needs no network, loads nothing but itself, and stays under about 5 MB.
/// Returns one line for each file that cannot be shown, such as a damaged picture; throws Error where a run
/// cannot be read at all (see read_run()) or the page cannot be written.
std::vector<std::string> write_report(const std::vector<std::filesystem::path>& runs,
                                      const std::filesystem::path& output);

}  // namespace duel::report
