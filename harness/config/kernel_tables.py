"""The table `[kernel]` of a config: a CUDA kernel, how it is launched, checked and measured."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from harness.config.tables import Expression, NotNegative, Positive, Seconds, Table, doc

Dtype = Literal[
    "float16", "bfloat16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip


class ArgumentTable(Table, frozen=True, kw_only=True):
    """An argument of the kernel: an array if it has a shape, else a scalar."""

    name: Annotated[str, doc("What messages and references call it.", "A")]
    dtype: Annotated[Dtype, doc("Type of the scalar, or of the array's elements.")] = "float32"
    shape: Annotated[
        Expression | tuple[Expression, ...] | None,
        doc("Of an array: its extents, the last one contiguous.", ["M", "K"], "N"),
    ] = None
    value: Annotated[
        float | Expression | None, doc("Of a scalar: its value, or an expression.", "N", 2.5)
    ] = None
    role: Annotated[
        Literal["in", "out", "inout", "constant"],
        doc(
            "Whether the kernel reads the array, writes all of it, or changes it. `constant`: it "
            "is no parameter but a variable of this name in the source, `__constant__` or "
            "`__device__`, which is filled when the kernel is loaded."
        ),
    ] = "in"
    fill: Annotated[
        str,
        doc(
            "How an array begins: `random`, `zeros`, `ones`, `arange`, a `.npy` file, or "
            "`module:function`, called with shape and seed. Paths and modules are looked for in "
            "the config's folder."
        ),
    ] = "random"
    seed: Annotated[int, doc("Of `random`.")] = 0
    low: Annotated[float, doc("The least value of `random`.")] = 0.0
    high: Annotated[
        float | None, doc("What `random` stays below; default: 1, of integers 100.")
    ] = None


class ReferenceTable(Table, frozen=True, kw_only=True):
    """What a right result is: of `function`, `kernel` and `file`, one."""

    function: Annotated[
        str | None,
        doc(
            "`module:function`, called with the arguments in the kernel's order; returns the "
            "outputs (by name, in order, or the only one), or writes them in place.",
            "reference:matmul",
        ),
    ] = None
    file: Annotated[
        str | None, doc("`.npy` with the only output, or `.npz` with each by its name.")
    ] = None
    kernel: Annotated[
        str | None,
        doc(
            "A simple kernel with the same arguments, by its C++ name; `grid` and `block` with it."
        ),
    ] = None
    source: Annotated[
        str | None, doc("The file of that kernel; default: that of the kernel that is tuned.")
    ] = None
    grid: Annotated[
        Expression | tuple[Expression, ...] | None,
        doc("Of that kernel; over problem sizes and device limits, as `block`.", ["N // 256"]),
    ] = None
    block: Annotated[Expression | tuple[Expression, ...] | None, doc("Of that kernel.", [256])] = (
        None
    )
    atol: Annotated[NotNegative, doc("Absolute tolerance of floating-point outputs.")] = 1e-6
    rtol: Annotated[
        NotNegative, doc("Relative tolerance of floating-point outputs; integers must be equal.")
    ] = 1e-4


class MeasureTable(Table, frozen=True, kw_only=True):
    """How a kernel is sampled; docs/measuring.md explains it."""

    mode: Annotated[
        Literal["cold", "hot"],
        doc("`cold`: the L2 cache is flushed before every sample. `hot`: a launch has filled it."),
    ] = "cold"
    stop: Annotated[
        Literal["auto", "repeat", "precision", "race"],
        doc(
            "When there are enough samples. `repeat`: exactly `scoring.repeat`. `precision`: when "
            "the mean is known that well. `race`: the same, but tests that cannot be the best are "
            "given up early (outcome `censored`). `auto`: `repeat` if `scoring.repeat` is above 1, "
            "else `precision`."
        ),
    ] = "auto"
    precision: Annotated[
        Seconds, doc("Half-width of the 95 % confidence interval, as a fraction of the time.")
    ] = 0.005
    max_samples: Annotated[Positive, doc("Enough in any case.")] = 50
    max_s: Annotated[
        Seconds, doc("Device time of a test's samples that is enough in any case.")
    ] = 0.1
    sentinel: Annotated[
        bool,
        doc(
            "Time a fixed kernel on every lane at first, every 50 tests and at the end, and flag "
            "drift."
        ),
    ] = True
    retake: Annotated[
        bool,
        doc(
            "At the end, measure tests again whose measurement is suspect: throttled, shared with "
            "another process, or drifted."
        ),
    ] = True
    energy: Annotated[
        bool,
        doc(
            "Measure the energy per launch of the finalists, for 2 s each, where the device has a "
            "counter."
        ),
    ] = False
    finalists: Annotated[
        bool,
        doc(
            "At the end, measure the best tests anew, interleaved on one lane, and say which of "
            "them are tied."
        ),
    ] = True


class KernelTable(Table, frozen=True, kw_only=True):
    """A CUDA kernel to tune, instead of `[command]`; docs/kernels.md has a whole example."""

    language: Annotated[
        Literal["cuda", "numba", "cupy"],
        doc(
            "What the source is: CUDA C++, or Python with a factory that makes a kernel of Numba "
            "or a raw kernel of CuPy; docs/python.md explains factories."
        ),
    ] = "cuda"
    source: Annotated[
        str | None,
        doc(
            "The CUDA C++ or Python file, relative to the config's folder.", "../kernels/matmul.cu"
        ),
    ] = None
    code: Annotated[
        str | None, doc("The text itself, instead of a file; includes are relative, too.")
    ] = None
    more_sources: Annotated[
        tuple[str, ...],
        doc(
            "Files or glob patterns, relative to the config's folder, whose content is part of a "
            "test's identity too. Includes, and modules that are imported, are found without this.",
            ["../kernels/*.cuh"],
        ),
    ] = ()
    function: Annotated[
        str,
        doc(
            "The kernel as C++ names it; `%NAME%` is a parameter's value. In Python, the factory.",
            "matmul<float, %TILE%>",
        ),
    ]
    compiler: Annotated[
        Literal["auto", "nvcc", "nvrtc"],
        doc(
            "What compiles CUDA C++; `auto`: the `nvcc` that is named here, else nvrtc where it is "
            "installed, else nvcc. Kernels of "
            "Numba are compiled by Numba."
        ),
    ] = "auto"
    nvcc: Annotated[
        str | None,
        doc(
            "The nvcc to use, a program's name or a path that is relative to the config's folder. "
            "Default: CUDACXX, CUDA_HOME, CUDA_PATH, PATH, the toolkit's usual folder, the wheel.",
            "/usr/local/cuda-13/bin/nvcc",
        ),
    ] = None
    options: Annotated[
        tuple[str, ...],
        doc(
            "nvcc's, also for nvrtc as far as they are about device code (of Numba's kernels: "
            "nvJitLink's); `%NAME%` as above.",
            ["-O3", "-std=c++17"],
        ),
    ] = ()
    include_directories: Annotated[
        tuple[str, ...], doc("Where includes are looked for, relative to the config's folder.")
    ] = ()
    architectures: Annotated[
        tuple[str, ...],
        doc(
            "What to compile for, such as `sm_90`: a lane gets the newest that its device runs. "
            "Default: the lane's own.",
            ["sm_80", "sm_90"],
        ),
    ] = ()
    parameters: Annotated[
        Literal["macros", "constants", "none"],
        doc(
            "How parameters come into the source. `macros`: each is defined as one. `constants`: "
            "each is a `constexpr` before its first line. `none`: only where `function` and "
            "`options` name them. Problem sizes come in by `%NAME%` only. A factory in Python is "
            "called with those parameters and sizes that its arguments name."
        ),
    ] = "macros"
    grid: Annotated[
        Expression | tuple[Expression, ...],
        doc("Blocks along x, y and z.", ["(N + TILE - 1) // TILE", "M // TILE"]),
    ]
    block: Annotated[
        Expression | tuple[Expression, ...], doc("Threads along x, y and z.", ["TILE", 8])
    ]
    shared_bytes: Annotated[
        Expression, doc("Dynamic shared memory of a block.", "2 * TILE * TILE * 4")
    ] = 0
    cooperative: Annotated[
        bool,
        doc(
            "Launch all blocks at once, for kernels that synchronise their grid (cooperative "
            "groups): a grid of more blocks than the device holds is `invalid`."
        ),
    ] = False
    arguments: Annotated[tuple[ArgumentTable, ...], doc("The kernel's arguments, in order.")] = ()
    reference: Annotated[
        ReferenceTable | None, doc("What a right result is; without, nothing is verified.")
    ] = None
    metrics: Annotated[
        dict[str, str],
        doc(
            "Numbers computed from a test's time `time_s` (and parameters, problem sizes, device "
            "limits). `gflops`, `tflops` and `gbps` are compared with the device's peak.",
            {"gflops": "2 * M * N * K / time_s / 1e9"},
        ),
    ] = field(default_factory=dict)
    measure: Annotated[MeasureTable, doc("How it is sampled.")] = MeasureTable()
    compile_timeout_s: Annotated[Seconds | None, doc("How long one compile may take.")] = None
    timeout_s: Annotated[
        Seconds | None,
        doc("How long one launch may take; default: 20 times the best so far, at least 1 s."),
    ] = None
