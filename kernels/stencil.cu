/* One Jacobi sweep of the 3D Laplace equation: every inner point of `out` is the mean of the six
 * neighbours in `in`; points on the surface are copied.
 *
 * laplace3d.cu is the same sweep as a whole program, one thread per point. This is the kernel
 * alone, as one would write it for speed: threads march up through the planes.
 *
 * Bound: bytes. 8 per point, if each point is read from memory once. A thread keeps the points
 * below and above its own in registers while it marches; the other four neighbours come from
 * shared memory or the caches.
 *
 *   BLOCK_X, BLOCK_Y  threads in a block; BLOCK_X along memory, best a multiple of 32
 *   TILE_Z            planes that a block marches through. Few: more blocks, but the two planes
 *                     beyond its ends are read for fewer.
 *   SHARED            1: neighbours within the plane from shared memory, with one barrier per
 *                     plane. 0: through the caches.
 *   UNROLL            planes per turn of the loop
 *
 * Block: (BLOCK_X, BLOCK_Y). Grid: nx, ny and nz over (BLOCK_X, BLOCK_Y, TILE_Z), rounded up.
 */
#ifndef BLOCK_X
#define BLOCK_X 64
#endif
#ifndef BLOCK_Y
#define BLOCK_Y 4
#endif
#ifndef TILE_Z
#define TILE_Z 16
#endif
#ifndef SHARED
#define SHARED 1
#endif
#ifndef UNROLL
#define UNROLL 1
#endif

constexpr int UNROLLED = UNROLL; /* the pragma doesn't expand macros */

#if SHARED
/* Two planes in turn: while some threads still read one, others already store the next. */
__shared__ float planes[2][BLOCK_Y + 2][BLOCK_X + 2];
#endif

/* The mean of the neighbours, added in the order of laplace3d.cu. */
__device__ inline float mean(float left, float right, float front, float back, float below,
                             float above)
{
    return (left + right + front + back + below + above) * (1.0f / 6.0f);
}

extern "C" __global__ void __launch_bounds__(BLOCK_X *BLOCK_Y)
    stencil(const float *__restrict__ in, float *__restrict__ out, int nx, int ny, int nz)
{
    const int x = blockIdx.x * BLOCK_X + threadIdx.x, y = blockIdx.y * BLOCK_Y + threadIdx.y;
    const int first = blockIdx.z * TILE_Z, end = min(first + TILE_Z, nz);
    const bool exists = x < nx && y < ny;
    const bool inner = x > 0 && x < nx - 1 && y > 0 && y < ny - 1;
    const size_t plane = static_cast<size_t>(nx) * ny;
    size_t i = first * plane + static_cast<size_t>(y) * nx + x;
    float below = exists && first > 0 ? in[i - plane] : 0.0f;
    float here = exists ? in[i] : 0.0f;

#pragma unroll UNROLLED
    for (int z = first; z < end; ++z, i += plane) {
        const float above = exists && z < nz - 1 ? in[i + plane] : 0.0f;
#if SHARED
        float(&around)[BLOCK_Y + 2][BLOCK_X + 2] = planes[z % 2];
        const int tx = threadIdx.x + 1, ty = threadIdx.y + 1;

        around[ty][tx] = here;
        if (inner) { /* the edge of the block fetches what lies beyond it */
            if (tx == 1)
                around[ty][0] = in[i - 1];
            if (tx == BLOCK_X)
                around[ty][tx + 1] = in[i + 1];
            if (ty == 1)
                around[0][tx] = in[i - nx];
            if (ty == BLOCK_Y)
                around[ty + 1][tx] = in[i + nx];
        }
        __syncthreads();
#endif
        if (inner && z > 0 && z < nz - 1) {
#if SHARED
            out[i] = mean(around[ty][tx - 1], around[ty][tx + 1], around[ty - 1][tx],
                          around[ty + 1][tx], below, above);
#else
            out[i] = mean(in[i - 1], in[i + 1], in[i - nx], in[i + nx], below, above);
#endif
        } else if (exists) {
            out[i] = here;
        }
        below = here;
        here = above;
    }
}
