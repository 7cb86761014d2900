// Modules in files: safetensors with PyTorch's names, shapes and order, so that load_state_dict() takes them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/io/safetensors.h"
#include "ops/nn/module.h"

namespace duel::nn {

/// Writes a module's parameters and buffers, whatever device they are on. Throws Error as write_safetensors()
/// does, which also says what becomes of an earlier file.
void save(const std::filesystem::path& path, const Module& module);

/// Copies what save() wrote, or PyTorch's state_dict() of the same network in a safetensors file, into the
/// module's tensors; what else the file holds is passed by. Throws Error naming the file and the tensor that
/// is missing there, or has another shape or type; the module is then unchanged.
void load(const std::filesystem::path& path, Module& module);

// ---- the same for files that hold more than one module ----

/// A tensor of the program and how a file holds it.
struct StoredTensor {
  std::string name;
  Tensor tensor;
  Layout layout = Layout::Plain;
  bool must_be_finite = false;  ///< of float32: a file in which it is not is refused
};

/// A module's parameters and buffers, their names behind `prefix` and a dot.
std::vector<StoredTensor> stored_state(const Module& module, const std::string& prefix = "");
void write_stored(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors,
                  const std::map<std::string, std::string>& metadata = {});
/// Copies every tensor from the file, after all have been looked at. `sizes` ends the message about another
/// shape: what the sizes are called where they are chosen.
void read_stored(const SafetensorsFile& file, const std::vector<StoredTensor>& tensors,
                 const char* sizes = "");

}  // namespace duel::nn
