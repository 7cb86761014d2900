// JSON as the program reads and writes it: the order of the entries is kept.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace duel::gan {

using Json = nlohmann::ordered_json;

/// What `text` says. Throws Error, which names `where` and the place in the text, if that is no JSON, or one
/// nested more than 200 deep.
Json parse_json(std::string_view text, const std::string& where);

/// What a file says. Throws Error, which names the file, if it cannot be read or is no JSON.
Json read_json(const std::filesystem::path& file);

/// `json` in one line or, from `indent` 0 on, in many. Bytes that are no UTF-8 become U+FFFD.
std::string json_text(const Json& json, int indent = -1);

/// As much of it in one line as a message quotes.
std::string quoted(const Json& json);

}  // namespace duel::gan
