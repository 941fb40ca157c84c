/* CUDA C++ on the CPU: one kernel source for both, without a GPU. It proves results, not times.
 *
 * Each CUDA thread is a fiber that runs until it waits. Between two meetings of a warp its lanes
 * run one after another; between two barriers of a block its warps do. A kernel is run forwards
 * and backwards: whatever two threads do to the same memory without anything that orders it
 * happens in both orders, and a race shows as a wrong result in one of them.
 *
 * What GPUs let pass in silence is an error here: a barrier or a warp intrinsic that an ended
 * thread never reaches, reading shared memory that nobody wrote (it is poisoned before each
 * block), an access outside an array (run.cpp), a misaligned vector (the compiler's sanitizer).
 *
 * `__shared__` is thread_local: it may stand at block scope, where that means one instance, and
 * after `extern`, as dynamic shared memory is declared. All fibers belong to one real thread.
 */
#ifndef CUDA_EMULATION_H
#define CUDA_EMULATION_H

#include <csetjmp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define CUDA_EMULATION 1

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __noinline__ __attribute__((noinline))
#define __shared__ thread_local
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

struct uint3 { unsigned x, y, z; };
using dim3 = uint3;

#define EMULATION_VECTORS(T, NAME)                                                                 \
    struct alignas(2 * sizeof(T)) NAME##2 { T x, y; };                                             \
    struct NAME##3 { T x, y, z; };                                                                 \
    struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) NAME##4 { T x, y, z, w; };             \
    inline NAME##2 make_##NAME##2(T x, T y) { return {x, y}; }                                     \
    inline NAME##3 make_##NAME##3(T x, T y, T z) { return {x, y, z}; }                             \
    inline NAME##4 make_##NAME##4(T x, T y, T z, T w) { return {x, y, z, w}; }

EMULATION_VECTORS(signed char, char)
EMULATION_VECTORS(unsigned char, uchar)
EMULATION_VECTORS(short, short)
EMULATION_VECTORS(unsigned short, ushort)
EMULATION_VECTORS(int, int)
EMULATION_VECTORS(float, float)
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(16) double4 { double x, y, z, w; };

inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }
inline double4 make_double4(double x, double y, double z, double w) { return {x, y, z, w}; }

extern uint3 threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

namespace emulation {

enum class State { ready, at_barrier, in_warp, ended };

struct Warp {
    unsigned char slots[warpSize][16]; /* what each lane shows the others */
};

struct Fiber {
    jmp_buf resume;
    void *stack;
    bool started;
    State state;
    unsigned mask; /* the lanes that it waits for, while in_warp */
    unsigned linear;
    uint3 thread;
    Warp *warp;
};

extern Fiber *current;

void wait(State state, unsigned mask = 0);
[[noreturn]] void fail(const char *format, ...);

inline unsigned lane() { return current->linear % warpSize; }

/* Every lane of `mask` shows its value; `pick` then looks at all of them. */
template <typename T, typename Pick> auto exchange(unsigned mask, T value, Pick pick)
{
    static_assert(sizeof(T) <= sizeof(Warp::slots[0]), "a value of at most 16 bytes");

    if (!(mask >> lane() & 1))
        fail("lane %u calls a warp intrinsic with mask %08x, which it is not in", lane(), mask);
    std::memcpy(current->warp->slots[lane()], &value, sizeof value);
    wait(State::in_warp, mask);
    const auto answer = pick([](unsigned from) {
        T shown;
        std::memcpy(&shown, current->warp->slots[from], sizeof shown);
        return shown;
    });
    wait(State::in_warp, mask); /* nobody shows the next value before all have looked */
    return answer;
}

template <typename T> T shuffle(unsigned mask, T value, unsigned from)
{
    if (!(mask >> from & 1))
        fail("lane %u reads lane %u, which is not in mask %08x", lane(), from, mask);
    return exchange(mask, value, [from](auto shown) { return shown(from); });
}

} // namespace emulation

inline void __syncthreads() { emulation::wait(emulation::State::at_barrier); }
inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    emulation::wait(emulation::State::in_warp, mask);
}

template <typename T> T __shfl_sync(unsigned mask, T value, int from, int width = warpSize)
{
    const unsigned first = emulation::lane() & ~(width - 1u);
    return emulation::shuffle(mask, value, first + (from & (width - 1u)));
}

template <typename T> T __shfl_xor_sync(unsigned mask, T value, int bits, int width = warpSize)
{
    const unsigned lane = emulation::lane(), from = lane ^ bits;
    return emulation::shuffle(mask, value, from / width > lane / width ? lane : from);
}

template <typename T> T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = warpSize)
{
    const unsigned lane = emulation::lane();
    return emulation::shuffle(mask, value, lane % width < by ? lane : lane - by);
}

template <typename T> T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = warpSize)
{
    const unsigned lane = emulation::lane();
    return emulation::shuffle(mask, value, lane % width + by >= unsigned(width) ? lane : lane + by);
}

inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    return emulation::exchange(mask, predicate != 0, [mask](auto shown) {
        unsigned votes = 0;
        for (unsigned from = 0; from < warpSize; ++from)
            if (mask >> from & 1 && shown(from))
                votes |= 1u << from;
        return votes;
    });
}

inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate)
{
    return __ballot_sync(mask, predicate) == mask;
}

/* One fiber runs at a time, so a plain read, modify, write is atomic. */
template <typename T> T atomicAdd(T *where, T value)
{
    const T old = *where;
    *where = old + value;
    return old;
}

template <typename T> T atomicExch(T *where, T value)
{
    const T old = *where;
    *where = value;
    return old;
}

template <typename T> T atomicSub(T *where, T value)
{
    const T old = *where;
    *where = old - value;
    return old;
}

template <typename T> T atomicMin(T *where, T value)
{
    const T old = *where;
    *where = value < old ? value : old;
    return old;
}

template <typename T> T atomicMax(T *where, T value)
{
    const T old = *where;
    *where = old < value ? value : old;
    return old;
}

template <typename T> T atomicAnd(T *where, T value)
{
    const T old = *where;
    *where = old & value;
    return old;
}

template <typename T> T atomicOr(T *where, T value)
{
    const T old = *where;
    *where = old | value;
    return old;
}

template <typename T> T atomicXor(T *where, T value)
{
    const T old = *where;
    *where = old ^ value;
    return old;
}

template <typename T> T atomicCAS(T *where, T expected, T value)
{
    const T old = *where;
    if (old == expected)
        *where = value;
    return old;
}

/* Waiting for another block: let the others run. */
inline void __nanosleep(unsigned) { emulation::wait(emulation::State::ready); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <typename T> T __ldg(const T *where) { return *where; }
template <typename T> T __ldcg(const T *where) { return *where; }
template <typename T> T __ldca(const T *where) { return *where; }
template <typename T> T __ldcs(const T *where) { return *where; }
template <typename T> void __stcs(T *where, T value) { *where = value; }
template <typename T> void __stcg(T *where, T value) { *where = value; }

inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __clz(int value) { return value == 0 ? 32 : __builtin_clz(value); }
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __popcll(unsigned long long value) { return __builtin_popcountll(value); }
inline int __clzll(long long value) { return value == 0 ? 64 : __builtin_clzll(value); }
inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline double rsqrt(double value) { return 1.0 / std::sqrt(value); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __expf(float value) { return std::exp(value); }
inline float __logf(float value) { return std::log(value); }
inline float __sinf(float value) { return std::sin(value); }
inline float __cosf(float value) { return std::cos(value); }
inline float __powf(float base, float exponent) { return std::pow(base, exponent); }
inline float __saturatef(float value) { return value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value; }
inline unsigned __float_as_uint(float value) { return __builtin_bit_cast(unsigned, value); }
inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
inline float __uint_as_float(unsigned value) { return __builtin_bit_cast(float, value); }
inline float __int_as_float(int value) { return __builtin_bit_cast(float, value); }

template <typename T> constexpr T min(T a, T b) { return b < a ? b : a; }
template <typename T> constexpr T max(T a, T b) { return a < b ? b : a; }

#endif
