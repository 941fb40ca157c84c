/* y = a x + y, in place, with a grid of any size.
 *
 * Bound: bytes. Two loads and a store, 12 bytes, for one fused multiply-add. A good configuration
 * runs at the bandwidth of a copy.
 *
 *   BLOCK   threads per block; a multiple of 32.
 *   VECTOR  floats per load and store: 1, 2 or 4.
 *   UNROLL  vectors that a thread has under way at once.
 *
 * Grid: any number of blocks. Each thread strides over the whole grid, so a few blocks per
 * multiprocessor do; more blocks than fit at once are scheduled as others end.
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

struct __align__(4 * VECTOR) Vector {
    float at[VECTOR];
};

__device__ inline void update(Vector &y, float a, const Vector &x)
{
#pragma unroll
    for (int j = 0; j < VECTOR; ++j)
        y.at[j] = a * x.at[j] + y.at[j];
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    saxpy(float a, const float *__restrict__ x, float *__restrict__ y, int n)
{
    const size_t vectors = n / VECTOR;
    const size_t stride = static_cast<size_t>(gridDim.x) * BLOCK;
    const size_t start = static_cast<size_t>(blockIdx.x) * BLOCK + threadIdx.x;
    const Vector *const from = reinterpret_cast<const Vector *>(x);
    Vector *const to = reinterpret_cast<Vector *>(y);
    size_t i = start;

    for (; i + (UNROLL - 1) * stride < vectors; i += UNROLL * stride) {
        Vector loaded[UNROLL], updated[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; ++u) {
            loaded[u] = from[i + u * stride];
            updated[u] = to[i + u * stride];
        }
#pragma unroll
        for (int u = 0; u < UNROLL; ++u) {
            update(updated[u], a, loaded[u]);
            to[i + u * stride] = updated[u];
        }
    }
    for (; i < vectors; i += stride) {
        Vector updated = to[i];
        update(updated, a, from[i]);
        to[i] = updated;
    }
    for (size_t j = vectors * VECTOR + start; j < n; j += stride) /* fewer than VECTOR are left */
        y[j] = a * x[j] + y[j];
}
