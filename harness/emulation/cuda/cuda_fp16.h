/* Half precision for emulated kernels: storage, and conversion to float. */
#ifndef EMULATION_CUDA_FP16_H
#define EMULATION_CUDA_FP16_H

#include "cuda_emulation.h"

struct __half {
    uint16_t bits;
};

using half = __half;

inline float __half2float(__half value)
{
    const int exponent = value.bits >> 10 & 31, mantissa = value.bits & 1023;
    float magnitude;

    if (exponent == 31)
        magnitude = mantissa == 0 ? INFINITY : NAN;
    else if (exponent == 0)
        magnitude = std::ldexp(float(mantissa), -24);
    else
        magnitude = std::ldexp(float(mantissa + 1024), exponent - 25);
    return value.bits >> 15 ? -magnitude : magnitude;
}

#endif
