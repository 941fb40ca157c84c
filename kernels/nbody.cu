/* The acceleration of each of n bodies by the gravity of all (softened, G = 1).
 *
 * A body is (x, y, z, mass); an acceleration is (x, y, z, 0).
 *
 * Bound: flops. About 20 per pair of bodies, by convention (the reciprocal square root counts as
 * several); memory hardly matters, since a tile of bodies serves a whole block.
 *
 *   BLOCK   threads per block; with SHARED also the bodies in a tile
 *   BODIES  bodies per thread: each body that is read from the tile is used for all of them
 *   SHARED  1: tiles of bodies in shared memory. 0: every thread reads all bodies through the
 *           cache, all of a warp the same one.
 *   UNROLL  pairs per turn of the inner loop
 *
 * Grid: one block for every BLOCK * BODIES bodies, rounded up.
 */
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef BODIES
#define BODIES 2
#endif
#ifndef SHARED
#define SHARED 1
#endif
#ifndef UNROLL
#define UNROLL 8
#endif

constexpr int UNROLLED = UNROLL; /* the pragma doesn't expand macros */

/* Adds the pull of `other`. A body doesn't pull itself, nor does one without mass. */
__device__ inline void pull(float4 &acceleration, const float4 &body, const float4 &other,
                            float softening2)
{
    const float dx = other.x - body.x, dy = other.y - body.y, dz = other.z - body.z;
    const float inverse = rsqrtf(dx * dx + dy * dy + dz * dz + softening2);
    const float strength = other.w * inverse * inverse * inverse;

    acceleration.x += dx * strength;
    acceleration.y += dy * strength;
    acceleration.z += dz * strength;
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    nbody(const float4 *__restrict__ bodies, float4 *__restrict__ accelerations, float softening2,
          int n)
{
    const int first = blockIdx.x * BLOCK * BODIES + threadIdx.x;
    const float4 nothing = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 mine[BODIES], sums[BODIES];

#pragma unroll
    for (int b = 0; b < BODIES; ++b) {
        mine[b] = first + b * BLOCK < n ? bodies[first + b * BLOCK] : nothing;
        sums[b] = nothing;
    }

#if SHARED
    __shared__ float4 tile[BLOCK];

    for (int start = 0; start < n; start += BLOCK) {
        __syncthreads(); /* all have used the tile before */
        tile[threadIdx.x] = start + threadIdx.x < n ? bodies[start + threadIdx.x] : nothing;
        __syncthreads();
#pragma unroll UNROLLED
        for (int i = 0; i < BLOCK; ++i) {
#pragma unroll
            for (int b = 0; b < BODIES; ++b)
                pull(sums[b], mine[b], tile[i], softening2);
        }
    }
#else
#pragma unroll UNROLLED
    for (int i = 0; i < n; ++i) {
        const float4 other = bodies[i];
#pragma unroll
        for (int b = 0; b < BODIES; ++b)
            pull(sums[b], mine[b], other, softening2);
    }
#endif

#pragma unroll
    for (int b = 0; b < BODIES; ++b)
        if (first + b * BLOCK < n)
            accelerations[first + b * BLOCK] = sums[b];
}
