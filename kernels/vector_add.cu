/* c = a + b: the smallest kernel, and what all others are measured against.
 *
 * Bound: bytes. Two loads and a store, 12 bytes, for one addition; no cache helps.
 *
 *   BLOCK   threads per block; a multiple of 32. Hardly matters once the GPU is full.
 *   VECTOR  floats per load and store: 1, 2 or 4 (4, 8 or 16 bytes). Wide ones need fewer
 *           instructions for the same bytes.
 *   ITEMS   vectors per thread. All are loaded before the first is used, so that many loads are
 *           under way at once: that is what hides the latency of memory.
 *
 * Grid: one block for every BLOCK * ITEMS * VECTOR elements, the last of which may be partial.
 */
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef VECTOR
#define VECTOR 4
#endif
#ifndef ITEMS
#define ITEMS 2
#endif

/* An aligned struct is loaded and stored by one instruction, for any of the sizes. */
struct __align__(4 * VECTOR) Vector {
    float at[VECTOR];
};

extern "C" __global__ void __launch_bounds__(BLOCK)
    vector_add(const float *__restrict__ a, const float *__restrict__ b, float *__restrict__ c,
               int n)
{
    constexpr int TILE = BLOCK * ITEMS * VECTOR;
    const size_t first = static_cast<size_t>(blockIdx.x) * TILE;

    if (first + TILE > n) { /* the last block: element by element */
        for (size_t i = first + threadIdx.x; i < n; i += BLOCK)
            c[i] = a[i] + b[i];
        return;
    }

    /* Neighbouring threads take neighbouring vectors: each warp touches whole cache lines. */
    const Vector *const from_a = reinterpret_cast<const Vector *>(a + first) + threadIdx.x;
    const Vector *const from_b = reinterpret_cast<const Vector *>(b + first) + threadIdx.x;
    Vector *const to = reinterpret_cast<Vector *>(c + first) + threadIdx.x;
    Vector left[ITEMS], right[ITEMS];

#pragma unroll
    for (int i = 0; i < ITEMS; ++i) {
        left[i] = from_a[i * BLOCK];
        right[i] = from_b[i * BLOCK];
    }
#pragma unroll
    for (int i = 0; i < ITEMS; ++i) {
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            left[i].at[j] += right[i].at[j];
        to[i * BLOCK] = left[i];
    }
}
