#include "apps/report/csv.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::report {
namespace {

using Record = std::vector<std::string>;

/// The records of a text; one that has no end of line is left out.
std::vector<Record> parse(std::string_view text) {
  std::vector<Record> records;
  Record record;
  std::string field;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      const bool doubled = c == '"' && i + 1 < text.size() && text[i + 1] == '"';
      if (c != '"' || doubled) field += c;
      if (c == '"' && !doubled) quoted = false;
      i += doubled;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',' || c == '\n') {
      record.push_back(std::move(field));
      field.clear();
      if (c == '\n') records.push_back(std::exchange(record, {}));
    } else if (c != '\r') {
      field += c;
    }
  }
  return records;
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
  const size_t c = index(column);
  std::vector<double> numbers;
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::string& field = rows[r][c];
    double number = std::numeric_limits<double>::quiet_NaN();
    const char* const end = field.data() + field.size();
    const auto [stopped, error] = std::from_chars(field.data(), end, number);
    check(field.empty() || (error == std::errc{} && stopped == end), path.string(), ", row ", r + 1, ": ",
          column, " is '", field, "', which is no number");
    numbers.push_back(number);
  }
  return numbers;
}

const std::string& Table::text(size_t row, const std::string& column) const {
  return rows[row][index(column)];
}

Table read_table(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = read_file(path);
  std::vector<Record> records = parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
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

void drop_rows_after(const std::filesystem::path& path, const std::string& column, double most) {
  if (!std::filesystem::exists(path)) return;
  const Table table = read_table(path);
  if (table.columns.empty()) return;
  const std::vector<double> values = table.numbers(column);
  std::string kept;
  const auto keep = [&](const Record& record) {
    for (size_t c = 0; c < record.size(); ++c) {
      if (c > 0) kept += ',';
      kept += csv_field(record[c]);
    }
    kept += '\n';
  };
  keep(table.columns);
  for (size_t r = 0; r < values.size(); ++r)
    if (values[r] <= most) keep(table.rows[r]);
  write_file_atomically(path, kept);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + '"';
}

}  // namespace duel::report
