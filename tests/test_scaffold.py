"""A scaffolded folder passes the contract as it is, and a name that cannot be is refused."""

import shutil
import subprocess
import sys

import pytest

from rsuper import scaffold
from rsuper.config.load import load_experiment
from rsuper.errors import MethodError
from rsuper.methods import METHODS, available, find
from rsuper.publish.table1 import table1
from rsuper.runs import training_totals
from rsuper.scaffold import new_method
from tests.methods import contract

NAME = "mine_2"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A root of methods that holds the scaffolded one alone."""
    root = tmp_path_factory.mktemp("new") / "methods"
    root.mkdir()
    assert new_method(NAME, root) == root / NAME
    return root


@pytest.fixture(scope="module")
def runs(root, task_for, tmp_path_factory):
    return contract.Runs(task_for, tmp_path_factory.mktemp("runs"), root)


def test_card_and_config(root):
    contract.check_card(find(NAME, root))
    contract.check_config(find(NAME, root))
    assert "no" in set(table1(list(available(root).values())).set_index("method").loc[NAME])


def test_it_trains_and_predicts(runs, collection, tmp_path):
    contract.check_maps(runs, NAME, collection, tmp_path / "maps")
    contract.check_second_fit(runs, NAME)
    contract.check_same_losses(runs, NAME, tmp_path / "again")


def test_it_does_the_work_of_the_row_segmentation(runs):
    assert training_totals(runs(NAME).workdir) == training_totals(runs("segmentation").workdir)
    assert contract.log_lines(runs(NAME).workdir) == contract.log_lines(runs("segmentation").workdir)


def test_it_sees_what_it_declares(root, task_for, tmp_path):
    contract.check_sees_what_it_declares(find(NAME, root), task_for(NAME, tmp_path, root=root).cohort)


def test_it_is_clean_code(root):
    for arguments in (["check"], ["format", "--check"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *arguments,
            "--config",
            str(METHODS.parent / "pyproject.toml"),
        ]
        done = subprocess.run([*command, str(root)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["", "Mine", "2nd", "my-method", "../mine", "my method", "mine\n", "größe"])
def test_an_ill_formed_name(name, tmp_path):
    with pytest.raises(MethodError, match="expected a lower-case letter"):
        new_method(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(MethodError, match="mine: exists already"):
        new_method("mine", tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []


def test_the_command_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        scaffold.main(["segmentation"])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("MethodError: ")
    assert "segmentation: exists already" in message
    scaffold.main(["mine"], tmp_path)
    names = ["config", "method.py", "method.yaml"]
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == names
    assert "docs/new-method.md" in capsys.readouterr().out


@pytest.mark.parametrize("base", scaffold.EXTENDED)
def test_its_experiments_are_those_of_the_suite_with_its_rows(base, tmp_path):
    root = tmp_path / "methods"
    new_method("mine", root)
    shutil.copytree(METHODS.parent / "config", tmp_path / "config")
    plain = load_experiment(METHODS.parent / "config" / f"{base}.yaml")
    longer = load_experiment(root / "mine" / "config" / f"{base}.yaml")
    assert longer.name == plain.name
    for budget, settings in plain.budgets.items():
        assert longer.budgets[budget].methods == (*settings.methods, "mine")
    changed = {"add_rows": longer.add_rows, "budgets": longer.budgets}
    assert plain.model_copy(update=changed) == longer


def test_its_experiments_do_not_count_as_its_code(root):
    method, path = find(NAME, root), root / NAME / "config" / "micro.yaml"
    before, text = method.fingerprint(), path.read_text()
    path.write_text(text + "name: other\n")
    assert method.fingerprint() == before
    path.write_text(text)
