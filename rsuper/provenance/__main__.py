"""What made a file? `python -m rsuper.provenance results/table2.csv`."""

import argparse
import sys
from pathlib import Path

from rsuper.artifacts import Layout
from rsuper.config.load import load_experiment
from rsuper.errors import RsuperError
from rsuper.provenance.answer import answer, in_full, in_words
from rsuper.provenance.manifest import keep, write


def main(arguments: list[str]) -> None:
    """Say what made a file of the results; or write a manifest without running anything."""
    parser = argparse.ArgumentParser("python -m rsuper.provenance", description=main.__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, help="a table, a figure, a run's run.json, ...")
    what.add_argument("--write", metavar="CONFIG", type=Path, help="list what there is of an experiment")
    what.add_argument(
        "--keep",
        nargs=2,
        metavar=("FROM", "TO"),
        type=Path,
        help="list files that were copied out of results",
    )
    parser.add_argument("--json", action="store_true", help="everything, settings in full")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(_done(options) + "\n")
    except RsuperError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(1) from None


def _done(options: argparse.Namespace) -> str:
    if options.file:
        found = answer(options.file)
        return in_full(found) if options.json else in_words(found)
    if options.keep:
        unknown = keep(*options.keep)
        return f"{options.keep[1]}: listed; made by no job: {', '.join(unknown) or 'none'}"
    experiment = load_experiment(options.write)
    root = Layout.of(experiment.name).root
    return "\n".join(write(root, experiment))


if __name__ == "__main__":
    main(sys.argv[1:])
