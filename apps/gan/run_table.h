// The tables in a run's folder: comma-separated values (RFC 4180) under a line of column names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace duel::gan {

struct Table {
  std::filesystem::path path;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< as many fields each as there are columns

  bool has(const std::string& column) const;
  /// One column as numbers, NaN where the field is empty. Throws Error naming file, row and field unless all
  /// are numbers ("nan" and "inf" are), and if there is no such column.
  std::vector<double> numbers(const std::string& column) const;
  /// Likewise, and unless all are whole numbers from 0 to 10^15: of epochs, batches and steps.
  std::vector<int64_t> counts(const std::string& column) const;
  const std::string& text(size_t row, const std::string& column) const;

 private:
  size_t index(const std::string& column) const;
};

/// Reads a table. A last line without its end is still being written and left out. Throws Error if the file
/// cannot be read, or naming the row that has another number of fields than the head.
Table read_table(const std::filesystem::path& path);

/// Adds a row, or several; the first one writes `head` before it. Throws Error if the file cannot be written.
void append_row(const std::filesystem::path& path, const std::vector<std::string>& head,
                const std::vector<std::string>& row);
void append_rows(const std::filesystem::path& path, const std::vector<std::string>& head,
                 const std::vector<std::vector<std::string>>& rows);

/// Drops the rows whose `step` is later, which a resumed run writes again, and a last one that was cut short.
/// Of the others the damaged ones go too: those with another number of fields than the head has, and those
/// without a number in a column that is not one of `texts`. Then the file as it was stays beside the table,
/// as old_table(), and the line that is returned says so; it is empty where nothing was damaged. What is no
/// table with a column step is put_aside(). Throws Error if the file cannot be read or replaced.
std::string cut_table(const std::filesystem::path& path, int64_t step,
                      const std::vector<std::string>& texts = {});

/// Where a table that rows cannot be added to is put aside: "vitals-old.csv" for vitals.csv, or the first of
/// "vitals-old-2.csv", "vitals-old-3.csv", ... that is free.
std::filesystem::path old_table(const std::filesystem::path& path);

/// Renames a table to old_table() and returns a line that says so, and why: "PATH WHY: it is put aside as
/// vitals-old.csv". Throws Error if it cannot be renamed.
std::string put_aside(const std::filesystem::path& path, const std::string& why);

/// `text` as one field: in quotation marks where it needs them.
std::string csv_field(const std::string& text);

}  // namespace duel::gan
