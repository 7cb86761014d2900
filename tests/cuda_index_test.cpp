// The index arithmetic of kernels whose threads each have a share of their own, run over whole grids.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "cuda/accumulators.h"
#include "cuda/conv2d_patches.h"
#include "cuda/conv2d_subpixels.h"
#include "cuda/launch.h"
#include "cuda/product_tile.h"
#include "lib/bfloat16.h"
#include "lib/divisor.h"
#include "lib/im2col.h"
#include "lib/placement.h"
#include "ops/conv2d.h"

namespace duel {
namespace {

using namespace cuda;

// ---- one thread an item ----

TEST(ThreadItems, EveryItemHasOneThread) {
  for (const int64_t items : {1, 255, 256, 257, 5000, 70000}) {
    for (const int64_t most : {1, 3, 1000}) {
      const int64_t blocks = blocks_for(items, most);
      EXPECT_LE(blocks, most);
      std::vector<int> visits(static_cast<size_t>(items));
      for (int64_t block = 0; block < blocks; ++block) {
        for (int thread = 0; thread < block_threads; ++thread) {
          const auto [first, step] = thread_items(block, thread, blocks);
          for (int64_t i = first; i < items; i += step) ++visits[static_cast<size_t>(i)];
        }
      }
      EXPECT_EQ(visits, std::vector<int>(visits.size(), 1)) << items << " items, " << blocks << " blocks";
    }
  }
}

// The first and the last item of arrays that have more blocks than 16 bits and more items than 32 bits count.
TEST(ThreadItems, ReachTheLastItemOfHugeArrays) {
  for (const int64_t items : {int64_t{65536} * 256 + 1, (int64_t{1} << 31) + 7, (int64_t{1} << 40) + 3}) {
    for (const int64_t most :
         {int64_t{1056}, int64_t{100000}, int64_t{std::numeric_limits<int32_t>::max()}}) {
      const int64_t blocks = blocks_for(items, most), last = items - 1, threads = blocks * block_threads;
      ASSERT_GT(blocks, 0);
      ASSERT_LE(blocks, std::numeric_limits<int32_t>::max());
      const int64_t owner = last % threads;
      const auto [first, step] =
          thread_items(owner / block_threads, static_cast<int>(owner % block_threads), blocks);
      EXPECT_EQ(first % step, last % step);
      EXPECT_LE(first, last);
      EXPECT_EQ(step, threads);
    }
  }
}

TEST(ThreadItems, NothingNeedsNoBlock) { EXPECT_EQ(blocks_for(0, 100), 0); }

// ---- rows ----

void expect_every_element_once(const RowTiles& tiles) {
  std::vector<int> visits(static_cast<size_t>(tiles.rows * tiles.packs));
  for (int64_t block = 0; block < tiles.blocks(); ++block) {
    for (int thread = 0; thread < block_threads; ++thread) {
      const RowTiles::Share share = tiles.share(block, thread);
      ASSERT_EQ(share.level, thread / tiles.lanes);
      if (share.pack >= tiles.packs) continue;
      for (int64_t row = share.first_row; row < share.end_row; row += tiles.depth()) {
        ASSERT_EQ(row / tiles.rows_per_chunk, share.chunk);
        ++visits[static_cast<size_t>(row * tiles.packs + share.pack)];
      }
    }
  }
  ASSERT_EQ(visits, std::vector<int>(visits.size(), 1)) << tiles.rows << " x " << tiles.packs;
}

TEST(RowTiles, EveryElementHasOneThread) {
  for (const int64_t rows : {1, 7, 64, 1000}) {
    for (const int64_t packs : {1, 2, 3, 31, 32, 33, 200}) {
      for (const int64_t most_blocks : {1, 5, 512}) {
        for (const int most_lanes : {4, 32})
          expect_every_element_once(row_tiles(rows, packs, most_blocks, {.most_lanes = most_lanes}));
      }
      expect_every_element_once(reduction_tiles(rows, packs, 16, 8, 256, 128));
    }
  }
}

TEST(RowTiles, KeepToTheirLimits) {
  for (const int64_t rows : {int64_t{0}, int64_t{1}, int64_t{100000}, int64_t{1} << 40}) {
    for (const int64_t packs : {int64_t{1}, int64_t{3}, int64_t{64}, int64_t{70000}, int64_t{1} << 33}) {
      const RowTiles tiles = row_tiles(rows, packs, 512);
      EXPECT_GE(tiles.chunks, 1);
      EXPECT_GE(tiles.chunks * tiles.rows_per_chunk, rows);
      EXPECT_GE(tiles.tiles * tiles.lanes, packs);
      EXPECT_LE(tiles.blocks(), std::max<int64_t>(512, tiles.tiles));
      EXPECT_LE(tiles.lanes, 32);
      EXPECT_EQ(block_threads % tiles.lanes, 0);
      EXPECT_EQ(tiles.rows_per_chunk % tiles.depth(), 0);
      // The share of the very last thread ends with the array.
      const RowTiles::Share last = tiles.share(tiles.blocks() - 1, block_threads - 1);
      EXPECT_EQ(last.end_row, rows);
    }
  }
}

// What several blocks share is merged by one of them, whose threads each begin with one column: no more
// columns than threads, and only so many chunks.
TEST(RowTiles, OfReductionsLeaveLittleToMerge) {
  for (const int64_t rows :
       {int64_t{0}, int64_t{1}, int64_t{9}, int64_t{300}, int64_t{100000}, int64_t{1} << 40}) {
    for (const int64_t packs : {int64_t{1}, int64_t{3}, int64_t{64}, int64_t{70000}, int64_t{1} << 33}) {
      for (const int64_t element : {2, 4, 8}) {
        for (const int64_t width : {int64_t{1}, 16 / element}) {
          const RowTiles tiles = reduction_tiles(rows, packs, element * width, 8, 256, 128);
          EXPECT_GE(tiles.chunks * tiles.rows_per_chunk, rows);
          EXPECT_GE(tiles.tiles * tiles.lanes, packs);
          EXPECT_LE(tiles.blocks(), std::max<int64_t>(256, tiles.tiles));
          EXPECT_EQ(block_threads % tiles.lanes, 0);
          EXPECT_LE(tiles.chunks, rows <= 8 ? 1 : 128);
          if (tiles.chunks > 1) {
            EXPECT_LE(tiles.lanes * width, block_threads);
            EXPECT_LE(tiles.tiles, 128);
          }
        }
      }
    }
  }
}

// ---- chunks of several tensors ----

TEST(ChunkTable, EveryChunkFindsItsTensor) {
  const std::vector<int64_t> chunks{3, 0, 1, 0, 0, 40, 1};
  ChunkTable<8> table;
  std::vector<int> owner;
  for (size_t i = 0; i < chunks.size(); ++i) {
    table.append(chunks[i]);
    owner.insert(owner.end(), static_cast<size_t>(chunks[i]), static_cast<int>(i));
  }
  ASSERT_EQ(table.chunks(), static_cast<int64_t>(owner.size()));
  for (size_t chunk = 0; chunk < owner.size(); ++chunk)
    EXPECT_EQ(table.tensor_of(static_cast<int64_t>(chunk)), owner[chunk]) << "chunk " << chunk;
}

// ---- where elements come from and go ----

template <class AnyDivisor>
void expect_what_dims_name() {
  const Shape shape{2, 3, 4, 5};
  const int dims[] = {2, 0, 3, 1};
  const PermutePlacement<AnyDivisor> placement(shape, dims);
  int64_t i = 0;
  for (int64_t c = 0; c < 4; ++c) {
    for (int64_t a = 0; a < 2; ++a) {
      for (int64_t d = 0; d < 5; ++d) {
        for (int64_t b = 0; b < 3; ++b, ++i) {
          EXPECT_EQ(placement.target(i), i);
          EXPECT_EQ(placement.source(i), ((a * 3 + b) * 4 + c) * 5 + d);
        }
      }
    }
  }
}

TEST(Placement, PermutationReadsWhatItsDimsName) {
  expect_what_dims_name<Divisor>();
  expect_what_dims_name<WideDivisor>();
}

TEST(Placement, PermutationOfMoreElementsThan32BitsCount) {
  const Shape shape{3, 70000, 40000};
  const int dims[] = {2, 1, 0};
  const PermutePlacement<WideDivisor> placement(shape, dims);
  EXPECT_EQ(placement.source(shape.numel() - 1), shape.numel() - 1);
  EXPECT_EQ(placement.source(1), int64_t{70000} * 40000);
  EXPECT_EQ(placement.source(int64_t{3} * 70000), 1);
}

TEST(Placement, TranspositionsAreTold) {
  const Shape shape{2, 3, 4, 5};
  const auto told = [&](std::vector<int> dims) {
    const auto t = transposition_of(shape, dims);
    return t ? std::vector<int64_t>{t->count, t->rows, t->columns} : std::vector<int64_t>{};
  };
  EXPECT_EQ(told({0, 3, 1, 2}), (std::vector<int64_t>{2, 12, 5}));
  EXPECT_EQ(told({0, 2, 3, 1}), (std::vector<int64_t>{2, 3, 20}));
  EXPECT_EQ(told({3, 0, 1, 2}), (std::vector<int64_t>{1, 24, 5}));
  EXPECT_EQ(told({0, 1, 3, 2}), (std::vector<int64_t>{6, 4, 5}));
  for (const std::vector<int>& dims :
       {std::vector<int>{0, 1, 2, 3}, {2, 0, 3, 1}, {3, 2, 1, 0}, {1, 0, 2, 3}})
    EXPECT_TRUE(told(dims).empty()) << dims[0] << dims[1] << dims[2] << dims[3];
}

// Every element of x goes to one of y, where the permutation says.
TEST(Placement, SquaresCoverTransposedMatrices) {
  for (const auto& [t, width] : {std::pair<Transposition, int>{{3, 8, 24}, 8},
                                 {{2, 24, 8}, 8},
                                 {{1, 4, 4}, 4},
                                 {{5, 12, 20}, 4},
                                 {{2, 6, 4}, 2}}) {
    const TransposedSquares places(t, width);
    std::vector<int64_t> target(static_cast<size_t>(t.count * t.rows * t.columns), -1);
    for (int square = 0; square < t.count * t.rows * t.columns / (width * width); ++square) {
      const auto [from, to] = places.of(square);
      for (int64_t i = 0; i < width; ++i) {
        for (int64_t k = 0; k < width; ++k) {
          int64_t& place = target[static_cast<size_t>(from + i * t.columns + k)];
          EXPECT_EQ(place, -1);
          place = to + k * t.rows + i;
        }
      }
    }
    for (int64_t i = 0; i < std::ssize(target); ++i) {
      const int64_t matrix = i / (t.rows * t.columns), row = i / t.columns % t.rows, column = i % t.columns;
      ASSERT_EQ(target[static_cast<size_t>(i)], (matrix * t.columns + column) * t.rows + row);
    }
  }
}

TEST(Placement, RunsFollowEachOther) {
  const RunPlacement placement{{3, 4, 10, 20, 5, 7}};
  ASSERT_EQ(placement.elements(), 12);
  for (int64_t run = 0, i = 0; run < 3; ++run) {
    for (int64_t j = 0; j < 4; ++j, ++i) {
      EXPECT_EQ(placement.source(i), 10 + 20 * run + j);
      EXPECT_EQ(placement.target(i), 5 + 7 * run + j);
    }
  }
}

// Mirroring keeps row and channel.
TEST(Placement, MirroredPicturesExchangeColumnsAlone) {
  for (const auto& [width, channels] : {std::pair<int, int>{1, 1}, {2, 3}, {5, 1}, {8, 4}}) {
    const PicturePlacement placement = PicturePlacement::of({7, 3, width, channels});
    ASSERT_EQ(placement.elements(), 3 * width * channels);
    int i = 0;
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < width; ++column) {
        for (int channel = 0; channel < channels; ++channel, ++i) {
          EXPECT_EQ(placement.source(i, false), i);
          EXPECT_EQ(placement.source(i, true), (row * width + width - 1 - column) * channels + channel);
        }
      }
    }
  }
}

TEST(Placement, PicturesOfASetPast32Bits) {
  const PicturePlacement placement = PicturePlacement::of({1, 64, 64, 3});
  const int64_t pictures = 1000000, batch = 300000, last = placement.elements() - 1;
  ASSERT_GT(placement.first(batch - 1) + last, int64_t{1} << 31);
  EXPECT_EQ(placement.first(batch - 1) + last, batch * 64 * 64 * 3 - 1);
  EXPECT_EQ(placement.first(pictures - 1) + placement.source(last, false), pictures * 64 * 64 * 3 - 1);
  EXPECT_EQ(placement.first(pictures - 1) + placement.source(last, true),
            pictures * 64 * 64 * 3 - 1 - 63 * 3);
}

TEST(Placement, PicturesHaveFewerThanTwoToThe31Elements) {
  const PicturePlacement placement = PicturePlacement::of({1, 46340, 46340, 1});
  EXPECT_EQ(placement.source(placement.elements() - 1, true), placement.elements() - 46340);
  EXPECT_THROW(PicturePlacement::of({1, 46341, 46341, 1}), Error);
}

// ---- im2col and its transpose ----

// Every element of the im2col matrix that is no padding is a source of the element that it was copied from,
// once, and of no other.
TEST(Im2col, TransposeIsItsInverseRelation) {
  for (const int64_t stride : {1, 2, 3}) {
    for (const int64_t padding : {0, 1, 3}) {
      for (const int64_t kernel : {1, 2, 4}) {
        const Conv2dShape s =
            conv2d_shape({2, 5, 8, 3}, {1, kernel, kernel + 1, 3}, {stride, 4 - stride}, {padding, padding});
        std::vector<int64_t> owner(static_cast<size_t>(s.gemm_m() * s.gemm_k()), -1);
        for (int64_t pixel = 0; pixel < s.n * s.ih * s.iw; ++pixel) {
          for (int64_t ic = 0; ic < s.ic; ++ic) {
            for_each_col2im_source(s, pixel, ic, [&](int64_t source) {
              ASSERT_GE(source, 0);
              ASSERT_LT(source, static_cast<int64_t>(owner.size()));
              ASSERT_EQ(owner[static_cast<size_t>(source)], -1) << "taken twice";
              owner[static_cast<size_t>(source)] = pixel * s.ic + ic;
            });
          }
        }
        for (int64_t row = 0; row < s.gemm_m(); ++row) {
          for (int64_t column = 0; column < s.gemm_k(); ++column)
            ASSERT_EQ(owner[static_cast<size_t>(row * s.gemm_k() + column)], im2col_source(s, row, column));
        }
      }
    }
  }
}

TEST(Im2col, LastElementOfAMatrixPast32Bits) {
  const Conv2dShape s = conv2d_shape({40000, 64, 64, 8}, {1, 3, 3, 8}, {1, 1}, {0, 0});
  ASSERT_GT(s.gemm_m() * s.gemm_k(), int64_t{1} << 31);
  EXPECT_EQ(im2col_source(s, s.gemm_m() - 1, s.gemm_k() - 1), s.n * s.ih * s.iw * s.ic - 1);
  int64_t source = -1;
  for_each_col2im_source(s, s.n * s.ih * s.iw - 1, s.ic - 1, [&](int64_t index) { source = index; });
  EXPECT_EQ(source, s.gemm_m() * s.gemm_k() - 1);
}

// ---- products without a stored matrix ----

/// Shapes with every combination of stride, padding and kernel, strides larger than kernels among them.
std::vector<Conv2dShape> shapes() {
  std::vector<Conv2dShape> all;
  for (const int64_t stride : {1, 2, 3}) {
    for (const int64_t padding : {0, 1, 3}) {
      for (const int64_t kernel : {1, 2, 4})
        all.push_back(
            conv2d_shape({2, 5, 8, 3}, {2, kernel, kernel + 1, 3}, {stride, 4 - stride}, {padding, padding}));
    }
  }
  return all;
}

/// The index of an element of the matrix in the picture, or -1 outside of it.
int64_t source_of(const PatchMatrix& patches, int64_t m, int64_t k) {
  const PatchMatrix::Row row = patches.row(static_cast<int>(m));
  const PatchMatrix::Column column = patches.column(static_cast<int>(k));
  return patches.inside(row, column) ? row.index + column.index : -1;
}

TEST(Conv2dPatches, AreTheIm2colMatrix) {
  for (const Conv2dShape& s : shapes()) {
    const PatchMatrix patches = conv2d_patches(s);
    ASSERT_EQ(patches.rows(), s.gemm_m());
    ASSERT_EQ(patches.columns(), s.gemm_k());
    for (int m = 0; m < s.gemm_m(); ++m) {
      for (int k = 0; k < s.gemm_k(); ++k) ASSERT_EQ(source_of(patches, m, k), im2col_source(s, m, k));
    }
    for (const int past : {0, 1, 100}) {
      EXPECT_EQ(source_of(patches, s.gemm_m() + past, 0), -1);
      EXPECT_EQ(source_of(patches, 0, s.gemm_k() + past), -1);
      EXPECT_EQ(source_of(patches, s.gemm_m() + past, s.gemm_k() + past), -1);
    }
  }
}

// Over all phases, every pixel of dx is one row, and the products that meet in it are those of the
// convolution: each pair of an element of dy and a tap that lies on the picture, once.
TEST(Conv2dPatches, PhasesMakeUpTheDataGradient) {
  for (const Conv2dShape& s : shapes()) {
    std::vector<int> rows(static_cast<size_t>(s.n * s.ih * s.iw));
    int64_t products = 0, expected = 0;
    for (int64_t p = 0; p < s.stride_h * s.stride_w; ++p) {
      const DgradPhase phase = dgrad_phase(s, p, weight_strides(s, s.ic));
      for (int m = 0; m < phase.patches.rows(); ++m) {
        const int64_t pixel = phase.pixel(m);
        ++rows[static_cast<size_t>(pixel)];
        for (int k = 0; k < phase.patches.columns(); ++k) {
          const int64_t dy = source_of(phase.patches, m, k);
          if (dy < 0) continue;
          ++products;
          const int64_t row = phase.weight_row(k), tap = row / s.ic % (s.kh * s.kw);
          ASSERT_EQ(row / (s.ic * s.kh * s.kw), dy % s.oc) << "the channels of dy and weight differ";
          ASSERT_EQ(im2col_source(s, dy / s.oc, tap * s.ic), pixel * s.ic);
        }
      }
      EXPECT_EQ(phase.weight_row(phase.patches.columns()), -1);
    }
    for (int64_t row = 0; row < s.gemm_m(); ++row) {
      for (int64_t tap = 0; tap < s.kh * s.kw; ++tap)
        expected += im2col_source(s, row, tap * s.ic) >= 0 ? s.oc : 0;
    }
    EXPECT_EQ(products, expected);
    EXPECT_EQ(rows, std::vector<int>(rows.size(), 1));
  }
}

/// Of all products that a convolution adds up, the elements of x, the weight and y (or their gradients).
using Products = std::set<std::array<int64_t, 3>>;
Products products_of(const Conv2dShape& s) {
  Products all;
  for (int64_t row = 0; row < s.gemm_m(); ++row) {
    for (int64_t k = 0; k < s.gemm_k(); ++k) {
      const int64_t x = im2col_source(s, row, k);
      for (int64_t oc = 0; x >= 0 && oc < s.oc; ++oc) all.insert({x, oc * s.gemm_k() + k, row * s.oc + oc});
    }
  }
  return all;
}

TEST(Conv2dPatches, RolesOfXAndDyCanBeExchanged) {
  for (const auto& [kernel, padding] : {std::pair<int64_t, int64_t>{1, 0}, {1, 1}, {2, 0}, {2, 3}, {4, 1}}) {
    const Conv2dShape s = conv2d_shape({2, 5, 8, 3}, {2, kernel, kernel + 1, 3}, {1, 1}, {padding, 2});
    const Conv2dShape other = exchanged(s);
    const PatchMatrix patches = conv2d_patches(other);
    const ExchangedWeight weight(s);
    Products actual;
    for (int64_t pixel = 0; pixel < other.gemm_m(); ++pixel) {
      for (int64_t i = 0; i < s.ic * other.gemm_k(); ++i) {
        const int64_t dy = source_of(patches, pixel, i % other.gemm_k());
        if (dy >= 0) actual.insert({pixel * s.ic + i / other.gemm_k(), weight.place(i), dy});
      }
    }
    EXPECT_EQ(actual, products_of(s)) << "kernel " << kernel << ", padding " << padding;
  }
}

TEST(Subpixels, MakeUpTheDataGradient) {
  for (const auto& [stride_h, stride_w] : {std::pair<int64_t, int64_t>{2, 2}, {1, 2}, {3, 2}, {2, 4}}) {
    for (const int64_t padding : {0, 1, 3}) {
      for (const int64_t kernel : {1, 2, 4}) {
        const Conv2dShape s =
            conv2d_shape({2, 6, 8, 3}, {2, kernel, kernel + 1, 3}, {stride_h, stride_w}, {padding, padding});
        ASSERT_TRUE(divides_into_squares(s));
        const Subpixels subpixels = subpixels_of(s);
        Products actual;
        std::vector<int> visits(static_cast<size_t>(s.n * s.ih * s.iw * s.ic));
        for (int m = 0; m < subpixels.patches.rows(); ++m) {
          for (int column = 0; column < subpixels.columns(); ++column) {
            const int64_t dx = subpixels.square(m) + subpixels.place(column);
            ++visits[static_cast<size_t>(dx)];
            EXPECT_EQ(subpixels.channel(column), dx % s.ic);
            EXPECT_EQ(subpixels.place(column | 1), subpixels.place(column & ~1) + 1);
            for (int k = 0; k < subpixels.patches.columns(); ++k) {
              const int64_t dy = source_of(subpixels.patches, m, k), weight = subpixels.weight(column, k);
              if (dy >= 0 && weight >= 0) actual.insert({dx, weight, dy});
            }
          }
        }
        EXPECT_EQ(visits, std::vector<int>(visits.size(), 1));
        EXPECT_EQ(actual, products_of(s))
            << kernel << ", " << stride_h << ", " << stride_w << ", " << padding;
      }
    }
  }
  EXPECT_FALSE(divides_into_squares(conv2d_shape({2, 6, 7, 3}, {2, 2, 3, 3}, {2, 2}, {0, 0})));
}

TEST(Conv2dPatches, ReachPast32Bits) {
  const Conv2dShape s = conv2d_shape({40000, 64, 64, 32}, {64, 3, 3, 32}, {2, 2}, {1, 1});
  const PatchMatrix patches = conv2d_patches(s);
  EXPECT_EQ(source_of(patches, s.gemm_m() - 1, s.gemm_k() - 1), s.n * s.ih * s.iw * s.ic - 1);
  const DgradPhase phase = dgrad_phase(s, 0, weight_strides(s, s.ic));
  EXPECT_EQ(phase.pixel(phase.patches.rows() - 1), s.n * s.ih * s.iw - 1);
  const Subpixels subpixels = subpixels_of(s);
  EXPECT_EQ(subpixels.square(subpixels.patches.rows() - 1) + subpixels.place(subpixels.columns() - 1),
            s.n * s.ih * s.iw * s.ic - 1);
}

// In a data gradient the patches of the last rows begin below the last picture.
TEST(Conv2dPatches, FitsWherePixelsCanBeCountedBesideThePicturesToo) {
  const auto square = [](int64_t side, int64_t kernel) {
    return conv2d_shape({1, side, side, 1}, {1, kernel, kernel, 1}, {1, 1}, {kernel / 2, kernel / 2});
  };
  EXPECT_TRUE(fits_implicit(square(46300, 5)));
  EXPECT_LT(int64_t{46340} * 46340, int64_t{1} << 31);
  EXPECT_FALSE(fits_implicit(square(46340, 5)));
  EXPECT_FALSE(fits_implicit(square(46300, 81)));
  const Conv2dShape s = square(46300, 5);
  const DgradPhase phase = dgrad_phase(s, 0, weight_strides(s, s.ic));
  for (int m = phase.patches.rows() - 3 * 46300; m < phase.patches.rows(); ++m) {
    const auto row = phase.patches.row(m);
    ASSERT_EQ(row.index, int64_t{row.y} * s.ow + row.x);
  }
}

// ---- products ----

TEST(Divisor, DividesAsTheOperatorDoes) {
  constexpr int most = std::numeric_limits<int>::max();
  std::vector<int> divisors;
  for (int d = 1; d < 3000; ++d) divisors.push_back(d);
  for (int power = 12; power < 31; ++power) {
    for (const int off : {-1, 0, 1}) divisors.push_back((1 << power) + off);
  }
  for (const int d : {most / 3, most - 1, most}) divisors.push_back(d);
  for (const int d : divisors) {
    const Divisor divisor(d);
    ASSERT_EQ(divisor, d);
    const int last = most / d * d;  // the quotients next to it are the first to be wrong
    for (const int n : {0, 1, d - 1, d, d + (d < most), last - 1, last, most - 1, most, 12345678}) {
      ASSERT_EQ(divisor.divide(n).quotient, n / d) << n << " / " << d;
      ASSERT_EQ(divisor.divide(n).remainder, n % d) << n << " / " << d;
    }
  }
}

template <class Tile>
void expect_every_sum_once() {
  std::vector<int> sums(static_cast<size_t>(Tile::m * Tile::n));
  for (int thread = 0; thread < product_threads; ++thread) {
    const int lane = thread % warp_size;
    for (int i = 0; i < Tile::warp_m; i += Fragment::m) {
      for (int j = 0; j < Tile::warp_n; j += Fragment::n) {
        for (int sum = 0; sum < 4; ++sum) {
          const int row = Tile::warp_row(thread) + i + Fragment::line(lane) + 8 * (sum / 2);
          const int column = Tile::warp_column(thread) + j + Fragment::column(lane) + sum % 2;
          ++sums[static_cast<size_t>(row * Tile::n + column)];
        }
      }
    }
  }
  EXPECT_EQ(sums, std::vector<int>(sums.size(), 1));
}

TEST(ProductTile, EverySumHasOneLane) {
  expect_every_sum_once<WideTile>();
  expect_every_sum_once<MiddleTile>();
  expect_every_sum_once<SmallTile>();
  expect_every_sum_once<NarrowTile>();
}

/// The places of a tile are different, and packs of 16 bytes of a line begin on 16 bytes.
template <class Element, int extent, bool along_k, int depth = product_depth>
void expect_places_apart() {
  using Tile = SharedTile<Element, extent, along_k, depth>;
  constexpr int pack = 16 / static_cast<int>(sizeof(Element));
  std::set<int> places;
  for (int i = 0; i < extent; ++i) {
    for (int k = 0; k < depth; ++k) {
      const int place = Tile::place(i, k);
      EXPECT_LT(place, Tile::elements);
      EXPECT_TRUE(places.insert(place).second);
      EXPECT_TRUE((along_k ? k : i) % pack != 0 || place % pack == 0);
    }
  }
}

/// What the lanes of a warp read at once lies in 32 banks.
template <int extent, bool along_k>
void expect_banks_apart() {
  expect_places_apart<float, extent, along_k>();
  for (int i = 0; i + 8 <= extent; i += 8) {
    for (int k = 0; k < product_depth; k += 4) {
      std::set<int> banks;
      for (int lane = 0; lane < 32; ++lane) {
        banks.insert(
            SharedTile<float, extent, along_k>::place(i + Fragment::line(lane), k + Fragment::step(lane)) %
            32);
      }
      EXPECT_EQ(banks.size(), 32u) << extent << (along_k ? " along k" : " across k");
    }
  }
}

/// The rows of 16 bytes of each matrix that a warp loads lie in different banks; and its four matrices are
/// the 16 x 16 elements, in the order of a lane's words.
template <bool left, int extent, bool along_k, int depth = product_depth>
void expect_matrices_apart() {
  using Tile = SharedTile<BFloat16, extent, along_k, depth>;
  expect_places_apart<BFloat16, extent, along_k, depth>();
  std::set<int> elements;
  for (int matrix = 0; matrix < 4; ++matrix) {
    std::set<int> sixteens;
    for (int row = 0; row < 8; ++row) {
      const auto [line, k] = loaded_row<left, along_k>(8 * matrix + row);
      sixteens.insert(Tile::place(line, k) * 2 % 128 / 16);
      const int second = matrix / 2 * 8, first = matrix % 2 * 8;
      EXPECT_EQ((along_k ? line - row : line), left ? first : second);
      EXPECT_EQ((along_k ? k : k - row), left ? second : first);
      for (int i = 0; i < 8; ++i)
        elements.insert(Tile::place(along_k ? line : line + i, along_k ? k + i : k));
    }
    EXPECT_EQ(sixteens.size(), 8u) << extent << (along_k ? " along k" : " across k") << ", matrix " << matrix;
  }
  EXPECT_EQ(elements.size(), 256u);
}

template <int extent, bool along_k>
void expect_reads_apart() {
  expect_banks_apart<extent, along_k>();
  expect_matrices_apart<true, extent, along_k>();
  expect_matrices_apart<false, extent, along_k>();
  expect_matrices_apart<true, extent, along_k, deep_product_depth>();
  expect_matrices_apart<false, extent, along_k, deep_product_depth>();
}

TEST(ProductTile, LanesReadDifferentBanks) {
  expect_reads_apart<128, true>();
  expect_reads_apart<128, false>();
  expect_reads_apart<64, true>();
  expect_reads_apart<64, false>();
  expect_reads_apart<16, true>();
  expect_reads_apart<16, false>();
}

/// The places of a warpgroup's tile are different; packs of 16 bytes stay whole, and those of eight rows that
/// follow each other lie in different banks.
template <class Element, int extent, bool along_k>
void expect_group_places() {
  using Tile = GroupTile<Element, extent, along_k>;
  constexpr int bytes = static_cast<int>(sizeof(Element)), pack = 16 / bytes;
  std::set<int> places;
  for (int i = 0; i < extent; ++i) {
    for (int k = 0; k < Tile::depth; ++k) {
      const int place = Tile::place(i, k),
                first = along_k ? Tile::place(i, k / pack * pack) : Tile::place(i / pack * pack, k);
      EXPECT_LT(place, Tile::elements);
      EXPECT_TRUE(places.insert(place).second);
      EXPECT_EQ(place - first, (along_k ? k : i) % pack);
    }
  }
  for (int row = 0; row + 8 <= (along_k ? extent : Tile::depth); row += 8) {
    std::set<int> banks;
    for (int r = row; r < row + 8; ++r)
      banks.insert((along_k ? Tile::place(r, 0) : Tile::place(0, r)) * bytes % 128 / 16);
    EXPECT_EQ(banks.size(), 8u) << extent << ", from row " << row;
  }
}

TEST(ProductTile, WarpgroupsReadPacksOfDifferentBanks) {
  expect_group_places<BFloat16, 128, true>();
  expect_group_places<BFloat16, 64, true>();
  expect_group_places<BFloat16, 16, true>();
  expect_group_places<BFloat16, 128, false>();
  expect_group_places<BFloat16, 64, false>();
  expect_group_places<BFloat16, 16, false>();
  expect_group_places<float, 128, true>();
  expect_group_places<float, 64, true>();
  expect_group_places<float, 16, true>();
}

// Address, distance of rows beyond the first 64, distance of eight rows, layout.
TEST(ProductTile, DescriptorsSayWhereAMatrixLies) {
  constexpr uint64_t wide = uint64_t{1} << 62, narrow = uint64_t{3} << 62;
  const auto fields = [](uint64_t rows, uint64_t eight) { return rows << 16 | eight << 32; };
  EXPECT_EQ((GroupTile<BFloat16, 128, true>::descriptor(2048)), 128 | fields(1, 64) | wide);
  EXPECT_EQ((GroupTile<float, 64, true>::descriptor(2048)), 128 | fields(1, 64) | wide);
  EXPECT_EQ((GroupTile<BFloat16, 128, false>::descriptor(2048)), 128 | fields(512, 64) | wide);
  EXPECT_EQ((GroupTile<BFloat16, 16, false>::descriptor(2048)), 128 | fields(512, 16) | narrow);
  EXPECT_EQ((GroupTile<BFloat16, 128, true>::next_product), 32);
  EXPECT_EQ((GroupTile<float, 128, true>::next_product), 32);
  EXPECT_EQ((GroupTile<BFloat16, 128, false>::next_product), 2048);
}

TEST(ProductTile, StepsTakeEveryElementOfKOnce) {
  for (const int channels : {3, 16, 48, 64, 68}) {
    for (const int taps : {1, 4, 9}) {
      const int columns = channels * taps;
      const auto order = StepOrder<product_depth>::taps_first(channels, columns);
      std::vector<int> visits(static_cast<size_t>(columns));
      int k = 0;
      for (int64_t step = 0; step < ceil_divide(columns, product_depth); ++step, k = order.after(k)) {
        ASSERT_EQ(k % product_depth, 0);
        for (int i = k; i < std::min(k + product_depth, columns); ++i) ++visits[static_cast<size_t>(i)];
        EXPECT_TRUE(channels % product_depth != 0 || k / channels == step % taps) << "taps come first";
      }
      EXPECT_EQ(visits, std::vector<int>(visits.size(), 1)) << channels << " channels, " << taps << " taps";
    }
  }
}

TEST(ProductTile, SizeFollowsTheResultAndTheCard) {
  EXPECT_EQ(tile_size_for(1, 1 << 20, 256, 132), TileSize::Wide);
  EXPECT_EQ(tile_size_for(1, 16384, 128, 132), TileSize::Middle);  // 128 wide ones would each be alone
  EXPECT_EQ(tile_size_for(1, 16384, 128, 16), TileSize::Wide);
  EXPECT_EQ(tile_size_for(4, 1024, 256, 132), TileSize::Small);
  EXPECT_EQ(tile_size_for(1, 65536, 64, 132), TileSize::Middle);  // half of a wide one would be empty
  EXPECT_EQ(tile_size_for(4, 65536, 3, 132), TileSize::Narrow);
  EXPECT_EQ(tile_size_for(1, 1024, 512, 132), TileSize::Small);  // narrow ones would fetch all 32 times
  EXPECT_EQ(tile_size_for(1, 1, 1, 132), TileSize::Small);

  // A warpgroup that is alone on its multiprocessor fetches while it multiplies.
  EXPECT_EQ(tile_size_for(1, 16384, 128, 132, true), TileSize::Wide);
  EXPECT_EQ(tile_size_for(1, 4096, 256, 132, true), TileSize::Middle);
  EXPECT_EQ(tile_size_for(1, 1024, 512, 132, true), TileSize::Small);
}

// ---- accumulators ----

TEST(Accumulators, MomentsAreThoseOfAllNumbersHoweverMerged) {
  std::vector<double> x;
  for (int i = 0; i < 100; ++i) x.push_back(1e6 + std::sin(i));
  double mean = 0, squares = 0;
  for (const double value : x) mean += value / 100;
  for (const double value : x) squares += (value - mean) * (value - mean);
  for (const size_t cut : {0, 1, 37, 100}) {
    const AroundShift<double> around{x[0]};
    TwoSums<double> left = TwoSums<double>::none(), right = left;
    for (size_t i = 0; i < x.size(); ++i) around(i < cut ? left : right, x[i]);
    left.merge(right);
    const Moments<double> moments = around.moments(left, 0.01);
    EXPECT_NEAR(moments.mean, mean, 1e-9);
    EXPECT_NEAR(moments.variance, squares / 100, 1e-9);
  }
}

// What a shift costs that lies thirty deviations off: three of float32's seven digits.
TEST(Accumulators, MomentsAroundAnOutlier) {
  const float shift = 30 * std::sqrt(0.5f);
  TwoSums<float> sums = TwoSums<float>::none();
  double mean = 0, squares = 0;
  for (int i = 0; i < 1000; ++i) {
    const float x = std::sin(static_cast<float>(i));
    AroundShift<float>{shift}(sums, x);
    mean += x / 1000.0;
    squares += static_cast<double>(x) * x;
  }
  const Moments<double> moments = AroundShift<double>{shift}.moments(sums.as<double>(), 0.001);
  EXPECT_NEAR(moments.mean, mean, 1e-4);
  EXPECT_NEAR(moments.variance, squares / 1000 - mean * mean, 1e-3);
}

TEST(Accumulators, SumsMergeAndWiden) {
  Sum<float> one = Sum<float>::none();
  one.add(1.5f);
  one.merge({2.0f});
  EXPECT_EQ(one.as<double>().total, 3.5);
  TwoSums<float> two = TwoSums<float>::none();
  two.add(1, 10);
  two.merge({2, 20});
  EXPECT_EQ(two.as<double>().first, 3);
  EXPECT_EQ(two.as<double>().second, 30);
}

}  // namespace
}  // namespace duel
