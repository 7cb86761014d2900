// dcgan report
#include "apps/report/report.h"

#include <filesystem>
#include <iostream>
#include <memory>

#include "apps/commands/commands.h"
#include "apps/commands/options.h"
#include "apps/commands/outputs.h"
#include "apps/gan/run_files.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::commands {
namespace {

struct ReportOptions {
  std::vector<std::filesystem::path> runs;
  std::filesystem::path output;
  bool force = false;
};

/// A page of an earlier report is replaced, together with the picture beside it. Anything else that is there
/// is somebody's file.
void check_outputs_of(const ReportOptions& o) {
  check_outputs(
      {{"--output", o.output}, {"the losses beside --output", report::losses_picture_beside(o.output)}},
      o.force || report::is_report(o.output));
}

/// Said before all of the run is read.
void check_run_folder(const ReportOptions& o) {
  const std::filesystem::path& folder = o.runs[0];
  const std::string why = std::filesystem::is_directory(folder) ? why_not_writable(folder) : "";
  check(why.empty(), o.output.string(), " cannot be written into ", folder.string(), ": ", why,
        "; name the page elsewhere by --output");
}

void run(ReportOptions& o) {
  const bool in_the_run = o.output.empty() && o.runs.size() == 1;
  if (o.output.empty()) o.output = in_the_run ? o.runs[0] / gan::run_files::report : "comparison.html";
  if (in_the_run) {
    check_run_folder(o);  // where a run's report is rewritten by training as well
  } else {
    check_outputs_of(o);
  }
  for (const std::string& line : report::write_report(o.runs, o.output))
    std::cerr << "left out: " << line << std::endl;
  std::cout << "The report is in " << o.output.string() << ", the losses alone in "
            << report::losses_picture_beside(o.output).string() << std::endl;
}

}  // namespace

void add_report(CLI::App& program) {
  CLI::App* const command =
      add_command(program, "report", "Write the report of a run anew, or compare runs in one page");
  const auto options = std::make_shared<ReportOptions>();
  command->add_option("runs", options->runs, "Folders of runs; they may still be training")->required();
  command->add_option(
      "--output", options->output,
      "The page; without it report.html in the run's folder, comparison.html for several runs. Beside it "
      "goes a picture of the losses alone: losses.png beside a report.html, else the page's name with .png");
  command->add_flag("--force", options->force, "Overwrite files that are already there and are no reports");
  command->callback([options] { run(*options); });
}

}  // namespace duel::commands
