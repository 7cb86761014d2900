// Marks a function that nvcc compiles for the GPU as well; elsewhere it is an ordinary inline function.
#pragma once

#ifdef __CUDACC__
#define DUEL_HOST_DEVICE __host__ __device__
#else
#define DUEL_HOST_DEVICE
#endif
