/* C = A B in single precision: A is m x k, B is k x n, all row by row in memory.
 *
 * Bound: flops (2 m n k), if the tiles are large enough. A block of threads computes a tile of C
 * and reads each element of A once per TILE_N columns, of B once per TILE_M rows. A thread
 * computes THREAD_M x THREAD_N elements in registers: THREAD_M + THREAD_N loads from shared
 * memory feed THREAD_M * THREAD_N multiply-adds.
 *
 *   TILE_M, TILE_N      the tile of C that a block computes
 *   TILE_K              how deep the tiles of A and B are that lie in shared memory at a time
 *   THREAD_M, THREAD_N  the part of the tile that a thread computes
 *   LANES_X             a warp covers LANES_X threads along n, 32 / LANES_X along m. The nearer to
 *                       a square, the fewer different elements a warp reads per step.
 *   VECTOR              floats per load of global memory: 1, 2 or 4; single ones are loaded where
 *                       k (for A) or n (for B) is not a multiple of it
 *   STAGES              2: the next tiles are stored while the current ones are in use, with one
 *                       barrier per step and twice the shared memory. 1: two barriers.
 *   PAD                 floats added to each row of A's tile: 0, or 4 so that fewer stores of
 *                       the transposed tile meet in one bank
 *
 * Block: TILE_M / THREAD_M * (TILE_N / THREAD_N) threads in x. Grid: (n / TILE_N, m / TILE_M),
 * rounded up. Dynamic shared memory: STAGES * TILE_K * (TILE_M + PAD + TILE_N) floats.
 */
#ifndef TILE_M
#define TILE_M 128
#endif
#ifndef TILE_N
#define TILE_N 128
#endif
#ifndef TILE_K
#define TILE_K 8
#endif
#ifndef THREAD_M
#define THREAD_M 8
#endif
#ifndef THREAD_N
#define THREAD_N 8
#endif
#ifndef LANES_X
#define LANES_X 8
#endif
#ifndef VECTOR
#define VECTOR 4
#endif
#ifndef STAGES
#define STAGES 2
#endif
#ifndef PAD
#define PAD 4
#endif

#define THREADS_X (TILE_N / THREAD_N)
#define THREADS_Y (TILE_M / THREAD_M)
#define THREADS (THREADS_X * THREADS_Y)
#define LANES_Y (32 / LANES_X)
#define ROW_A (TILE_M + PAD)

/* Vectors of A's and B's tile that each thread loads. */
#define LOADS_A (TILE_M * TILE_K / VECTOR / THREADS)
#define LOADS_B (TILE_K * TILE_N / VECTOR / THREADS)

/* A thread's rows and columns are chunks of up to 4 neighbours, which it loads at once; the chunks
 * of neighbouring threads lie side by side, so that a warp reads without bank conflicts. */
#define CHUNK_OF(count) ((count) % 4 == 0 ? 4 : (count) % 2 == 0 ? 2 : 1)
#define CHUNK_M CHUNK_OF(THREAD_M)
#define CHUNK_N CHUNK_OF(THREAD_N)

static_assert(TILE_M % THREAD_M == 0 && TILE_N % THREAD_N == 0, "threads fill the tile");
static_assert(32 % LANES_X == 0 && THREADS_X % LANES_X == 0 && THREADS_Y % LANES_Y == 0,
              "warps fill the tile");
static_assert(TILE_K % VECTOR == 0 && TILE_N % VECTOR == 0, "rows are whole vectors");
static_assert(LOADS_A * THREADS * VECTOR == TILE_M * TILE_K &&
                  LOADS_B * THREADS * VECTOR == TILE_K * TILE_N,
              "each thread loads the same number of vectors");
static_assert(PAD % 4 == 0, "rows of the tile stay aligned");

template <int COUNT> struct __align__(4 * COUNT) Floats {
    float at[COUNT];
};

typedef Floats<VECTOR> Vector;

extern __shared__ float4 dynamic_shared[];

/* Tiles of A (transposed: a row per k) and B in shared memory. */
struct Tiles {
    float a[TILE_K][ROW_A];
    float b[TILE_K][TILE_N];
};

/* `room` elements are left in the row at `from`; zeros stand for what is beyond the matrix. */
__device__ inline Vector load(const float *from, int room, bool aligned)
{
    Vector value = {};

    if (aligned && room >= VECTOR)
        return *reinterpret_cast<const Vector *>(from);
#pragma unroll
    for (int j = 0; j < VECTOR; ++j)
        if (j < room)
            value.at[j] = from[j];
    return value;
}

/* A thread's share of the next tiles, on its way from global to shared memory. */
struct Loaded {
    Vector a[LOADS_A], b[LOADS_B];

    __device__ inline void fetch(const float *__restrict__ from_a, const float *__restrict__ from_b,
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

    __device__ inline void store(Tiles &to) const
    {
#pragma unroll
        for (int i = 0; i < LOADS_A; ++i) {
            const int index = threadIdx.x + i * THREADS;
            const int row = index / (TILE_K / VECTOR), column = index % (TILE_K / VECTOR) * VECTOR;
#pragma unroll
            for (int j = 0; j < VECTOR; ++j)
                to.a[column + j][row] = a[i].at[j];
        }
#pragma unroll
        for (int i = 0; i < LOADS_B; ++i) {
            const int index = threadIdx.x + i * THREADS;
            const int row = index / (TILE_N / VECTOR), column = index % (TILE_N / VECTOR) * VECTOR;
            *reinterpret_cast<Vector *>(&to.b[row][column]) = b[i];
        }
    }
};

/* COUNT elements of a row of a tile, in chunks that lie STRIDE apart. */
template <int COUNT, int CHUNK, int STRIDE>
__device__ inline void read(const float *row, float (&into)[COUNT])
{
#pragma unroll
    for (int i = 0; i < COUNT; i += CHUNK) {
        const Floats<CHUNK> chunk =
            *reinterpret_cast<const Floats<CHUNK> *>(row + i / CHUNK * STRIDE);
#pragma unroll
        for (int j = 0; j < CHUNK; ++j)
            into[i + j] = chunk.at[j];
    }
}

__device__ inline void multiply(const Tiles &tiles, int x, int y, float (&sums)[THREAD_M][THREAD_N])
{
#pragma unroll
    for (int step = 0; step < TILE_K; ++step) {
        float a[THREAD_M], b[THREAD_N];
        read<THREAD_M, CHUNK_M, THREADS_Y * CHUNK_M>(&tiles.a[step][y * CHUNK_M], a);
        read<THREAD_N, CHUNK_N, THREADS_X * CHUNK_N>(&tiles.b[step][x * CHUNK_N], b);
#pragma unroll
        for (int i = 0; i < THREAD_M; ++i)
#pragma unroll
            for (int j = 0; j < THREAD_N; ++j)
                sums[i][j] += a[i] * b[j];
    }
}

__device__ inline void write(float *__restrict__ c, int m, int n, int x, int y,
                             const float (&sums)[THREAD_M][THREAD_N])
{
#pragma unroll
    for (int i = 0; i < THREAD_M; ++i) {
        const int row = blockIdx.y * TILE_M + (i / CHUNK_M * THREADS_Y + y) * CHUNK_M + i % CHUNK_M;
        if (row >= m)
            continue;
#pragma unroll
        for (int j = 0; j < THREAD_N; j += CHUNK_N) {
            const int column = blockIdx.x * TILE_N + (j / CHUNK_N * THREADS_X + x) * CHUNK_N;
            float *const to = c + static_cast<size_t>(row) * n + column;
            Floats<CHUNK_N> chunk;
#pragma unroll
            for (int l = 0; l < CHUNK_N; ++l)
                chunk.at[l] = sums[i][j + l];
            if (n % CHUNK_N == 0 && column < n) {
                *reinterpret_cast<Floats<CHUNK_N> *>(to) = chunk;
            } else {
#pragma unroll
                for (int l = 0; l < CHUNK_N; ++l)
                    if (column + l < n)
                        to[l] = chunk.at[l];
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    matmul(const float *__restrict__ a, const float *__restrict__ b, float *__restrict__ c, int m,
           int n, int k)
{
    Tiles *const tiles = reinterpret_cast<Tiles *>(dynamic_shared);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int x = warp % (THREADS_X / LANES_X) * LANES_X + lane % LANES_X;
    const int y = warp / (THREADS_X / LANES_X) * LANES_Y + lane / LANES_X;
    float sums[THREAD_M][THREAD_N] = {};
    Loaded next;
    int stage = 0;

    next.fetch(a, b, m, n, k, 0);
    for (int first_k = 0; first_k < k; first_k += TILE_K) {
        if (STAGES == 1)
            __syncthreads(); /* all have read what is overwritten now */
        next.store(tiles[stage]);
        __syncthreads();
        /* These loads are under way while the threads multiply. */
        if (first_k + TILE_K < k)
            next.fetch(a, b, m, n, k, first_k + TILE_K);
        multiply(tiles[stage], x, y, sums);
        /* With two stages no barrier is due here: whoever stores into a stage again has passed the
         * barrier of the other one, and so has everybody who read it. */
        stage = (stage + 1) % STAGES;
    }
    write(c, m, n, x, y, sums);
}
