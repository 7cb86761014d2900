// Films: animated PNGs.
//
// Source: the APNG extension in the PNG specification, third edition (W3C, 2025), section 11.3.6.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "lib/io/image.h"

namespace duel::latent {

/// The frames, each shown for `milliseconds` (1 .. 65535), over and over. A program that knows no films shows
/// the first one. Throws Error if there is no frame, or they differ in size or channels.
std::vector<uint8_t> encode_film(std::span<const Image> frames, int64_t milliseconds);

/// Writes the file atomically; throws as encode_film() and write_file_atomically() do.
void write_film(const std::filesystem::path& path, std::span<const Image> frames, int64_t milliseconds);

}  // namespace duel::latent
