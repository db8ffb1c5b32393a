"""The contract as checks of one method: every folder is held to them, and so is what the scaffold writes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from rsuper.collection import Collection
from rsuper.data.volumes import read_grid
from rsuper.errors import ConfigError, MethodError
from rsuper.methods import METHODS, Method, find
from rsuper.task import CountedCase, PresenceCase, ReportCase, Task, TextCase, VisibleCohort

# Values under which a method that does not follow the experiment's schedule has a run of two steps.
SHORT: dict[str, dict[str, object]] = {
    "nnunet": {"length": 2, "base_features": 4, "memory_gb": 0.1, "mirroring": False}
}


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
            for needed in method.needs:
                self(needed)
            self.tasks[name] = self.task_for(name, self.folder, root=self.root_of(name))
            method.module.fit(self.tasks[name], short_config(method))
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
    assert card.label
    assert card.citation
    assert card.deviations
    assert set(card.variant_labels) <= set(card.variants)
    assert set(card.variant_needs) <= set(card.variants)
    # A row of Table 1 says what the method sees, as its card declares it.
    if card.table1 is not None:
        assert card.table1.uses_reports == (card.uses.reports != "none")
        assert card.table1.uses_unannotated_cts == card.uses.all_images
    for needed in (*card.needs, *(name for names in card.variant_needs.values() for name in names)):
        assert find(needed).name == needed


def check_config(method: Method) -> None:
    with pytest.raises(ConfigError, match=f"{method.name}.*'no_such_key' is not known"):
        method.config({"no_such_key": 1})


def check_maps(runs: Runs, name: str, collection: Collection) -> None:
    """One finite map in [0, 1] per case and target, on the CT's own grid."""
    volumes = collection.test_volumes("internal")
    predictions = list(runs.find(name).module.predict(runs(name), volumes))
    assert [prediction.case_id for prediction in predictions] == ["tiny_T1", "tiny_T2"]
    for prediction in predictions:
        shape = read_grid(Path(collection.row(prediction.case_id)["ct"])).shape
        assert set(prediction.probabilities) == {"pancreas", "kidney"}
        for probability in prediction.probabilities.values():
            assert probability.shape == shape
            assert np.isfinite(probability).all()
            assert probability.min() >= 0
            assert probability.max() <= 1


def check_second_fit(runs: Runs, name: str) -> None:
    task, method = runs(name), runs.find(name)
    before = contents(task.workdir)
    method.module.fit(task, short_config(method))
    assert contents(task.workdir) == before


def check_same_losses(runs: Runs, name: str, folder: Path) -> None:
    """Fit again in `folder`, from the same upstream runs: the same losses, all finite."""
    method, first = runs.find(name), runs(name)
    for needed in method.needs:
        shutil.copytree(first.upstream[needed], folder / needed)
    again = runs.task_for(name, folder, root=runs.root_of(name))
    method.module.fit(again, short_config(method))
    assert log_lines(again.workdir) == log_lines(first.workdir)
    assert all(np.isfinite(list(line.values())).all() for line in log_lines(first.workdir))


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
