#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "apps/gan/json.h"
#include "lib/io/file.h"
#include "lib/io/safetensors.h"
#include "tests/files.h"

namespace duel {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

/// A file of `header`, as it stands, and `data_bytes` bytes of data.
Bytes file_of(const std::string& header, size_t data_bytes) {
  Bytes bytes(8 + header.size() + data_bytes, 7);
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string header_of(const Bytes& bytes) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return {bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length)};
}

/// Names, types, shapes and bits.
void expect_equal(const NamedTensors& actual, const NamedTensors& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    SCOPED_TRACE(expected[i].first);
    const Tensor &a = actual[i].second, &b = expected[i].second;
    EXPECT_EQ(actual[i].first, expected[i].first);
    ASSERT_EQ(a.dtype(), b.dtype());
    ASSERT_EQ(a.shape(), b.shape());
    Bytes a_bytes(a.bytes() + 1), b_bytes(b.bytes() + 1);
    a.download(a_bytes.data());
    b.download(b_bytes.data());
    EXPECT_EQ(a_bytes, b_bytes);
  }
}

/// All element types, in an order in which storing them one after the other would leave some unaligned.
NamedTensors example() {
  const Tensor floats = Tensor::from<float>({0, 1, 2, 3, 4, 5}, {3, 2});
  return {{"z.bytes", Tensor::from<uint8_t>({1, 2, 255}, {3})},
          {"a.weight", floats},
          {"view", floats.rows(1, 1)},
          {"empty", Tensor::empty({0, 4})},
          {"step", Tensor::from<int64_t>({-5'000'000'000}, {})},
          {"double", Tensor::from<double>({0.1, -0.0, std::numeric_limits<double>::infinity()}, {1, 3, 1})},
          {"a \"quoted\"\nname, ü", Tensor::from<uint8_t>({9}, {1, 1, 1, 1, 1, 1})}};
}
const std::map<std::string, std::string> example_metadata = {
    {"config", "{\"z\": 100}\n"}, {"naïve", ""}, {"format", "pt"}};

TEST(Safetensors, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  write_safetensors(folder / "a", example(), example_metadata);
  const SafetensorsFile file = read_safetensors(folder / "a");
  EXPECT_EQ(file.path, folder / "a");
  EXPECT_EQ(file.metadata, example_metadata);
  expect_equal(file.tensors, example());

  write_safetensors(folder / "empty", {});
  EXPECT_TRUE(read_safetensors(folder / "empty").tensors.empty());
  EXPECT_TRUE(read_safetensors(folder / "empty").metadata.empty());
}

// Reading widens it, as it does half precision.
TEST(Safetensors, WritesBfloat16) {
  TemporaryFolder folder;
  const Tensor written = Tensor::from<float>({1.5F, -0.25F, 3e38F}, {3}).to(DType::BFloat16);
  write_safetensors(folder / "a", {{"a", written}});
  EXPECT_TRUE(contains(header_of(read_file(folder / "a")), R"("dtype":"BF16")"));
  expect_equal(read_safetensors(folder / "a").tensors, {{"a", written.to(DType::Float32)}});
}

TEST(Safetensors, WritesAnAlignedFileInTheGivenOrder) {
  TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const std::string text = header_of(read_file(folder / "a"));
  EXPECT_EQ(text.size() % 8, 0U);

  const auto header = gan::parse_json(text, "the header");
  const NamedTensors tensors = example();
  ASSERT_EQ(header.size(), tensors.size());
  size_t i = 0;
  for (const auto& [name, entry] : header.items()) {
    EXPECT_EQ(name, tensors[i].first);
    EXPECT_EQ(entry["data_offsets"][0].get<size_t>() % size_of(tensors[i].second.dtype()), 0U) << name;
    ++i;
  }
}

// Written with safetensors 0.8 and PyTorch 2.15 by
//   python3 -c '
//   import torch as t; from safetensors.torch import save_file
//   save_file({"weight": t.tensor([[0.1, -2.0, 3e38]]), "step": t.tensor(7), "empty": t.empty(2, 0),
//              "doubles": t.tensor([1 / 3, -1e300], dtype=t.float64),
//              "bytes": t.tensor([0, 128, 255]).byte(),
//              "half": t.tensor([1 / 3, -0.0, 2.0 ** -24, -65504, t.inf, t.nan]).half(),
//              "bfloat": t.tensor([[1 / 3, -3e38, t.inf]]).bfloat16()},
//             "safetensors_python.safetensors", {"format": "pt", "note": "grün"})'
TEST(Safetensors, ReadsAFileOfThePythonPackage) {
  const SafetensorsFile file =
      read_safetensors(fs::path(DUEL_SOURCE_DIR) / "tests/reference/safetensors_python.safetensors");
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"note", "grün"}}));
  ASSERT_EQ(file.tensors.size(), 7U);

  EXPECT_EQ(file.at("weight").shape(), (Shape{1, 3}));
  EXPECT_EQ(file.at("weight").to_vector<float>(), (std::vector<float>{0.1F, -2, 3e38F}));
  EXPECT_EQ(file.at("step").shape(), Shape{});
  EXPECT_EQ(file.at("step").to_vector<int64_t>(), std::vector<int64_t>{7});
  EXPECT_EQ(file.at("doubles").to_vector<double>(), (std::vector<double>{1.0 / 3, -1e300}));
  EXPECT_EQ(file.at("bytes").to_vector<uint8_t>(), (Bytes{0, 128, 255}));
  EXPECT_EQ(file.at("empty").shape(), (Shape{2, 0}));

  const std::vector<float> half = file.at("half").to_vector<float>();
  EXPECT_EQ(std::vector<float>(half.begin(), half.end() - 1),
            (std::vector<float>{0x1.554p-2F, -0.0F, 0x1p-24F, -65504, INFINITY}));
  EXPECT_TRUE(std::signbit(half[1]));
  EXPECT_TRUE(std::isnan(half.back()));
  EXPECT_EQ(file.at("bfloat").shape(), (Shape{1, 3}));
  EXPECT_EQ(file.at("bfloat").to_vector<float>(), (std::vector<float>{0x1.56p-2F, -0x1.c4p+127F, INFINITY}));
}

/// The format allows it, and not every program that writes it aligns the data.
TEST(Safetensors, ReadsUnalignedData) {
  TemporaryFolder folder;
  const fs::path path = folder.write("a", file_of(R"({"f":{"dtype":"F32","shape":[2],"data_offsets":[3,11]},)"
                                                  R"("u":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})",
                                                  11));
  const SafetensorsFile file = read_safetensors(path);
  EXPECT_EQ(file.tensors[0].first, "f");
  EXPECT_EQ(file.at("f").to_vector<float>(), std::vector<float>(2, std::bit_cast<float>(0x07070707)));
  EXPECT_EQ(file.at("u").to_vector<uint8_t>(), Bytes(3, 7));
}

TEST(Safetensors, NamesTheFileAndTheNearestNamesForAMissingTensor) {
  TemporaryFolder folder;
  const Tensor tensor = Tensor::zeros({1});
  write_safetensors(folder / "net",
                    {{"G.fc.weight", tensor}, {"D.fc.bias", tensor}, {"x", tensor}, {"G.fc.bias", tensor}});
  write_safetensors(folder / "none", {});
  const SafetensorsFile net = read_safetensors(folder / "net"), none = read_safetensors(folder / "none");
  EXPECT_EQ(error_of([&] { net.at("G.fc.bais"); }),
            (folder / "net").string() +
                " has no tensor \"G.fc.bais\"; the nearest names in it: "
                "\"G.fc.bias\", \"D.fc.bias\", \"G.fc.weight\"");
  EXPECT_TRUE(contains(error_of([&] { none.at("G"); }), "no other either"));
}

TEST(Safetensors, ReadsOnlyWhatIsWanted) {
  TemporaryFolder folder;
  const Tensor a = Tensor::full({2, 3}, 1), b = Tensor::full({4}, 2);
  write_safetensors(folder / "file", {{"a.x", a}, {"b.x", b}, {"a.y", b}}, {{"key", "text"}});
  const SafetensorsFile file =
      read_safetensors(folder / "file", [](std::string_view name) { return name.starts_with("a."); });
  expect_equal(file.tensors, {{"a.x", a}, {"a.y", b}});
  EXPECT_EQ(file.names, (std::vector<std::string>{"a.x", "b.x", "a.y"}));
  EXPECT_EQ(file.metadata.at("key"), "text");
  const std::string message = error_of([&] { file.at("b.z"); });
  EXPECT_NE(message.find("the nearest names in it: \"b.x\""), std::string::npos) << message;
  // A file that was cut short is refused, whatever is wanted of it.
  Bytes bytes = read_file(folder / "file");
  bytes.pop_back();
  write_file_atomically(folder / "file", bytes);
  EXPECT_THROW(read_safetensors(folder / "file", [](std::string_view) { return false; }), Error);
}

TEST(Safetensors, RefusesToWriteWhatCouldNotBeReadAndKeepsTheOldFile) {
  TemporaryFolder folder;
  write_safetensors(folder / "a", example());
  const Bytes before = read_file(folder / "a");
  const Tensor tensor = Tensor::zeros({1});
  const auto expect_refused = [&](const NamedTensors& tensors,
                                  const std::map<std::string, std::string>& metadata, const char* part) {
    const std::string message = error_of([&] { write_safetensors(folder / "a", tensors, metadata); });
    EXPECT_TRUE(message.starts_with("cannot write " + (folder / "a").string() + ": ")) << message;
    EXPECT_TRUE(contains(message, part)) << message;
    EXPECT_EQ(read_file(folder / "a"), before);
  };
  expect_refused({{"w", tensor}, {"w", tensor}}, {}, "\"w\" comes twice");
  expect_refused({{"__metadata__", tensor}}, {}, "is reserved");
  expect_refused({{"w", Tensor()}}, {}, "\"w\" is undefined");
  expect_refused({{"\xff", tensor}}, {}, "not UTF-8");
  expect_refused({{"w", tensor}}, {{"key", "\xc3"}}, "not UTF-8");
  expect_refused({}, {{"key", std::string(100'000'000, 'x')}}, "100000000 are allowed");
}

/// Reads a file that must be refused in one line that begins with its path; returns the rest of the line.
std::string refusal_of(const fs::path& path) {
  const std::string message = error_of([&] { read_safetensors(path); });
  EXPECT_TRUE(message.starts_with(path.string() + " ")) << message;
  EXPECT_FALSE(contains(message, "\n")) << message;
  return message.substr(std::min(message.size(), path.string().size() + 1));
}

TEST(Safetensors, SaysWhatIsNoSafetensors) {
  TemporaryFolder folder;
  const auto refusal = [&](std::string_view text) { return refusal_of(folder.write("file", text)); };
  EXPECT_EQ(refusal(""), "is empty: 0 bytes");
  EXPECT_EQ(refusal("12345678"), "is not a safetensors file: it has only 8 bytes");
  EXPECT_EQ(refusal("PK\x03\x04"),
            "is not a safetensors file but a zip archive, such as torch.save writes; save with "
            "safetensors.torch.save_file: it has only 4 bytes");
  EXPECT_TRUE(contains(refusal("\x89PNG\r\n\x1a\n and more"), "but a PNG picture: its header would have"));
  EXPECT_TRUE(contains(refusal("\x80\x02\x8a\nl\xfc\x9c\x46\xf9"), "but a Python pickle"));
  EXPECT_TRUE(contains(refusal("A long text in English."), "where 100000000 are allowed"));
  EXPECT_EQ(refusal(std::string(100, '\0')), "is not a safetensors file: no JSON follows the first 8 bytes");
  EXPECT_TRUE(contains(error_of([&] { read_safetensors(folder / "none"); }), "none: No such file"));
}

TEST(Safetensors, SaysWhatIsWrongWithADamagedHeader) {
  const auto tensor = [](const char* dtype, const char* shape, const char* offsets) {
    return concat(R"({"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}");
  };
  const std::string good = tensor("F32", "[2]", "[0,8]");
  const struct {
    std::string header;
    const char* message;
  } cases[] = {
      {"{\"w\":" + good, "no valid JSON at its byte 54"},
      {"{\"w\":" + good + "}{", "no valid JSON at its byte 55"},
      {"{\"w\":" + good + "}" + '\0', "no valid JSON at its byte 55"},
      {"{\"w\xff\":" + good + "}", "no valid JSON at its byte 4"},
      {R"({"w":1e999})", "a number in it is out of range"},
      {"{\"w\":" + good + ",\"w\":" + good + "}", R"("w" comes twice)"},
      {R"({"w":{"dtype":"F32","dtype":"U8","shape":[8],"data_offsets":[0,8]}})", R"("dtype" comes twice)"},
      {R"({"__metadata__":[]})", "__metadata__ is no object"},
      {R"({"__metadata__":{"a\n":1}})", R"(the metadata "a\n" is no text)"},
      {R"({"w":[]})", R"(tensor "w" is no object)"},
      {R"({"w":{"shape":[2],"data_offsets":[0,8]}})", R"(tensor "w" has no dtype)"},
      {R"({"w":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", R"(tensor "w" has no dtype)"},
      {R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", R"(tensor "w" has no shape)"},
      {R"({"w":{"dtype":"F32","shape":[2]}})", R"(tensor "w" has no data_offsets)"},
      {"{\"w\":" + tensor("I32", "[2]", "[0,8]") + "}",
       R"(holds tensor "w" with elements of type "I32", and only F32, F64, U8, I64, F16, BF16 can be read)"},
      {"{\"w\":" + tensor("U8", "[1,1,1,1,1,1,8]", "[0,8]") + "}", "with 7 dimensions, and only 6"},
      {"{\"w\":" + tensor("U8", "[-8]", "[0,8]") + "}", R"(the shape of tensor "w" are no sizes)"},
      {"{\"w\":" + tensor("U8", "[8.0]", "[0,8]") + "}", R"(the shape of tensor "w" are no sizes)"},
      {"{\"w\":" + tensor("U8", "[9223372036854775808]", "[0,8]") + "}", "are no sizes"},
      {"{\"w\":" + tensor("F32", "[4611686018427387906]", "[0,8]") + "}",
       "more elements than can be counted"},
      {"{\"w\":" + tensor("U8", "[4294967296,4294967296,0]", "[0,0]") + "}", "than can be counted"},
      {"{\"w\":" + tensor("F32", "[3]", "[0,8]") + "}",
       R"(tensor "w" of type F32 and shape (3) takes 12 bytes, its data_offsets hold 8)"},
      {"{\"w\":" + tensor("F32", "[2]", "[8,0]") + "}", "are no begin and end"},
      {"{\"w\":" + tensor("F32", "[2]", "[0,8,8]") + "}", "are no begin and end"},
      {"{\"w\":" + tensor("F32", "[3]", "[0,12]") + "}",
       R"(is cut short: tensor "w" ends at byte 12 of the data, and the file has 8)"},
      {"{\"a\":" + good + ",\"b\":" + tensor("U8", "[1]", "[7,8]") + "}",
       R"(the data of tensors "a" and "b" overlap)"},
      {"{\"a\":" + good + ",\"b\":" + good + "}", R"(the data of tensors "a" and "b" overlap)"},
      {"{\"w\":" + tensor("F32", "[1]", "[4,8]") + "}", R"(the 4 bytes of data before tensor "w" belong)"},
      {"{\"w\":" + tensor("F32", "[1]", "[0,4]") + "}", "is damaged: 4 bytes follow the last tensor"},
  };
  TemporaryFolder folder;
  for (const auto& [header, message] : cases) {
    const std::string refusal = refusal_of(folder.write("file", file_of(header, 8)));
    EXPECT_TRUE(contains(refusal, message)) << header << "\n" << refusal;
  }
  const std::string endless(100'000, 'w');
  EXPECT_LT(refusal_of(folder.write("file", file_of("{\"" + endless + "\":[]}", 0))).size(), 300u);
  Bytes longer = file_of("{\"w\":" + good + "}", 8);
  longer[0] = 200;
  EXPECT_EQ(refusal_of(folder.write("file", longer)),
            "is cut short: its header has 200 bytes, the whole file 70");
}

TEST(Safetensors, RefusesEveryOtherLength) {
  TemporaryFolder folder;
  const fs::path path = folder / "a";
  write_safetensors(path, example(), example_metadata);
  const uintmax_t whole = fs::file_size(path);
  for (uintmax_t length = whole + 9; length-- > 0;) {
    fs::resize_file(path, length);
    if (length != whole) refusal_of(path);
  }
}

/// Whatever byte of the header is changed, and to what: it is refused, or what is read is whole.
TEST(Safetensors, SurvivesChangedBytes) {
  TemporaryFolder folder;
  const fs::path path = folder / "a";
  write_safetensors(path, example(), example_metadata);
  const Bytes good = read_file(path);
  const size_t header_end = 8 + header_of(good).size();
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&file](size_t position, uint8_t byte) {
    file.seekp(static_cast<std::streamoff>(position)).put(static_cast<char>(byte)).flush();
  };

  int read = 0, refused = 0;
  for (size_t i = 0; i < header_end; ++i) {
    for (const char value :
         {'\0', '\1', ' ', '"', ',', '0', '1', '9', ':', 'F', '[', '\\', ']', '{', '}', '\xff'}) {
      const auto byte = static_cast<uint8_t>(value);
      put(i, byte);
      try {
        size_t bytes = 0;
        for (const auto& [name, tensor] : read_safetensors(path).tensors) bytes += tensor.bytes();
        EXPECT_EQ(bytes, good.size() - header_end) << "byte " << i << " set to " << int{byte};
        ++read;
      } catch (const Error& error) {
        EXPECT_TRUE(std::string_view(error.what()).starts_with(path.string() + " ")) << error.what();
        EXPECT_FALSE(contains(error.what(), "\n")) << error.what();
        ++refused;
      }
    }
    put(i, good[i]);
  }
  // A changed letter of a name or of the metadata cannot be seen, a changed structure must be.
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 4000);
  expect_equal(read_safetensors(path).tensors, example());
}

}  // namespace
}  // namespace duel
