"""The command line. Commands load when they are called, so that `harness --help` is quick."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module

import click

from harness._version import __version__
from harness.errors import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, HarnessError
from harness.units import format_text

# name -> (module:command, one line of help), in the order of `harness --help`
_COMMANDS = {
    "tune": ("harness.cli.tune:tune", "Find the best configuration of a program."),
    "bench": ("harness.cli.bench:bench", "Measure given configurations, without a search."),
    "check": ("harness.cli.check:check", "Read a config and say what tuning it would do."),
    "space": ("harness.cli.space:space", "Count, list and draw a config's configurations."),
    "devices": ("harness.cli.devices:devices", "Show devices, lanes and who uses them."),
    "sessions": ("harness.cli.sessions:sessions", "List the sessions of this project's journal."),
    "show": ("harness.cli.sessions:show", "Show a session: best, tests, failures."),
    "compare": ("harness.cli.compare:compare", "Say what one session is slower at than another."),
    "history": ("harness.cli.history:history", "Show scores over time, and where they changed."),
    "report": ("harness.cli.report:report", "Write sessions as a page for a browser."),
    "plot": ("harness.cli.plot:plot", "Plot sessions for a paper."),
    "export": ("harness.cli.export:export", "Write sessions as tables, or best values for builds."),
    "import": ("harness.cli.import_:import_", "Put results of other tools into the journal."),
    "cache": ("harness.cli.cache:cache", "Show or clear the compiled kernels that are kept."),
    "simulate": ("harness.cli.simulate:simulate", "Compare strategies on recorded measurements."),
    "convert": ("harness.cli.convert:convert", "Turn a .conf file or a T1 definition into TOML."),
    "schema": ("harness.cli.convert:schema", "Print the JSON Schema of config files."),
}

_OTHER_WORDS = {
    "--lanes": "--parallel",
    "--jobs": "--parallel",
    "--gpus": "--parallel",
    "--devices": "--parallel",
    "--max-tests": "--budget",
    "--force": "--fresh",
}
"""What people look for, with the option that does it."""

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _LazyGroup(click.Group):
    """A group whose commands are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415 - only on this path

            near = get_close_matches(args[0], _COMMANDS, 1)
            hint = f"did you mean `harness {near[0]}`?" if near else "`harness --help` lists them"
            ctx.fail(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: harness check CONFIG, then harness tune CONFIG.",
)
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """Benchmark and tune CUDA kernels and programs on several devices at once."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The `harness` command: runs it and exits with the code of errors.py."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    with _interrupted_by_sigterm():
        status = _run(given)
    sys.exit(status)


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM is as Ctrl-C from the start; one that the caller ignores or handles stays so."""
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(arguments: Sequence[str]) -> int:
    """The exit code of a command, after saying what went wrong."""
    as_json = "--json" in arguments
    try:
        status = cli.main(args=list(arguments), prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        return _complain(str(error), error.exit_code, as_json=as_json)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption):
            error = _suggest_option(error)
        error.show()
        return _complain(error.format_message(), EXIT_USAGE, as_json=as_json, quiet=True)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", EXIT_INTERRUPTED, as_json=as_json)
    except OSError as error:
        return _take_os_error(error, as_json=as_json)
    return status if isinstance(status, int) else EXIT_OK


def _suggest_option(error: click.NoSuchOption) -> click.NoSuchOption:
    """The same, naming the option that is meant by a word of other tools."""
    meant, context = _OTHER_WORDS.get(error.option_name), error.ctx
    if not meant or context is None:
        return error
    if not any(meant in parameter.opts for parameter in context.command.params):
        return error
    text = f"No such option '{error.option_name}'. Did you mean '{meant}'?"
    return click.NoSuchOption(error.option_name, text, ctx=context)


def _take_os_error(error: OSError, *, as_json: bool) -> int:
    """What no room of the harness can translate: the ends of our output, and no current folder."""
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away (`harness show | head`): not our failure, but what
        # is still buffered must not be written at exit.
        sys.stdout = None
        return EXIT_OK
    if error.filename is None and error.errno in _CANNOT_WRITE:
        sys.stdout = None  # what is buffered cannot be written at exit either
        text = f"the output cannot be written: {error.strerror}; write it to another place"
    elif error.filename is None and "temporary directory" in (error.strerror or ""):
        text = f"{error.strerror}; set TMPDIR to a folder that can be written"
    elif error.filename is None and not _has_folder():
        text = "the current folder is not there any more; change to another and try again"
    else:
        raise error
    return _complain(text, EXIT_FAILURE, as_json=as_json)


def _has_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - nothing is done with it
    except OSError:
        return False
    return True


def _complain(text: str, exit_code: int, *, as_json: bool, quiet: bool = False) -> int:
    """Say what went wrong: on stderr unless that is done, and to programs on stdout, too."""
    with suppress(OSError):  # stderr may be full as well
        if not quiet:
            for line in text.splitlines():
                click.echo(f"error: {format_text(line)}", err=True)
    if as_json:
        with suppress(OSError):
            click.echo(json.dumps({"error": text, "exit_code": exit_code}))
    return exit_code
