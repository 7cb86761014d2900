// Tables as the run folder holds them: comma-separated values (RFC 4180) under a line of column names.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace duel::report {

struct Table {
  std::filesystem::path path;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< as many fields each as there are columns

  bool has(const std::string& column) const;
  /// One column as numbers, NaN where the field is empty. Throws Error naming file, row and field unless all
  /// are numbers ("nan" and "inf" are), and if there is no such column.
  std::vector<double> numbers(const std::string& column) const;
  const std::string& text(size_t row, const std::string& column) const;

 private:
  size_t index(const std::string& column) const;
};

/// Reads a table. A last line without its end is still being written and left out. Throws Error if the file
/// cannot be read, or naming the row that has another number of fields than the head.
Table read_table(const std::filesystem::path& path);

/// Drops the rows whose `column` is more than `most`, which a resumed run writes again, and what was cut
/// short. Nothing happens where there is no such file.
void drop_rows_after(const std::filesystem::path& path, const std::string& column, double most);

/// `text` as one field: in quotation marks where it needs them.
std::string csv_field(const std::string& text);

}  // namespace duel::report
