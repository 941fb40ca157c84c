/* A kernel as the emulation's program runs it. The program's own part defines `kernels`. */
#ifndef EMULATION_KERNEL_H
#define EMULATION_KERNEL_H

#include "cuda_emulation.h"

#include <utility>

namespace emulation {

using Body = void (*)(void **arguments);

/* A kernel, what its arguments take, and the dynamic shared memory that it declares (or none). */
struct Kernel {
    Body body;
    size_t arguments;
    const size_t *bytes;
    void *dynamic;
    size_t dynamic_bytes;
};

extern const Kernel kernels[];
extern const size_t kernel_count;

/* A variable of the source that is filled before a run; without an address, there is none. */
struct Variable {
    void *address;
    size_t bytes;
};

extern const Variable variables[];
extern const size_t variable_count;

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

template <typename... A> struct Bytes {
    static constexpr size_t of[sizeof...(A) + 1] = {sizeof(A)...};
};

template <typename... A> constexpr size_t count(void (*)(A...)) { return sizeof...(A); }
template <typename... A> constexpr const size_t *sizes(void (*)(A...)) { return Bytes<A...>::of; }

template <auto KERNEL> Kernel make_kernel(void *dynamic, size_t dynamic_bytes)
{
    return {body<KERNEL>, count(KERNEL), sizes(KERNEL), dynamic, dynamic_bytes};
}

} // namespace emulation

#endif
