"""`add_rows`: a file that extends another has a row more, and says which."""

from pathlib import Path

import pytest

from rsuper.config.load import load_experiment
from rsuper.errors import ConfigError

MICRO = Path(__file__).parents[2] / "config" / "micro.yaml"


def longer(folder, rows, more=""):
    (folder / "micro.yaml").write_text(MICRO.read_text(encoding="utf-8"))
    path = folder / "own.yaml"
    path.write_text(f"extends: micro.yaml\nadd_rows: {rows}\n{more}")
    return path


def test_rows_come_behind_the_budgets_own(tmp_path):
    own, micro = load_experiment(longer(tmp_path, "{full: [mine, mine-big]}")), load_experiment(MICRO)
    assert own.budgets["full"].methods == (*micro.budgets["full"].methods, "mine", "mine-big")
    assert own.budgets["few"] == micro.budgets["few"]
    assert own.add_rows == {"full": ("mine", "mine-big")}  # run.json says so
    assert micro.add_rows == {}
    assert own.name == micro.name


def test_a_row_that_is_there_is_not_there_twice(tmp_path):
    own = load_experiment(longer(tmp_path, "{full: [r_super, mine]}"))
    assert own.budgets["full"].methods == ("segmentation", "r_super", "mine")
    # What run.json holds can be read again.
    assert type(own).model_validate(own.model_dump(mode="json")) == own


def test_an_added_row_may_be_what_a_hypothesis_compares_with(tmp_path):
    hypothesis = "{id: mine, statement: x, budget: full, other: mine, metrics: [auc]}"
    own = load_experiment(longer(tmp_path, "{full: [mine]}", f"hypotheses: [{hypothesis}]\n"))
    assert own.hypotheses[0].other == "mine"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("{fll: [mine]}", r"add_rows: there is no budget 'fll'; there are \['few', 'full'\]"),
        ("[mine]", "key 'add_rows': .*dictionary"),
        ("{full: mine}", "key 'add_rows.full': .*tuple"),
        ("{full: [mine, mine]}", "'mine' stands there more than once"),
        ("{full: [1]}", "key 'add_rows.full.0': .*string"),
    ],
)
def test_what_cannot_be_added_is_named(rows, message, tmp_path):
    with pytest.raises(ConfigError, match=f"own.yaml: .*{message}"):
        load_experiment(longer(tmp_path, rows))
