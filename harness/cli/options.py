"""Options that several commands share, and how they change a Spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.cli.numbers import Number, WholeNumber
from harness.config.change import COMMAND_LINE, change_spec
from harness.config.load import load_config
from harness.config.problems import Key, format_key
from harness.config.spec import JOURNAL_NAME, Spec, default_journal
from harness.config.targets import CONFIG_ENDINGS, name_owner
from harness.configuration import Value
from harness.device.lanes import parse_parallel
from harness.errors import ConfigError
from harness.store.past import list_configs
from harness.units import WHOLE_NUMBER

F = TypeVar("F", bound=Callable[..., Any])

BACKENDS = ("auto", "cuda", "cpu", "mock", "none", "replay")
DISTRIBUTIONS = ("pipelined", "pooled", "per-test", "replicate")

MAX_TOP = 1_000_000
"""What `--top` can ask for: nobody reads more."""

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")

threshold_option = click.option(
    "--threshold",
    type=Number(above=0),
    default=1.0,
    show_default=True,
    help="The least difference that matters, in percent.",
)

progress_option = click.option(
    "--progress",
    type=click.Choice(["auto", "live", "plain", "none"]),
    default="auto",
    help="auto: live on a terminal, plain lines elsewhere.",
)


def lane_options(function: F) -> F:
    """Those of `device_options`, and `--distribution`."""
    return device_options(
        click.option(
            "--distribution", type=click.Choice(DISTRIBUTIONS), help="How tests are spread."
        )(function)
    )


def device_options(function: F) -> F:
    """`--parallel`, `--backend`, `--pin`, `--oversubscribe`."""
    for option in (
        click.option(
            "--oversubscribe", is_flag=True, default=None, help="Allow more lanes than devices."
        ),
        click.option(
            "--pin",
            type=click.Choice(["visible", "ordinal", "none"]),
            help="How a test is bound to its lane's GPU.",
        ),
        click.option("--backend", type=click.Choice(BACKENDS), help="Where tests run."),
        click.option(
            "--parallel",
            metavar="LANES",
            help="auto, a number, names (left,right) or name=device (left=GPU-8f2c,right=1).",
        ),
    ):
        function = option(function)
    return function


def search_options(function: F) -> F:
    """`--strategy`, `--seed` and the limits; together they change the table `search`."""
    for option in (
        click.option(
            "--patience", metavar="N", type=WholeNumber(), help="Stop after N without improvement."
        ),
        click.option("--target", type=Number(), help="Stop at this score (seconds for times)."),
        click.option(
            "--time", "max_time_s", metavar="S", type=Number(), help="Stop after S seconds."
        ),
        click.option(
            "--budget", "max_tests", metavar="N", type=WholeNumber(), help="Stop after N tests."
        ),
        click.option("--seed", type=WholeNumber(most=10**18), help="Of strategies that draw."),
        click.option(
            "--strategy",
            help="Which configurations are tested: a name, or module:Class of your own.",
        ),
    ):
        function = option(function)
    return function


size_option = click.option(
    "--size",
    "sizes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Another size of the problem than the config's; as often as there are sizes.",
)


def _read_sizes(spec: Spec, texts: Iterable[str]) -> dict[str, Value]:
    """The table `problem` with the sizes of `--size` in place of its own."""
    sizes = dict(spec.problem)
    for text in texts:
        name, equals, word = (part.strip() for part in text.partition("="))
        if not equals or name not in spec.problem:
            known = ", ".join(spec.problem) or "the config has no table [problem]"
            raise ConfigError(f"--size {text}: expected NAME=VALUE, of {known}")
        sizes[name] = _read_value(word)
        if isinstance(sizes[name], str) and not isinstance(spec.problem[name], str):
            raise ConfigError(f"--size {text}: {word!r} is no number; write one as in {name}=4096")
    return sizes


def _read_value(word: str) -> Value:
    """A number or a truth as TOML has them; else the word itself."""
    if WHOLE_NUMBER.fullmatch(word):
        return int(word)
    if word in ("true", "false"):
        return word == "true"
    try:
        return float(word)
    except ValueError:
        return word


def load_spec(config: Path, **changes: Any) -> Spec:
    """The config with what the command line says instead; None changes nothing."""
    return change(load_config(config), **changes)


def change(spec: Spec, **changes: Any) -> Spec:
    """`spec` with what the command line says instead; None changes nothing."""
    sizes = changes.pop("sizes", ())
    given = {key: value for key, value in changes.items() if value is not None}
    if sizes:
        given["problem"] = _read_sizes(spec, sizes)
    if "parallel" in given:
        given["parallel"] = parse_parallel(given["parallel"])
    if "journal" in given:
        given["journal"] = _place_journal(given["journal"])

    def format_place(key: Key) -> str:
        return _format_option(str(key[0])) if key[0] in given else format_key(key)

    return change_spec(spec, "command line", format_place, **given)


def _format_option(key: str) -> str:
    """The option that gives a key of the config."""
    names = {ours: option for option, ours in COMMAND_LINE.items()}
    return f"--{names.get(key, key).replace('_', '-')}"


def journal_option(function: F) -> F:
    """`--journal`, of commands that read sessions."""
    return click.option(
        "--journal",
        type=click.Path(path_type=Path),
        help="The journal, or its folder; default: that of the config that is named, or of the "
        "project this folder belongs to.",
    )(function)


def own_journal_option(function: F) -> F:
    """`--journal`, of commands that take a config; it changes the key `output.journal`."""
    return click.option(
        "--journal",
        type=click.Path(path_type=Path),
        help="Where sessions are kept: the journal, or its folder; default: what CONFIG says.",
    )(function)


def find_journal(journal: Path | None, sessions: Iterable[str] = ()) -> Path:
    """The journal that was named, itself or by its folder, or that of the project.

    Args:
        sessions: what is read from it; of a config's file it is the one that the config names.
    """
    if journal is not None and journal.is_dir():
        inside = journal / JOURNAL_NAME
        return inside if inside.exists() else default_journal(journal)
    if journal is not None:
        return journal
    configs = [Path(each) for each in sessions if _is_config(Path(each))]
    return _journal_of(configs[0]) if configs else default_journal(Path.cwd())


def _journal_of(config: Path) -> Path:
    """Where a config's sessions are; of one that is wrong by now, where they are by default."""
    try:
        return load_config(config).journal_path
    except ConfigError:
        return default_journal(config.parent)


def _place_journal(journal: Path) -> str:
    """Where to keep sessions, given a file or a folder, absolute."""
    if journal.is_dir():
        inside = journal / JOURNAL_NAME
        is_project = not inside.exists() and (journal / ".harness").exists()
        journal = default_journal(journal) if is_project else inside
    return str(journal.absolute())


def _is_config(path: Path) -> bool:
    return path.suffix in CONFIG_ENDINGS and path.is_file()


def check_target(
    output: Path | None, journal: Path | None = None, form: str = "", inputs: Iterable[str] = ()
) -> None:
    """Refuse to write over what is plainly something else: a journal, a config, a source.

    Args:
        journal: the one that is read, whose sessions' configs are known.
        form: the format of what would be written.
        inputs: what else the command reads.

    Raises:
        ConfigError: it is.
    """
    if output is None or not output.exists():
        return
    if output.is_dir():
        raise ConfigError(f"{output}: this is a folder; name a file to write")
    what, real = name_owner(output, form), output.resolve()
    if journal is not None and real == journal.resolve():
        what = "the journal"
    elif real in (Path(path).resolve() for path in inputs):
        what = "what is read"
    elif not what and journal is not None and str(real) in list_configs(journal):
        what = "a config"
    if what:
        raise ConfigError(f"{output}: this is {what}; name another file to write")
