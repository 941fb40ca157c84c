"""What a CUDA C++ text says that its kernels take."""

from __future__ import annotations

import pytest

from harness.config.signature import find_kernels


def types(text: str, name: str = "k") -> list[str] | None:
    """Each parameter as `float32`, `float32*`, `const float32*`, `?`, `?*`."""
    parameters = find_kernels(text)[name]
    if parameters is None:
        return None
    return [
        f"{'const ' if one.is_const else ''}{one.dtype or '?'}{'*' if one.is_pointer else ''}"
        for one in parameters
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", []),
        ("void", []),
        (
            "float a, const float *x, float *y, int n",
            ["float32", "const float32*", "float32*", "int32"],
        ),
        ("const float* __restrict__ x, float *__restrict__ y", ["const float32*", "float32*"]),
        ("float const *x, unsigned n, unsigned char *c", ["const float32*", "uint32", "uint8*"]),
        ("long long a, unsigned long b, unsigned short c", ["int64", "uint64", "uint16"]),
        (
            "std::size_t n, uint32_t m, const int k, signed char c",
            ["uint64", "uint32", "int32", "int8"],
        ),
        ("half *x, const __nv_bfloat16 *y, double", ["float16*", "const bfloat16*", "float64"]),
        ("unsigned char, unsigned long, short, int", ["uint8", "uint64", "int16", "int32"]),
        ("void (*f)(int, float), float", ["?*", "float32"]),
        ("T *x, const T *y, T a, Params p", ["?*", "const ?*", "?", "?"]),
        ("float4 *x, const float *const *rows, int3 size", ["?*", "?*", "?"]),
        ("float x[], const int table[4]", ["float32*", "const int32*"]),
        ("Pair<int, float> p, int n = (1, 2)", ["?", "int32"]),
        ("const __grid_constant__ Map map, float", ["?", "float32"]),
        ("float *x /* in, out */, // the data\n int n", ["float32*", "int32"]),
        ("float &x", ["?"]),
        ("ARGUMENTS", None),
        ("float *x, SIZES", None),
        ("float *x,\n#if MORE\nint n,\n#endif\nint m", None),
    ],
)
def test_parameters(parameters: str, expected: list[str] | None) -> None:
    assert types(f'extern "C" __global__ void k({parameters})\n{{ k2(x); }}') == expected


@pytest.mark.parametrize(
    "declared",
    [
        "__global__ void __launch_bounds__(256, MIN(2, 3)) k",
        "template <typename T, int N = (3)> static __global__ __launch_bounds__(N) void k",
        "__launch_bounds__(64) __global__ void k",
        "__global__ __cluster_dims__(2, 1, 1) void\nk",
        "namespace a { __global__ void other(int *x); __global__ void k",
        "// __global__ void k(int)\n/* __global__ void k(double) */ "
        'const char *s = "__global__ k(x)"; __global__ void k',
    ],
)
def test_what_stands_around_the_name(declared: str) -> None:
    assert types(f"{declared}(float *x) {{}}") == ["float32*"]


def test_several_kernels_and_declarations() -> None:
    text = "__global__ void k(int *x); __global__ void k(int *x) {} __global__ void l(int n) {}"
    assert (types(text), types(text, "l")) == (["int32*"], ["int32"])
    assert find_kernels(f"{text} __global__ void k(float *x) {{}}")["k"] is None


@pytest.mark.parametrize(
    "text", ["", "__global__", "__global__ void k(", "#define KERNEL __global__\n"]
)
def test_no_kernels(text: str) -> None:
    assert find_kernels(text) == {}
