"""The command line. Commands load when they are called, so that `harness --help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from harness._version import __version__
from harness.errors import EXIT_INTERRUPTED, EXIT_USAGE, HarnessError
from harness.units import format_text

# name -> (module:command, one line of help), in the order of `harness --help`
_COMMANDS = {
    "tune": ("harness.cli.tune:tune", "Find the best configuration of a program."),
    "check": ("harness.cli.check:check", "Read a config and say what tuning it would do."),
    "space": ("harness.cli.space:space", "Count, list and draw a config's configurations."),
    "devices": ("harness.cli.devices:devices", "Show devices, lanes and who uses them."),
    "sessions": ("harness.cli.sessions:sessions", "List the sessions of this project's journal."),
    "show": ("harness.cli.sessions:show", "Show a session: best, tests, failures."),
    "compare": ("harness.cli.compare:compare", "Say what one session is slower at than another."),
    "report": ("harness.cli.report:report", "Write sessions as a page for a browser."),
    "plot": ("harness.cli.plot:plot", "Plot sessions for a paper."),
    "export": ("harness.cli.export:export", "Write sessions as tables, or best values for builds."),
    "cache": ("harness.cli.cache:cache", "Show or clear the compiled kernels that are kept."),
    "simulate": ("harness.cli.simulate:simulate", "Compare strategies on recorded measurements."),
    "convert": ("harness.cli.convert:convert", "Turn a .conf file or a T1 definition into TOML."),
    "schema": ("harness.cli.convert:schema", "Print the JSON Schema of config files."),
}


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
    try:
        status = cli.main(args=arguments, prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        _complain(str(error))
        status = error.exit_code
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        error.show()
        status = EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`harness show | head`): not our failure, but what
        # is still buffered must not be written at exit.
        sys.stdout = None
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _complain(text: str) -> None:
    for line in text.splitlines():
        click.echo(f"error: {format_text(line)}", err=True)
