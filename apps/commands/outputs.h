// The files that a command is to write: what could be wrong with them is said before anything is computed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace duel::commands {

/// A file, and what people know it by: an option, or "the latents beside --output".
struct NamedFile {
  std::string name;
  std::filesystem::path path;
};

/// Throws Error naming the first of `outputs` that cannot be written: that is one file with another of them
/// or with one of `inputs`, that is something else than a file, is called a picture of another kind than PNG,
/// or a part of a run, whose folder is not there or cannot be written, or, unless `force`, that exists.
void check_outputs(const std::vector<NamedFile>& outputs, bool force,
                   const std::vector<NamedFile>& inputs = {});

/// Throws Error where `path`, a folder or one that is to be made with those around it, cannot be written
/// into.
void check_folder_to_fill(const std::string& name, const std::filesystem::path& path);

/// The file that a command reads for `checkpoint`, which may be the folder of a run. Throws Error if there is
/// none.
NamedFile checkpoint_input(const std::string& checkpoint);

/// Throws Error naming the first of the files that exists, unless `force`.
void refuse_to_overwrite(const std::vector<std::filesystem::path>& files, bool force);

}  // namespace duel::commands
