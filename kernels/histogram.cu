/* counts[v] += how often the byte v occurs among n bytes.
 *
 * Bound: atomics in shared memory if many bytes are equal, else bytes (1 per element). Threads
 * that count the same value at once take turns, so each block keeps COPIES of the histogram and
 * its threads spread over them; they are added up at the end.
 *
 *   BLOCK   threads per block; a multiple of 32.
 *   VECTOR  bytes per load: 1, 4 or 16.
 *   COPIES  histograms per block; a power of two. More of them meet less often, cost 1 KiB each,
 *           and take longer to clear and to add up.
 *   BY_LANE 1: lanes of a warp use different copies, and the copies of a count lie side by side,
 *              in different banks: equal bytes in a warp don't collide.
 *           0: warps use different copies: equal bytes in a warp do collide, others don't.
 *
 * Grid: any number of blocks.
 */
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef VECTOR
#define VECTOR 16
#endif
#ifndef COPIES
#define COPIES 8
#endif
#ifndef BY_LANE
#define BY_LANE 1
#endif

#define BINS 256

static_assert((COPIES & (COPIES - 1)) == 0, "a power of two");
static_assert(BINS * COPIES * 4 <= 48 * 1024, "static shared memory is at most 48 KiB");

struct __align__(VECTOR) Vector {
    unsigned char at[VECTOR];
};

__device__ inline int place_of(int bin, int copy)
{
    return BY_LANE ? bin * COPIES + copy : copy * BINS + bin;
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    histogram(const unsigned char *__restrict__ in, unsigned *__restrict__ counts, int n)
{
    __shared__ unsigned counted[BINS * COPIES];
    const size_t vectors = n / VECTOR;
    const size_t stride = static_cast<size_t>(gridDim.x) * BLOCK;
    const size_t start = static_cast<size_t>(blockIdx.x) * BLOCK + threadIdx.x;
    const int copy = (BY_LANE ? threadIdx.x : threadIdx.x / 32) % COPIES;

    for (int i = threadIdx.x; i < BINS * COPIES; i += BLOCK)
        counted[i] = 0;
    __syncthreads();

    for (size_t i = start; i < vectors; i += stride) {
        const Vector loaded = reinterpret_cast<const Vector *>(in)[i];
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            atomicAdd(&counted[place_of(loaded.at[j], copy)], 1u);
    }
    for (size_t j = vectors * VECTOR + start; j < n; j += stride)
        atomicAdd(&counted[place_of(in[j], copy)], 1u);
    __syncthreads();

    for (int bin = threadIdx.x; bin < BINS; bin += BLOCK) {
        unsigned sum = 0;
        /* Each thread starts with another copy, lest all of them read from one bank. */
#pragma unroll
        for (int i = 0; i < COPIES; ++i)
            sum += counted[place_of(bin, (i + threadIdx.x) % COPIES)];
        if (sum != 0)
            atomicAdd(&counts[bin], sum);
    }
}
