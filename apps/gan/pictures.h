// Between tensors of pictures and picture files.
#pragma once

#include <vector>

#include "lib/data/dataset.h"
#include "lib/io/image.h"
#include "lib/tensor.h"

namespace duel::gan {

/// Pictures (N, H, W, C) in [-1, 1] as bytes; values outside are cut.
std::vector<Image> to_images(const Tensor& pictures);
/// The pictures in rows as long as makes the whole nearly square, or of `columns` where that is positive.
Image grid(const std::vector<Image>& images, int64_t columns = 0);
/// The first `count` pictures of a data set.
std::vector<Image> first_images(const Dataset& data, int64_t count);

}  // namespace duel::gan
