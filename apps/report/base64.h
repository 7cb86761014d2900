// Base64 (RFC 4648): how a page embeds pictures.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace duel::report {

constexpr uint64_t base64_size(uint64_t bytes) { return (bytes + 2) / 3 * 4; }

std::string base64(std::span<const uint8_t> bytes);

}  // namespace duel::report
