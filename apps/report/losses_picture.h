// losses.png: the losses of runs over their epochs, for those who want no more than the curves.
#pragma once

#include <string>
#include <vector>

#include "lib/io/image.h"

namespace duel::report {

/// What of a run is drawn: as many losses as there are points of time. A loss that is not finite is a gap.
struct LossCurves {
  std::string name;
  std::vector<double> epochs;  ///< ascending: epochs passed
  std::vector<double> d_loss, g_loss;
};

/// Two panels over one axis of epochs, D's loss above G's: of each run a faint line through all points and a
/// strong one through their mean over a quarter of an epoch, or over as much more as makes 1/50 of the run.
/// What is higher than 99 % of the points are, by half, is cut. Colours are those of the page, dashed from
/// the ninth run on. Several runs have a legend, for which the picture grows.
Image draw_losses(const std::vector<LossCurves>& runs);

}  // namespace duel::report
