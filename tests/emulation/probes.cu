/* Small kernels, right and wrong, to test the emulation itself with: PROBE says which one is built.
 * `in` and `out` have 64 floats, unless a test says otherwise. */
#include <cuda_fp16.h>
#include <mma.h>

extern __shared__ float4 dynamic_shared[];

extern "C" __global__ void probe(const float *in, float *out)
{
    const unsigned t = threadIdx.x, all = 0xffffffffu;
    __shared__ float room[64];

#if PROBE == REVERSED || PROBE == NO_BARRIER
    room[t] = in[t];
#if PROBE == REVERSED
    __syncthreads();
#endif
    out[t] = room[63 - t];
#elif PROBE == NO_WARP_BARRIER || PROBE == WARP_BARRIER
    room[t] = in[t];
#if PROBE == WARP_BARRIER
    __syncwarp();
#endif
    out[t] = room[t ^ 31];
#elif PROBE == NEVER_WRITTEN
    if (t == 0)
        room[1] = in[0];
    out[t] = room[t];
#elif PROBE == READ_BEYOND
    out[t] = in[t + 1];
#elif PROBE == READ_BEFORE
    out[t] = (in - 1024)[t];
#elif PROBE == READ_NOWHERE
    out[t] = reinterpret_cast<const float *>(64)[t];
#elif PROBE == WRITE_BEYOND
    out[t] = in[t];
    if (t == 0)
        out[5] = 1.0f; /* of 5 */
#elif PROBE == WRITE_INPUT
    const_cast<float *>(in)[t] = 0.0f;
#elif PROBE == MISALIGNED
    out[t] = reinterpret_cast<const float4 *>(in + 1)[t % 8].x;
#elif PROBE == BEYOND_SHARED
    room[t + 1] = in[t];
#elif PROBE == BEYOND_DYNAMIC
    reinterpret_cast<float *>(dynamic_shared)[t] = in[t];
    out[t] = reinterpret_cast<float *>(dynamic_shared)[t];
#elif PROBE == ENDED_EARLY
    if (t == 7)
        return;
    __syncthreads();
#elif PROBE == LANE_ENDED
    if (t % 32 == 7)
        return;
    __syncwarp();
#elif PROBE == NOT_IN_MASK
    out[t] = __shfl_sync(0x0000ffffu, in[t], 0);
#elif PROBE == READS_OUTSIDE_MASK
    if (t % 32 < 16)
        out[t] = __shfl_sync(0x0000ffffu, in[t], 16);
#elif PROBE == HALF_AT_BARRIER
    if (t % 32 < 16)
        __syncthreads();
    else
        __syncwarp();
#elif PROBE == WAITS_FOR_BLOCK
    if (blockIdx.x == 0)
        while (*static_cast<volatile float *>(&out[1]) != 1.0f)
            __nanosleep(10);
    __syncthreads();
    if (t == 0)
        *static_cast<volatile float *>(&out[blockIdx.x]) = 1.0f;
#elif PROBE == INDICES
    const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = 1000 * block + thread;
#elif PROBE == SHUFFLES
    const float value = in[t];
    out[t] = __shfl_sync(all, value, t + 3, 8);
    out[64 + t] = __shfl_xor_sync(all, value, 5, 8);
    out[128 + t] = __shfl_up_sync(all, value, 3, 16);
    out[192 + t] = __shfl_down_sync(all, value, 3, 16);
    out[256 + t] = __ballot_sync(all, value < 0.5f) & 0xffffu;
    out[320 + t] = __any_sync(all, t == 40) + 2 * __all_sync(all, t < 32);
#elif PROBE == ATOMICS
    unsigned *const counter = reinterpret_cast<unsigned *>(out);
    room[t] = atomicAdd(counter, 1u);
    __syncthreads();
    if (t == 0)
        atomicExch(counter, static_cast<unsigned>(room[63] + room[0]));
#elif PROBE == HALFS
    const unsigned i = blockIdx.x * blockDim.x + t;
    const half *const halfs = reinterpret_cast<const half *>(in);
    out[i] = __half2float(halfs[i]);
#elif PROBE == UNALIGNED_FRAGMENT
    nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, half, nvcuda::wmma::row_major> a;
    nvcuda::wmma::load_matrix_sync(a, reinterpret_cast<const half *>(in) + 8, 16);
#endif
}
