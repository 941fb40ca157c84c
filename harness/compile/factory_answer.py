"""What factory workers answer, as the compilers that ask them tell it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.compile.factories import describe_call
from harness.compile.factory_link import FactoryLink, FactoryStoppedError
from harness.compile.factory_protocol import Compiled, Failed, Written
from harness.compile.source import KernelSource
from harness.model import Evidence, OutcomeKind
from harness.procs.explain import EVIDENCE_CHARACTERS, EVIDENCE_LINES
from harness.units import format_seconds


@dataclass(frozen=True, slots=True)
class NoKernel:
    """Why a factory has made none; as of `base.Translation`."""

    kind: OutcomeKind
    reason: str
    log: str
    evidence: Evidence


def ask_factory(
    link: FactoryLink, source: KernelSource, timeout_s: float | None
) -> Compiled | Written | NoKernel:
    """What the worker makes of `source`.

    Args:
        timeout_s: how long it may take; None: as long as it likes.

    Raises:
        CompileError: it cannot make any kernel.
    """
    try:
        reply = link.ask(source, timeout_s)
    except FactoryStoppedError as stopped:
        kind, reason = OutcomeKind.INTERRUPTED, str(stopped)
        if stopped.timed_out and timeout_s is not None:
            kind, reason = OutcomeKind.TIMEOUT, f"took longer than {format_seconds(timeout_s)}"
        return NoKernel(kind, reason, "", _make_evidence(source, reason))
    if isinstance(reply, Failed):
        log = reply.log or reply.reason
        evidence = _make_evidence(source, log)
        return NoKernel(OutcomeKind.COMPILE_FAILED, reply.reason, log, evidence)
    return reply


def _make_evidence(source: KernelSource, log: str) -> Evidence:
    """What was called, and the last of what was said."""
    lines = "\n".join(log.splitlines()[-EVIDENCE_LINES:])[-EVIDENCE_CHARACTERS:]
    signature = f", ({', '.join(source.signature)})" if source.signature else ""
    command = f"{source.name}: {describe_call(source)}{signature} for {source.architecture}"
    return Evidence(command=command, directory="", output=lines)
