/* *sum += the sum of n floats, in one pass.
 *
 * Bound: bytes. 4 per element; what is to be tuned is how few other instructions it takes.
 *
 *   BLOCK    threads per block; a multiple of 32.
 *   VECTOR   floats per load: 1, 2 or 4.
 *   UNROLL   vectors under way at once, each with its own running sums: an addition need not wait
 *            for the one before it.
 *   SHUFFLE  1: a block's sum through warp shuffles, two barriers' worth of waiting less.
 *            0: through a tree in shared memory.
 *
 * Grid: any number of blocks; each ends in one atomic addition. More blocks than the GPU holds at
 * once add nothing but atomics.
 *
 * The order of the additions depends on the configuration and, between blocks, on chance.
 */
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef VECTOR
#define VECTOR 4
#endif
#ifndef UNROLL
#define UNROLL 2
#endif
#ifndef SHUFFLE
#define SHUFFLE 1
#endif

static_assert(BLOCK % 32 == 0 && BLOCK <= 1024, "whole warps, at most 32 of them");

struct __align__(4 * VECTOR) Vector {
    float at[VECTOR];
};

__device__ inline float sum_of(const Vector &value)
{
    float sum = value.at[0];

#pragma unroll
    for (int j = 1; j < VECTOR; ++j)
        sum += value.at[j];
    return sum;
}

/* The sum over this thread's share of the array. */
__device__ inline float thread_sum(const float *__restrict__ in, int n)
{
    const size_t vectors = n / VECTOR;
    const size_t stride = static_cast<size_t>(gridDim.x) * BLOCK;
    const size_t start = static_cast<size_t>(blockIdx.x) * BLOCK + threadIdx.x;
    const Vector *const from = reinterpret_cast<const Vector *>(in);
    float sums[UNROLL] = {};
    size_t i = start;

    for (; i + (UNROLL - 1) * stride < vectors; i += UNROLL * stride) {
        Vector loaded[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; ++u)
            loaded[u] = from[i + u * stride];
#pragma unroll
        for (int u = 0; u < UNROLL; ++u)
            sums[u] += sum_of(loaded[u]);
    }
    for (; i < vectors; i += stride)
        sums[0] += sum_of(from[i]);
    for (size_t j = vectors * VECTOR + start; j < n; j += stride)
        sums[0] += in[j];
#pragma unroll
    for (int u = 1; u < UNROLL; ++u)
        sums[0] += sums[u];
    return sums[0];
}

#if SHUFFLE
__device__ inline float warp_sum(float value)
{
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        value += __shfl_down_sync(0xffffffffu, value, distance);
    return value;
}
#endif

/* The sum over a block; only thread 0 gets it. */
__device__ inline float block_sum(float value)
{
#if SHUFFLE
    __shared__ float sums[BLOCK / 32];

    value = warp_sum(value);
    if (threadIdx.x % 32 == 0)
        sums[threadIdx.x / 32] = value;
    __syncthreads();
    if (threadIdx.x >= 32)
        return 0.0f;
    return warp_sum(threadIdx.x < BLOCK / 32 ? sums[threadIdx.x] : 0.0f);
#else
    __shared__ float sums[BLOCK];

    sums[threadIdx.x] = value;
#pragma unroll
    for (int width = BLOCK; width > 1; width = (width + 1) / 2) {
        __syncthreads();
        if (threadIdx.x < width / 2)
            sums[threadIdx.x] += sums[threadIdx.x + (width + 1) / 2];
    }
    return sums[0]; /* thread 0 made the last addition */
#endif
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    reduction(const float *__restrict__ in, float *__restrict__ sum, int n)
{
    const float total = block_sum(thread_sum(in, n));

    if (threadIdx.x == 0)
        atomicAdd(sum, total);
}
