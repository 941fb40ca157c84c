/* y = A x for a sparse matrix in CSR form: the elements of row r are those from starts[r] up to
 * starts[r + 1].
 *
 * Bound: bytes. 8 per element (value and column) for 2 flops, and x, as far as the caches don't
 * hold it.
 *
 *   BLOCK    threads per block; a multiple of 32
 *   LANES    threads per row: 1, 2, 4 … 32. One: neighbouring threads read from different rows,
 *            far apart. A warp: neighbours read neighbours, but short rows leave lanes idle. Near
 *            the mean length of a row is a good start.
 *   UNROLL   elements under way at once in a thread, each with a sum of its own
 *
 * Grid: one block for every BLOCK / LANES rows, rounded up.
 */
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef LANES
#define LANES 8
#endif
#ifndef UNROLL
#define UNROLL 2
#endif

static_assert(BLOCK % 32 == 0, "whole warps");
static_assert(LANES >= 1 && LANES <= 32 && 32 % LANES == 0, "a power of two, up to a warp");

extern "C" __global__ void __launch_bounds__(BLOCK)
    spmv(const int *__restrict__ starts, const int *__restrict__ columns,
         const float *__restrict__ values, const float *__restrict__ x, float *__restrict__ y,
         int rows)
{
    const int row = blockIdx.x * (BLOCK / LANES) + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    /* Threads without a row take an empty one: all lanes of a warp must come to the shuffles. */
    const int end = row < rows ? starts[row + 1] : 0;
    int i = row < rows ? starts[row] + lane : 0;
    float sums[UNROLL] = {};

    for (; i + (UNROLL - 1) * LANES < end; i += UNROLL * LANES) {
#pragma unroll
        for (int u = 0; u < UNROLL; ++u)
            sums[u] += values[i + u * LANES] * __ldg(&x[columns[i + u * LANES]]);
    }
    for (; i < end; i += LANES)
        sums[0] += values[i] * __ldg(&x[columns[i]]);
#pragma unroll
    for (int u = 1; u < UNROLL; ++u)
        sums[0] += sums[u];
#pragma unroll
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        sums[0] += __shfl_down_sync(0xffffffffu, sums[0], distance, LANES);
    if (lane == 0 && row < rows)
        y[row] = sums[0];
}
