// The floors of the house: who may include whom, and where a backend may be told from another by the
// preprocessor. And that the library names no option of the program.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

const std::string kFactory = "ops/backends.cpp";      // the one place that knows the backends
const std::string kHostDevice = "lib/host_device.h";  // the one place that asks whether nvcc compiles

/// The floor of a path given from the root: its deepest folder that has rules of its own.
std::string floor_of(const std::string& path) {
  for (const char* floor :
       {"ops/cpu/", "ops/nn/", "ops/check/", "ops/", "lib/", "cuda/", "apps/", "tests/", "benchmarks/"}) {
    if (path.starts_with(floor)) return floor;
  }
  return "";
}

bool may_see(const std::string& path, const std::string& from, const std::string& to) {
  if (from == to || from == "apps/" || from == "tests/" || from == "benchmarks/") return true;
  if (to == "lib/") return true;
  if (from == "ops/nn/") return to == "ops/";
  if (from == "ops/check/") return to == "ops/" || to == "ops/nn/";
  return path == kFactory && to == "ops/cpu/";
}

bool is_cuda_header(const std::string& name) {
  for (const char* start : {"cuda", "cublas", "curand", "cudnn", "mma.h", "nv/", "nvtx", "cub/", "thrust/",
                            "cooperative_groups"}) {
    if (name.starts_with(start)) return true;
  }
  return false;
}

std::string_view without_leading_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

/// What stands after the # of a preprocessor line; empty for other lines.
std::string_view directive(std::string_view line) {
  line = without_leading_blanks(line);
  return line.starts_with('#') ? without_leading_blanks(line.substr(1)) : "";
}

/// Whether a literal on the line names an option, "--conv" say.
bool names_option(std::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i + 2 < line.size(); ++i) {
    if (line[i] == '"' && (i == 0 || line[i - 1] != '\\')) quoted = !quoted;
    if (quoted && line.substr(i, 2) == "--" && line[i + 2] >= 'a' && line[i + 2] <= 'z') return true;
  }
  return false;
}

/// The breach in one line of the file `path`, which is given from the root; empty if there is none.
std::string breach(const std::string& path, std::string_view line) {
  const std::string from = floor_of(path);
  const std::string_view text = directive(line);
  if ((text.starts_with("if") || text.starts_with("elif")) && text.find("CUDA") != text.npos) {
    const bool allowed = from == "cuda/" || path == kHostDevice || path == kFactory;
    return allowed ? "" : "tells a backend by the preprocessor";
  }
  const bool of_program = from == "apps/" || from == "tests/" || from == "benchmarks/";
  if (!of_program && names_option(line)) return "names an option, which the library's users have not";
  if (!text.starts_with("include")) return "";
  const std::string_view quoted = without_leading_blanks(text.substr(std::string_view("include").size()));
  const std::string name(quoted.substr(1, quoted.find_first_of("\">", 1) - 1));
  const std::string to = floor_of(name);
  if (quoted[0] == '"' && (to.empty() || name.find("..") != name.npos)) {
    return "includes \"" + name + "\", which is not written from the root";
  }
  if (!to.empty() && !may_see(path, from, to)) return "includes " + name + ", which " + from + " may not see";
  if (is_cuda_header(name) && from != "cuda/" && to.empty()) return "includes <" + name + "> outside cuda/";
  return "";
}

/// The breaches in one file, each as "path:line: what".
std::vector<std::string> breaches(const std::string& path, const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string what = breach(path, line);
    if (!what.empty()) found.push_back(concat(path, ":", number, ": ", what));
  }
  return found;
}

TEST(IncludeRules, SourcesKeepToTheirFloors) {
  const fs::path root = DUEL_SOURCE_DIR;
  int files = 0;
  for (const char* floor : {"lib", "ops", "cuda", "apps", "tests", "benchmarks"}) {
    if (!fs::exists(root / floor)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / floor)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
      std::ifstream in(entry.path());
      const std::string text((std::istreambuf_iterator<char>(in)), {});
      const std::string path = entry.path().lexically_relative(root).generic_string();
      for (const std::string& found : breaches(path, text)) ADD_FAILURE() << found;
      ++files;
    }
  }
  EXPECT_GT(files, 10) << "the sources were not found below " << root;
}

struct Line {
  const char* path;
  const char* text;
};

const Line kPlantedBreaches[] = {
    {"lib/tensor.h", "#include \"ops/conv2d.h\""},
    {"lib/tensor.h", "  #  include <ops/conv2d.h>"},
    {"lib/data/folder.cpp", "#include \"ops/cpu/gemm.h\""},
    {"lib/tensor.cpp", "#include \"tensor.h\""},
    {"lib/tensor.cpp", "#include \"lib/../ops/conv2d.h\""},
    {"lib/tensor.cpp", "#include <cuda_runtime.h>"},
    {"lib/tensor.cpp", "#ifdef DUEL_CUDA"},
    {"lib/tensor.cpp", "# elif defined(__CUDA_ARCH__)"},
    {"ops/cpu/conv2d.cpp", "#include \"ops/conv2d.h\""},
    {"ops/cpu/conv2d.cpp", "#include \"cuda/conv2d.h\""},
    {"ops/cpu/conv2d.cpp", "#if defined(__CUDACC__)"},
    {"ops/conv2d.cpp", "#include \"ops/cpu/conv2d.h\""},
    {"ops/conv2d.cpp", "#include \"ops/nn/layers.h\""},
    {"ops/backends.cpp", "#include \"cuda/backend.h\""},
    {"ops/nn/layers.cpp", "#include \"ops/cpu/backend.h\""},
    {"ops/nn/layers.cpp", "#include \"apps/gan/networks.h\""},
    {"cuda/conv2d.cu", "#include \"ops/conv2d.h\""},
    {"cuda/conv2d.cu", "#include \"ops/cpu/conv2d.h\""},
    {"apps/dcgan.cpp", "#include <cublas_v2.h>"},
    {"lib/allocator.cpp", "fail(\"out of memory; a smaller --batch-size needs less\");"},
};

const Line kAllowed[] = {
    {"lib/tensor.cpp", "#include <vector>"},
    {"lib/tensor.cpp", "// #include \"ops/conv2d.h\" would be a breach"},
    {"lib/tensor.cpp", "#ifdef _OPENMP"},
    {"lib/host_device.h", "#ifdef __CUDACC__"},
    {"ops/conv2d.cpp", "#include \"lib/kernels.h\""},
    {"ops/cpu/conv2d.cpp", "#include \"ops/cpu/gemm.h\""},
    {"ops/backends.cpp", "#include \"ops/cpu/backend.h\""},
    {"ops/nn/layers.cpp", "#include \"ops/conv2d.h\""},
    {"ops/check/gradient.cpp", "#include \"ops/nn/layers.h\""},
    {"cuda/conv2d.cu", "#include <cublasLt.h>"},
    {"cuda/conv2d.cu", "#if __CUDA_ARCH__ >= 900"},
    {"tests/conv2d_test.cpp", "#include \"ops/cpu/conv2d.h\""},
    {"apps/dcgan.cpp", "#include \"lib/error.h\""},
    {"lib/allocator.cpp", "check(--left > 0, \"nothing -- is left\");  // --batch-size"},
    {"apps/commands/options.cpp", "advising(\"--device cpu\", use);"},
};

TEST(IncludeRules, PlantedBreachIsFoundAtItsLine) {
  for (const Line& line : kPlantedBreaches) {
    const auto found = breaches(line.path, concat("#pragma once\n", line.text, "\n"));
    ASSERT_EQ(found.size(), 1u) << line.path << ": " << line.text;
    EXPECT_TRUE(found[0].starts_with(concat(line.path, ":2: "))) << found[0];
  }
}

TEST(IncludeRules, AllowedLinePasses) {
  for (const Line& line : kAllowed) {
    const auto found = breaches(line.path, line.text);
    EXPECT_TRUE(found.empty()) << found[0];
  }
}

}  // namespace
}  // namespace duel
