"""Devices, and the lanes that are bound to them."""

from __future__ import annotations

from dataclasses import dataclass

IMPORTED = "imported"
"""The kind of a device that nobody here has used: it is what a file of results names."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Something that runs tests.

    Attributes:
        kind: the backend it comes from: `cuda`, `cpu`, `mock`, `replay` or `none`; `imported` if
            it is what a file of results names.
        index: its place in the backend's order (PCI bus id for GPUs).
        uuid: unique and stable: `GPU-…`, `MIG-…`, `CPU-…`, `MOCK-…`; empty for `none`.
        name: the model, as the vendor writes it.
        cores: the CPU cores its tests are bound to; empty: not bound.
        locks: names of the locks a lane holds while it uses the device, each with whether the
            hold is exclusive (a MIG slice shares its parent's lock).
        speed: relative speed of a simulated device; 1 elsewhere.
        simulated: whether its results are invented.
        parent_uuid: of a MIG slice: the GPU it is a part of.
        compute_mode: of a GPU: `default`, `exclusive_process` or `prohibited`.
        sm_count: multiprocessors of a GPU or slice; 0 if unknown.
        recording: of a replayed or imported device: the file that its answers come from.
        peak_gflops: what a GPU's FP32 units can do, in 1e9 operations per second; 0 if unknown.
        peak_gbps: what its memory can transfer, in 1e9 bytes per second; 0 if unknown.
        cuda_name: what CUDA_VISIBLE_DEVICES calls it where its UUID will not do: a number.
    """

    kind: str
    index: int
    uuid: str
    name: str
    pci_bus_id: str = ""
    memory_bytes: int = 0
    compute_capability: tuple[int, int] | None = None
    driver: str = ""
    cores: tuple[int, ...] = ()
    locks: tuple[tuple[str, bool], ...] = ()
    speed: float = 1.0
    simulated: bool = False
    parent_uuid: str = ""
    compute_mode: str = ""
    sm_count: int = 0
    recording: str = ""
    peak_gflops: float = 0.0
    peak_gbps: float = 0.0
    cuda_name: str = ""

    @property
    def model(self) -> str:
        """What makes results comparable: results of one model may be ranked together."""
        return f"{self.kind}:{self.name}"


MAX_LANES = 4096
"""More are a slip of the finger: no machine has as many devices."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A parallel name and the device it is bound to; at most one timed run at a time.

    Attributes:
        name: what `%%PARALLEL%%` becomes.
        index: its place among the session's lanes, from 0.
        environment: what is added to the environment of its tests, `HARNESS_PARALLEL` and
            `CUDA_VISIBLE_DEVICES` among it.
    """

    name: str
    index: int
    device: DeviceInfo
    environment: tuple[tuple[str, str], ...] = ()
