/* Runs emulated kernels as a request file says, and writes what they left in their arrays.
 *
 *   usage: PROGRAM REQUEST RESULT
 *
 * Both files hold 64-bit integers in the machine's byte order, and raw bytes. Request:
 *   problems, then for each: arguments, then for each: kind (Kind), bytes, the bytes
 *   runs, then for each: problem, kernel, order (Order), resident blocks, grid[3], block[3],
 *   dynamic shared bytes
 * Result: for each run, the bytes of all arrays that the kernel may write.
 *
 * Each array ends at a page that nobody may touch and starts after one; the rest of its own pages
 * holds a pattern that is checked after each run. Inputs cannot be written. Exit status 3 with a message
 * on stderr if a kernel misbehaves; the runs before it are in the result.
 */
#ifndef EMULATION_RUN_H
#define EMULATION_RUN_H

#include "cuda_emulation.h"

#include <algorithm>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <link.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <utility>
#include <vector>

uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

enum class Kind : int64_t { scalar, input, writable };
enum class Order : int64_t { forwards, backwards };

constexpr unsigned char POISON = 0xff; /* of shared memory: NaN, for floating-point numbers */
constexpr size_t PAGE = 4096;
constexpr size_t STACK_BYTES = 64 * 1024;
constexpr int MAX_IDLE_ROUNDS = 100000;

using Body = void (*)(void **arguments);

/* Calls a kernel with arguments as a launch gives them: a pointer to each value. */
template <typename... A, size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>)
{
    kernel(*static_cast<A *>(arguments[I])...);
}

template <typename... A> void call(void (*kernel)(A...), void **arguments)
{
    call(kernel, arguments, std::index_sequence_for<A...>{});
}

template <auto KERNEL> void body(void **arguments) { call(KERNEL, arguments); }

/* A kernel, and the dynamic shared memory that it declares (or none). */
struct Kernel {
    Body body;
    void *dynamic;
    size_t dynamic_bytes;
};

struct Array {
    unsigned char *pages, *data, margin; /* what its pages hold before and after it */
    size_t page_bytes, bytes;
};

struct Problem {
    std::vector<Kind> kinds;
    std::vector<std::vector<unsigned char>> values;
};

struct Run {
    int64_t problem, kernel;
    Order order;
    int64_t resident, grid[3], block[3], shared_bytes;
};

Fiber *current;
static jmp_buf scheduler;
static Body running;
static void **running_arguments;
static int run_number;
static std::vector<Array> arrays; /* of the current run, one per argument; scalars have none */

void fail(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "run %d: block (%u, %u, %u) thread (%u, %u, %u): ", run_number, blockIdx.x,
            blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, threadIdx.z);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(3);
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
        fail("no memory for the stacks of %u threads", threads);
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
            fail("mask %08x names lane %u, which the block does not have", fiber.mask, lane);
        const Fiber &other = block.fibers[first + lane];
        if (other.state == State::ended)
            fail("lanes of mask %08x wait for lane %u, which has ended", fiber.mask, lane);
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
        fail("%zu threads wait at a barrier that %zu threads never reach", waiting, ended);
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
        fail("deadlock: some threads wait for their warp, others at a barrier");
    return alive;
}

static void check_dynamic(const Kernel &kernel, size_t asked)
{
    const unsigned char *const bytes = static_cast<unsigned char *>(kernel.dynamic);

    for (size_t i = asked; i < kernel.dynamic_bytes; ++i)
        if (bytes[i] != POISON)
            fail("byte %zu of dynamic shared memory was written; the launch has %zu", i, asked);
}

/* One turn of a block: its shared memory is put in place for as long as it runs. */
static void take_turn(Block &block, const Memory &shared, const Run &run, bool alone)
{
    if (!alone)
        memcpy(shared.data, block.shared.data(), shared.bytes);
    block.live = round_of(block, run.order);
    if (!alone)
        memcpy(block.shared.data(), shared.data, shared.bytes);
}

/* Runs a grid, `resident` blocks at a time in turns. */
static void launch(const Kernel &kernel, const Run &run)
{
    const Memory shared = shared_memory();
    const unsigned count = gridDim.x * gridDim.y * gridDim.z;
    std::vector<Block> blocks(run.resident < count ? run.resident : count);
    unsigned begun = 0, ended = 0;

    for (Block &block : blocks)
        make_fibers(block);
    for (int idle = 0; ended < count; ++idle) {
        if (idle > MAX_IDLE_ROUNDS)
            fail("no block has ended for %d rounds: it waits for what never comes", idle);
        for (Block &block : blocks) {
            if (!block.live && begun < count) {
                begin(block, run.order == Order::forwards ? begun : count - 1 - begun, shared);
                ++begun;
            }
            if (!block.live)
                continue;
            take_turn(block, shared, run, blocks.size() == 1);
            if (!block.live) {
                check_dynamic(kernel, run.shared_bytes);
                ++ended;
                idle = 0;
            }
        }
    }
    for (Block &block : blocks)
        free_fibers(block);
}

/* --- arrays --- */

static Array make_array(const std::vector<unsigned char> &value, Kind kind, size_t argument)
{
    Array array;

    /* A large number for each argument; never NaN, which one computes from what one may not read,
     * writes where one may not write, and has changed nothing. */
    array.margin = 0x78 + argument % 8;
    array.bytes = value.size();
    const size_t aligned = (array.bytes + 15) / 16 * 16; /* what the widest vector asks for */
    array.page_bytes = (aligned + PAGE - 1) / PAGE * PAGE + 2 * PAGE;
    array.pages = static_cast<unsigned char *>(mmap(nullptr, array.page_bytes,
                                                    PROT_READ | PROT_WRITE,
                                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (array.pages == MAP_FAILED)
        fail("no memory for an array of %zu bytes", array.bytes);
    memset(array.pages, array.margin, array.page_bytes);
    array.data = array.pages + array.page_bytes - PAGE - aligned;
    memcpy(array.data, value.data(), array.bytes);
    if (kind == Kind::input)
        mprotect(array.pages, array.page_bytes, PROT_READ);
    mprotect(array.pages, PAGE, PROT_NONE);
    mprotect(array.pages + array.page_bytes - PAGE, PAGE, PROT_NONE);
    return array;
}

static void check_margins(const Array &array, size_t argument)
{
    const unsigned char *const end = array.pages + array.page_bytes - PAGE;

    for (const unsigned char *at = array.pages + PAGE; at < end; ++at)
        if ((at < array.data || at >= array.data + array.bytes) && *at != array.margin)
            fail("argument %zu: byte %td was written; it has %zu", argument, at - array.data,
                 array.bytes);
}

static void on_fault(int, siginfo_t *info, void *)
{
    const unsigned char *const at = static_cast<unsigned char *>(info->si_addr);

    for (size_t i = 0; i < arrays.size(); ++i)
        if (arrays[i].pages && at >= arrays[i].pages && at < arrays[i].pages + arrays[i].page_bytes)
            fail("argument %zu: access to byte %td; it has %zu%s", i, at - arrays[i].data,
                 arrays[i].bytes, at < arrays[i].data + arrays[i].bytes && at >= arrays[i].data
                                      ? ", and is an input: it was written" : "");
    fail("access to address %p, which is no argument's", info->si_addr);
}

static void run_one(const Kernel &kernel, const Run &run, const Problem &problem, FILE *result)
{
    std::vector<std::vector<unsigned char>> scalars = problem.values;
    std::vector<void *> arguments;

    arrays.clear();
    for (size_t i = 0; i < problem.kinds.size(); ++i)
        arrays.push_back(problem.kinds[i] == Kind::scalar
                             ? Array{}
                             : make_array(problem.values[i], problem.kinds[i], i));
    for (size_t i = 0; i < problem.kinds.size(); ++i)
        arguments.push_back(problem.kinds[i] == Kind::scalar
                                ? static_cast<void *>(scalars[i].data())
                                : static_cast<void *>(&arrays[i].data));
    gridDim = {unsigned(run.grid[0]), unsigned(run.grid[1]), unsigned(run.grid[2])};
    blockDim = {unsigned(run.block[0]), unsigned(run.block[1]), unsigned(run.block[2])};
    running = kernel.body;
    running_arguments = arguments.data();
    if (size_t(run.shared_bytes) > kernel.dynamic_bytes)
        fail("%zu bytes of dynamic shared memory; the emulation has room for %zu",
             size_t(run.shared_bytes), kernel.dynamic_bytes);
    launch(kernel, run);
    for (size_t i = 0; i < arrays.size(); ++i) {
        if (problem.kinds[i] == Kind::scalar)
            continue;
        check_margins(arrays[i], i);
        if (problem.kinds[i] == Kind::writable)
            fwrite(arrays[i].data, 1, arrays[i].bytes, result);
        munmap(arrays[i].pages, arrays[i].page_bytes);
    }
}

/* --- the request --- */

static void read_bytes(FILE *file, void *to, size_t bytes)
{
    if (fread(to, 1, bytes, file) != bytes)
        fail("the request ends too early");
}

static int64_t read_number(FILE *file)
{
    int64_t number;

    read_bytes(file, &number, sizeof number);
    return number;
}

static Problem read_problem(FILE *file)
{
    Problem problem;

    for (int64_t left = read_number(file); left > 0; --left) {
        problem.kinds.push_back(Kind(read_number(file)));
        std::vector<unsigned char> value(read_number(file));
        read_bytes(file, value.data(), value.size());
        problem.values.push_back(value);
    }
    return problem;
}

inline int serve(int argc, char **argv, const std::vector<Kernel> &kernels)
{
    struct sigaction action = {};
    std::vector<Problem> problems;

    if (argc != 3) {
        fprintf(stderr, "usage: %s REQUEST RESULT\n", argv[0]);
        return 2;
    }
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    FILE *const request = fopen(argv[1], "rb"), *const result = fopen(argv[2], "wb");
    if (!request || !result) {
        perror(request ? argv[2] : argv[1]);
        return 2;
    }
    for (int64_t left = read_number(request); left > 0; --left)
        problems.push_back(read_problem(request));
    for (int64_t runs = read_number(request); run_number < runs; ++run_number) {
        Run run;
        read_bytes(request, &run, sizeof run);
        run_one(kernels.at(run.kernel), run, problems.at(run.problem), result);
        fflush(result);
    }
    fclose(result);
    return 0;
}

} // namespace emulation

#endif
