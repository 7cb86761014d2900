#include "benchmarks/table_reporter.h"

#include <algorithm>
#include <iomanip>
#include <ostream>

namespace duel::bench {
namespace {

constexpr int name_width = 48, number_width = 11;

int width_of(const std::string& column) {
  return std::max(number_width, static_cast<int>(column.size()) + 2);
}

}  // namespace

bool TableReporter::ReportContext(const Context&) {
  for (const std::string& line : head_) GetOutputStream() << line << '\n';
  return true;
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  std::ostream& out = GetOutputStream();
  out << std::fixed;
  for (const Run& run : runs) {
    std::vector<std::string> columns;
    for (const auto& [name, counter] : run.counters) columns.push_back(name);
    if (columns != columns_) {
      columns_ = columns;
      out << '\n'
          << std::left << std::setw(name_width) << "" << std::right << std::setw(number_width) << "ms";
      for (const std::string& column : columns_) out << std::setw(width_of(column)) << column;
      out << '\n';
    }
    const std::string name =
        run.run_name.function_name + (run.aggregate_name.empty() ? "" : " ") + run.aggregate_name;
    out << std::left << std::setw(name_width) << name << std::right << std::setprecision(3)
        << std::setw(number_width) << run.GetAdjustedRealTime() << std::setprecision(1);
    for (const auto& [column, counter] : run.counters) out << std::setw(width_of(column)) << counter.value;
    out << std::endl;
  }
}

}  // namespace duel::bench
