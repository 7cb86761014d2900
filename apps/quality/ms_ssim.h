// MS-SSIM, how much alike two pictures are: Wang, Simoncelli & Bovik, "Multi-scale structural similarity for
// image quality assessment" (Asilomar 2003). Between samples of one generator it says how little they vary
// (Odena, Olah & Shlens, 2017).
#pragma once

#include <utility>
#include <vector>

#include "lib/tensor.h"

namespace duel::quality {

/// Of the five scales, those whose pictures hold the Gaussian window of 11 x 11: 2 for 32 x 32, 3 for 64 x
/// 64, 4 for 128 x 128.
int ms_ssim_scales(int64_t image_size);

/// One value for each pair (i, j) of numbers of pictures (N, S, S, C) in [-1, 1]: 1 for equal ones, the less
/// the less they are alike, 0 for a picture and its negative. SSIM is defined for intensities from 0 on: -1
/// counts as 0 and 1 as 2. The exponents of the scales that fit (0.0448, 0.2856, 0.3001, 0.2363, 0.1333) are
/// brought to the sum 1; the mean over the channels. A negative similarity counts as 0, since its power does
/// not exist.
std::vector<double> ms_ssim(const Tensor& pictures, const std::vector<std::pair<int64_t, int64_t>>& pairs);

}  // namespace duel::quality
