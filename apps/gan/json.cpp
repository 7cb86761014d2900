#include "apps/gan/json.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

/// The parser's message, without its number among them. It quotes all of a long text or number: of that the
/// end, where it went wrong.
std::string readable(std::string_view message) {
  if (const size_t end = message.find("] "); message.starts_with('[') && end != message.npos)
    message.remove_prefix(end + 2);
  if (constexpr std::string_view start = "parse error at "; message.starts_with(start))
    message.remove_prefix(start.size());
  size_t quotation = message.size();
  for (const char* mark : {"last read: ", "overflow parsing "})
    quotation = std::min(quotation, message.find(mark));
  const std::string_view rest = message.substr(quotation);
  return concat(message.substr(0, quotation), quoted_around(rest, rest.size()));
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  // Whatever reads or writes a value calls itself for those in it: a deeper one could exhaust the stack. The
  // entries of an object are found one after the other: the time that a file takes goes with their square.
  constexpr int deepest = 200, most_keys = 10'000;
  int keys = 0;
  const auto watch = [&](int depth, Json::parse_event_t event, const Json&) {
    check(depth <= deepest, where, ": is JSON in which more than ", deepest, " lists and objects are nested");
    keys += event == Json::parse_event_t::key;
    check(keys <= most_keys, where, ": is JSON with more than ", most_keys, " keys");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {  // syntax, or a number that is out of range
    fail(where, ": is no JSON: ", readable(error.what()));
  }
}

Json read_json(const std::filesystem::path& file) {
  const std::vector<uint8_t> bytes = read_file(file);
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.string());
}

std::string json_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string quoted(const Json& json) { return quoted_around(json_text(json), 0); }

}  // namespace duel::gan
