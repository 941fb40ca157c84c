"""`harness convert` and `harness schema`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.output import write_json
from harness.config.convert import to_toml
from harness.config.load import load_config
from harness.config.schema import make_json_schema

_T1_NOTE = "T1 says nothing of the program around a kernel: check [command] before tuning"


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="File to write; default: stdout."
)
def convert(config: Path, output: Path | None) -> None:
    """Turn CONFIG, a .conf file or a T1 definition (.json), into TOML."""
    text = to_toml(load_config(config))
    if config.suffix.lower() == ".json":
        text = f"# {_T1_NOTE}\n{text}"
        click.echo(f"note: {_T1_NOTE}", err=True)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"wrote {output}", err=True)


@click.command()
def schema() -> None:
    """Print the JSON Schema of config files, for editors that complete and check them."""
    write_json(make_json_schema())
