#include "apps/commands/outputs.h"

#include <CLI/CLI.hpp>
#include <string>
#include <system_error>

#include "apps/gan/checkpoint.h"
#include "apps/gan/run_folder.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::commands {
namespace {

/// One spelling of a path for each file, whether it exists or not.
std::filesystem::path spelled_out(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  const std::filesystem::path whole = std::filesystem::weakly_canonical(absolute, error);
  return error ? absolute.lexically_normal() : whole;
}

void check_different(const NamedFile& one, const NamedFile& other) {
  check(spelled_out(one.path) != spelled_out(other.path), one.name, " and ", other.name,
        " would be one file, ", one.path.string(), "; give them different names");
}

/// A file that is called a picture of a kind that the program does not write could be opened by nothing.
void check_ending(const NamedFile& output) {
  const std::string ending = CLI::detail::to_lower(output.path.extension().string());
  for (const char* other : {".jpg", ".jpeg", ".gif", ".bmp", ".tga", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
                            ".svg", ".pdf", ".mp4", ".webm"})
    check(ending != other, output.name, ": ", output.path.string(), " would be no ", ending,
          ": pictures and films are written as PNG; name it ",
          std::filesystem::path(output.path).replace_extension(".png").string());
}

/// Replacing a device or a pipe would take it away from everybody.
void check_replaceable(const NamedFile& output) {
  std::error_code ignored;
  const auto status = std::filesystem::status(output.path, ignored);
  check(!std::filesystem::is_directory(status), output.name, ": ", output.path.string(),
        " is a folder; name a file in it");
  check(!std::filesystem::exists(status) || std::filesystem::is_regular_file(status), output.name, ": ",
        output.path.string(), " is no ordinary file and cannot be replaced by one; name another");
}

void check_folder(const NamedFile& output) {
  const std::filesystem::path parent = output.path.parent_path();
  const std::filesystem::path folder = parent.empty() ? "." : parent;
  std::error_code ignored;
  check(std::filesystem::is_directory(folder, ignored), output.name, ": ", output.path.string(),
        " cannot be written, as there is no folder ", folder.string(), "; make it first");
  const std::string why = why_not_writable(folder);
  check(why.empty(), output.name, ": ", output.path.string(), " cannot be written into ", folder.string(),
        ": ", why, "; name one in a folder that can be");
}

}  // namespace

void check_outputs(const std::vector<NamedFile>& outputs, bool force, const std::vector<NamedFile>& inputs) {
  std::vector<std::filesystem::path> files;
  for (size_t i = 0; i < outputs.size(); ++i) {
    check_ending(outputs[i]);
    check_replaceable(outputs[i]);
    check_folder(outputs[i]);
    for (const NamedFile& input : inputs) check_different(outputs[i], input);
    for (size_t j = 0; j < i; ++j) check_different(outputs[j], outputs[i]);
    files.push_back(outputs[i].path);
  }
  for (const auto& [name, path] : outputs)
    check(!gan::is_part_of_run(spelled_out(path)), name, ": ", path.string(),
          " is a part of the run there; name another file");
  refuse_to_overwrite(files, force);
}

void check_folder_to_fill(const std::string& name, const std::filesystem::path& path) {
  const std::string why = why_not_fillable(path);
  check(why.empty(), name, ": ", path.string(), " cannot be written: ", why, "; name another folder");
}

NamedFile checkpoint_input(const std::string& checkpoint) {
  return {"--checkpoint", gan::find_checkpoint(checkpoint)};
}

void refuse_to_overwrite(const std::vector<std::filesystem::path>& files, bool force) {
  if (force) return;
  for (const std::filesystem::path& file : files)
    check(!std::filesystem::exists(file), file.string(), " is already there; --force overwrites it");
}

}  // namespace duel::commands
