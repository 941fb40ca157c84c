/* Tensor cores for emulated kernels: wmma for 16 x 16 x 16 halfs with sums in single precision.
 *
 * The real layout of a fragment is not documented and kernels must not rely on it. Here every lane
 * holds all of A and B, and its own 8 elements of C. The warp meets to multiply, as on a GPU;
 * loading and storing order no accesses to memory there, so here they don't even meet. Pointers and
 * leading dimensions must be aligned as the documentation asks.
 */
#ifndef EMULATION_MMA_H
#define EMULATION_MMA_H

#include "cuda_fp16.h"

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
enum layout_t { mem_row_major };

constexpr int SIDE = 16, OWN = SIDE * SIDE / warpSize;

template <typename Use, int M, int N, int K, typename T, typename Layout = void> struct fragment {
    static_assert(M == SIDE && N == SIDE && K == SIDE, "only 16 x 16 x 16 is emulated");
    float at[SIDE][SIDE];
};

template <int M, int N, int K> struct fragment<accumulator, M, N, K, float, void> {
    static_assert(M == SIDE && N == SIDE && K == SIDE, "only 16 x 16 x 16 is emulated");
    float at[OWN];
};

using Accumulator = fragment<accumulator, SIDE, SIDE, SIDE, float>;

inline void check(const void *memory, unsigned leading, unsigned unit)
{
    if (reinterpret_cast<uintptr_t>(memory) % 32 != 0 || leading % unit != 0)
        emulation::fail("wmma: address %p or leading dimension %u: not a multiple of 32 bytes or "
                        "of %u elements",
                        memory, leading, unit);
}

template <typename Use>
void load_matrix_sync(fragment<Use, SIDE, SIDE, SIDE, half, row_major> &into, const half *from,
                      unsigned leading)
{
    check(from, leading, 8);
    for (int y = 0; y < SIDE; ++y)
        for (int x = 0; x < SIDE; ++x)
            into.at[y][x] = __half2float(from[y * leading + x]);
}

inline int own_row() { return emulation::lane() * OWN / SIDE; }
inline int own_column() { return emulation::lane() * OWN % SIDE; }

inline void store_matrix_sync(float *to, const Accumulator &from, unsigned leading, layout_t)
{
    check(to, leading, 4);
    for (int i = 0; i < OWN; ++i)
        to[own_row() * leading + own_column() + i] = from.at[i];
}

inline void fill_fragment(Accumulator &into, float value)
{
    for (float &element : into.at)
        element = value;
}

inline void mma_sync(Accumulator &d, const fragment<matrix_a, 16, 16, 16, half, row_major> &a,
                     const fragment<matrix_b, 16, 16, 16, half, row_major> &b, const Accumulator &c)
{
    __syncwarp();
    for (int i = 0; i < OWN; ++i) {
        float sum = c.at[i];
        for (int k = 0; k < SIDE; ++k)
            sum += a.at[own_row()][k] * b.at[k][own_column() + i];
        d.at[i] = sum;
    }
}

} // namespace nvcuda::wmma

#endif
