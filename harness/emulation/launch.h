/* How an emulated grid runs: fibers, warps, barriers and shared memory. cuda_emulation.h says why.
 */
#ifndef EMULATION_LAUNCH_H
#define EMULATION_LAUNCH_H

#include "cuda/kernel.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <link.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

enum class Order : int64_t { forwards, backwards };

constexpr unsigned char POISON = 0xff; /* of shared memory: NaN, for floating-point numbers */
constexpr size_t STACK_BYTES = 64 * 1024;
constexpr int MAX_IDLE_ROUNDS = 100000;

/* How a kernel is launched: `resident` blocks at a time, in turns. */
struct Launch {
    Order order;
    int64_t resident, grid[3], block[3], shared_bytes;
};

Fiber *current;
static jmp_buf scheduler;
static Body running;
static void **running_arguments;
static int run_number;

/* Whose doing a failure is: known only if it shows at once, not if it is found afterwards. */
enum class By { thread, block, nobody };

[[noreturn]] static void fail_with(By by, const char *format, va_list arguments)
{
    fprintf(stderr, "run %d: ", run_number);
    if (by != By::nobody)
        fprintf(stderr, "block (%u, %u, %u)", blockIdx.x, blockIdx.y, blockIdx.z);
    if (by == By::thread)
        fprintf(stderr, " thread (%u, %u, %u)", threadIdx.x, threadIdx.y, threadIdx.z);
    if (by != By::nobody)
        fputs(": ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    _exit(3);
}

void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail_with(By::thread, format, arguments);
}

static void fail_by(By by, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail_with(by, format, arguments);
}

/* --- fibers --- */

void wait(State state, unsigned mask)
{
    current->state = state;
    current->mask = mask;
    if (_setjmp(current->resume) == 0)
        _longjmp(scheduler, 1);
}

static void fiber_main()
{
    for (;;) { /* one round for each block that this fiber is a thread of */
        running(running_arguments);
        wait(State::ended);
    }
}

static void start(Fiber &fiber)
{
    ucontext_t context, unused;

    fiber.started = true;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack;
    context.uc_stack.ss_size = STACK_BYTES;
    context.uc_link = nullptr;
    makecontext(&context, fiber_main, 0);
    swapcontext(&unused, &context); /* comes back by longjmp to `scheduler` */
}

static void resume(Fiber *fiber)
{
    current = fiber;
    threadIdx = fiber->thread;
    if (_setjmp(scheduler) != 0)
        return;
    if (current->started)
        _longjmp(current->resume, 1);
    start(*current);
}

/* --- shared memory: the thread_local variables of this program --- */

struct Memory {
    unsigned char *data;
    size_t bytes;
};

static int find_program(dl_phdr_info *info, size_t, void *found)
{
    for (int i = 0; i < info->dlpi_phnum; ++i)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            *static_cast<Memory *>(found) = {
                static_cast<unsigned char *>(info->dlpi_tls_data), info->dlpi_phdr[i].p_memsz};
    return 1; /* the first object is the program itself */
}

static Memory shared_memory()
{
    Memory found = {nullptr, 0};

    dl_iterate_phdr(find_program, &found);
    return found;
}

/* --- blocks --- */

struct Block {
    uint3 index;
    bool live;
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    std::vector<unsigned char> shared; /* its shared memory while another block runs */
};

static void make_fibers(Block &block)
{
    const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
    void *const stacks = mmap(nullptr, threads * STACK_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (stacks == MAP_FAILED)
        fail_by(By::nobody, "no memory for the stacks of %u threads", threads);
    block.fibers = std::vector<Fiber>(threads);
    block.warps = std::vector<Warp>((threads + warpSize - 1) / warpSize);
    for (unsigned i = 0; i < threads; ++i) {
        Fiber &fiber = block.fibers[i];
        fiber.stack = static_cast<char *>(stacks) + i * STACK_BYTES;
        fiber.linear = i;
        fiber.thread = {i % blockDim.x, i / blockDim.x % blockDim.y,
                        i / (blockDim.x * blockDim.y)};
        fiber.warp = &block.warps[i / warpSize];
    }
}

static void free_fibers(Block &block)
{
    munmap(block.fibers[0].stack, block.fibers.size() * STACK_BYTES);
}

static void begin(Block &block, unsigned number, const Memory &shared)
{
    memset(shared.data, POISON, shared.bytes);
    block.index = {number % gridDim.x, number / gridDim.x % gridDim.y,
                   number / (gridDim.x * gridDim.y)};
    block.live = true;
    block.shared.assign(shared.bytes, POISON);
    for (Fiber &fiber : block.fibers)
        fiber.state = State::ready;
}

/* True if the lanes that `fiber` waits for have all come. */
static bool warp_has_come(const Block &block, const Fiber &fiber)
{
    const unsigned first = fiber.linear / warpSize * warpSize;

    for (unsigned lane = 0; lane < warpSize; ++lane) {
        if (!(fiber.mask >> lane & 1))
            continue;
        if (first + lane >= block.fibers.size())
            fail_by(By::block, "mask %08x names lane %u, which the block does not have",
                    fiber.mask, lane);
        const Fiber &other = block.fibers[first + lane];
        if (other.state == State::ended)
            fail_by(By::block, "lanes of mask %08x wait for lane %u, which has ended", fiber.mask,
                    lane);
        if (other.state != State::in_warp || other.mask != fiber.mask)
            return false;
    }
    return true;
}

/* Lets the lanes of a warp go on who have all come to where they meet. */
static bool release_warp(Block &block, size_t first, size_t end)
{
    bool any = false;

    for (size_t i = first; i < end; ++i) {
        const Fiber &fiber = block.fibers[i];
        if (fiber.state != State::in_warp || !warp_has_come(block, fiber))
            continue;
        const unsigned mask = fiber.mask;
        for (unsigned lane = 0; lane < warpSize; ++lane)
            if (mask >> lane & 1)
                block.fibers[first + lane].state = State::ready;
        any = true;
    }
    return any;
}

static bool release_barrier(Block &block)
{
    size_t waiting = 0, ended = 0;

    for (const Fiber &fiber : block.fibers) {
        waiting += fiber.state == State::at_barrier;
        ended += fiber.state == State::ended;
    }
    if (waiting > 0 && ended > 0)
        fail_by(By::block, "%zu threads wait at a barrier that %zu threads never reach", waiting,
                ended);
    if (waiting < block.fibers.size())
        return false;
    for (Fiber &fiber : block.fibers)
        fiber.state = State::ready;
    return true;
}

/* Runs a warp until it waits for others than its own lanes; false if it could not run. */
static bool run_warp(Block &block, size_t first, Order order)
{
    const size_t end = std::min(first + warpSize, block.fibers.size());
    bool ran = false;

    do {
        for (size_t i = first; i < end; ++i) {
            Fiber &fiber = block.fibers[order == Order::forwards ? i : first + end - 1 - i];
            if (fiber.state != State::ready)
                continue;
            resume(&fiber);
            ran = true;
        }
    } while (release_warp(block, first, end));
    return ran;
}

/* Runs every warp, as far as it gets, before the next one: between two barriers, the first in the
 * order sees nothing of what the others do. False if the block is over. */
static bool round_of(Block &block, Order order)
{
    const size_t warps = block.warps.size();
    bool ran = false, alive = false;

    blockIdx = block.index;
    for (size_t i = 0; i < warps; ++i)
        ran |= run_warp(block, warpSize * (order == Order::forwards ? i : warps - 1 - i), order);
    for (const Fiber &fiber : block.fibers)
        alive |= fiber.state != State::ended;
    if (alive && !release_barrier(block) && !ran)
        fail_by(By::block, "deadlock: some threads wait for their warp, others at a barrier");
    return alive;
}

static void check_dynamic(const Kernel &kernel, size_t asked)
{
    const unsigned char *const bytes = static_cast<unsigned char *>(kernel.dynamic);

    for (size_t i = asked; i < kernel.dynamic_bytes; ++i)
        if (bytes[i] != POISON)
            fail_by(By::block, "byte %zu of dynamic shared memory was written; the launch has %zu",
                    i, asked);
}

/* One turn of a block: its shared memory is put in place for as long as it runs. */
static void take_turn(Block &block, const Memory &shared, const Launch &launch, bool alone)
{
    if (!alone)
        memcpy(shared.data, block.shared.data(), shared.bytes);
    block.live = round_of(block, launch.order);
    if (!alone)
        memcpy(block.shared.data(), shared.data, shared.bytes);
}

static void run_grid(const Kernel &kernel, const Launch &launch, void **arguments)
{
    const Memory shared = shared_memory();

    gridDim = {unsigned(launch.grid[0]), unsigned(launch.grid[1]), unsigned(launch.grid[2])};
    blockDim = {unsigned(launch.block[0]), unsigned(launch.block[1]), unsigned(launch.block[2])};
    running = kernel.body;
    running_arguments = arguments;
    if (size_t(launch.shared_bytes) > kernel.dynamic_bytes)
        fail_by(By::nobody, "%zu bytes of dynamic shared memory; the emulation has room for %zu",
                size_t(launch.shared_bytes), kernel.dynamic_bytes);
    const unsigned count = gridDim.x * gridDim.y * gridDim.z;
    std::vector<Block> blocks(launch.resident < count ? launch.resident : count);
    unsigned begun = 0, ended = 0;

    for (Block &block : blocks)
        make_fibers(block);
    for (int idle = 0; ended < count; ++idle) {
        if (idle > MAX_IDLE_ROUNDS)
            fail_by(By::nobody, "no block has ended for %d rounds: it waits for what never comes",
                    idle);
        for (Block &block : blocks) {
            if (!block.live && begun < count) {
                begin(block, launch.order == Order::forwards ? begun : count - 1 - begun, shared);
                ++begun;
            }
            if (!block.live)
                continue;
            take_turn(block, shared, launch, blocks.size() == 1);
            if (!block.live) {
                check_dynamic(kernel, launch.shared_bytes);
                ++ended;
                idle = 0;
            }
        }
    }
    for (Block &block : blocks)
        free_fibers(block);
}

} // namespace emulation

#endif
