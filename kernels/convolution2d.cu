/* out[y][x] = the sum over a filter of SIZE x SIZE of filter[j][i] * in[y + j][x + i].
 *
 * `in` has SIZE - 1 more rows and columns than `out`, so that no window leaves it.
 *
 * Bound: flops (2 SIZE^2 per element of `out`), if each element of `in` that a block has read is
 * used many times: from shared memory, and from registers. A thread computes TILE_Y elements below
 * each other; sliding down a column of the filter it uses each element that it loads for up to
 * TILE_Y of them.
 *
 *   SIZE              of the filter; part of the problem, here so that the loops have fixed ends
 *   BLOCK_X, BLOCK_Y  threads in a block
 *   TILE_X, TILE_Y    elements that each thread computes: TILE_X columns that lie BLOCK_X apart, so
 *                     that a warp's accesses stay side by side, and TILE_Y neighbouring rows
 *   SHARED            1: the block's part of `in` lies in shared memory. 0: the caches do the same.
 *   UNROLL            columns of the filter that are unrolled; 0: all
 *
 * Block: (BLOCK_X, BLOCK_Y). Grid: columns over BLOCK_X * TILE_X, rows over BLOCK_Y * TILE_Y,
 * rounded up.
 */
#ifndef SIZE
#define SIZE 7
#endif
#ifndef BLOCK_X
#define BLOCK_X 32
#endif
#ifndef BLOCK_Y
#define BLOCK_Y 8
#endif
#ifndef TILE_X
#define TILE_X 2
#endif
#ifndef TILE_Y
#define TILE_Y 4
#endif
#ifndef SHARED
#define SHARED 1
#endif
#ifndef UNROLL
#define UNROLL 0
#endif

#define WIDTH (BLOCK_X * TILE_X)  /* of the part of `out` that a block computes */
#define HEIGHT (BLOCK_Y * TILE_Y)
#define BORDER (SIZE - 1)

constexpr int UNROLLED = UNROLL > 0 ? UNROLL : SIZE; /* the pragma doesn't expand macros */

static_assert(!SHARED || (WIDTH + BORDER) * (HEIGHT + BORDER) * 4 <= 48 * 1024,
              "static shared memory is at most 48 KiB");

extern "C" __global__ void __launch_bounds__(BLOCK_X *BLOCK_Y)
    convolution2d(const float *__restrict__ in, const float *__restrict__ filter,
                  float *__restrict__ out, int rows, int columns)
{
    const int row = blockIdx.y * HEIGHT, column = blockIdx.x * WIDTH;
    const int in_rows = rows + BORDER, in_columns = columns + BORDER;
    const int y = threadIdx.y * TILE_Y;
    float sums[TILE_Y][TILE_X] = {};

#if SHARED
    __shared__ float part[HEIGHT + BORDER][WIDTH + BORDER];

    for (int j = threadIdx.y; j < HEIGHT + BORDER; j += BLOCK_Y)
        for (int i = threadIdx.x; i < WIDTH + BORDER; i += BLOCK_X)
            part[j][i] = row + j < in_rows && column + i < in_columns
                             ? in[static_cast<size_t>(row + j) * in_columns + column + i]
                             : 0.0f;
    __syncthreads();
#endif

#pragma unroll UNROLLED
    for (int i = 0; i < SIZE; ++i) {
#pragma unroll
        for (int t = 0; t < TILE_X; ++t) {
            const int x = threadIdx.x + t * BLOCK_X + i;
            float window[TILE_Y + BORDER]; /* down a column of `in` */
#pragma unroll
            for (int j = 0; j < TILE_Y + BORDER; ++j)
#if SHARED
                window[j] = part[y + j][x];
#else
                /* Beyond the end lie windows of elements that are not stored. */
                window[j] = in[static_cast<size_t>(min(row + y + j, in_rows - 1)) * in_columns +
                               min(column + x, in_columns - 1)];
#endif
#pragma unroll
            for (int j = 0; j < SIZE; ++j) {
                const float weight = __ldg(&filter[j * SIZE + i]); /* the same in all threads */
#pragma unroll
                for (int s = 0; s < TILE_Y; ++s)
                    sums[s][t] += weight * window[s + j];
            }
        }
    }

#pragma unroll
    for (int s = 0; s < TILE_Y; ++s) {
#pragma unroll
        for (int t = 0; t < TILE_X; ++t) {
            const int to_row = row + y + s, to_column = column + threadIdx.x + t * BLOCK_X;
            if (to_row < rows && to_column < columns)
                out[static_cast<size_t>(to_row) * columns + to_column] = sums[s][t];
        }
    }
}
