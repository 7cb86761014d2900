#include "apps/gan/run_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/error.h"
#include "lib/io/file.h"
#include "lib/quote.h"

namespace duel::gan {
namespace {

namespace fs = std::filesystem;
using Record = std::vector<std::string>;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

struct Records {
  std::vector<Record> whole;
  std::string_view unfinished;  ///< the last one, where it has no end of line
};

Records parse(std::string_view text) {
  Records records;
  Record record;
  std::string field;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      const bool doubled = c == '"' && i + 1 < text.size() && text[i + 1] == '"';
      if (c != '"' || doubled) field += c;
      if (c == '"' && !doubled) quoted = false;
      i += doubled;
    } else if (c == '"' && field.empty()) {
      quoted = true;
    } else if (c == ',' || c == '\n') {
      record.push_back(std::move(field));
      field.clear();
      if (c == '\n') records.whole.push_back(std::exchange(record, {})), begin = i + 1;
    } else if (c != '\r') {
      field += c;
    }
  }
  records.unfinished = text.substr(begin);
  return records;
}

std::string line(const Record& record) {
  std::string text;
  for (size_t c = 0; c < record.size(); ++c) text += concat(c > 0 ? "," : "", csv_field(record[c]));
  return text + "\n";
}

/// NaN for an empty field, nothing for one that is no number.
std::optional<double> number(const std::string& field) {
  double number = no_number;
  const char* const end = field.data() + field.size();
  const auto [stopped, error] = std::from_chars(field.data(), end, number);
  if (!field.empty() && (error != std::errc{} || stopped != end)) return {};
  return number;
}

bool is_count(double value) {
  constexpr double most = 1e15;  // exact in both types
  return value >= 0 && value <= most && value == std::floor(value);
}

bool holds_counts(const std::string& column) {
  return column == "epoch" || column == "batch" || column == "step";
}

/// Whether a row has a field for each column, a number in all that `texts` does not name, and a whole one
/// where things are counted.
bool is_whole(const Record& row, const Record& columns, const Record& texts) {
  if (row.size() != columns.size()) return false;
  for (size_t c = 0; c < row.size(); ++c) {
    const bool is_text = std::find(texts.begin(), texts.end(), columns[c]) != texts.end();
    const std::optional<double> value = number(row[c]);
    if (!is_text && !value) return false;
    if (holds_counts(columns[c]) && !is_count(value.value_or(no_number))) return false;
  }
  return true;
}

std::string_view as_text(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool Table::has(const std::string& column) const {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

size_t Table::index(const std::string& column) const {
  check(has(column), path.string(), ": has no column ", column, "; was it written by another version?");
  return static_cast<size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
}

std::vector<double> Table::numbers(const std::string& column) const {
  if (columns.empty()) return {};  // not even its head was written
  const size_t c = index(column);
  std::vector<double> numbers;
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::optional<double> value = number(rows[r][c]);
    check(value.has_value(), path.string(), ", row ", r + 1, ": ", column, " is '",
          quoted_around(rows[r][c], 0), "', which is no number");
    numbers.push_back(*value);
  }
  return numbers;
}

std::vector<int64_t> Table::counts(const std::string& column) const {
  std::vector<int64_t> counts;
  for (const double value : numbers(column)) {
    const size_t row = counts.size();
    check(is_count(value), path.string(), ", row ", row + 1, ": ", column, " is '", text(row, column),
          "', which is no whole number of at least 0");
    counts.push_back(static_cast<int64_t>(value));
  }
  return counts;
}

const std::string& Table::text(size_t row, const std::string& column) const {
  return rows[row][index(column)];
}

Table read_table(const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  std::vector<Record> records = parse(as_text(bytes)).whole;
  Table table{path, {}, {}};
  if (records.empty()) return table;
  table.columns = records.front();
  records.erase(records.begin());
  for (size_t r = 0; r < records.size(); ++r) {
    check(records[r].size() == table.columns.size(), path.string(), ", row ", r + 1, ": has ",
          records[r].size(), " fields, the head names ", table.columns.size(), " columns");
  }
  table.rows = std::move(records);
  return table;
}

void append_row(const fs::path& path, const Record& head, const Record& row) {
  append_rows(path, head, {row});
}

void append_rows(const fs::path& path, const Record& head, const std::vector<Record>& rows) {
  std::ofstream out(path, std::ios::app);
  if (out && out.tellp() == 0) out << line(head);
  for (const Record& row : rows) out << line(row);
  out.flush();
  if (!out.good()) fail_with_errno("write", path);
}

std::string cut_table(const fs::path& path, int64_t step, const Record& texts) {
  if (!fs::exists(path)) return "";
  const std::vector<uint8_t> bytes = read_file(path);
  const auto [records, unfinished] = parse(as_text(bytes));
  const Record columns = records.empty() ? Record{} : records.front();
  const auto step_column =
      static_cast<size_t>(std::find(columns.begin(), columns.end(), "step") - columns.begin());
  if (!records.empty() && step_column == columns.size()) return put_aside(path, "has no column step");
  std::string kept = records.empty() ? "" : line(columns);
  // A quotation mark that is never closed swallows the lines after it.
  bool is_damaged = unfinished.find('\n') != std::string_view::npos;
  for (size_t r = 1; r < records.size(); ++r) {
    const bool has_step = step_column < records[r].size();
    const double at = (has_step ? number(records[r][step_column]) : std::nullopt).value_or(no_number);
    if (at > static_cast<double>(step)) continue;
    if (at <= static_cast<double>(step) && is_whole(records[r], columns, texts)) {
      kept += line(records[r]);
    } else {
      is_damaged = true;
    }
  }
  const fs::path aside = old_table(path);
  if (is_damaged) write_file_atomically(aside, bytes);
  write_file_atomically(path, kept);
  if (!is_damaged) return "";
  return concat(path.string(), " is damaged: its good rows stay, the file as it was is ",
                aside.filename().string());
}

fs::path old_table(const fs::path& path) {
  const auto named = [&](const std::string& mark) {
    return fs::path(path).replace_filename(path.stem().string() + mark + path.extension().string());
  };
  fs::path old = named("-old");
  for (int n = 2; fs::exists(fs::symlink_status(old)); ++n) old = named(concat("-old-", n));
  return old;
}

std::string put_aside(const fs::path& path, const std::string& why) {
  const fs::path aside = old_table(path);
  std::error_code error;
  fs::rename(path, aside, error);
  check(!error, path.string(), ' ', why, ": it cannot be put aside as ", aside.filename().string(), ": ",
        error.message());
  return concat(path.string(), ' ', why, ": it is put aside as ", aside.filename().string());
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + '"';
}

}  // namespace duel::gan
