// report.html: one self-contained page of one run, or of several beside each other; and losses.png.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace duel::report {

/// The picture of the losses that goes with a page: losses.png beside a report.html, the name with .png
/// beside any other one.
std::filesystem::path losses_picture_beside(const std::filesystem::path& page);

/// Whether the file is a page that write_report() wrote, now or in an earlier version.
bool is_report(const std::filesystem::path& file);

/// Writes the page, and the picture of the losses beside it, each atomically. It needs no network and loads
/// nothing but itself. Its pictures take up to 4 MB, unless those that no page lacks are larger: the first
/// and the last of each run's film and, of a single run, those of the data. Everything else takes up to about
/// 1 MB a run. Returns one line for each file that cannot be shown, such as a damaged picture; throws Error
/// where a run cannot be read at all (see read_run()) or the page cannot be written.
std::vector<std::string> write_report(const std::vector<std::filesystem::path>& runs,
                                      const std::filesystem::path& output);

}  // namespace duel::report
