#include "apps/report/losses_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "apps/latent/canvas.h"

namespace duel::report {
namespace {

using Colour = std::array<uint8_t, 3>;

/// --series of the page's report.css.
constexpr std::array<Colour, 8> palette{{{0xc2, 0x41, 0x0c},
                                         {0x1d, 0x4e, 0xd8},
                                         {0x15, 0x80, 0x3d},
                                         {0x7e, 0x22, 0xce},
                                         {0xa1, 0x62, 0x07},
                                         {0x0e, 0x74, 0x90},
                                         {0xbe, 0x18, 0x5d},
                                         {0x4d, 0x55, 0x60}}};
constexpr Colour grid_colour{0xd5, 0xd9, 0xde};

/// `top` with one line of legend, each further one taking `legend_line` more.
constexpr int64_t width = 960, panel_height = 250, left = 90, right = 24, top = 46, between = 50, bottom = 60;
constexpr int64_t legend_left = left + 160, legend_line = 28, text_scale = 2;
/// Pixels of a dashed line, and of the gaps in it.
constexpr double dash = 10, gap = 6;

/// Where one panel lies and what it shows.
struct Panel {
  int64_t top = 0;
  double most_x = 1, most_y = 1;

  double x(double epoch) const { return left + epoch / most_x * static_cast<double>(width - left - right); }
  double y(double loss) const {
    return static_cast<double>(top) + (1 - std::min(loss / most_y, 1.0)) * panel_height;
  }
};

/// A line with smooth edges, drawn once over all its pieces, so that it is not stronger where they meet.
class Stroke {
 public:
  explicit Stroke(int64_t height) : height_(height), cover_(static_cast<size_t>(width * height)) {}

  void piece(double x0, double y0, double x1, double y1, double thickness) {
    const double reach = thickness / 2 + 1, dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
    const auto from = [&](double a, double b) {
      return static_cast<int64_t>(std::floor(std::min(a, b) - reach));
    };
    const auto to = [&](double a, double b) {
      return static_cast<int64_t>(std::ceil(std::max(a, b) + reach));
    };
    for (int64_t y = std::max<int64_t>(0, from(y0, y1)); y < std::min(height_, to(y0, y1)); ++y) {
      for (int64_t x = std::max<int64_t>(0, from(x0, x1)); x < std::min(width, to(x0, x1)); ++x) {
        const double px = static_cast<double>(x) + 0.5 - x0, py = static_cast<double>(y) + 0.5 - y0;
        const double along = square > 0 ? std::clamp((px * dx + py * dy) / square, 0.0, 1.0) : 0;
        const double distance = std::hypot(px - along * dx, py - along * dy);
        float& cover = cover_[static_cast<size_t>(y * width + x)];
        cover = std::max(cover, static_cast<float>(std::clamp(thickness / 2 + 0.5 - distance, 0.0, 1.0)));
      }
    }
  }

  void onto(Image& image, const Colour& colour, double strength) const {
    for (size_t i = 0; i < cover_.size(); ++i) {
      for (size_t c = 0; c < 3 && cover_[i] > 0; ++c) {
        uint8_t& pixel = image.pixels[3 * i + c];
        pixel = static_cast<uint8_t>(std::lround(pixel + (colour[c] - pixel) * strength * cover_[i]));
      }
    }
  }

 private:
  int64_t height_;
  std::vector<float> cover_;
};

/// The distance of 1, 2 or 5 times a power of ten that makes about `count` ticks.
double tick_distance(double range, double count) {
  const double power = std::pow(10, std::floor(std::log10(range / count)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (range / (factor * power) <= count) return factor * power;
  return 10 * power;
}

/// The means over the points at most `reach` epochs away that are finite. Each is summed by itself: the
/// difference of two running sums has nothing left of the losses behind a huge one.
std::vector<double> smoothed(const std::vector<double>& x, const std::vector<double>& y, double reach) {
  std::vector<double> means;
  for (size_t i = 0, first = 0, last = 0; i < x.size(); ++i) {
    while (x[first] < x[i] - reach) ++first;
    while (last < x.size() && x[last] <= x[i] + reach) ++last;
    double sum = 0, count = 0;
    for (size_t k = first; k < last; ++k)
      if (std::isfinite(y[k])) sum += y[k], ++count;
    means.push_back(std::isfinite(y[i]) ? sum / count : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

/// A curve's colour, and whether it has gaps to tell it from an earlier one of that colour.
struct Style {
  Colour colour;
  bool is_dashed;
};

Style style_of(size_t i) { return {palette[i % palette.size()], i / palette.size() % 2 == 1}; }

/// A piece of a line of which `passed` pixels are drawn already.
void dashed_piece(Stroke& stroke, double x0, double y0, double x1, double y1, double thickness,
                  double passed) {
  const double length = std::hypot(x1 - x0, y1 - y0);
  for (double from = -std::fmod(passed, dash + gap); from < length; from += dash + gap) {
    const double a = std::max(from, 0.0) / length, b = std::min(from + dash, length) / length;
    if (b <= a) continue;
    stroke.piece(x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0), thickness);
  }
}

void draw_curve(Image& image, const Panel& panel, const std::vector<double>& x, const std::vector<double>& y,
                double thickness, const Style& style, double strength) {
  Stroke stroke(image.height);
  double passed = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(y[i])) continue;
    const size_t before = i > 0 && std::isfinite(y[i - 1]) ? i - 1 : i;  // a point alone is a dot
    const double x0 = panel.x(x[before]), y0 = panel.y(y[before]), x1 = panel.x(x[i]), y1 = panel.y(y[i]);
    if (style.is_dashed && before != i) {
      dashed_piece(stroke, x0, y0, x1, y1, thickness, passed);
      passed += std::hypot(x1 - x0, y1 - y0);
    } else {
      stroke.piece(x0, y0, x1, y1, thickness);
    }
  }
  stroke.onto(image, style.colour, strength);
}

/// What the axis of losses must reach: the highest points alone would flatten all others.
double top_of_axis(const std::vector<LossCurves>& runs, std::vector<double> LossCurves::*loss) {
  std::vector<double> values;
  for (const LossCurves& run : runs) {
    for (const double value : run.*loss)
      if (std::isfinite(value)) values.push_back(value);
  }
  if (values.empty()) return 1;
  const auto high = values.begin() + static_cast<long>((values.size() - 1) * 99 / 100);
  std::nth_element(values.begin(), high, values.end());
  const double most = std::min(*std::max_element(values.begin(), values.end()), 1.5 * *high);
  return most > 0 ? 1.05 * most : 1;
}

std::string tick_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

void draw_grid(Image& image, const Panel& panel) {
  Stroke lines(image.height);
  const double far = static_cast<double>(width - right);
  for (double y = 0, step = tick_distance(panel.most_y, 5); y <= panel.most_y; y += step)
    lines.piece(left, panel.y(y), far, panel.y(y), 1);
  for (double x = 0, step = tick_distance(panel.most_x, 10); x <= panel.most_x * 1.0001; x += step)
    lines.piece(panel.x(x), panel.y(0), panel.x(x), panel.y(panel.most_y), 1);
  lines.onto(image, grid_colour, 1);
}

void write_ticks(latent::Canvas& canvas, const Panel& panel, const char* title, bool with_epochs) {
  canvas.text(title, left, panel.top - 26, text_scale);
  for (double y = 0, step = tick_distance(panel.most_y, 5); y <= panel.most_y; y += step) {
    const std::string text = tick_text(y);
    canvas.text(text, left - 10 - latent::text_width(text, text_scale), static_cast<int64_t>(panel.y(y)) - 7,
                text_scale);
  }
  if (!with_epochs) return;
  for (double x = 0, step = tick_distance(panel.most_x, 10); x <= panel.most_x * 1.0001; x += step) {
    const std::string text = tick_text(x);
    canvas.text(text, static_cast<int64_t>(panel.x(x)) - latent::text_width(text),
                panel.top + panel_height + 10, text_scale);
  }
  canvas.text("epoch", (width + left - right) / 2 - latent::text_width("epoch"),
              panel.top + panel_height + bottom - 26, text_scale);
}

/// A run's place in the legend: its mark, 24 wide, begins at x, its name 32 further on.
struct LegendEntry {
  int64_t x = legend_left, line = 0;
  std::string name;
};

std::vector<LegendEntry> lay_out_legend(const std::vector<LossCurves>& runs) {
  std::vector<LegendEntry> entries;
  int64_t x = legend_left, line = 0;
  for (const LossCurves& run : runs) {
    std::string name = run.name;
    const auto end = [&] { return x + 32 + latent::text_width(name, text_scale); };
    if (end() > width - right && x > legend_left) x = legend_left, ++line;
    for (size_t length = name.size(); end() > width - right; --length)
      name = run.name.substr(0, length) + "...";
    entries.push_back({x, line, name});
    x = end() + 28;
  }
  return entries;
}

void write_legend(latent::Canvas& canvas, const std::vector<LegendEntry>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [x, line, name] = entries[i];
    const Style style = style_of(i);
    Image mark{style.is_dashed ? 10 : 24, 6, 3, {}};
    for (int64_t pixel = 0; pixel < mark.width * mark.height; ++pixel)
      mark.pixels.insert(mark.pixels.end(), style.colour.begin(), style.colour.end());
    canvas.picture(mark, x, 22 + line * legend_line, 1);
    if (style.is_dashed) canvas.picture(mark, x + 14, 22 + line * legend_line, 1);
    canvas.text(name, x + 32, 18 + line * legend_line, text_scale);
  }
}

}  // namespace

Image draw_losses(const std::vector<LossCurves>& runs) {
  const std::vector<LegendEntry> legend = runs.size() > 1 ? lay_out_legend(runs) : std::vector<LegendEntry>{};
  Panel of_d{.top = top + (legend.empty() ? 0 : legend.back().line * legend_line)};
  Panel of_g{.top = of_d.top + panel_height + between};
  double epochs = 0;
  for (const LossCurves& run : runs)
    if (!run.epochs.empty()) epochs = std::max(epochs, run.epochs.back());
  of_d.most_x = of_g.most_x = epochs > 0 ? epochs : 1;
  of_d.most_y = top_of_axis(runs, &LossCurves::d_loss);
  of_g.most_y = top_of_axis(runs, &LossCurves::g_loss);

  const int64_t height = of_g.top + panel_height + bottom;
  Image image{width, height, 3, std::vector<uint8_t>(static_cast<size_t>(width * height * 3), 255)};
  draw_grid(image, of_d);
  draw_grid(image, of_g);
  const double reach = std::max(0.25, epochs / 50) / 2;
  for (size_t i = 0; i < runs.size(); ++i) {
    const LossCurves& run = runs[i];
    // Of a single run each network has its colour, of several each run.
    const Style d = style_of(i), g = style_of(runs.size() == 1 ? 1 : i);
    for (const auto& [panel, loss, style] :
         {std::tuple{&of_d, &run.d_loss, &d}, std::tuple{&of_g, &run.g_loss, &g}}) {
      draw_curve(image, *panel, run.epochs, *loss, 1, *style, 0.3);
      draw_curve(image, *panel, run.epochs, smoothed(run.epochs, *loss, reach), 2.5, *style, 1);
    }
  }
  latent::Canvas canvas(width, height);
  canvas.picture(image, 0, 0, 1);
  write_ticks(canvas, of_d, "loss of D", false);
  write_ticks(canvas, of_g, "loss of G", true);
  write_legend(canvas, legend);
  return canvas.image();
}

}  // namespace duel::report
