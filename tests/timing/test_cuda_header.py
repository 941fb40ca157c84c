"""The calls and numbers of `timing/cuda.py` against NVIDIA's own header, where a toolkit is."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess

import pytest

from harness.timing import cuda
from harness.timing.cuda import FUNCTIONS

pytestmark = pytest.mark.nvcc

_POINTERS = ("CUcontext", "CUmodule", "CUfunction", "CUstream", "CUevent")
_TYPES: dict[str, object] = {
    "int": ctypes.c_int,
    "CUdevice": ctypes.c_int,
    "CUdevice_attribute": ctypes.c_int,
    "CUfunction_attribute": ctypes.c_int,
    "CUresult": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
    "unsigned char": ctypes.c_ubyte,
    "size_t": ctypes.c_size_t,
    "CUdeviceptr": ctypes.c_ulonglong,
    **dict.fromkeys(_POINTERS, ctypes.c_void_p),
}


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is left of cuda.h when it is preprocessed: functions by the names they are called by."""
    if shutil.which("nvcc") is None:
        pytest.skip("there is no nvcc")
    source = tmp_path_factory.mktemp("header") / "header.cu"
    source.write_text("#include <cuda.h>\n")
    command = ["nvcc", "-E", str(source)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def find_prototype(header: str, function: str) -> list[str]:
    """The parameters of a function, or of a later version of it that takes the same."""
    found = re.search(rf"CUresult\s+{function}(?:_v\d)?\(([^;]*)\);", header)
    assert found is not None, f"cuda.h has no {function}"
    return [" ".join(part.split()) for part in found[1].split(",") if part.strip() != "void"]


def to_ctype(parameter: str) -> object:
    if "*" in parameter:
        return ctypes.c_void_p
    return _TYPES[re.sub(r"^const ", "", parameter).rsplit(" ", 1)[0]]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_takes_what_it_is_declared_to_take(header: str, function: str) -> None:
    declared = [
        ctypes.c_void_p if kind is ctypes.c_char_p else kind for kind in FUNCTIONS[function]
    ]
    assert declared == [to_ctype(parameter) for parameter in find_prototype(header, function)]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE", cuda.L2_CACHE_SIZE),
        ("CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES", cuda.MAX_DYNAMIC_SHARED),
        ("CU_STREAM_NON_BLOCKING", cuda.NON_BLOCKING),
        ("CUDA_ERROR_OUT_OF_MEMORY", cuda.OUT_OF_MEMORY),
        ("CUDA_ERROR_NO_DEVICE", cuda.NO_DEVICE),
        ("CUDA_ERROR_INVALID_IMAGE", cuda.INVALID_IMAGE),
        ("CUDA_ERROR_NO_BINARY_FOR_GPU", cuda.NO_BINARY),
        ("CUDA_ERROR_UNSUPPORTED_PTX_VERSION", cuda.UNSUPPORTED_TOOLCHAIN),
        ("CUDA_ERROR_NOT_READY", cuda.NOT_READY),
        ("CUDA_ERROR_STUB_LIBRARY", cuda.STUB),
        ("CUDA_ERROR_DEVICE_UNAVAILABLE", cuda.UNAVAILABLE),
        ("CUDA_ERROR_SYSTEM_NOT_READY", cuda.SYSTEM_NOT_READY),
    ],
)
def test_numbers_are_those_of_the_header(header: str, name: str, number: int) -> None:
    assert re.search(rf"\b{name}\s*=\s*(0x)?{number}\b", header)


STICKY = {
    "DEINITIALIZED",
    "ILLEGAL_ADDRESS",
    "LAUNCH_TIMEOUT",
    "CONTEXT_IS_DESTROYED",
    "ASSERT",
    "HARDWARE_STACK_ERROR",
    "ILLEGAL_INSTRUCTION",
    "MISALIGNED_ADDRESS",
    "INVALID_ADDRESS_SPACE",
    "INVALID_PC",
    "LAUNCH_FAILED",
    "CONTAINED",
    "TENSOR_MEMORY_LEAK",
    "MPS_CLIENT_TERMINATED",
    "UNKNOWN",
}
LOST = {"DEVICE_UNAVAILABLE", "ECC_UNCORRECTABLE", "NVLINK_UNCORRECTABLE", "SYSTEM_NOT_READY"}


def test_what_corrupts_a_context_and_what_loses_a_device_is_known_by_name(header: str) -> None:
    errors = dict(re.findall(r"\bCUDA_ERROR_(\w+)\s*=\s*(\d+)", header))
    assert {int(errors[name]) for name in STICKY} == cuda.STICKY
    assert {int(errors[name]) for name in LOST} == cuda.LOST
