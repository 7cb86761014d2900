// The weight gradient by minimal filtering: the two taps of a phase are the outputs, two neighbouring pixels
// of dy the filter. For each of the nine products and each phase
//     M (oc x ic) = the sum over all groups of (filtered dy)^T (filtered x),
// which is added to the taps that take it. Rows = oc, depth = groups of 2 x 2 pixels of dy, columns = ic.
//
// As in conv2d_implicit_wgrad.cpp the depth is cut into chunks with partial results, here by the shape alone
// as well, and the rows into bands. A thread takes a chunk of a band; for a block of the depth it transforms
// dy once, and x phase by phase.
#include <omp.h>

#include <algorithm>

#include "lib/divisor.h"
#include "ops/cpu/conv2d_filtered.h"
#include "ops/cpu/filter_grid.h"
#include "ops/cpu/gemm_blocks.h"
#include "ops/cpu/gemm_scratch.h"
#include "ops/cpu/partial_results.h"
#include "ops/cpu/prefetch.h"

namespace duel::cpu {
namespace {

constexpr int64_t band_rows = 128;

/// Floats between one packed tile or panel and the next. Without them the nine results of a transform, and
/// the tiles of a step, would lie a power of two apart, in the same few cache sets, and push one another out.
constexpr int64_t stagger = 16;

struct Work {
  const Conv2dShape& shape;
  const float *x, *dy;
  FilterGrid grid;
  int64_t groups, bands, chunks;

  Work(const Conv2dShape& s, const float* x_data, const float* dy_data)
      : shape(s),
        x(x_data),
        dy(dy_data),
        grid{x_data, s.ih, s.iw, s.ic, s.oh / 2, s.ow / 2, s.stride_h, s.stride_w},
        groups(s.gemm_m() / 4),
        bands(ceil_divide(s.oc, band_rows)) {
    // Eight tasks; more chunks would spend more on adding the partial results.
    constexpr int64_t tasks = 8;
    chunks = std::clamp<int64_t>(ceil_divide(tasks, bands), 1, std::max<int64_t>(1, groups / max_depth));
  }
  int64_t first_row(int64_t band) const { return shape.oc * band / bands; }
  int64_t first_group(int64_t chunk) const { return groups * chunk / chunks; }
};

class WgradWorker {
 public:
  static int64_t floats(const Microkernels& kernels, const Work& work) {
    return filter_products * (left_floats(kernels) + right_floats(kernels, work)) +
           Scratch::padded(2 * (max_depth + band_rows));
  }
  WgradWorker(const Microkernels& kernels, const Work& work, const float* zeros, float* buffer)
      : kernels_(kernels),
        work_(work),
        zeros_(zeros),
        left_(buffer),
        right_(left_ + filter_products * left_floats(kernels)),
        table_(reinterpret_cast<const float**>(right_ + filter_products * right_floats(kernels, work))),
        rows_(const_cast<float**>(table_) + max_depth) {
    for (int64_t d = 0; d < max_depth; ++d) table_[d] = right_ + d * kernels.panel;
  }

  /// Rows of `dw` from those of the band; set unless they are accumulated.
  void run(int64_t band, int64_t chunk, bool accumulate, float* dw) {
    const Conv2dShape& s = work_.shape;
    row_ = work_.first_row(band);
    rows_count_ = work_.first_row(band + 1) - row_;
    for (int64_t r = 0; r < rows_count_; ++r) rows_[r] = dw + (row_ + r) * s.gemm_k();
    const int64_t end = work_.first_group(chunk + 1);
    for (int64_t group = work_.first_group(chunk); group < end; accumulate = true) {
      const int64_t depth = std::min(max_depth, end - group);
      transform_dy(group, depth);
      for (int64_t phase = 0; phase < phases(); ++phase) {
        transform_x(group, depth, origin_of(phase));
        multiply(phase, depth, accumulate, following(phase, group, depth, end));
      }
      group += depth;
    }
  }

 private:
  static int64_t most_tiles(const Microkernels& kernels) { return ceil_divide(band_rows, kernels.tile_rows); }
  static int64_t tile_floats(const Microkernels& kernels) { return max_depth * kernels.left_step + stagger; }
  static int64_t panel_floats(const Microkernels& kernels) { return max_depth * kernels.panel + stagger; }
  static int64_t left_floats(const Microkernels& kernels) {
    return most_tiles(kernels) * tile_floats(kernels);
  }
  static int64_t right_floats(const Microkernels& kernels, const Work& work) {
    return ceil_divide(work.shape.ic, kernels.panel) * panel_floats(kernels);
  }
  int64_t tiles() const { return ceil_divide(rows_count_, kernels_.tile_rows); }
  int64_t first_of(int64_t tile) const { return rows_count_ * tile / tiles(); }
  int64_t rows_of(int64_t tile) const { return first_of(tile + 1) - first_of(tile); }
  /// Product i's packed factors: a tile of dy's, and a panel of x's.
  float* left_of(int64_t i, int64_t tile) const {
    return left_ + i * left_floats(kernels_) + tile * tile_floats(kernels_);
  }
  float* right_of(int64_t i, int64_t panel) const {
    return right_ + i * right_floats(kernels_, work_) + panel * panel_floats(kernels_);
  }
  int64_t panels() const { return ceil_divide(work_.shape.ic, kernels_.panel); }
  int64_t phases() const { return work_.shape.stride_h * work_.shape.stride_w; }

  FilterGrid::Origin origin_of(int64_t phase) const {
    const Conv2dShape& s = work_.shape;
    return {phase / s.stride_w - s.pad_h, phase % s.stride_w - s.pad_w};
  }

  /// What is read after the products of a phase: x of the next one, or the next block of the depth.
  Wanted following(int64_t phase, int64_t group, int64_t depth, int64_t end) const {
    Wanted wanted;
    if (phase + 1 < phases()) {
      wanted.add(rows_of_x(group, depth, origin_of(phase + 1)));
    } else if (group + depth < end) {
      const int64_t next_depth = std::min(max_depth, end - group - depth);
      wanted.add(rows_of_x(group + depth, next_depth, origin_of(0)));
      wanted.add(rows_of_dy(group + depth, next_depth));
    }
    return wanted;
  }

  /// But for the lowest row, which is often outside.
  Region rows_of_x(int64_t group, int64_t depth, const FilterGrid::Origin& origin) const {
    const FilterGrid& grid = work_.grid;
    int64_t first = grid.row_of(group) + origin.first_h;
    while (first < 0) first += grid.step_h;
    const int64_t end = grid.row_of(group + depth - 1) + origin.first_h + 2 * grid.step_h;
    const int64_t row = grid.width * grid.channels;
    return {grid.pictures + first * row, row * 4, grid.step_h * row * 4, (end - first) / grid.step_h};
  }

  Region rows_of_dy(int64_t group, int64_t depth) const {
    const int64_t row = 2 * work_.shape.ow * work_.shape.oc;  // of groups
    const int64_t first = group / work_.grid.grid_w, end = ceil_divide(group + depth, work_.grid.grid_w);
    return {work_.dy + first * row, (end - first) * row * 4, 0, 1};
  }

  /// Those of product i.
  Wanted factors(int64_t i, int64_t depth) const {
    const int64_t steps = kernels_.tile_depth(depth);
    Wanted wanted;
    wanted.add({left_of(i, 0), steps * kernels_.left_step * 4, tile_floats(kernels_) * 4, tiles()});
    wanted.add({right_of(i, 0), steps * kernels_.panel * 4, panel_floats(kernels_) * 4, panels()});
    return wanted;
  }

  void transform_dy(int64_t group, int64_t depth) {
    const Conv2dShape& s = work_.shape;
    const FilterGrid pixels_of_dy{work_.dy, s.oh, s.ow, s.oc, s.oh / 2, s.ow / 2, 1, 1};
    FilterGrid::Place place = pixels_of_dy.place(group);
    for (int64_t d = 0; d < depth; ++d, pixels_of_dy.advance(place)) {
      const float* pixels[9];
      pixels_of_dy.locate(place, {0, 0}, zeros_, pixels);
      for (int64_t t = 0; t < tiles(); ++t) {
        const int64_t at = row_ + first_of(t);
        const float* const square[4] = {pixels[0] + at, pixels[1] + at, pixels[3] + at, pixels[4] + at};
        kernels_.filter_taps(square, rows_of(t), left_of(0, t) + d * kernels_.left_step,
                             left_floats(kernels_));
      }
    }
    if (!kernels_.pairs()) return;
    for (int64_t i = 0; i < filter_products; ++i)
      for (int64_t t = 0; t < tiles(); ++t) kernels_.pair_left[1](left_of(i, t), rows_of(t), depth);
  }

  void transform_x(int64_t group, int64_t depth, const FilterGrid::Origin& origin) {
    FilterGrid::Place place = work_.grid.place(group);
    for (int64_t d = 0; d < depth; ++d, work_.grid.advance(place)) {
      const float* pixels[9];
      work_.grid.locate(place, origin, zeros_, pixels);
      for (int64_t panel = 0; panel < panels(); ++panel) {
        const int64_t count = std::min(kernels_.panel, work_.shape.ic - panel * kernels_.panel);
        kernels_.filter_input(pixels, count, right_of(0, panel) + d * kernels_.panel,
                              right_floats(kernels_, work_));
        for (const float*& pixel : pixels) pixel += kernels_.panel;
      }
    }
    if (!kernels_.pairs()) return;
    for (int64_t i = 0; i < filter_products; ++i)
      for (int64_t panel = 0; panel < panels(); ++panel) kernels_.pair_right(right_of(i, panel), depth);
  }

  void multiply(int64_t phase, int64_t depth, bool accumulate, const Wanted& next) {
    const Conv2dShape& s = work_.shape;
    const int64_t right = s.stride_w * s.ic, down = s.stride_h * s.kw * s.ic;
    const int64_t first = (phase / s.stride_w * s.kw + phase % s.stride_w) * s.ic;
    for (size_t turn = 0; turn < filter_products; ++turn) {
      const int i = filter_order[turn];
      const FilterTargets targets(i, down, right);
      Wanted wanted = turn + 1 < filter_products ? factors(filter_order[turn + 1], depth) : next;
      Tile tile{};
      tile.a_step = kernels_.left_step;
      tile.b_rows = table_;
      tile.depth = kernels_.tile_depth(depth);
      tile.accumulate = accumulate || i != filter_whole;
      tile.destinations = targets.count;
      std::copy_n(targets.offsets, targets.count, tile.offsets);
      for (int64_t t = 0; t < tiles(); ++t) {
        const int64_t rows = rows_of(t);
        tile.a = left_of(i, t);
        tile.c = rows_ + first_of(t);
        for (int64_t panel = 0; panel < panels(); ++panel) {
          tile.b_offset = right_of(i, panel) - right_;
          tile.column = first + panel * kernels_.panel;
          tile.columns = std::min(kernels_.panel, s.ic - panel * kernels_.panel);
          wanted.hand_out(tile);
          kernels_.tile[1][tile.columns > kernels_.vector ? 1 : 0][rows - 1](tile);
        }
      }
    }
  }

  const Microkernels& kernels_;
  const Work& work_;
  const float* zeros_;
  float* left_;          // the nine of dy: tile by tile, step by step
  float* right_;         // the nine of a phase of x: panel by panel, step by step
  const float** table_;  // rows of the first panel
  float** rows_;         // of dw
  int64_t row_ = 0, rows_count_ = 0;
};

}  // namespace

void conv2d_wgrad_filtered(const Conv2dShape& shape, const float* x, const float* dy, float* dw,
                           Write write) {
  const Microkernels& kernels = microkernels();
  const Work work(shape, x, dy);
  const int threads = omp_get_max_threads();
  const int64_t size = shape.oc * shape.gemm_k();
  const int64_t worker_floats = Scratch::padded(WgradWorker::floats(kernels, work));
  const int64_t zero_floats = Scratch::padded(std::max(shape.ic, shape.oc));
  PartialResults partials(dw, size, work.chunks);
  Scratch scratch(zero_floats + threads * worker_floats);
  float* const zeros = scratch.take(zero_floats);
  std::fill_n(zeros, zero_floats, 0.0f);
  float* const workers = scratch.take(threads * worker_floats);

#pragma omp parallel
  {
    WgradWorker worker(kernels, work, zeros, workers + omp_get_thread_num() * worker_floats);
#pragma omp for schedule(dynamic, 1) nowait
    for (int64_t task = 0; task < work.chunks * work.bands; ++task) {
      const int64_t chunk = task / work.bands;
      worker.run(task % work.bands, chunk, chunk == 0 && write == Write::Add, partials.of(chunk));
    }
  }
  partials.add_up(kernels);
}

}  // namespace duel::cpu
