#include "ops/nn/state_file.h"

#include <utility>

#include "lib/finite.h"

namespace duel::nn {

std::vector<StoredTensor> stored_state(const Module& module, const std::string& prefix) {
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& part : module.state(prefix))
    tensors.push_back({part.name, *part.tensor, part.layout});
  return tensors;
}

void write_stored(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors,
                  const std::map<std::string, std::string>& metadata) {
  NamedTensors outside;
  for (const StoredTensor& stored : tensors)
    outside.emplace_back(stored.name, to_outside(stored.tensor, stored.layout));
  write_safetensors(path, outside, metadata);
}

void read_stored(const SafetensorsFile& file, const std::vector<StoredTensor>& tensors, const char* sizes) {
  const std::string path = file.path.string();
  std::vector<Tensor> found;
  for (const StoredTensor& stored : tensors) {
    const Tensor& tensor = file.at(stored.name);
    const Shape expected = outside_shape(stored.tensor.shape(), stored.layout);
    check(tensor.shape() == expected, path, ": ", stored.name, " has shape ", tensor.shape(),
          ", the network needs ", expected, "; it was saved with other sizes", sizes);
    check(tensor.dtype() == stored.tensor.dtype(), path, ": ", stored.name, " holds ",
          name_of(tensor.dtype()), ", expected ", name_of(stored.tensor.dtype()));
    check(!stored.must_be_finite || all_finite(tensor.to_vector<float>()), path, ": ", stored.name,
          " holds numbers that are not finite; take an earlier checkpoint of the run");
    found.push_back(from_outside(tensor, stored.layout));
  }
  for (size_t i = 0; i < tensors.size(); ++i) tensors[i].tensor.copy_from(found[i]);
}

void save(const std::filesystem::path& path, const Module& module) {
  write_stored(path, stored_state(module));
}

void load(const std::filesystem::path& path, Module& module) {
  read_stored(read_safetensors(path), stored_state(module));
}

}  // namespace duel::nn
