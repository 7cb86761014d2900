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
/// Whether grid() can make one of so many square pictures: it may have no more than kMaxPixels.
bool grid_fits(int64_t count, int64_t image_size, int64_t columns);
/// Picture `index` of a data set.
Image picture_of(const Dataset& data, int64_t index);
/// The first `count` pictures of a data set, fewer where it has fewer.
std::vector<Image> first_pictures(const Dataset& data, int64_t count);
/// What reals.png shows of a data set: a grid of its first pictures.
Image grid_of_reals(const Dataset& data);

}  // namespace duel::gan
