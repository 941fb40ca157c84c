"""`harness convert` and `harness schema`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from harness.cli.output import write_json
from harness.config.convert import to_toml
from harness.config.load import load_config
from harness.config.schema import make_json_schema
from harness.config.spec import Spec
from harness.errors import ConfigError
from harness.export.base import write_whole
from harness.units import format_path

_T1_NOTE = "T1 says nothing of the program around a kernel: check [command] before tuning"


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; default: stdout."
)
@click.option("--force", is_flag=True, help="Replace the file of -o if it exists.")
def convert(*, config: Path, output: Path | None, force: bool) -> None:
    """Turn CONFIG, a .conf file or a T1 definition (.json), into TOML."""
    spec = load_config(config)
    text = to_toml(spec)
    if config.suffix.lower() == ".json":
        text = f"# {_T1_NOTE}\n{text}"
        click.echo(f"note: {_T1_NOTE}", err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text, config, force=force)
        click.echo(f"wrote {output}", err=True)
        if output.resolve().parent != config.resolve().parent:
            click.echo(f"warning: {_say_moved(spec, output)}", err=True)


def _write(output: Path, text: str, config: Path, *, force: bool) -> None:
    """Write a file that is no input, and no file yet unless `force` allows that."""
    if output.is_dir():
        raise ConfigError(f"-o {output}: this is a folder; name a file to write")
    if output.exists() and output.samefile(config):
        raise ConfigError(f"-o {output}: this is CONFIG itself; name another file")
    if output.exists() and not force:
        raise ConfigError(
            f"-o {output}: there is such a file; name another, or replace it with --force"
        )
    write_whole(output, text)


def _say_moved(spec: Spec, output: Path) -> str:
    """What to do about relative paths, which start from a config's own folder."""
    directory = os.path.relpath(spec.directory, output.resolve().parent)
    return (
        f"relative paths in {output} start from its own folder, not from that of "
        f'{format_path(spec.path)}: set command.directory = "{directory}", and see to other '
        "paths, as in [output]"
    )


@click.command()
def schema() -> None:
    """Print the JSON Schema of config files, for editors that complete and check them."""
    write_json(make_json_schema())
