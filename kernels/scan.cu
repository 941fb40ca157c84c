/* out[i] = in[0] + … + in[i], modulo 2^32, in one pass over memory (decoupled look-back; Merrill
 * and Garland, 2016, "Single-pass Parallel Prefix Scan with Decoupled Look-back").
 *
 * Bound: bytes. 8 per element, instead of the 12 of a scan that first adds up and then reads
 * everything again.
 *
 * Each block scans one tile. To learn what all tiles before it add up to, it publishes its own
 * sum, then walks back over what its predecessors have published: sums of single tiles, until it
 * meets one who knows the sum of everything up to it.
 *
 *   BLOCK     threads per block; a multiple of 32.
 *   ITEMS     elements per thread; a tile is BLOCK * ITEMS.
 *   STAGED    1: elements are loaded and stored along the tile and handed to their threads through
 *                shared memory (all of a warp's accesses are neighbours).
 *             0: each thread loads its own neighbouring elements, in vectors where ITEMS allows.
 *   LOOKBACK  1: one thread walks back, a tile at a time. 32: a warp looks at 32 tiles at once.
 *
 * Grid: one block per tile. `state` has two words and one per tile; they are zero before a launch,
 * and again after it.
 */
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef ITEMS
#define ITEMS 8
#endif
#ifndef STAGED
#define STAGED 1
#endif
#ifndef LOOKBACK
#define LOOKBACK 32
#endif

#define TILE (BLOCK * ITEMS)
#define WARPS (BLOCK / 32)
#define ALL_LANES 0xffffffffu

static_assert(BLOCK % 32 == 0 && BLOCK <= 1024, "whole warps, at most 32 of them");
static_assert(LOOKBACK == 1 || LOOKBACK == 32, "a thread or a warp walks back");

typedef unsigned long long Word;

/* What a tile publishes, in one word, so that no reader sees half of it: whether it is the sum of
 * the tile or of everything up to its end, and the sum. */
enum Reach { UNKNOWN, OF_TILE, UP_TO_TILE };

__device__ inline Word message(Reach reach, unsigned sum)
{
    return static_cast<Word>(reach) << 32 | sum;
}

__device__ inline Reach reach_of(Word word)
{
    return static_cast<Reach>(word >> 32);
}

__device__ inline void publish(Word *at, Word word)
{
    *static_cast<volatile Word *>(at) = word;
}

__device__ inline Word published(const Word *at)
{
    return *static_cast<const volatile Word *>(at);
}

/* The sum of each lane's value and those of the lanes before it. */
__device__ inline unsigned warp_scan(unsigned value)
{
    const int lane = threadIdx.x % 32;

#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
        const unsigned before = __shfl_up_sync(ALL_LANES, value, distance);
        if (lane >= distance)
            value += before;
    }
    return value;
}

/* The sum of all tiles before `tile`; called by the first LOOKBACK threads. */
__device__ inline unsigned look_back(const Word *tiles, int tile)
{
    unsigned sum = 0;

#if LOOKBACK == 1
    for (int before = tile - 1; before >= 0; --before) {
        Word word = published(&tiles[before]);
        while (reach_of(word) == UNKNOWN) {
            __nanosleep(20);
            word = published(&tiles[before]);
        }
        sum += static_cast<unsigned>(word);
        if (reach_of(word) == UP_TO_TILE)
            break;
    }
#else
    const int lane = threadIdx.x;

    /* Lane 0 looks at the nearest tile. What lies before the first counts as a known zero. */
    for (int nearest = tile - 1; nearest >= 0;) {
        const int before = nearest - lane;
        const Word word = before >= 0 ? published(&tiles[before]) : message(UP_TO_TILE, 0);
        const Reach reach = reach_of(word);
        const unsigned known = __ballot_sync(ALL_LANES, reach != UNKNOWN);
        const unsigned ends = __ballot_sync(ALL_LANES, reach == UP_TO_TILE);
        const int last = ends != 0 ? __ffs(ends) - 1 : 31; /* the farthest lane that counts */
        const unsigned needed = ALL_LANES >> (31 - last);

        if ((known & needed) != needed) {
            __nanosleep(20);
            continue;
        }
        const unsigned scanned = warp_scan(lane <= last ? static_cast<unsigned>(word) : 0u);
        sum += __shfl_sync(ALL_LANES, scanned, 31);
        if (ends != 0)
            break;
        nearest -= 32;
    }
#endif
    return sum;
}

#if STAGED
/* Without the gaps, threads that take ITEMS neighbouring elements each would meet in one bank. */
__device__ inline int place_of(int i) { return i + i / 32; }

__shared__ unsigned staged[TILE + TILE / 32];
#else
#define VECTOR (ITEMS % 4 == 0 ? 4 : ITEMS % 2 == 0 ? 2 : 1)

struct __align__(4 * VECTOR) Vector {
    unsigned at[VECTOR];
};
#endif

__device__ inline void load_tile(const unsigned *__restrict__ in, size_t first, int n,
                                 unsigned (&items)[ITEMS])
{
#if STAGED
#pragma unroll
    for (int i = 0; i < ITEMS; ++i) {
        const int at = i * BLOCK + threadIdx.x;
        staged[place_of(at)] = first + at < n ? in[first + at] : 0;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < ITEMS; ++i)
        items[i] = staged[place_of(threadIdx.x * ITEMS + i)];
#else
    const size_t mine = first + threadIdx.x * ITEMS;
#pragma unroll
    for (int i = 0; i < ITEMS; i += VECTOR) {
        Vector loaded = {};
        if (mine + i + VECTOR <= n) {
            loaded = *reinterpret_cast<const Vector *>(in + mine + i);
        } else {
#pragma unroll
            for (int j = 0; j < VECTOR; ++j)
                if (mine + i + j < n)
                    loaded.at[j] = in[mine + i + j];
        }
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            items[i + j] = loaded.at[j];
    }
#endif
}

__device__ inline void store_tile(unsigned *__restrict__ out, size_t first, int n,
                                  const unsigned (&items)[ITEMS])
{
#if STAGED
    /* A thread overwrites only the places that it alone has read. */
#pragma unroll
    for (int i = 0; i < ITEMS; ++i)
        staged[place_of(threadIdx.x * ITEMS + i)] = items[i];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < ITEMS; ++i) {
        const int at = i * BLOCK + threadIdx.x;
        if (first + at < n)
            out[first + at] = staged[place_of(at)];
    }
#else
    const size_t mine = first + threadIdx.x * ITEMS;
#pragma unroll
    for (int i = 0; i < ITEMS; i += VECTOR) {
        Vector stored;
#pragma unroll
        for (int j = 0; j < VECTOR; ++j)
            stored.at[j] = items[i + j];
        if (mine + i + VECTOR <= n) {
            *reinterpret_cast<Vector *>(out + mine + i) = stored;
        } else {
#pragma unroll
            for (int j = 0; j < VECTOR; ++j)
                if (mine + i + j < n)
                    out[mine + i + j] = stored.at[j];
        }
    }
#endif
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    scan(const unsigned *__restrict__ in, unsigned *__restrict__ out, Word *state, int n)
{
    __shared__ unsigned warp_sums[WARPS], sum_before;
    __shared__ int ticket;
    __shared__ bool is_last;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    Word *const tickets = state, *const done = state + 1, *const tiles = state + 2;
    unsigned items[ITEMS];

    /* Blocks start in any order. Numbered by when they start, each one's predecessors are already
     * running, and waiting for them ends. */
    if (threadIdx.x == 0)
        ticket = static_cast<int>(atomicAdd(tickets, static_cast<Word>(1)));
    __syncthreads();
    const int tile = ticket;
    const size_t first = static_cast<size_t>(tile) * TILE;

    load_tile(in, first, n, items);
#pragma unroll
    for (int i = 1; i < ITEMS; ++i)
        items[i] += items[i - 1];
    const unsigned up_to_thread = warp_scan(items[ITEMS - 1]);
    if (lane == 31)
        warp_sums[warp] = up_to_thread;
    __syncthreads();
    unsigned before = up_to_thread - items[ITEMS - 1], total = 0;
#pragma unroll
    for (int w = 0; w < WARPS; ++w) {
        if (w == warp)
            before += total;
        total += warp_sums[w];
    }

    if (threadIdx.x == 0)
        publish(&tiles[tile], message(tile == 0 ? UP_TO_TILE : OF_TILE, total));
    if (threadIdx.x < LOOKBACK) {
        const unsigned sum = look_back(tiles, tile);
        if (threadIdx.x == 0) {
            if (tile > 0)
                publish(&tiles[tile], message(UP_TO_TILE, sum + total));
            sum_before = sum;
            /* Published before it is counted, lest the last block clear too early. */
            __threadfence();
            is_last = atomicAdd(done, static_cast<Word>(1)) == gridDim.x - 1;
        }
    }
    __syncthreads();
    if (is_last) { /* nobody looks back any more */
        for (int i = threadIdx.x; i < gridDim.x + 2; i += BLOCK)
            state[i] = 0;
    }
#pragma unroll
    for (int i = 0; i < ITEMS; ++i)
        items[i] += sum_before + before;
    store_tile(out, first, n, items);
}
