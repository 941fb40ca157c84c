"""What is written by hand in docs/configuration.md."""
# ruff: noqa: E501 - a row of a Markdown table is one line

from __future__ import annotations

INTRODUCTION = """\
# Configuration

<!-- Made by `make docs` from harness/config; do not edit. -->

A config says what is tuned: the parameters with their values, the commands that build, run and
clean a test, and how a test is scored. It is a TOML file, or a `.conf` file of Ben Spencer's tuner
([below](#conf-files)). Relative paths in it start from its own folder.

```toml
schema = 1
parallel = 2                          # two tests at a time

[parameters]
BLOCK = [16, 32, 64]
OPT = ["-O2", "-O3"]

[command]
compile = "gcc %OPT% -DBLOCK=%BLOCK% -o app_%%ID%% app.c"
test = "./app_%%ID%%"
clean = "rm -f app_%%ID%%"

[scoring]
repeat = 5
aggregate = "med"
```

`harness check FILE` reads a config, says everything that is wrong with it, and shows what it would
do. `harness schema` prints a JSON Schema, with which editors complete and check the file.
`harness convert FILE.conf` writes a `.conf` file as TOML, and a T1 file, too
([spaces](spaces.md#t1-files)).

## Commands and placeholders

A command is either a text, which `/bin/sh` runs, or a list, whose elements are the program and its
arguments, run without a shell. In commands, and in the values of `command.environment`, these are
replaced:

| placeholder | becomes |
|---|---|
| `%NAME%` | the value of the parameter, or of the problem size, `NAME`; `true` and `false` become 1 and 0 |
| `%%ID%%` | the number of the test: 1, 2, 3 … in the order tests are created |
| `%%PARALLEL%%` | the name of the lane the test runs on |
| `%%DEVICE%%` | the number of the lane's device, counted from 0 in the order of PCI bus ids |
| `%%UUID%%` | the UUID of the lane's device |
| `%%%%` | one percent sign |

A text is read once, from left to right: a value that looks like a placeholder is not read again,
and `%NB%` is never taken for `%N%`. A percent sign that begins none of these is itself, so
`date +%s`, `printf '%d\\n'`, `${file%%.c}` and `50 %` need no escape. A word between percent signs
that is no placeholder is an error when the config is read. Where it is meant literally, write
the percent sign before the word as `%%%%`:

| for the text | write |
|---|---|
| `date +%H%M` | `date +%%%%H%M` |
| `printf '%d%%\\n'` | `printf '%%%%d%%\\n'` |
| `%%WORD%%` | `%%%%%%%%WORD%%` |

Values come into a shell command as they are, unquoted: a value may hold several words
(`"-O3 -march=native"`), or `$(…)`, and the shell takes them apart. In a list, each element stays one
argument, whatever values it holds: use a list where values are not your own.

Tests that exist at the same time must not share files: use `%%ID%%` in the names of what `compile`
writes. Where `test` runs the same program for tests that are compiled differently, they are compiled
and run one by one, with a warning, on one lane, or, if `compile` and `test` name `%%PARALLEL%%`, on
each.
"""

CONF = '''\
<a id="conf-files"></a>
## `.conf` files

The format of Ben Spencer's tuner is read unchanged, with the option `parallel` of his plan for
parallel evaluation:

```ini
[variables]
variables = {OPT, {BLOCK_I, BLOCK_J}, {UNROLL}}

[values]
OPT = -O2, -O3
BLOCK_I = 16, 32,
          64
BLOCK_J = 16, 32
UNROLL = 1, 2, 4

[testing]
compile = gcc %OPT% -DBI=%BLOCK_I% -DBJ=%BLOCK_J% -DU=%UNROLL% -o app_%%ID%% app.c
test = ./app_%%ID%%
clean = rm -f app_%%ID%%
parallel = 2

[scoring]
repeat = 3, med
optimal = min_time

[output]
log = app.csv
```

| section | option | meaning |
|---|---|---|
| `variables` | `variables` | the parameters: a list, or a variable tree |
| `values` | each parameter | its values, separated by commas; all are texts |
| `testing` | `compile`, `compiler` | `command.compile` |
| | `test` | `command.test` |
| | `clean`, `cleanup` | `command.clean` |
| | `parallel` | a number of lanes, or their names, separated by commas or spaces; default: 1 |
| `scoring` | `repeat` | `3`, or with an aggregate: `3, med` |
| | `optimal` | as `scoring.optimal` |
| `output` | `log`, `script`, `importance` | as in `[output]` |

How it differs from the TOML format:

| | `.conf` | TOML |
|---|---|---|
| names of options | any case: `z = 1, 2` gives the values of `Z` | as written |
| values | texts | texts, numbers, true or false |
| percent signs | what is no placeholder is itself; there is no escape, and no error | an unknown placeholder is an error; `%%%%` is a percent sign |
| commands | for the shell | for the shell, or a list |
| lanes | without devices (`backend = "none"`) | any backend |
| without `parallel` | one lane, each test compiled, run and cleaned before the next (`distribution = "per-test"`) | one lane per device, compiling ahead |
| an option twice | an error | an error |
| comments | lines that begin with `#`, `;` or `rem`; after ` ;` in an option's first line | after `#` |
| long values | go on in indented lines, even those that look like comments | in brackets, or `"""` |
| constraints, environment, timeouts, mock devices, … | not there | as below |
'''
