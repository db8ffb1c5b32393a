"""Start a method: `python -m rsuper.scaffold NAME` writes a folder that passes the contract tests."""

import argparse
import sys
from pathlib import Path
from string import Template

from rsuper.artifacts import write_lines
from rsuper.errors import MethodError
from rsuper.methods import CONFIG, METHODS, NAME, NAMED_SO

_CARD = Template("""\
label: $name
version: 1  # raise it whenever numbers may change
citation: "none yet: who proposed this, and where"
uses: {all_images: false, masks: true, reports: none}
table1:
  uses_unannotated_cts: false
  uses_reports: false
  uses_detailed_report_info: false
  reports_optimize_segmentation: false
  reports_penalize_fp_fn: false
# Every row continues the same first stage, so that all do equal work on masks.
needs: [segmentation-stage1]
deviations:
  - "A new method: it continues the first stage on masks alone, like the row Segmentation."
""")

_CODE = Template('''\
"""$name: one sentence on what it learns from, and how."""

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from rsuper.data.batches import Batch
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.segmenter import (
    mask_sampler,
    mask_terms,
    new_network,
    predict_with,
    trained_network,
    validator,
    weights_of,
)
from rsuper.task import Prediction, Task, TestVolume


class Config(BaseModel):
    """What the method can be set to; the defaults are the paper's."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def fit(task: Task, config: Config) -> None:
    """Continue the first stage on the budget's CT-Mask pairs."""
    network, schedule = new_network(task), task.schedule
    checkpoint.load_weights(network, weights_of(task.upstream["segmentation-stage1"]))
    masks = mask_sampler(task)

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        return mask_terms(model(batch.masks.image), batch.masks, task)

    def batches(step: int) -> Batch:
        return Batch(masks=masks(schedule.stage1_steps + step))

    stage = Stage(schedule.steps, schedule.learning_rate, schedule, "$name", task.engine)
    train(network, batches, loss, stage, task.workdir / "model", validate=validator(task))


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window."""
    return predict_with(trained_network(task), task, volumes)
''')

_EXPERIMENT = Template("""\
# $base.yaml with rows of this method more. Its results stand where those of that file do: what is trained
# there is not trained again, and the tables are written anew. A `name` gives it a results folder of its own.
extends: ../../../config/$base.yaml
add_rows: {few: [$name], full: [$name]}
""")
EXTENDED = ("micro", "phantom")  # the experiments that a new method has a row in: in seconds, and the default


def new_method(name: str, root: Path = METHODS) -> Path:
    """Write the folder of a new method: a segmentation on masks, to be changed into something else.

    Returns:
        The folder, with method.yaml, method.py and, in `config`, experiments with rows of the method.

    Raises:
        MethodError: the name is not lower-case letters, digits and underscores (a hyphen would name a
            variant), or is taken.
    """
    if not NAME.fullmatch(name):
        raise MethodError(f"method name {name!r}: expected {NAMED_SO}")
    folder = root / name
    if folder.exists():
        raise MethodError(f"{folder}: exists already; take another name or remove it")
    files = {"method.yaml": _CARD.substitute(name=name), "method.py": _CODE.substitute(name=name)}
    files |= {f"{CONFIG}/{base}.yaml": _EXPERIMENT.substitute(name=name, base=base) for base in EXTENDED}
    for file, text in files.items():
        write_lines(text.splitlines(), folder / file, sealed=False)
    return folder


def main(arguments: list[str] | None = None, root: Path = METHODS) -> None:
    """Write the folder named on the command line; an error of the user's ends with its message alone."""
    parser = argparse.ArgumentParser(prog="python -m rsuper.scaffold", description=__doc__)
    parser.add_argument("name", help="of the folder below methods/, such as my_method")
    name = parser.parse_args(arguments).name
    try:
        folder = new_method(name, root)
    except MethodError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(1) from None
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    sys.stdout.write(
        f"{shown} is there, a segmentation on masks to be changed into your idea (docs/new-method.md).\n"
        f"  does it keep the contract?  make test-method NAME={name}\n"
        f"  a row, in a minute:         make table2 CONFIG={shown}/{CONFIG}/micro.yaml\n"
        f"  a row that means something: make table2 CONFIG={shown}/{CONFIG}/phantom.yaml\n"
    )


if __name__ == "__main__":
    main()
