"""Every method learns: on tumors that nobody can miss each reaches AUC 0.95.

make test-learning
"""

import json
import math

import numpy as np
import pandas as pd
import pytest

from rsuper.config.load import load_experiment
from rsuper.methods import available
from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.learning, pytest.mark.xdist_group("learning")]

EASY = load_experiment(ROOT / "config" / "easy.yaml")
METHODS = EASY.budgets["full"].methods


@pytest.fixture(scope="module")
def easy(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The easy experiment, run to its table."""
    project = copy_project(tmp_path_factory.mktemp("easy"))
    project.run("table2", config="config/easy.yaml")
    return project


def log(project: Project, method: str, stage: str) -> list[dict[str, float]]:
    (seed,) = EASY.seeds
    path = project.root / "results" / "easy" / "runs" / "full" / method / f"seed-{seed}" / stage / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_method_that_trains_for_a_row_is_there() -> None:
    rows = {name for name, card in available().items() if card.control is None}
    assert set(METHODS) == rows


@pytest.mark.parametrize("method", METHODS)
def test_it_finds_tumors_that_nobody_can_miss(easy: Project, method: str) -> None:
    metrics = pd.read_csv(easy.root / "results" / "easy" / "metrics.csv")
    own = metrics[
        (metrics["method"] == method) & (metrics["metric"] == "auc") & (metrics["stratum"] == "all")
    ].set_index("target")["value"]
    assert set(own.index) == {"pancreas", "kidney"}
    assert own.min() >= 0.95, own.to_dict()


def test_restoring_falls_below_half_of_the_best_constant(easy: Project) -> None:
    """The best constant for a patch of the easy CTs leaves their variance."""
    lines = log(easy, "models_genesis", "model/pretrain")
    assert np.mean([line["restoration"] for line in lines[-5:]]) < 0.5 * variance(easy)


def variance(project: Project) -> float:
    """Mean variance of the training CTs' patches, as the network sees them."""
    from rsuper.artifacts import Layout
    from rsuper.config.experiment import Augment
    from rsuper.data.batches import PatchSource
    from rsuper.data.genesis import Genesis
    from rsuper.data.image_sampler import ImageSampler
    from rsuper.data.store import open_store

    layout = Layout(project.root / "results" / "easy")
    cases = [case for name in EASY.datasets for case in open_store(layout.volumes(name)).values()]
    plain = EASY.schedule.model_copy(update={"augment": Augment()})
    source = PatchSource(EASY.targets, EASY.preprocess, EASY.network, plain, seed=1)
    settings = Genesis(flip=0.0, shuffle=0.0, intensity=0.0, paint=0.0, inpaint=0.0)
    sampler = ImageSampler(source, cases, 4, settings)
    originals = [sampler(step).original for step in range(50)]
    return float(np.mean([patch.var() for batch in originals for patch in batch.numpy()]))


def test_the_contrast_falls_below_half_of_one_vector_for_all(easy: Project) -> None:
    lines = log(easy, "clip_like", "model/pretrain")
    patches = lines[-1]["count:text_patches"] / (lines[-1]["step"] - lines[-2]["step"])
    assert np.mean([line["contrast"] for line in lines[-5:]]) < 0.5 * math.log(patches)


def test_presence_falls_below_half_of_a_coin(easy: Project) -> None:
    lines = log(easy, "multi_task", "model")
    assert np.mean([line["presence"] for line in lines[-5:]]) < 0.5 * math.log(2)
