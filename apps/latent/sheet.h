// A figure: rows of labelled pictures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/io/image.h"

namespace duel::latent {

/// A picture with its caption below; or text alone, an operator between two pictures, say.
struct Cell {
  std::string text;
  std::optional<Image> picture = std::nullopt;
};

struct Row {
  std::string heading = {};  ///< to the left of the row
  std::vector<Cell> cells = {};
};

struct Sheet {
  std::string title = {};                 ///< above all
  std::vector<std::string> columns = {};  ///< above the cells
  std::vector<Row> rows = {};
};

/// Draws a sheet, its pictures enlarged by `zoom`, and its text with them. Where every cell holds a picture,
/// the cells of all rows stand in columns; else each row is set like a line of text. Throws Error if the
/// figure would be too large.
Image draw(const Sheet& sheet, int64_t zoom);

/// Whether the figure is one that draw() can make. The pictures' sizes alone count, they need no pixels.
bool fits(const Sheet& sheet, int64_t zoom);

/// The pictures, all as wide and high as the largest, with white to the right and below: frames of one film.
std::vector<Image> to_one_size(const std::vector<Image>& pictures);

/// The enlargement that makes pictures of this many pixels a side about 128 pixels wide.
int64_t default_zoom(int64_t image_size);

/// A number as it stands on a figure: two decimals, "-0.60".
std::string figure_number(double value);

}  // namespace duel::latent
