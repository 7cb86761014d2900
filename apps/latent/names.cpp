#include "apps/latent/names.h"

#include <algorithm>

#include "apps/latent/expression.h"
#include "lib/finite.h"
#include "lib/io/safetensors.h"
#include "lib/quote.h"

namespace duel::latent {
namespace {

constexpr const char* kFormat = "duel names 1";

}  // namespace

std::string letters(int64_t index) {
  std::string text;
  for (++index; index > 0; index = (index - 1) / 26)
    text.insert(text.begin(), static_cast<char>('A' + (index - 1) % 26));
  return text;
}

void check_name(std::string_view name) {
  check(is_identifier(name), "'", name,
        "' cannot be a name: a name is a letter or '_' and then letters, digits and '_'");
  check(!is_function(name), "'", name, "' cannot be a name: it is a function of the expressions");
}

Names Names::read(const std::filesystem::path& path, int64_t z_dim) {
  const SafetensorsFile file = read_safetensors(path);
  const auto format = file.metadata.find("format");
  check(format != file.metadata.end() && format->second == kFormat, path.string(),
        ": is no file of names, as dcgan sample and dcgan latent write them");
  Names names(z_dim);
  const auto text = [&file](const char* key) {
    const auto entry = file.metadata.find(key);
    return entry == file.metadata.end() ? std::string() : entry->second;
  };
  names.origin_ = {text("checkpoint"), text("generator")};
  for (const auto& [name, tensor] : file.tensors) {
    check(tensor.dtype() == DType::Float32 && tensor.dims() == 1, path.string(), ": ", quoted_around(name, 0),
          " is no latent: it holds ", name_of(tensor.dtype()), " of shape ", tensor.shape());
    check(tensor.dim(0) == z_dim, path.string(), ": ", quoted_around(name, 0), " has ", tensor.dim(0),
          " components, this checkpoint's latents have ", z_dim, "; it was named with another checkpoint");
    try {
      names.set(name, tensor.to_vector<float>());
    } catch (const Error& error) {
      fail(path.string(), ": ", error.what());
    }
  }
  return names;
}

const Latent* Names::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [name](const auto& entry) { return entry.first == name; });
  return found == entries_.end() ? nullptr : &found->second;
}

void Names::set(const std::string& name, Latent z) {
  check_name(name);
  check(static_cast<int64_t>(z.size()) == z_dim_, name, " has ", z.size(), " components instead of ", z_dim_);
  check(all_finite(z), name, " holds numbers that are not finite");
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == name; });
  if (found != entries_.end()) {
    found->second = std::move(z);
  } else {
    entries_.emplace_back(name, std::move(z));
  }
}

void Names::merge(const Names& other) {
  for (const auto& [name, z] : other.entries()) {
    const Latent* const own = find(name);
    check(own == nullptr || *own == z, "the name ", name,
          " stands for different faces in the files of --names");
    set(name, z);
  }
}

void Names::replace(const Names& other) {
  for (const auto& [name, z] : other.entries()) set(name, z);
}

std::string Names::list() const {
  constexpr size_t shown = 12;
  if (entries_.empty()) return "none";
  std::string text;
  for (size_t i = 0; i < std::min(shown, entries_.size()); ++i) text += (i ? ", " : "") + entries_[i].first;
  if (entries_.size() > shown) text += concat(" and ", entries_.size() - shown, " more");
  return text;
}

void Names::write(const std::filesystem::path& path, const Origin& origin) const {
  NamedTensors tensors;
  for (const auto& [name, z] : entries_) tensors.emplace_back(name, Tensor::from(z, {z_dim_}));
  write_safetensors(
      path, tensors,
      {{"format", kFormat}, {"checkpoint", origin.checkpoint.string()}, {"generator", origin.fingerprint}});
}

}  // namespace duel::latent
