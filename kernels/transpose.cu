/* out = transpose of in, a matrix of `rows` x `columns` floats, row by row in memory.
 *
 * Bound: bytes. 8 per element; the aim is the bandwidth of a copy. Read along rows and written
 * along rows, with the turn made in shared memory: written straight, either the loads or the
 * stores of a warp would touch 32 cache lines for 4 bytes of each.
 *
 *   TILE    a block turns a tile of TILE x TILE.
 *   ROWS    rows of threads; each thread moves TILE / ROWS vectors of the tile. Fewer rows: fewer
 *           threads, with more loads under way in each.
 *   VECTOR  floats per load and store of global memory: 1, 2 or 4. If a matrix's rows are not a
 *           multiple of it they are misaligned, and single floats are moved.
 *   PAD     floats added to each row of the tile in shared memory. A column of a tile of 32
 *           columns lies in one of the 32 banks, so without padding a warp that reads it takes 32
 *           turns; with 1, the column lies in 32 different banks.
 *
 * Block: (TILE / VECTOR, ROWS). Grid: (columns / TILE, rows / TILE), rounded up.
 */
#ifndef TILE
#define TILE 32
#endif
#ifndef ROWS
#define ROWS 8
#endif
#ifndef VECTOR
#define VECTOR 1
#endif
#ifndef PAD
#define PAD 1
#endif

static_assert(TILE % ROWS == 0, "each thread moves the same number of rows");
static_assert(TILE % VECTOR == 0, "a row of the tile is whole vectors");

struct __align__(4 * VECTOR) Vector {
    float at[VECTOR];
};

/* `room` elements are left in the row at `from`; what is not there stays as it is. */
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

__device__ inline void store(float *to, const Vector &value, int room, bool aligned)
{
    if (aligned && room >= VECTOR) {
        *reinterpret_cast<Vector *>(to) = value;
        return;
    }
#pragma unroll
    for (int j = 0; j < VECTOR; ++j)
        if (j < room)
            to[j] = value.at[j];
}

extern "C" __global__ void __launch_bounds__(TILE / VECTOR *ROWS)
    transpose(const float *__restrict__ in, float *__restrict__ out, int rows, int columns)
{
    __shared__ float tile[TILE][TILE + PAD];
    const int x = threadIdx.x * VECTOR, y = threadIdx.y;
    const int first_column = blockIdx.x * TILE, first_row = blockIdx.y * TILE;
    Vector loaded[TILE / ROWS];

#pragma unroll
    for (int i = 0; i < TILE / ROWS; ++i) {
        const int row = first_row + y + i * ROWS, column = first_column + x;
        if (row < rows)
            loaded[i] = load(in + static_cast<size_t>(row) * columns + column, columns - column,
                             columns % VECTOR == 0);
    }
#pragma unroll
    for (int i = 0; i < TILE / ROWS; ++i)
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            tile[y + i * ROWS][x + j] = loaded[i].at[j];
    __syncthreads();

    /* The same walk over the transposed tile: its row is a column of what was read. */
#pragma unroll
    for (int i = 0; i < TILE / ROWS; ++i) {
        const int row = first_column + y + i * ROWS, column = first_row + x;
        Vector turned;
        if (row >= columns)
            continue;
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            turned.at[j] = tile[x + j][y + i * ROWS];
        store(out + static_cast<size_t>(row) * rows + column, turned, rows - column,
              rows % VECTOR == 0);
    }
}
