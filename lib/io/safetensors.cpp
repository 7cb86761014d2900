#include "lib/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <span>

#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/quote.h"

namespace duel {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "the file's bytes are used as they are");

constexpr size_t kLengthBytes = 8;
constexpr size_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr const char* kMetadata = "__metadata__";

/// IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction.
float float_of_half(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  float magnitude = 0;
  if (exponent == 0x1f) {
    magnitude = std::bit_cast<float>(0x7f800000u | static_cast<uint32_t>(fraction) << 13);
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

float float_of_bfloat(uint16_t bits) { return static_cast<float>(std::bit_cast<BFloat16>(bits)); }

struct ElementType {
  const char* name;
  size_t bytes;
  DType dtype;
  float (*to_float)(uint16_t) = nullptr;  // for a type that is read as Float32
};
// A tensor is written as the first one of its type.
constexpr ElementType kElementTypes[] = {
    {"F32", 4, DType::Float32},
    {"F64", 8, DType::Float64},
    {"U8", 1, DType::UInt8},
    {"I64", 8, DType::Int64},
    {"F16", 2, DType::Float32, float_of_half},
    {"BF16", 2, DType::BFloat16, float_of_bfloat},
};

struct Entry {
  std::string name;
  const ElementType* type = nullptr;
  Shape shape;
  int64_t begin = 0, end = 0;
};

/// Text from a file as one line, in quotation marks; of a long one the beginning.
std::string in_quotes(std::string_view text) {
  constexpr size_t most = 200;
  const bool is_long = text.size() > most;
  return Json(is_long ? quoted_around(text, 0) : std::string(text))
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ---- reading ----

/// What to add to "is not a safetensors file" for the files that are most often taken for one.
const char* description_of(std::span<const uint8_t> bytes) {
  struct Kind {
    std::string_view magic;
    const char* description;
  };
  static constexpr Kind kinds[] = {
      {"PK\x03\x04", " but a zip archive, such as torch.save writes; save with safetensors.torch.save_file"},
      {"\x80\x02", " but a Python pickle; save with safetensors.torch.save_file"},
      {"\x89PNG", " but a PNG picture"},
      {"\xff\xd8\xff", " but a JPEG picture"},
  };
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Kind& kind : kinds) {
    if (text.starts_with(kind.magic)) return kind.description;
  }
  return "";
}

std::string_view header_text(std::span<const uint8_t> bytes) {
  check(!bytes.empty(), "is empty: 0 bytes");
  const char* kind = description_of(bytes);
  check(bytes.size() > kLengthBytes, "is not a safetensors file", kind, ": it has only ", bytes.size(),
        " bytes");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  check(length <= kMaxHeaderBytes, "is not a safetensors file", kind, ": its header would have ", length,
        " bytes, where ", kMaxHeaderBytes, " are allowed");
  check(bytes[kLengthBytes] == '{', "is not a safetensors file", kind, ": no JSON follows the first ",
        kLengthBytes, " bytes");
  check(length <= bytes.size() - kLengthBytes, "is cut short: its header has ", length,
        " bytes, the whole file ", bytes.size());
  return {reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, static_cast<size_t>(length)};
}

struct Header {
  Json json;
  std::vector<std::string> names;  // of its members, in their order
};

Header parse_header(std::string_view text) {
  Header header;
  std::vector<std::set<std::string>> open;  // the names seen so far in each object that is not closed yet
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& name = value.get_ref<const std::string&>();
      check(open.back().insert(name).second, "has a damaged header: ", in_quotes(name), " comes twice");
      if (depth == 1) header.names.push_back(name);
    }
    return true;
  };
  // The parser takes a zero byte, which JSON does not have, for the end of the text.
  const size_t zero = text.find('\0');
  check(zero == text.npos, "has a damaged header: no valid JSON at its byte ", zero + 1);
  try {
    header.json = Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    fail("has a damaged header: no valid JSON at its byte ", error.byte);
  } catch (const Json::exception&) {
    fail("has a damaged header: a number in it is out of range");
  }
  return header;
}

std::map<std::string, std::string> parse_metadata(const Json& json) {
  check(json.is_object(), "has a damaged header: ", kMetadata, " is no object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    check(value.is_string(), "has a damaged header: the metadata ", in_quotes(key), " is no text");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

const ElementType& parse_type(const std::string& tensor, const Json& entry) {
  const auto type = entry.find("dtype");
  check(type != entry.end() && type->is_string(), "has a damaged header: tensor ", in_quotes(tensor),
        " has no dtype");
  const auto& name = type->get_ref<const std::string&>();
  std::string known;
  for (const ElementType& candidate : kElementTypes) {
    if (name == candidate.name) return candidate;
    known += known.empty() ? "" : ", ";
    known += candidate.name;
  }
  fail("holds tensor ", in_quotes(tensor), " with elements of type ", in_quotes(name), ", and only ", known,
       " can be read");
}

std::vector<int64_t> parse_sizes(const std::string& tensor, const Json& entry, const char* key) {
  const auto list = entry.find(key);
  check(list != entry.end() && list->is_array(), "has a damaged header: tensor ", in_quotes(tensor),
        " has no ", key);
  std::vector<int64_t> sizes;
  for (const Json& size : *list) {
    check(size.is_number_unsigned() && size.get<uint64_t>() <= std::numeric_limits<int64_t>::max(),
          "has a damaged header: the ", key, " of tensor ", in_quotes(tensor), " are no sizes");
    sizes.push_back(size.get<int64_t>());
  }
  return sizes;
}

Entry parse_entry(const std::string& name, const Json& json, int64_t data_bytes) {
  check(json.is_object(), "has a damaged header: tensor ", in_quotes(name), " is no object");
  Entry entry{name, &parse_type(name, json), {}, 0, 0};
  const std::vector<int64_t> sizes = parse_sizes(name, json, "shape");
  check(sizes.size() <= Shape::max_dims, "holds tensor ", in_quotes(name), " with ", sizes.size(),
        " dimensions, and only ", Shape::max_dims, " can be read");
  auto bytes = static_cast<int64_t>(entry.type->bytes);
  for (const int64_t size : sizes) {
    check(size == 0 || bytes <= std::numeric_limits<int64_t>::max() / size, "has a damaged header: tensor ",
          in_quotes(name), " has more elements than can be counted");
    bytes *= size;
    entry.shape.append(size);
  }

  const std::vector<int64_t> offsets = parse_sizes(name, json, "data_offsets");
  check(offsets.size() == 2 && offsets[0] <= offsets[1], "has a damaged header: the data_offsets of tensor ",
        in_quotes(name), " are no begin and end");
  entry.begin = offsets[0];
  entry.end = offsets[1];
  check(bytes == entry.end - entry.begin, "has a damaged header: tensor ", in_quotes(name), " of type ",
        entry.type->name, " and shape ", entry.shape, " takes ", bytes, " bytes, its data_offsets hold ",
        entry.end - entry.begin);
  check(entry.end <= data_bytes, "is cut short: tensor ", in_quotes(name), " ends at byte ", entry.end,
        " of the data, and the file has ", data_bytes);
  return entry;
}

/// Checks that each byte of the data belongs to exactly one tensor.
void check_cover(const std::vector<Entry>& entries, int64_t data_bytes) {
  std::vector<const Entry*> by_offset;
  for (const Entry& entry : entries) by_offset.push_back(&entry);
  std::sort(by_offset.begin(), by_offset.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  const Entry* previous = nullptr;
  int64_t covered = 0;
  for (const Entry* entry : by_offset) {
    if (entry->begin < covered)
      fail("has a damaged header: the data of tensors ", in_quotes(previous->name), " and ",
           in_quotes(entry->name), " overlap");
    check(entry->begin == covered, "has a damaged header: the ", entry->begin - covered,
          " bytes of data before tensor ", in_quotes(entry->name), " belong to no tensor");
    covered = entry->end;
    previous = entry;
  }
  check(covered == data_bytes, "is damaged: ", data_bytes - covered, " bytes follow the last tensor");
}

Tensor make_tensor(const Entry& entry, const uint8_t* data) {
  const Tensor tensor = Tensor::empty(entry.shape, entry.type->to_float ? DType::Float32 : entry.type->dtype);
  if (entry.type->to_float == nullptr) {
    tensor.upload(data + entry.begin);
    return tensor;
  }
  std::vector<float> values(static_cast<size_t>(tensor.numel()));
  const uint8_t* element = data + entry.begin;
  for (float& value : values) {
    uint16_t bits = 0;
    std::memcpy(&bits, element, sizeof bits);
    value = entry.type->to_float(bits);
    element += sizeof bits;
  }
  tensor.upload(values.data());
  return tensor;
}

void parse_file(std::span<const uint8_t> bytes, const std::function<bool(std::string_view)>& wanted,
                SafetensorsFile& file) {
  const std::string_view text = header_text(bytes);
  const std::span<const uint8_t> data = bytes.subspan(kLengthBytes + text.size());
  const auto data_bytes = static_cast<int64_t>(data.size());
  const Header header = parse_header(text);
  std::vector<Entry> entries;
  for (const std::string& name : header.names) {
    if (name == kMetadata) {
      file.metadata = parse_metadata(header.json[name]);
    } else {
      entries.push_back(parse_entry(name, header.json[name], data_bytes));
    }
  }
  check_cover(entries, data_bytes);
  for (const Entry& entry : entries) {
    file.names.push_back(entry.name);
    if (!wanted || wanted(entry.name)) file.tensors.emplace_back(entry.name, make_tensor(entry, data.data()));
  }
}

/// Levenshtein's: how many characters must be inserted, removed or replaced to turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// ---- writing ----

const char* element_name(DType dtype) {
  return std::find_if(std::begin(kElementTypes), std::end(kElementTypes),
                      [dtype](const ElementType& type) { return type.dtype == dtype; })
      ->name;
}

/// Where the elements of each tensor begin in the data, and as the last number the size of the data.
std::vector<size_t> lay_out(const NamedTensors& tensors) {
  std::vector<size_t> by_size(tensors.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(), [&](size_t a, size_t b) {
    return size_of(tensors[a].second.dtype()) > size_of(tensors[b].second.dtype());
  });
  std::vector<size_t> begins(tensors.size() + 1);
  for (const size_t i : by_size) {
    begins[i] = begins.back();
    begins.back() += tensors[i].second.bytes();
  }
  return begins;
}

std::string make_header(const NamedTensors& tensors, const std::vector<size_t>& begins,
                        const std::map<std::string, std::string>& metadata) {
  OrderedJson header = OrderedJson::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    header[name] = {{"dtype", element_name(tensor.dtype())},
                    {"shape", std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end())},
                    {"data_offsets", {begins[i], begins[i] + tensor.bytes()}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    fail("a name or a text of the metadata is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  check(text.size() <= kMaxHeaderBytes, "its header would have ", text.size(), " bytes, where ",
        kMaxHeaderBytes, " are allowed");
  return text;
}

std::vector<uint8_t> file_bytes(const NamedTensors& tensors,
                                const std::map<std::string, std::string>& metadata) {
  std::set<std::string_view> names{kMetadata};
  for (const auto& [name, tensor] : tensors) {
    check(names.insert(name).second, "the name ", in_quotes(name),
          name == kMetadata ? " is reserved" : " comes twice");
    check(tensor.defined(), "tensor ", in_quotes(name), " is undefined");
  }
  const std::vector<size_t> begins = lay_out(tensors);
  const std::string header = make_header(tensors, begins, metadata);
  const uint64_t length = header.size();
  std::vector<uint8_t> bytes(kLengthBytes + header.size() + begins.back());
  std::memcpy(bytes.data(), &length, kLengthBytes);
  std::memcpy(bytes.data() + kLengthBytes, header.data(), header.size());
  uint8_t* data = bytes.data() + kLengthBytes + header.size();
  for (size_t i = 0; i < tensors.size(); ++i) tensors[i].second.download(data + begins[i]);
  return bytes;
}

}  // namespace

const Tensor& SafetensorsFile::at(std::string_view name) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [name](const auto& entry) { return entry.first == name; });
  if (found != tensors.end()) return found->second;

  std::vector<std::pair<size_t, std::string_view>> near;
  for (const std::string& candidate : names) near.emplace_back(edit_distance(candidate, name), candidate);
  constexpr size_t kNearest = 3;
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  near.resize(std::min(near.size(), kNearest));
  std::string list;
  for (const auto& [distance, candidate] : near) list += (list.empty() ? "" : ", ") + in_quotes(candidate);
  fail(path.string(), " has no tensor ", in_quotes(name),
       list.empty() ? ", and no other either" : "; the nearest names in it: ", list);
}

SafetensorsFile read_safetensors(const std::filesystem::path& path,
                                 const std::function<bool(std::string_view)>& wanted) {
  const MappedFile source(path);
  SafetensorsFile file{path, {}, {}, {}};
  try {
    parse_file(source.bytes(), wanted, file);
  } catch (const Error& error) {
    fail(path.string(), " ", error.what());
  }
  return file;
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<uint8_t> bytes;
  try {
    bytes = file_bytes(tensors, metadata);
  } catch (const Error& error) {
    fail("cannot write ", path.string(), ": ", error.what());
  }
  write_file_atomically(path, bytes);
}

}  // namespace duel
