"""Nobody chose the reported seeds, and development seeds are others."""

from pathlib import Path

import pytest

from benchmarks.freeze import ROOT, phantom_seeds
from rsuper.config.load import load_experiment

CONFIG = ROOT / "config"


def test_the_default_runs_on_the_derived_seeds():
    found, expected = load_experiment(CONFIG / "phantom.yaml"), phantom_seeds()
    assert (found.data_seed, found.seeds) == (expected.data_seed, expected.seeds[:1])


@pytest.mark.parametrize("name", ["phantom_seeds.yaml", "phantom_curve.yaml", "extraction_errors.yaml"])
def test_studies_with_several_seeds_run_on_the_same_data_and_all_derived_seeds(name):
    found, expected = load_experiment(CONFIG / Path(name)), phantom_seeds()
    assert (found.data_seed, found.seeds) == (expected.data_seed, expected.seeds)
