/* A driver library without a GPU, for tests of the calls: memory is the host's, and the kernels are
 * written below. There are four in a "cubin" of its name each, which need not exist: `scale` (float
 * *x, int n, double factor), `fault`, whose error shows at the next synchronisation and stays, as an
 * illegal access does, and `numba`; and `together`, which is `scale` if it is launched cooperatively. Of a cubin that exists those two are known by their names:
 * `twice` (const float *x, float *y, int n), which faults in blocks of 96 threads, is wrong in blocks
 * of 160 and never ends in blocks of 224; `weighted`, of the same, by the cubin's first variable that
 * was asked for; the `sentinel`, which does nothing; and the `fingerprint`, with sums of its own.
 *
 * Of its two devices, CUDA_VISIBLE_DEVICES hides those whose UUIDs or numbers it does not hold. The
 * variable FAKE_CUDA says what is amiss: `image`: binaries that exist cannot be loaded (`image of one`:
 * on the second device); `memory`: there is none; `slow`: a mark is reached at once unless four writes
 * go before it; `late`: always; `lost`: the second device has an uncorrectable error at its first
 * launch of `twice`, and is gone.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long long ptr;
enum { ILLEGAL = 700, NOT_FOUND = 500, NO_FILE = 301, BAD_IMAGE = 200, UNCORRECTABLE = 214, NO_MEMORY = 2, NOT_READY = 600, INVALID = 1 };
static int error, waiting, hanging, written, device_in_use;
static unsigned long long now, marks[2];
static unsigned last_shared, allowed_shared = 48 * 1024;
struct module {
    char name[256], *binary; /* what is in it if it exists */
    size_t bytes;
};

static int is_amiss(const char *what)
{
    const char *amiss = getenv("FAKE_CUDA");
    return amiss && !strcmp(amiss, what);
}

/* The devices in sight. */
static int find_devices(int found[2])
{
    static const char *const uuids[] = {"GPU-cdcdcdcd", "GPU-abababab"}, *const numbers[] = {"0", "1"};
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    int count = 0;
    for (int device = 0; device < 2; ++device)
        if (!visible || strstr(visible, uuids[device]) || !strcmp(visible, numbers[device]))
            found[count++] = 10 + device;
    return count;
}

int cuInit(unsigned flags) { return flags ? INVALID : 0; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuGetErrorName(int status, const char **text)
{
    *text = status == ILLEGAL ? "CUDA_ERROR_ILLEGAL_ADDRESS"
            : status == BAD_IMAGE ? "CUDA_ERROR_INVALID_IMAGE"
            : status == NO_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR";
    return 0;
}
int cuGetErrorString(int status, const char **text) { *text = "as tests want it"; return 0; }
int cuDeviceGetCount(int *count)
{
    int found[2];
    *count = find_devices(found);
    return 0;
}
int cuDeviceGet(int *device, int ordinal)
{
    int found[2];
    if (ordinal >= find_devices(found))
        return INVALID;
    *device = found[ordinal];
    return 0;
}
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
    switch (attribute) {
    case 16: *value = 48; break; /* multiprocessors */
    case 18: case 20: *value = 0; break; /* built in, compute mode */
    case 38: *value = 1 << 16; break; /* L2 */
    case 75: *value = 8; break; /* capability */
    case 76: *value = 6; break;
    default: *value = -1;
    }
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)8 << 30; return 0; }
int cuDeviceGetPCIBusId(char *bus_id, int length, int device)
{
    snprintf(bus_id, length, "0000:%02x:00.0", device);
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device)
{
    device_in_use = device;
    *context = &error;
    return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) { return device == 11 ? 0 : INVALID; }
int cuCtxSetCurrent(void *context) { return context == &error ? 0 : INVALID; }
int cuModuleLoad(struct module **module, const char *path)
{
    const char *name = strrchr(path, '/');
    FILE *file = fopen(path, "rb");
    if (strstr(path, "absent"))
        return NO_FILE;
    if (file && (is_amiss("image") || (is_amiss("image of one") && device_in_use == 11)))
        return BAD_IMAGE;
    *module = calloc(1, sizeof **module);
    snprintf((*module)->name, sizeof (*module)->name, "%s", name ? name + 1 : path);
    if (file) {
        fseek(file, 0, SEEK_END);
        (*module)->binary = malloc((*module)->bytes = ftell(file));
        rewind(file);
        (*module)->bytes = fread((*module)->binary, 1, (*module)->bytes, file);
        fclose(file);
    }
    return 0;
}
int cuModuleUnload(struct module *module)
{
    free(module->binary);
    free(module);
    return 0;
}
int cuModuleGetFunction(void **function, struct module *module, const char *name)
{
    char section[128]; /* that holds the code of a kernel in a cubin */
    const int length = snprintf(section, sizeof section, ".text.%s", name);
    *function = strdup(name);
    if (module->binary)
        return memmem(module->binary, module->bytes, section, length + 1) ? 0 : NOT_FOUND;
    return strcmp(module->name, name) ? NOT_FOUND : 0;
}
static struct { char name[64]; float values[16]; } variables[4];
int cuModuleGetGlobal_v2(ptr *pointer, size_t *bytes, struct module *module, const char *name)
{
    int at = 0;
    if (!module->binary || !memmem(module->binary, module->bytes, name, strlen(name)))
        return NOT_FOUND;
    while (variables[at].name[0] && strcmp(variables[at].name, name))
        ++at;
    strcpy(variables[at].name, name);
    *pointer = (ptr)variables[at].values;
    *bytes = sizeof variables[at].values;
    return 0;
}
int cuFuncSetAttribute(void *function, int attribute, int value)
{
    allowed_shared = value;
    return attribute == 8 ? 0 : INVALID;
}
int cuMemAlloc_v2(ptr *pointer, size_t bytes)
{
    if (is_amiss("memory"))
        return NO_MEMORY;
    *pointer = (ptr)malloc(bytes);
    return error;
}
int cuMemGetInfo_v2(size_t *available, size_t *total)
{
    *available = 3ul << 30;
    *total = 16ul << 30;
    return 0;
}
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
    if (bytes < 32 << 20) /* or else it is what is written to empty the cache, and nobody reads it */
        memset((void *)to, byte, bytes);
    ++written;
    now += 1000;
    return error;
}
int cuStreamCreate(void **stream, unsigned flags) { *stream = &now; return flags == 1 ? 0 : INVALID; }
int cuStreamSynchronize(void *stream)
{
    written = 0;
    if (hanging)
        pause();
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
int cuEventQuery(void *event)
{
    return is_amiss("late") || (is_amiss("slow") && written < 4) ? error : NOT_READY;
}
int cuEventSynchronize(void *event) { return cuStreamSynchronize(&now); }
int cuEventElapsedTime(float *ms, void *start, void *end)
{
    *ms = (*(unsigned long long *)end - *(unsigned long long *)start) / 1e3f; /* now: in us */
    return error;
}
static int cooperative;
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **parameters, void **extra)
{
    last_shared = shared;
    if (gx * gy * gz == 0 || bx * by * bz > 1024 || shared > allowed_shared || extra)
        return INVALID;
    now += 50;
    if (!strcmp(function, "sentinel"))
        return error;
    if (!strcmp(function, "fingerprint")) {
        const unsigned char *data = *(unsigned char **)parameters[0];
        const ptr bytes = *(ptr *)parameters[1];
        ptr *const sums = *(ptr **)parameters[2];
        sums[2] = (bytes + 15) / 16;
        for (ptr i = 0; i < bytes; ++i)
            sums[1] += sums[0] = (sums[0] ^ data[i]) * 1099511628211ull;
        return error;
    }
    if (!strcmp(function, "weighted")) { /* y[i] = weights[i % 16] * x[i], the first variable's */
        const float *x = *(float **)parameters[0];
        float *y = *(float **)parameters[1];
        for (int i = 0; i < *(int *)parameters[2]; ++i)
            y[i] = variables[0].values[i % 16] * x[i];
        return error;
    }
    if (!strcmp(function, "fault") || (!strcmp(function, "twice") && bx == 96))
        return waiting = 1, error;
    if (!strcmp(function, "twice") && is_amiss("lost") && device_in_use == 11)
        return error = UNCORRECTABLE;
    if (!strcmp(function, "twice") && bx == 224)
        return hanging = 1, error;
    if (!strcmp(function, "twice")) { /* slower the further its blocks are from 128 threads */
        const float *x = *(float **)parameters[0];
        float *y = *(float **)parameters[1];
        int n = *(int *)parameters[2];
        now += abs((int)bx - 128);
        for (int i = bx == 160; i < n && i < (int)(gx * bx); ++i)
            y[i] = 2 * x[i];
        return error;
    }
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
    if (!strcmp(function, "together") && !cooperative)
        return INVALID;
    float *x = *(float **)parameters[0];
    int n = *(int *)parameters[1];
    double factor = *(double *)parameters[2];
    for (int i = 0; i < n && i < (int)(gx * bx); ++i)
        x[i] *= factor;
    return error;
}
int cuLaunchCooperativeKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                              unsigned by, unsigned bz, unsigned shared, void *stream,
                              void **parameters)
{
    cooperative = 1;
    const int status = cuLaunchKernel(function, gx, gy, gz, bx, by, bz, shared, stream, parameters,
                                      NULL);
    cooperative = 0;
    return status;
}
