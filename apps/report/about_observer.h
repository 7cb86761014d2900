// Writes down what a run is and how it ended.
#pragma once

#include <filesystem>

#include "apps/gan/json.h"
#include "apps/gan/observer.h"
#include "lib/data/dataset.h"

namespace duel::report {

/// Writes about.json (the machine, the data, the networks) where training begins, and how it ended where it
/// ends. To be called before a ReportObserver, whose page shows it.
class AboutObserver : public gan::Observer {
 public:
  explicit AboutObserver(const Dataset& data) : data_(data) {}

  void begin(gan::Trainer& trainer, const gan::RunFolder& folder, const gan::Position& position) override;
  void ended(const gan::RunFolder& folder, gan::Ending how) override;

 private:
  void write(const gan::RunFolder& folder) const;

  const Dataset& data_;
  gan::Json about_;
};

}  // namespace duel::report
