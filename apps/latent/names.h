// Faces with names: latent vectors that are called by them.
//
// A file of names is a safetensors file: one float32 tensor of shape (z_dim) a name, and in its metadata
// "format" and of the generator that drew the faces "checkpoint", its file as it was named then, and
// "generator", its fingerprint, by which it is known wherever it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duel::latent {

/// One z, z_dim numbers.
using Latent = std::vector<float>;

/// The names of a grid's pictures: A ... Z, AA, AB ... for 0 ... 25, 26, 27 ...
std::string letters(int64_t index);

/// Throws Error unless `name` can stand in an expression: a letter or '_', then letters, digits and '_', and
/// not the name of a function.
void check_name(std::string_view name);

/// The generator that drew faces.
struct Origin {
  std::filesystem::path checkpoint;  ///< its file then; empty where it is unknown
  std::string fingerprint;           ///< gan::fingerprint(); empty in files of before it was kept
};

class Names {
 public:
  explicit Names(int64_t z_dim) : z_dim_(z_dim) {}
  /// Throws Error if the file cannot be read, or if it holds anything but named latents of z_dim numbers.
  static Names read(const std::filesystem::path& path, int64_t z_dim);

  int64_t z_dim() const { return z_dim_; }
  /// Who drew the faces, as the file of names says it; else empty.
  const Origin& origin() const { return origin_; }
  /// In the order in which they were added.
  const std::vector<std::pair<std::string, Latent>>& entries() const { return entries_; }

  /// Null if there is none of that name.
  const Latent* find(std::string_view name) const;
  /// Adds a name, or gives it another latent. Throws Error as check_name() does, and
  /// unless it has z_dim() components, all finite.
  void set(const std::string& name, Latent z);
  /// Adds all of `other`. Throws Error if a name stands for different latents in the two.
  void merge(const Names& other);
  /// Adds all of `other`, instead of those that have the same names.
  void replace(const Names& other);
  /// The names, for people: "A, B, C and 61 more".
  std::string list() const;

  /// Replaces the file; throws as write_safetensors() does.
  void write(const std::filesystem::path& path, const Origin& origin) const;

 private:
  int64_t z_dim_;
  Origin origin_;
  std::vector<std::pair<std::string, Latent>> entries_;
};

}  // namespace duel::latent
