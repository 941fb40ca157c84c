/* C = A B on tensor cores: A (m x k) and B (k x n) in half precision, sums and C in single.
 *
 * Bound: flops (2 m n k) of the tensor cores, which are so fast that feeding them is the work: each
 * warp keeps WARP_M x WARP_N fragments of C in registers, and loads WARP_M + WARP_N fragments from
 * shared memory for WARP_M * WARP_N multiplications of 16 x 16 x 16.
 *
 *   WARPS_M, WARPS_N  warps in a block, down and across
 *   WARP_M, WARP_N    fragments of 16 x 16 that a warp computes, down and across
 *   TILE_K            how deep the tiles in shared memory are; a multiple of 16
 *   STAGES            1 or 2 sets of tiles in shared memory; 2 save a barrier per step
 *   PAD               halfs added to each row of the tiles: 0, 8 or 16. Rows of a power of two
 *                     begin in the same bank, and a fragment is read by rows.
 *
 * The tile of C is WARPS_M * WARP_M * 16 x WARPS_N * WARP_N * 16. Block: 32 * WARPS_M * WARPS_N
 * threads in x. Grid: n and m over the tile, rounded up. Dynamic shared memory: STAGES *
 * (tile_m * (TILE_K + PAD) + TILE_K * (tile_n + PAD)) halfs; at least 1 KiB per warp.
 *
 * Needs compute capability 7.0 or newer.
 */
#include <cuda_fp16.h>
#include <mma.h>

#ifndef WARPS_M
#define WARPS_M 2
#endif
#ifndef WARPS_N
#define WARPS_N 4
#endif
#ifndef WARP_M
#define WARP_M 4
#endif
#ifndef WARP_N
#define WARP_N 2
#endif
#ifndef TILE_K
#define TILE_K 32
#endif
#ifndef STAGES
#define STAGES 2
#endif
#ifndef PAD
#define PAD 8
#endif

#define SIDE 16 /* of a fragment */
#define THREADS (32 * WARPS_M * WARPS_N)
#define TILE_M (WARPS_M * WARP_M * SIDE)
#define TILE_N (WARPS_N * WARP_N * SIDE)
#define ROW_A (TILE_K + PAD)
#define ROW_B (TILE_N + PAD)
#define VECTOR 8 /* halfs in 16 bytes, the widest load */
#define LOADS_OF(halfs) (((halfs) / VECTOR + THREADS - 1) / THREADS)
#define LOADS_A LOADS_OF(TILE_M * TILE_K)
#define LOADS_B LOADS_OF(TILE_K * TILE_N)

static_assert(TILE_K % SIDE == 0, "whole fragments");
static_assert(PAD % 8 == 0, "rows of fragments begin at multiples of 16 bytes");

typedef nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, SIDE, SIDE, SIDE, half,
                               nvcuda::wmma::row_major>
    FragmentA;
typedef nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, SIDE, SIDE, SIDE, half,
                               nvcuda::wmma::row_major>
    FragmentB;
typedef nvcuda::wmma::fragment<nvcuda::wmma::accumulator, SIDE, SIDE, SIDE, float> FragmentC;

/* Halfs are only moved here, as bits; all bits 0 are the number 0. */
struct __align__(16) Vector {
    unsigned short at[VECTOR];
};

struct __align__(32) Tiles {
    half a[TILE_M][ROW_A];
    half b[TILE_K][ROW_B];
};

extern __shared__ __align__(32) float4 dynamic_shared[];

__device__ inline Vector load(const half *from, int room, bool aligned)
{
    const unsigned short *const bits = reinterpret_cast<const unsigned short *>(from);
    Vector value = {};

    if (aligned && room >= VECTOR)
        return *reinterpret_cast<const Vector *>(bits);
#pragma unroll
    for (int j = 0; j < VECTOR; ++j)
        if (j < room)
            value.at[j] = bits[j];
    return value;
}

/* A thread's share of the next tiles, on its way from global to shared memory. */
struct Loaded {
    Vector a[LOADS_A], b[LOADS_B];

    __device__ inline void fetch(const half *__restrict__ from_a, const half *__restrict__ from_b,
                                 int m, int n, int k, int first_k)
    {
#pragma unroll
        for (int i = 0; i < LOADS_A; ++i) {
            const int index = threadIdx.x + i * THREADS;
            const int row = blockIdx.y * TILE_M + index / (TILE_K / VECTOR);
            const int column = first_k + index % (TILE_K / VECTOR) * VECTOR;
            a[i] = load(from_a + static_cast<size_t>(row) * k + column, row < m ? k - column : 0,
                        k % VECTOR == 0);
        }
#pragma unroll
        for (int i = 0; i < LOADS_B; ++i) {
            const int index = threadIdx.x + i * THREADS;
            const int row = first_k + index / (TILE_N / VECTOR);
            const int column = blockIdx.x * TILE_N + index % (TILE_N / VECTOR) * VECTOR;
            b[i] = load(from_b + static_cast<size_t>(row) * n + column, row < k ? n - column : 0,
                        n % VECTOR == 0);
        }
    }

    /* Where a tile has no vector for every thread, those beyond it store nothing. */
    __device__ inline void store(Tiles &to) const
    {
#pragma unroll
        for (int i = 0; i < LOADS_A; ++i) {
            const int index = threadIdx.x + i * THREADS;
            if (index < TILE_M * TILE_K / VECTOR)
                *reinterpret_cast<Vector *>(&to.a[index / (TILE_K / VECTOR)]
                                                 [index % (TILE_K / VECTOR) * VECTOR]) = a[i];
        }
#pragma unroll
        for (int i = 0; i < LOADS_B; ++i) {
            const int index = threadIdx.x + i * THREADS;
            if (index < TILE_K * TILE_N / VECTOR)
                *reinterpret_cast<Vector *>(&to.b[index / (TILE_N / VECTOR)]
                                                 [index % (TILE_N / VECTOR) * VECTOR]) = b[i];
        }
    }
};

/* `row` and `column`: of the warp's part in the tile, in fragments. */
__device__ inline void multiply(const Tiles &tiles, int row, int column,
                                FragmentC (&sums)[WARP_M][WARP_N])
{
#pragma unroll
    for (int step = 0; step < TILE_K; step += SIDE) {
        FragmentA a[WARP_M];
        FragmentB b;
#pragma unroll
        for (int i = 0; i < WARP_M; ++i)
            nvcuda::wmma::load_matrix_sync(a[i], &tiles.a[(row + i) * SIDE][step], ROW_A);
#pragma unroll
        for (int j = 0; j < WARP_N; ++j) {
            nvcuda::wmma::load_matrix_sync(b, &tiles.b[step][(column + j) * SIDE], ROW_B);
#pragma unroll
            for (int i = 0; i < WARP_M; ++i)
                nvcuda::wmma::mma_sync(sums[i][j], a[i], b, sums[i][j]);
        }
    }
}

/* Stores a fragment that the edge of C cuts, or whose rows are misaligned, through shared memory
 * of the warp's own. */
__device__ inline void write_edge(float *__restrict__ c, int m, int n, int row, int column,
                                  const FragmentC &sum, float *room)
{
    nvcuda::wmma::store_matrix_sync(room, sum, SIDE, nvcuda::wmma::mem_row_major);
    __syncwarp();
    for (int i = threadIdx.x % 32; i < SIDE * SIDE; i += 32) {
        const int y = row + i / SIDE, x = column + i % SIDE;
        if (y < m && x < n)
            c[static_cast<size_t>(y) * n + x] = room[i];
    }
    __syncwarp(); /* before the next fragment takes the room */
}

extern "C" __global__ void __launch_bounds__(THREADS)
    matmul_wmma(const half *__restrict__ a, const half *__restrict__ b, float *__restrict__ c,
                int m, int n, int k)
{
    Tiles *const tiles = reinterpret_cast<Tiles *>(dynamic_shared);
    const int warp = threadIdx.x / 32;
    const int warp_row = warp / WARPS_N * WARP_M, warp_column = warp % WARPS_N * WARP_N;
    FragmentC sums[WARP_M][WARP_N];
    Loaded next;
    int stage = 0;

#pragma unroll
    for (int i = 0; i < WARP_M; ++i)
#pragma unroll
        for (int j = 0; j < WARP_N; ++j)
            nvcuda::wmma::fill_fragment(sums[i][j], 0.0f);

    next.fetch(a, b, m, n, k, 0);
    for (int first_k = 0; first_k < k; first_k += TILE_K) {
        if (STAGES == 1)
            __syncthreads(); /* all have read what is overwritten now */
        next.store(tiles[stage]);
        __syncthreads();
        if (first_k + TILE_K < k)
            next.fetch(a, b, m, n, k, first_k + TILE_K);
        multiply(tiles[stage], warp_row, warp_column, sums);
        stage = (stage + 1) % STAGES;
    }

    __syncthreads(); /* the tiles have been read; their memory is room for the edges now */
    float *const room = reinterpret_cast<float *>(dynamic_shared) + warp * SIDE * SIDE;
#pragma unroll
    for (int i = 0; i < WARP_M; ++i) {
#pragma unroll
        for (int j = 0; j < WARP_N; ++j) {
            const int row = blockIdx.y * TILE_M + (warp_row + i) * SIDE;
            const int column = blockIdx.x * TILE_N + (warp_column + j) * SIDE;
            if (row >= m || column >= n)
                continue;
            /* Storing a fragment asks for rows that begin at multiples of 32 bytes. */
            if (row + SIDE <= m && column + SIDE <= n && n % 8 == 0)
                nvcuda::wmma::store_matrix_sync(c + static_cast<size_t>(row) * n + column,
                                                sums[i][j], n, nvcuda::wmma::mem_row_major);
            else
                write_edge(c, m, n, row, column, sums[i][j], room);
        }
    }
}
