// Between tensors of pictures and picture files.
#pragma once

#include <vector>

#include "lib/data/dataset.h"
#include "lib/io/image.h"
#include "lib/tensor.h"

namespace duel::gan {

/// Pictures (N, H, W, C) in [-1, 1] as bytes; values outside are cut.
std::vector<Image> to_images(const Tensor& pictures);
/// `columns` where that is positive, else as many as make a grid of `count` pictures nearly square.
int64_t grid_columns(size_t count, int64_t columns);
/// The pictures in rows of grid_columns().
Image grid(const std::vector<Image>& images, int64_t columns = 0);
/// The first `count` pictures of a data set.
std::vector<Image> first_images(const Dataset& data, int64_t count);

}  // namespace duel::gan
