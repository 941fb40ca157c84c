/* 3D Laplace: each sweep replaces every inner point by the mean of its six neighbours (Jacobi).
 *
 *   usage: laplace3d [DEVICE]      DEVICE: ordinal for cudaSetDevice; default 0
 *
 * BLOCK_X, BLOCK_Y and BLOCK_Z are the dimensions of a thread block; one thread computes one point.
 *
 * First a small grid, of sizes that no block divides, is swept on the GPU and on the CPU, and the
 * results are compared; a wrong kernel is never timed. Then a large grid is swept and the last
 * line printed is the time of one sweep in milliseconds.
 *
 * Exit status: 0; 65 if the result is wrong; 69 if the device is lost or cannot be had; 1 for any
 * other failure, such as a block that the device cannot launch.
 */
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

#if !defined(BLOCK_X) || !defined(BLOCK_Y) || !defined(BLOCK_Z)
#error "compile with -DBLOCK_X=… -DBLOCK_Y=… -DBLOCK_Z=…"
#endif

static_assert(BLOCK_X > 0 && BLOCK_Y > 0 && BLOCK_Z > 0, "block sizes are at least 1");
static_assert(BLOCK_X * BLOCK_Y * BLOCK_Z <= 1024, "a block has at most 1024 threads");

enum { EXIT_WRONG = 65, EXIT_NO_DEVICE = 69 };

struct Grid {
    int nx, ny, nz;

    __host__ __device__ size_t index(int x, int y, int z) const
    {
        return (static_cast<size_t>(z) * ny + y) * nx + x;
    }
    size_t points() const { return static_cast<size_t>(nx) * ny * nz; }
    size_t bytes() const { return points() * sizeof(float); }
};

/* Computes one point; both the GPU and the reference on the CPU do it in this order. */
__host__ __device__ inline float relax(const float *u, const Grid &g, int x, int y, int z)
{
    return (u[g.index(x - 1, y, z)] + u[g.index(x + 1, y, z)] + u[g.index(x, y - 1, z)] +
            u[g.index(x, y + 1, z)] + u[g.index(x, y, z - 1)] + u[g.index(x, y, z + 1)]) *
           (1.0f / 6.0f);
}

__host__ __device__ inline bool is_inner(const Grid &g, int x, int y, int z)
{
    return x > 0 && x < g.nx - 1 && y > 0 && y < g.ny - 1 && z > 0 && z < g.nz - 1;
}

__global__ void __launch_bounds__(BLOCK_X *BLOCK_Y *BLOCK_Z)
    sweep(const float *__restrict__ from, float *__restrict__ to, Grid g)
{
    const int x = blockIdx.x * BLOCK_X + threadIdx.x;
    const int y = blockIdx.y * BLOCK_Y + threadIdx.y;
    const int z = blockIdx.z * BLOCK_Z + threadIdx.z;

    if (is_inner(g, x, y, z))
        to[g.index(x, y, z)] = relax(from, g, x, y, z);
}

static int exit_status(cudaError_t error)
{
    switch (error) {
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorDeviceUninitialized:
    case cudaErrorInitializationError:
    case cudaErrorInsufficientDriver:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorSystemNotReady:
    case cudaErrorStubLibrary:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorUnknown:
        return EXIT_NO_DEVICE;
    default:
        return EXIT_FAILURE;
    }
}

static void check(cudaError_t error, const char *what)
{
    if (error == cudaSuccess)
        return;
    fprintf(stderr, "laplace3d: %s: %s (%s)\n", what, cudaGetErrorString(error),
            cudaGetErrorName(error));
    exit(exit_status(error));
}

static void *allocate_host(size_t bytes)
{
    void *memory = malloc(bytes);

    if (memory == nullptr) {
        fprintf(stderr, "laplace3d: no memory for %zu bytes\n", bytes);
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* Two copies of a grid on the GPU, swept from one into the other and back. */
struct Buffers {
    Grid grid;
    float *now, *next;

    explicit Buffers(const Grid &g) : grid(g), now(nullptr), next(nullptr)
    {
        check(cudaMalloc(&now, g.bytes()), "cudaMalloc");
        check(cudaMalloc(&next, g.bytes()), "cudaMalloc");
    }

    void fill(const float *points)
    {
        check(cudaMemcpy(now, points, grid.bytes(), cudaMemcpyHostToDevice), "cudaMemcpy");
        check(cudaMemcpy(next, points, grid.bytes(), cudaMemcpyHostToDevice), "cudaMemcpy");
    }

    void launch(int sweeps)
    {
        const dim3 block(BLOCK_X, BLOCK_Y, BLOCK_Z);
        const dim3 blocks((grid.nx + BLOCK_X - 1) / BLOCK_X, (grid.ny + BLOCK_Y - 1) / BLOCK_Y,
                          (grid.nz + BLOCK_Z - 1) / BLOCK_Z);

        for (int i = 0; i < sweeps; ++i) {
            sweep<<<blocks, block>>>(now, next, grid);
            check(cudaGetLastError(), "launching the kernel");
            float *const swept = next;
            next = now;
            now = swept;
        }
    }

    void free()
    {
        check(cudaFree(now), "cudaFree");
        check(cudaFree(next), "cudaFree");
    }
};

/* Sweeps `u` once on the CPU; `old` is room for a copy. */
static void sweep_on_cpu(float *u, float *old, const Grid &g)
{
    for (size_t i = 0; i < g.points(); ++i)
        old[i] = u[i];
    for (int z = 1; z < g.nz - 1; ++z)
        for (int y = 1; y < g.ny - 1; ++y)
            for (int x = 1; x < g.nx - 1; ++x)
                u[g.index(x, y, z)] = relax(old, g, x, y, z);
}

static void verify()
{
    const Grid g = {67, 37, 23};
    const int sweeps = 5;
    float *const expected = static_cast<float *>(allocate_host(g.bytes()));
    float *const room = static_cast<float *>(allocate_host(g.bytes()));
    float *const got = static_cast<float *>(allocate_host(g.bytes()));
    Buffers buffers(g);

    for (size_t i = 0; i < g.points(); ++i)
        expected[i] = static_cast<float>(i * 31 % 101) / 101.0f;
    buffers.fill(expected);
    buffers.launch(sweeps);
    for (int i = 0; i < sweeps; ++i)
        sweep_on_cpu(expected, room, g);
    check(cudaMemcpy(got, buffers.now, g.bytes(), cudaMemcpyDeviceToHost), "reading the result");
    for (size_t i = 0; i < g.points(); ++i) {
        /* Values are in 0 … 1; the negation also catches NaN. */
        if (!(std::fabs(got[i] - expected[i]) <= 16 * FLT_EPSILON)) {
            fprintf(stderr, "laplace3d: point %zu is %.9g; expected %.9g\n", i, got[i],
                    expected[i]);
            exit(EXIT_WRONG);
        }
    }
    buffers.free();
    free(expected);
    free(room);
    free(got);
}

/* Milliseconds per sweep of a grid that is larger than any cache: 2 x 134 MB. */
static float time_sweeps()
{
    const Grid g = {512, 256, 256};
    const int sweeps = 20;
    Buffers buffers(g);
    cudaEvent_t start, stop;
    float elapsed_ms = 0.0f;

    check(cudaMemset(buffers.now, 0, g.bytes()), "cudaMemset");
    check(cudaMemset(buffers.next, 0, g.bytes()), "cudaMemset");
    check(cudaEventCreate(&start), "cudaEventCreate");
    check(cudaEventCreate(&stop), "cudaEventCreate");
    buffers.launch(4); /* warm up */
    check(cudaEventRecord(start), "cudaEventRecord");
    buffers.launch(sweeps);
    check(cudaEventRecord(stop), "cudaEventRecord");
    check(cudaEventSynchronize(stop), "running the kernel");
    check(cudaEventElapsedTime(&elapsed_ms, start, stop), "cudaEventElapsedTime");
    check(cudaEventDestroy(start), "cudaEventDestroy");
    check(cudaEventDestroy(stop), "cudaEventDestroy");
    buffers.free();
    return elapsed_ms / sweeps;
}

/* The ordinal that `text` says. A lane's name that is no number must not pass for device 0. */
static int parse_device(const char *text)
{
    char *end = nullptr;
    const long device = strtol(text, &end, 10);

    if (end == text || *end != '\0' || device < 0 || device > INT_MAX) {
        fprintf(stderr, "laplace3d: device \"%s\": not an ordinal; write 0, 1, 2 ...\n", text);
        exit(EXIT_FAILURE);
    }
    return static_cast<int>(device);
}

int main(int argc, char **argv)
{
    cudaDeviceProp properties;
    const int device = argc > 1 ? parse_device(argv[1]) : 0;

    check(cudaSetDevice(device), "cudaSetDevice");
    check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    printf("device %d: %s\n", device, properties.name);
    verify();
    const float sweep_ms = time_sweeps();
    printf("%.6f\n", sweep_ms);
    return EXIT_SUCCESS;
}
