"""Tiny programs that misbehave in one way each, written as scripts into a folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

SHELL = "#!/bin/sh"
PYTHON = f"#!{sys.executable} -IS"


class Programs:
    """Writes programs into `directory` and returns their paths; each call, a new file.

    Those that take a `fifo` write one line into it when they have come so far that a test may act:
    opening a FIFO waits for the other side, so nobody needs to sleep. The line holds the process
    ids that matter, the worker's (the parent) first.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    def write(self, interpreter: str, *lines: str) -> str:
        """An executable script with these lines."""
        self._count += 1
        path = self._directory / f"program_{self._count}"
        path.write_text("\n".join([interpreter, *lines, ""]))
        path.chmod(0o755)
        return str(path)

    def exits(self, status: int) -> str:
        """Exits with `status`."""
        return self.write(SHELL, f"exit {status}")

    def dies(self, signal_name: str) -> str:
        """Kills itself by a signal: `SEGV`."""
        return self.write(SHELL, f"kill -{signal_name} $$")

    def prints(self, stdout: str, stderr: str = "", status: int = 0) -> str:
        """Prints exactly these texts, without a newline of its own."""
        return self.write(
            SHELL,
            f"printf %s {shlex.quote(stdout)}",
            f"printf %s {shlex.quote(stderr)} >&2",
            f"exit {status}",
        )

    def prints_bytes(self, data: bytes) -> str:
        """Prints bytes that need not be text."""
        return self.write(PYTHON, "import os", f"os.write(1, {data!r})")

    def prints_lines(self, count: int) -> str:
        """Prints the numbers 1 to `count`, one per line."""
        return self.write(
            PYTHON,
            "import sys",
            f"sys.stdout.writelines(f'{{i}}\\n' for i in range(1, {count + 1}))",
        )

    def prints_endlessly(self) -> str:
        """Prints until it is killed."""
        return self.write(SHELL, "exec yes")

    def hangs(self, fifo: Path | None = None, *, ignore_term: bool = False) -> str:
        """Never ends; with `ignore_term`, not even when asked to."""
        return self.write(
            SHELL,
            "trap '' TERM" if ignore_term else "",
            f"echo $PPID $$ > {shlex.quote(str(fifo))}" if fifo else "",
            "sleep 100000",
        )

    def leaves_background(self) -> str:
        """Ends, but leaves a process that holds its stdout open; prints that one's id."""
        return self.write(SHELL, "sleep 100000 & echo $!")

    def daemonises(self) -> str:
        """Ends, but leaves one in a session of its own that ignores SIGTERM; prints its id."""
        return self.write(
            PYTHON,
            "import os, signal",
            "reader, writer = os.pipe()",
            "if os.fork() == 0:",
            "    os.setsid()",
            "    signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "    if os.fork() == 0:",
            "        os.write(writer, str(os.getpid()).encode())",
            "        while True: signal.pause()",
            "    os._exit(0)",
            "os.wait()",
            "os.write(1, os.read(reader, 100))",
        )

    def uses_memory(self, size_bytes: int) -> str:
        """Touches that much memory."""
        return self.write(PYTHON, f"block = b'x' * {size_bytes}")

    def burns(self, cpu_s: float) -> str:
        """Computes until it has used that much processor time."""
        return self.write(PYTHON, "import time", f"while time.process_time() < {cpu_s}: pass")

    def prints_python(self, expression: str) -> str:
        """Prints the value of a Python expression; `os` is there."""
        return self.write(PYTHON, "import os", f"print({expression})")

    def compiles_cuda(self, binary: bytes, *, version: str = "13.0.88") -> str:
        """Answers as nvcc does: every compile makes `binary`, unless the source says `#error`.

        What a source includes by `// reads PATH` is what it claims to have read.
        """
        return self.write(
            PYTHON,
            "import re, sys",
            "options = sys.argv[1:]",
            "if options == ['--version']:",
            f"    print('Cuda compilation tools, release 13.0, V{version}\\nBuild fake')",
            "elif options == ['--list-gpu-arch']:",
            "    print('compute_75\\ncompute_80\\ncompute_90')",
            "else:",
            "    text = open(options[-1]).read()",
            "    if '#error' in text:",
            "        print('ptxas info : nothing', file=sys.stderr)",
            "        sys.exit('scale.cu(1): error: #error directive')",
            "    after = lambda option: options[options.index(option) + 1]",
            f"    open(after('-o'), 'wb').write({binary!r})",
            "    read = [options[-1], *re.findall('// reads (.*)', text)]",
            "    escaped = [path.replace(' ', '\\\\ ') for path in read]",
            "    rules = after('-Xcompiler').split(',')[-1]",
            "    open(rules, 'w').write('x : ' + ' \\\\\\n  '.join(escaped) + '\\n')",
            "    print(options)",
        )

    def watches_pause(self, fifo: Path) -> str:
        """Says in `fifo` when its process group is stopped and when it goes on, then ends.

        A group cannot tell that it is stopped, so a process outside of it watches one inside.
        """
        return self.write(
            PYTHON,
            "import os, signal",
            "group = os.getpgrp()",
            "if os.fork() == 0:",
            "    os.setpgid(0, 0)",
            "    reader, writer = os.pipe()",
            "    pid = os.fork()",
            "    if pid == 0:",
            "        os.setpgid(0, group)",
            "        os.write(writer, b'x')",
            "        while True: signal.pause()",
            "    os.read(reader, 1)",
            f"    say = open({str(fifo)!r}, 'w', buffering=1)",
            "    print('running', file=say)",
            "    os.waitpid(pid, os.WUNTRACED)",
            "    print('stopped', file=say)",
            "    os.waitpid(pid, os.WCONTINUED)",
            "    print('going on', file=say)",
            "    os.kill(pid, signal.SIGKILL)",
            "    os._exit(0)",
            "os.wait()",
        )
