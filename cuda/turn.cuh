// Matrices turned: what was a row becomes a column. A block turns a square by way of shared memory, so that
// it reads and writes whole runs of neighbours. Memory is the limit.
#pragma once

#include "cuda/kernel_order.cuh"
#include "cuda/pack.cuh"
#include "cuda/queue.h"
#include "lib/turn.h"
#include "lib/write.h"

namespace duel::cuda {

constexpr int turn_side = 32;

/// y = change(x turned) or +=.
template <class T, class Change>
__global__ void __launch_bounds__(block_threads)
    turn_kernel(const __grid_constant__ Turn turn, Change change, bool add, const T* x, T* __restrict__ y) {
  begin_kernel();
  constexpr int side = turn_side, lines = block_threads / side;
  using Number = Computed<T>;
  __shared__ Number square[side][side + 1];  // one more, so that a column lies in different banks
  const int64_t across = ceil_divide(turn.columns, side), down = ceil_divide(turn.rows, side);
  const int64_t slice = blockIdx.x / (across * down), first_row = blockIdx.x / across % down * side,
                first_column = blockIdx.x % across * side;
  const int beside = static_cast<int>(threadIdx.x) % side, first = static_cast<int>(threadIdx.x) / side;
  for (int line = first; line < side; line += lines) {
    const int64_t row = first_row + line, column = first_column + beside;
    if (row < turn.rows && column < turn.columns)
      square[line][beside] = load_pack<1>(x, turn.source(slice, row, column)).lane[0];
  }
  __syncthreads();
  for (int line = first; line < side; line += lines) {
    const int64_t column = first_column + line, row = first_row + beside;
    if (row < turn.rows && column < turn.columns)
      store_pack<1>(y, turn.target(slice, row, column), Pack<Number, 1>{change(square[beside][line])}, add);
  }
}

template <class T, class Change>
void launch_turn(const Queue& queue, const Turn& turn, const Change& change, Write write, const T* x, T* y) {
  queue.launch(turn.slices * ceil_divide(turn.rows, turn_side) * ceil_divide(turn.columns, turn_side),
               block_threads, turn_kernel<T, Change>, turn, change, write == Write::Add, x, y);
}

}  // namespace duel::cuda
