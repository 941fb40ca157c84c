/* A driver library without a GPU, for tests of the calls: memory is the host's, and there are two
 * kernels, each in a "cubin" of its name: `scale` (float *x, int n, double factor), and `fault`,
 * whose error shows at the next synchronisation and stays, as an illegal access does.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ptr;
enum { ILLEGAL = 700, NOT_FOUND = 500, NO_FILE = 301, INVALID = 1 };
static int error, waiting;
static unsigned long long now, marks[2];
static unsigned last_shared, allowed_shared = 48 * 1024;
static char loaded[64];

int cuInit(unsigned flags) { return flags ? INVALID : 0; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuGetErrorName(int status, const char **text)
{
    *text = status == ILLEGAL ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR";
    return 0;
}
int cuGetErrorString(int status, const char **text) { *text = "as tests want it"; return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 10 + ordinal; return 0; }
int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    memset(uuid, device == 11 ? 0xab : 0xcd, 16);
    return 0;
}
int cuDeviceGetName(char *name, int length, int device)
{
    snprintf(name, length, "Fake %d", device);
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    *value = attribute == 38 ? 1 << 16 : -1;
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &error; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return device == 11 ? 0 : INVALID; }
int cuCtxSetCurrent(void *context) { return context == &error ? 0 : INVALID; }
int cuModuleLoad(void **module, const char *path)
{
    const char *name = strrchr(path, '/');
    if (strstr(path, "absent"))
        return NO_FILE;
    snprintf(loaded, sizeof loaded, "%s", name ? name + 1 : path);
    *module = loaded;
    return 0;
}
int cuModuleUnload(void *module) { return module == loaded ? 0 : INVALID; }
int cuModuleGetFunction(void **function, void *module, const char *name)
{
    *function = loaded;
    return strcmp(loaded, name) ? NOT_FOUND : 0;
}
int cuFuncSetAttribute(void *function, int attribute, int value)
{
    allowed_shared = value;
    return attribute == 8 ? 0 : INVALID;
}
int cuMemAlloc_v2(ptr *pointer, size_t bytes) { *pointer = (ptr)malloc(bytes); return error; }
int cuMemFree_v2(ptr pointer) { free((void *)pointer); return 0; }
int cuMemcpyHtoDAsync_v2(ptr to, const void *from, size_t bytes, void *stream)
{
    memcpy((void *)to, from, bytes);
    return error;
}
int cuMemcpyDtoHAsync_v2(void *to, ptr from, size_t bytes, void *stream)
{
    memcpy(to, (void *)from, bytes);
    return error;
}
int cuMemcpyDtoDAsync_v2(ptr to, ptr from, size_t bytes, void *stream)
{
    memcpy((void *)to, (void *)from, bytes);
    now += 100;
    return error;
}
int cuMemsetD8Async(ptr to, unsigned char byte, size_t bytes, void *stream)
{
    memset((void *)to, byte, bytes);
    now += 1000;
    return error;
}
int cuStreamCreate(void **stream, unsigned flags) { *stream = &now; return flags == 1 ? 0 : INVALID; }
int cuStreamSynchronize(void *stream)
{
    if (waiting)
        error = ILLEGAL;
    return stream == &now ? error : INVALID;
}
int cuEventCreate(void **event, unsigned flags)
{
    static int count;
    *event = &marks[count++ % 2];
    return 0;
}
int cuEventRecord(void *event, void *stream) { *(unsigned long long *)event = now; return error; }
int cuEventSynchronize(void *event) { return cuStreamSynchronize(&now); }
int cuEventElapsedTime(float *ms, void *start, void *end)
{
    *ms = (*(unsigned long long *)end - *(unsigned long long *)start) / 1e3f; /* now: in us */
    return error;
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **parameters, void **extra)
{
    last_shared = shared;
    if (gx * gy * gz == 0 || bx * by * bz > 1024 || shared > allowed_shared || extra)
        return INVALID;
    now += 50;
    if (!strcmp(function, "fault"))
        return waiting = 1, error;
    if (!strcmp(function, "numba")) { /* an array of two dimensions as Numba passes it, a double */
        size_t word[9];
        for (int w = 0; w < 9; ++w)
            word[w] = *(size_t *)parameters[w];
        if (word[0] || word[1] || word[2] != word[5] * word[6] || word[3] != sizeof(float))
            return INVALID;
        for (size_t row = 0; row < word[5]; ++row)
            for (size_t column = 0; column < word[6]; ++column)
                *(float *)(word[4] + row * word[7] + column * word[8]) *= *(double *)parameters[9];
        return error;
    }
    float *x = *(float **)parameters[0];
    int n = *(int *)parameters[1];
    double factor = *(double *)parameters[2];
    for (int i = 0; i < n && i < (int)(gx * bx); ++i)
        x[i] *= factor;
    return error;
}
