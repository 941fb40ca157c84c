"""Kernels of the harness's own, beside those that are tuned; one binary holds them all.

`sentinel` takes a time that depends on nothing but the device (sentinel.py). `fingerprint` adds to
`sums` two sums of hashes of pieces of 16 bytes, the last of which may be shorter, and their number
(fingerprints.py).

Source of the hash: the finalizer of MurmurHash3 (Appleby), of a piece's halves and its place.
"""

from __future__ import annotations

SOURCE = """\
extern "C" __global__ void sentinel(float *out, float factor)
{
    float sum = threadIdx.x;
    for (int i = 0; i < 10000; ++i)
        sum = fmaf(sum, factor, 1.0f);
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

typedef unsigned long long u64;

static __device__ u64 mix(u64 x)
{
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

extern "C" __global__ void fingerprint(const unsigned char *data, u64 bytes, u64 *sums)
{
    __shared__ u64 totals[3];
    const u64 pieces = (bytes + 15) / 16, step = (u64)gridDim.x * blockDim.x;
    u64 first = 0, second = 0, seen = 0;

    if (threadIdx.x < 3)
        totals[threadIdx.x] = 0;
    for (u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x; i < pieces; i += step, ++seen) {
        u64 halves[2] = {0, 0};
        if (16 * i + 16 <= bytes) {
            const uint4 piece = ((const uint4 *)data)[i];
            halves[0] = piece.x | (u64)piece.y << 32;
            halves[1] = piece.z | (u64)piece.w << 32;
        } else {
            for (int at = 0; 16 * i + at < bytes; ++at)
                halves[at / 8] |= (u64)data[16 * i + at] << at % 8 * 8;
        }
        const u64 hash = mix(mix(mix(i + 1) ^ halves[0]) ^ halves[1]);
        first += hash;
        second += mix(hash ^ 0x9e3779b97f4a7c15ull);
    }
    __syncthreads();
    atomicAdd(&totals[0], first);
    atomicAdd(&totals[1], second);
    atomicAdd(&totals[2], seen);
    __syncthreads();
    if (threadIdx.x < 3)
        atomicAdd(&sums[threadIdx.x], totals[threadIdx.x]);
}
"""
SENTINEL = "sentinel"
FINGERPRINT = "fingerprint"
