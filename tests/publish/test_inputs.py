import json

import pytest
import yaml
from long_forms import BASE, comparison, comparisons_of, failed_of, metric, metrics_of

from rsuper.errors import ArtifactError, ConfigError, MethodError
from rsuper.methods import available
from rsuper.publish.inputs import Inputs

COUNTS = {
    "few": {
        "masks": {"pancreas": 5, "kidney": 4},
        "mask_cases": 9,
        "reports": {"pancreas": 70, "kidney": 60},
    },
    "full": {
        "masks": {"pancreas": 50, "kidney": 40},
        "mask_cases": 90,
        "reports": {"pancreas": 70, "kidney": 60},
    },
}
NONE = {"pancreas": 0, "kidney": 0}


def files(folder, methods=("segmentation", "r_super-volume_only", "silent")):
    """The files that tables are made from."""
    budgets = {"few": {"methods": ["segmentation", "r_super"]}, "full": {"methods": list(methods)}}
    paths = [
        folder / name
        for name in (
            "experiment.yaml",
            "metrics.csv",
            "comparisons.csv",
            "supervision.json",
            "failed_runs.csv",
        )
    ]
    paths[0].write_text(yaml.safe_dump(BASE | {"budgets": budgets}))
    metrics_of([metric("full", "segmentation", "auc", 0.75)]).to_csv(paths[1], index=False)
    comparisons_of([comparison("segmentation", "auc", -0.1, 0.2, 0.3)]).to_csv(paths[2], index=False)
    paths[3].write_text(json.dumps(COUNTS))
    failed_of([("full", "segmentation", "0", "", "no learning", "made up")]).to_csv(paths[4], index=False)
    return paths


def test_what_each_run_was_trained_on(tmp_path):
    inputs = Inputs.read(*files(tmp_path))
    assert inputs.supervision == {
        ("few", "segmentation"): ({"pancreas": 5, "kidney": 4}, NONE),
        ("few", "r_super"): ({"pancreas": 5, "kidney": 4}, {"pancreas": 70, "kidney": 60}),
        ("full", "segmentation"): ({"pancreas": 50, "kidney": 40}, NONE),
        ("full", "r_super-volume_only"): ({"pancreas": 50, "kidney": 40}, {"pancreas": 70, "kidney": 60}),
        ("full", "silent"): (NONE, NONE),
    }
    assert inputs.masks == {"few": {"pancreas": 5, "kidney": 4}, "full": {"pancreas": 50, "kidney": 40}}


def test_a_variant_for_one_target_was_trained_on_nothing_else(tmp_path):
    inputs = Inputs.read(*files(tmp_path, methods=("r_super-pancreas_only",)))
    assert inputs.supervision["full", "r_super-pancreas_only"] == ({"pancreas": 50}, {"pancreas": 70})


def test_tables_cards_and_experiment_as_they_are(tmp_path):
    inputs = Inputs.read(*files(tmp_path))
    assert inputs.experiment.name == "made_up"
    assert [card.name for card in inputs.cards] == sorted(available())
    assert inputs.metrics["value"].tolist() == [0.75]
    assert inputs.failed["finding"].tolist() == ["made up"]
    assert inputs.metrics["stratum"].tolist() == ["all"]
    assert inputs.comparisons["p_value"].tolist() == [0.3]
    assert inputs.comparisons["ablation"].tolist() == [False]


def test_leaked_cases_where_the_experiment_lists_them(tmp_path):
    assert Inputs.read(*files(tmp_path)).leaked.empty
    table = tmp_path / "leaked.csv"
    table.write_text("case_id,patient_id,role,training_roles\nc2,p1,test_internal,report_train\n")
    assert Inputs.read(*files(tmp_path), table).leaked["case_id"].tolist() == ["c2"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_missing_file_is_named(tmp_path, number):
    paths = files(tmp_path)
    paths[number].unlink()
    with pytest.raises(ArtifactError, match=f"{paths[number].name}: no such file"):
        Inputs.read(*paths)


def test_a_missing_experiment_column_or_method_is_named(tmp_path):
    paths = files(tmp_path)
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        Inputs.read(tmp_path / "none.yaml", *paths[1:])
    text = paths[1].read_text()
    paths[1].write_text(text.replace("threshold", "thresholds", 1))
    with pytest.raises(ArtifactError, match=r"not a metrics.csv: column\(s\) \['threshold'\] missing"):
        Inputs.read(*paths)
    with pytest.raises(MethodError, match="unknown method 'mine'"):
        Inputs.read(*files(tmp_path, methods=("mine",)))
