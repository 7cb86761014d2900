// Reading and writing safetensors, the format in which PyTorch users exchange named tensors.
//
// A file is the length of its header (8 bytes, little-endian), the header (JSON, padded with spaces), and the
// elements, little-endian and the last dimension fastest:
//   {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape": [2, 3],
//                                                   "data_offsets": [0, 24]}, ...}
// Offsets count from the end of the header; together the tensors cover the rest of the file without a gap.
// Source: the format's reference implementation, https://github.com/huggingface/safetensors.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/tensor.h"

namespace duel {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

struct SafetensorsFile {
  std::filesystem::path path;
  NamedTensors tensors;            ///< in the order of the header, on the CPU
  std::vector<std::string> names;  ///< of all tensors in the file
  std::map<std::string, std::string> metadata;

  /// The tensor called `name`. Throws Error with the path and the nearest names if there is none.
  const Tensor& at(std::string_view name) const;
};

/// Reads F32, F64, U8 and I64 as they are; F16 and BF16 become float32, which holds each of their values.
/// Offsets need not be multiples of the element size: not every program that writes the format sees to it.
/// Throws Error, one line with the path and what is wrong, for a file that cannot be read, is no safetensors,
/// is cut short or damaged, or holds an element type or a number of dimensions that Tensor does not have.
/// With `wanted`, reads only the tensors of which it is true; the header is checked as a whole all the same.
SafetensorsFile read_safetensors(const std::filesystem::path& path,
                                 const std::function<bool(std::string_view)>& wanted = {});

/// Writes defined tensors of any device, replacing the file at once or, if that fails, not at all; see
/// write_file_atomically(). The header names them in their order; their elements are stored by element size,
/// largest first, so that each is aligned. Waits for the devices. Throws Error with the path for a name that
/// comes twice or is "__metadata__", for text that is not UTF-8, and if the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace duel
