from pathlib import Path

import pytest
from pydantic import ValidationError

from rsuper.config.load import load_experiment
from rsuper.config.real_anatomy import RealAnatomySpec

CONFIG = Path(__file__).parents[2] / "config" / "real_anatomy.yaml"


def test_default_survives_the_way_through_a_rule():
    spec = RealAnatomySpec()
    assert RealAnatomySpec.model_validate(spec.model_dump(mode="json")) == spec


def test_default_gives_every_role_one_hospital():
    roles = [role for hospital in RealAnatomySpec().hospitals.values() for role in hospital.roles]
    assert sorted(roles) == ["mask_train", "report_train", "test_external", "test_internal"]


HERE = {"hospital_id": 1, "roles": ["mask_train", "report_train"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": 4}, "Extra inputs"),
        ({"spacing_mm": 3.0}, "multiple of 2 mm"),
        ({"spacing_mm": 0.0}, "multiple of 2 mm"),
        ({"role_shares": {"mask_train": 0.5, "report_train": 0.4}, "hospitals": {"h": HERE}}, "sum to 1"),
        ({"role_shares": {"mask_train": 1.0}}, "exactly one hospital"),
        (
            {"role_shares": {"mask_train": 0.5, "report_train": 0.5}, "hospitals": {"a": HERE, "b": HERE}},
            "one",
        ),
        ({"reports": {"diameter_shares": [0.5, 0.4, 0.2]}}, "diameter_shares must sum to 1"),
        ({"contrast": {"longest_axial_mm": [20, 30]}}, "real tumors are given"),
        ({"hospitals": {"h": HERE | {"cases": [{"role": "mask_train", "normal": 1}]}}}, "at most 0 items"),
    ],
)
def test_bad_values_are_refused_by_name(change, message):
    with pytest.raises(ValidationError, match=message):
        RealAnatomySpec.model_validate(change)


def test_two_hospitals_of_one_id_are_refused():
    hospitals = {
        "a": {"hospital_id": 1, "roles": ["mask_train"]},
        "b": {"hospital_id": 1, "roles": ["report_train"]},
    }
    with pytest.raises(ValidationError, match="hospital_id must differ"):
        RealAnatomySpec.model_validate(
            {"role_shares": {"mask_train": 0.5, "report_train": 0.5}, "hospitals": hospitals}
        )


def test_the_experiment_file_runs_the_defaults_and_says_what_is_rendered():
    experiment = load_experiment(CONFIG)
    assert experiment.real_anatomy == RealAnatomySpec()
    assert set(experiment.datasets) == set(RealAnatomySpec().hospitals)
    assert "CT intensities rendered" in experiment.data_note


def test_its_rows_are_rows_of_the_default_experiment():
    own, default = load_experiment(CONFIG), load_experiment(CONFIG.with_name("phantom.yaml"))
    assert own.controls == default.controls
    assert set(own.budgets) == set(default.budgets)
    for name, budget in own.budgets.items():
        assert set(budget.methods) <= set(default.budgets[name].methods)
