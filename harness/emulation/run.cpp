/* Runs emulated kernels as a request file says, and writes what they left in their arrays. It is
 * linked with a file that defines `kernels` (cuda/kernel.h).
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
 * holds a pattern that is checked after each run. Inputs cannot be written. Exit status 3 with a
 * message on stderr if a kernel misbehaves; the runs before it are in the result.
 */
#include "launch.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>

/* Of the sanitizer that kernels are compiled with; weak, as not every compiler's has it. */
extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));

namespace emulation {

enum class Kind : int64_t { scalar, input, writable, variable };

constexpr size_t PAGE = 4096;

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
    Launch launch;
};

static std::vector<Array> arrays; /* of the current run, one per argument; scalars have none */

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
        fail_by(By::nobody, "no memory for an array of %zu bytes", array.bytes);
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
            fail_by(By::nobody, "argument %zu: byte %td was written; it has %zu", argument,
                    at - array.data, array.bytes);
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

/* The sanitizer has said what is wrong; here is who did it. */
static void on_sanitizer() { fail("stopped by the sanitizer"); }

static bool is_array(Kind kind) { return kind == Kind::input || kind == Kind::writable; }

static void fill_variables(const Problem &problem)
{
    size_t next = 0;

    for (size_t i = 0; i < problem.kinds.size(); ++i) {
        if (problem.kinds[i] != Kind::variable)
            continue;
        if (next == variable_count)
            fail_by(By::nobody, "the program has %zu variables; it is given more", next);
        const Variable &variable = variables[next++];
        if (variable.address && problem.values[i].size() > variable.bytes)
            fail_by(By::nobody, "argument %zu: the variable has %zu bytes; it is given %zu", i,
                    variable.bytes, problem.values[i].size());
        if (variable.address)
            memcpy(variable.address, problem.values[i].data(), problem.values[i].size());
    }
}

static void run_one(const Kernel &kernel, const Launch &launch, const Problem &problem,
                    FILE *result)
{
    std::vector<std::vector<unsigned char>> scalars = problem.values;
    std::vector<void *> arguments;

    arrays.clear();
    fill_variables(problem);
    for (size_t i = 0; i < problem.kinds.size(); ++i)
        arrays.push_back(is_array(problem.kinds[i])
                             ? make_array(problem.values[i], problem.kinds[i], i)
                             : Array{});
    for (size_t i = 0; i < problem.kinds.size(); ++i)
        if (problem.kinds[i] != Kind::variable)
            arguments.push_back(is_array(problem.kinds[i])
                                    ? static_cast<void *>(&arrays[i].data)
                                    : static_cast<void *>(scalars[i].data()));
    run_grid(kernel, launch, arguments.data());
    for (size_t i = 0; i < arrays.size(); ++i) {
        if (!is_array(problem.kinds[i]))
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
        fail_by(By::nobody, "the request ends too early");
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

static void check_arguments(const Kernel &kernel, const Problem &problem)
{
    const size_t passed = problem.kinds.size() -
                          std::count(problem.kinds.begin(), problem.kinds.end(), Kind::variable);
    size_t next = 0;

    if (kernel.arguments != passed)
        fail_by(By::nobody, "the kernel takes %zu arguments; it is given %zu", kernel.arguments,
                passed);
    for (size_t i = 0; i < problem.kinds.size(); ++i) {
        if (problem.kinds[i] == Kind::variable)
            continue;
        const bool scalar = problem.kinds[i] == Kind::scalar;
        const size_t given = scalar ? problem.values[i].size() : sizeof(void *);
        const size_t takes = kernel.bytes[next++];
        if (given != takes)
            fail_by(By::nobody, "argument %zu: the kernel takes %zu bytes; it is given %s of %zu",
                    i, takes, scalar ? "a scalar" : "a pointer", given);
    }
}

static int serve(int argc, char **argv)
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
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(on_sanitizer);
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
        if (size_t(run.kernel) >= kernel_count)
            fail_by(By::nobody, "there is no kernel %zu", size_t(run.kernel));
        check_arguments(kernels[run.kernel], problems.at(run.problem));
        run_one(kernels[run.kernel], run.launch, problems.at(run.problem), result);
        fflush(result);
    }
    fclose(result);
    return 0;
}

} // namespace emulation

int main(int argc, char **argv) { return emulation::serve(argc, argv); }
