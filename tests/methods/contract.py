"""The contract as checks of one method: every folder is held to them, and so is what the scaffold writes.

A check that fails says to the author of the method what is wrong and what to change, and nothing else.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from pydantic import BaseModel

from rsuper.collection import Collection
from rsuper.errors import ConfigError, MethodError
from rsuper.methods import METHODS, Method, find
from rsuper.predictions import store_predictions
from rsuper.publish.table1 import ticks
from rsuper.task import CountedCase, PresenceCase, ReportCase, Task, TextCase, VisibleCohort

# Values under which a method that does not follow the experiment's schedule has a run of two steps.
SHORT: dict[str, dict[str, object]] = {
    "nnunet": {"length": 2, "base_features": 4, "memory_gb": 0.1, "mirroring": False}
}


def broken(method: Method, file: str, what: str) -> NoReturn:
    """Fail with a message alone: no traceback of the check stands between the author and what to change."""
    pytest.fail(f"{method.folder / file}: {what}", pytrace=False)


@contextmanager
def told(method: Method) -> Iterator[None]:
    """Let an error that is its author's to mend be read without a traceback; any other keeps it."""
    try:
        yield
    except (ConfigError, MethodError) as error:
        pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)


def short_config(method: Method) -> BaseModel:
    return method.config(SHORT.get(method.name.partition("-")[0], {}))


class Runs:
    """Runs of methods and of whatever they continue, each fitted once; new methods may lie in `root`."""

    def __init__(self, task_for: Callable[..., Task], folder: Path, root: Path = METHODS) -> None:
        self.task_for, self.folder, self.root = task_for, folder, root
        self.tasks: dict[str, Task] = {}

    def root_of(self, name: str) -> Path:
        return self.root if (self.root / name.partition("-")[0]).is_dir() else METHODS

    def find(self, name: str) -> Method:
        return find(name, self.root_of(name))

    def __call__(self, name: str) -> Task:
        """The task of a method after `fit`."""
        if name not in self.tasks:
            method = self.find(name)
            with told(method):
                for needed in method.needs:
                    self(needed)
                task = self.task_for(name, self.folder, root=self.root_of(name))
                method.module.fit(task, short_config(method))
            self.tasks[name] = task
        return self.tasks[name]


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder; none where there is no folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def log_lines(folder: Path) -> list[dict[str, float]]:
    """Lines of the training logs, without the time they took."""
    lines = [
        json.loads(line)
        for path in sorted(folder.rglob("log.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def check_card(method: Method) -> None:
    card = method.card

    def wrong(what: str) -> NoReturn:
        broken(method, "method.yaml", what)

    for key, value in (("label", card.label), ("citation", card.citation)):
        if not value:
            wrong(f"key '{key}' is blank: the tables print it")
    if not card.deviations:
        wrong("key 'deviations' is empty: say at least one thing that this row does otherwise than others")
    if card.control is None:  # a row of Table 1, which says what the method sees as `uses` does
        with told(method):
            ticks(card)
    for needed in (*card.needs, *(name for names in card.variant_needs.values() for name in names)):
        try:
            find(needed, method.folder.parent if (method.folder.parent / needed).is_dir() else METHODS)
        except MethodError as error:
            wrong(f"needs '{needed}': {error}")


def check_config(method: Method) -> None:
    """Every value has a default, and a key that is not known is refused, by name."""
    with told(method):
        method.config({})
    with pytest.raises(ConfigError, match=f"{method.name}.*'no_such_key' is not known"):
        method.config({"no_such_key": 1})


def holds(found: object, value: object) -> bool:
    """Whether a setting has a variant's value; of a section the card gives what differs from the default."""
    return found == (found | value if isinstance(found, dict) and isinstance(value, dict) else value)


def check_variant(method: Method) -> None:
    """A variant sets values of Config, and an experiment does not undo them."""
    name = method.variant
    assert name is not None
    with told(method):
        plain = find(method.folder.name, method.folder.parent).config({})
        config = method.config({})
    if not method.card.variants[name]:
        what = f"variant '{name}' changes nothing: give it a value of Config that is another, or take it away"
        broken(method, "method.yaml", what)
    for key, value in method.card.variants[name].items():
        for found in (config, method.config({key: getattr(plain, key)})):
            if not holds(found.model_dump(mode="json")[key], value):
                broken(
                    method,
                    "method.py",
                    f"variant '{name}' sets {key} to {value}, and Config makes {getattr(found, key)} of it: "
                    "let Config keep what it is given",
                )
    with pytest.raises(Exception, match="frozen"):
        setattr(config, next(iter(type(config).model_fields)), None)


def check_maps(runs: Runs, name: str, collection: Collection, folder: Path) -> None:
    """One finite map in [0, 1] per case and target, on the CT's own grid: as the workflow stores them."""
    method, volumes = runs.find(name), collection.test_volumes("internal")
    task = runs(name)
    targets = ("pancreas", "kidney")
    with told(method):
        frame = store_predictions(method.module.predict(task, volumes), volumes, collection, folder, targets)
    bad = frame[frame["reason"] != ""]
    if len(bad):
        row = bad.iloc[0]
        broken(
            method,
            "method.py",
            f"predict, case '{row['case_id']}', target '{row['target']}': {row['reason']}. For each volume, "
            "in any order, yield Prediction(volume.case_id, {target: map for each of task.targets}): float "
            "arrays of volume.native_shape, finite, from 0 to 1",
        )
    assert len(frame) == len(volumes) * len(targets)


def check_second_fit(runs: Runs, name: str) -> None:
    """Called again after its end, `fit` changes nothing: a job that is tried again must not train twice."""
    task, method = runs(name), runs.find(name)
    before = contents(task.workdir)
    with told(method):
        method.module.fit(task, short_config(method))
    after = contents(task.workdir)
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    if changed:
        broken(
            method,
            "method.py",
            f"fit, called again after its end, changed {changed[:5]} in task.workdir: a job that is tried "
            "again would train twice. rsuper.engine.train.train returns at once where its stage is finished; "
            "write other files without time or chance in them, or where they are not there yet",
        )


def check_same_losses(runs: Runs, name: str, folder: Path) -> None:
    """Fit again in `folder`, from the same upstream runs: the same losses, all finite."""
    method, first = runs.find(name), runs(name)
    for needed in method.needs:
        shutil.copytree(first.upstream[needed], folder / needed)
    again = runs.task_for(name, folder, root=runs.root_of(name))
    with told(method):
        method.module.fit(again, short_config(method))
    pairs = list(zip_longest_lines(log_lines(first.workdir), log_lines(again.workdir)))
    for number, (one, other) in enumerate(pairs):
        keys = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
        if keys:
            broken(
                method,
                "method.py",
                f"fit, twice with the same seed, logged other values of {keys} in line {number + 1} of "
                f"log.jsonl: {[one.get(key) for key in keys]}, then {[other.get(key) for key in keys]}. Draw "
                "weights inside `with rsuper.segmenter.seeded(task):`, and whatever else is drawn from "
                "np.random.default_rng([task.seed, a number of your own])",
            )
        bad = sorted(key for key, value in one.items() if not np.isfinite(value))
        if bad:
            broken(
                method, "method.py", f"fit logged values of {bad} that are not finite, in line {number + 1}"
            )


def zip_longest_lines(
    first: list[dict[str, float]], second: list[dict[str, float]]
) -> Iterable[tuple[dict[str, float], dict[str, float]]]:
    """Lines of two logs side by side; a line that one of them lacks is empty."""
    for number in range(max(len(first), len(second))):
        yield tuple(lines[number] if number < len(lines) else {} for lines in (first, second))  # type: ignore[misc]


def check_sees_what_it_declares(method: Method, cohort: VisibleCohort) -> None:
    card = method.card
    declared = {
        "masks": card.uses.masks,
        "reports": card.uses.reports == "details",
        "counted": card.uses.reports == "count",
        "presence": card.uses.reports == "presence",
        "text": card.uses.reports == "text",
        "images": card.uses.all_images,
        "truth": card.control == "ceiling",
    }
    for what, allowed in declared.items():
        if allowed:
            assert cohort.truth("tiny_T1") if what == "truth" else getattr(cohort, what)
        else:
            with pytest.raises(MethodError, match=f"'{card.name}' asked for what its card does not declare"):
                _ = cohort.truth("tiny_T1") if what == "truth" else getattr(cohort, what)
    # What is not declared is not there either, whatever name it is asked by.
    assert (cohort.test_truth is None) == (card.control != "ceiling")
    assert bool(cohort.mask_cases) == card.uses.masks
    assert bool(cohort.image_cases) == card.uses.all_images
    assert bool(cohort.report_cases) == (card.uses.reports != "none")
    kinds = {"count": CountedCase, "presence": PresenceCase, "text": TextCase, "details": ReportCase}
    assert {type(case) for case in cohort.report_cases} <= {kinds.get(card.uses.reports)}
