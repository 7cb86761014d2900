// The PNM formats of Netpbm: PBM, PGM and PPM, plain and binary (P1 to P6).
#pragma once

#include <cstdint>
#include <span>

#include "lib/io/image.h"

namespace duel {

bool is_pnm(std::span<const uint8_t> bytes);

/// The first picture of the stream, any maximum value scaled to 0..255; PBM and PGM are grey. Throws Error as
/// decode_image() does. Source: the pages pbm(5), pgm(5) and ppm(5) of Netpbm.
Image decode_pnm(std::span<const uint8_t> bytes);

}  // namespace duel
