#include "apps/report/about_observer.h"

#include <iostream>

#include "apps/gan/describe_run.h"
#include "lib/data/batch_loader.h"
#include "lib/io/file.h"
#include "lib/kernels.h"

namespace duel::report {
namespace {

const char* name_of(gan::Ending how) {
  switch (how) {
    case gan::Ending::Finished:
      return "finished";
    case gan::Ending::Stopped:
      return "stopped";
    case gan::Ending::Diverged:
      return "diverged";
    default:
      return "failed";
  }
}

}  // namespace

void AboutObserver::begin(gan::Trainer& trainer, const gan::RunFolder& folder,
                          const gan::Position& position) {
  about_ = {{"machine", kernels(trainer.device()).description()},
            {"data", data_.description()},
            {"pictures", position.pictures},
            {"batches_per_epoch", full_batches(position.pictures, trainer.config().batch_size)},
            {"networks", gan::describe_networks(trainer)},
            {"work", gan::describe_work(trainer)}};
  write(folder);
}

void AboutObserver::ended(const gan::RunFolder& folder, gan::Ending how) {
  about_["ended"] = name_of(how);
  try {
    write(folder);
  } catch (const Error& error) {
    std::cerr << error.what() << std::endl;
  }
}

void AboutObserver::write(const gan::RunFolder& folder) const {
  write_file_atomically(folder.path() / gan::run_files::about, gan::json_text(about_, 2) + "\n");
}

}  // namespace duel::report
