// Prints results as tables: a name, the time, and the counters in columns of their own.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace duel::bench {

class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  /// `head` is printed above all tables, a line each.
  explicit TableReporter(std::vector<std::string> head) : head_(std::move(head)) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  std::vector<std::string> head_;
  std::vector<std::string> columns_;  // of the table under way: the names of its counters
};

}  // namespace duel::bench
