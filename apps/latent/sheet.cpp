#include "apps/latent/sheet.h"

#include <algorithm>
#include <cstdio>

#include "apps/latent/canvas.h"

namespace duel::latent {
namespace {

constexpr int64_t kMargin = 4, kGap = 4;
constexpr int64_t kSideOfPlainText = 64;  // pixels of a picture beside which text of scale 1 looks right

/// Where everything goes; all in pixels.
struct Layout {
  int64_t zoom;
  int64_t text_scale = 1;
  int64_t heading_width = 0;  // with the gap behind it
  int64_t column_width = 0;   // of cells that stand in columns; 0 where they do not
  int64_t top = 0;            // of the first row

  int64_t width(const std::string& text) const { return text_width(text, text_scale); }
  int64_t width(const Cell& cell) const {
    if (column_width > 0) return column_width;
    return std::max(width(cell.text), cell.picture ? cell.picture->width * zoom : 0);
  }
  int64_t text_height() const { return kTextHeight * text_scale; }
  int64_t line_height() const { return kLineHeight * text_scale; }
  int64_t picture_height(const Row& row) const {
    int64_t height = text_height();
    for (const Cell& cell : row.cells)
      if (cell.picture) height = std::max(height, cell.picture->height * zoom);
    return height;
  }
  int64_t height(const Row& row) const {
    const bool captions = std::any_of(row.cells.begin(), row.cells.end(),
                                      [](const Cell& cell) { return cell.picture && !cell.text.empty(); });
    return picture_height(row) + (captions ? line_height() : 0) + kGap;
  }
};

Layout lay_out(const Sheet& sheet, int64_t zoom) {
  Layout layout{zoom};
  for (const Row& row : sheet.rows)
    for (const Cell& cell : row.cells)
      if (cell.picture)
        layout.text_scale = std::max(layout.text_scale, cell.picture->width * zoom / kSideOfPlainText);
  bool columns = true;
  int64_t widest = 0;
  for (const std::string& column : sheet.columns) widest = std::max(widest, layout.width(column));
  for (const Row& row : sheet.rows) {
    if (!row.heading.empty())
      layout.heading_width = std::max(layout.heading_width, layout.width(row.heading) + 2 * kGap);
    for (const Cell& cell : row.cells) {
      columns = columns && cell.picture.has_value();
      widest = std::max(widest, layout.width(cell));
    }
  }
  if (columns) layout.column_width = widest;
  layout.top = kMargin + (sheet.title.empty() ? 0 : layout.line_height()) +
               (sheet.columns.empty() ? 0 : layout.line_height());
  return layout;
}

void draw_row(Canvas& canvas, const Row& row, const Layout& layout, int64_t top) {
  const int64_t height = layout.picture_height(row);
  const int64_t middle = top + (height - layout.text_height()) / 2, scale = layout.text_scale;
  canvas.text(row.heading, kMargin, middle, scale);
  int64_t left = kMargin + layout.heading_width;
  for (const Cell& cell : row.cells) {
    const int64_t width = layout.width(cell);
    const int64_t text_left = left + (width - layout.width(cell.text)) / 2;
    if (cell.picture) {
      canvas.picture(*cell.picture, left + (width - cell.picture->width * layout.zoom) / 2, top, layout.zoom);
      canvas.text(cell.text, text_left, top + height + 2 * scale, scale);
    } else {
      canvas.text(cell.text, text_left, middle, scale);
    }
    left += width + kGap;
  }
}

struct Size {
  int64_t width, height;
};

Size size_of(const Sheet& sheet, const Layout& layout) {
  int64_t width = layout.width(sheet.title), height = layout.top;
  for (const Row& row : sheet.rows) {
    int64_t row_width = layout.heading_width;
    for (const Cell& cell : row.cells) row_width += layout.width(cell) + kGap;
    width = std::max(width, row_width);
    height += layout.height(row);
  }
  return {width + 2 * kMargin, height + kMargin};
}

}  // namespace

bool fits(const Sheet& sheet, int64_t zoom) {
  const auto [width, height] = size_of(sheet, lay_out(sheet, zoom));
  return width <= kMaxPixels / height;
}

Image draw(const Sheet& sheet, int64_t zoom) {
  const Layout layout = lay_out(sheet, zoom);
  const auto [width, height] = size_of(sheet, layout);
  Canvas canvas(width, height);
  canvas.text(sheet.title, kMargin, kMargin, layout.text_scale);
  for (size_t i = 0; i < sheet.columns.size(); ++i) {
    const int64_t left =
        kMargin + layout.heading_width + static_cast<int64_t>(i) * (layout.column_width + kGap);
    canvas.text(sheet.columns[i], left + (layout.column_width - layout.width(sheet.columns[i])) / 2,
                layout.top - layout.line_height(), layout.text_scale);
  }
  int64_t top = layout.top;
  for (const Row& row : sheet.rows) {
    draw_row(canvas, row, layout, top);
    top += layout.height(row);
  }
  return canvas.image();
}

std::vector<Image> to_one_size(const std::vector<Image>& pictures) {
  int64_t width = 1, height = 1;
  for (const Image& picture : pictures) {
    width = std::max(width, picture.width);
    height = std::max(height, picture.height);
  }
  std::vector<Image> result;
  for (const Image& picture : pictures) {
    Canvas canvas(width, height);
    canvas.picture(picture, 0, 0, 1);
    result.push_back(canvas.image());
  }
  return result;
}

int64_t default_zoom(int64_t image_size) { return std::max<int64_t>(1, 128 / image_size); }

std::string figure_number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

}  // namespace duel::latent
