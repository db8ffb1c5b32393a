from pathlib import Path

import pytest
import torch
import yaml

from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment, read_yaml
from rsuper.data.public_lists import NORMAL, PANTS, PDAC
from rsuper.errors import ConfigError
from rsuper.methods import find
from rsuper.networks.build import build_network

CONFIGS = Path(__file__).parents[2] / "config"
# What a group with its own data writes: no phantom in it.
PLAIN = {
    "name": "own",
    "about": "own data",
    "targets": ["kidney"],
    "datasets": {"own": {"source": "abdomenatlas", "root": "data"}},
    "test_sets": {"internal": {"role": "test_internal", "label": "own"}},
    "budgets": {"full": {"methods": ["segmentation"]}},
    "preprocess": {},
    "network": {"patch": [16, 16, 16]},
    "schedule": {"stage1_steps": 2, "steps": 2, "learning_rate": 0.001, "stage1_learning_rate": 0.001},
}


def write(folder, **changes):
    """Write an experiment file; None removes a key."""
    content = {key: value for key, value in {**PLAIN, **changes}.items() if value is not None}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_plain_file(tmp_path):
    experiment = load_experiment(write(tmp_path))
    assert experiment.name == "own"
    assert experiment.schedule.mask_patches == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": None}, "key 'schedule' is missing"),
        ({"schedule": {**PLAIN["schedule"], "steps": None}}, "key 'schedule.steps'"),
        ({"shedule": {}}, "key 'shedule' is not known"),
        ({"network": {"patch": [16, 16, 16], "pacth": 1}}, "key 'network.pacth' is not known"),
        ({"network": {"patch": [16, 16]}}, "key 'network.patch.2' is missing"),
        ({"targets": ["liver"]}, r"key 'targets.0': .*'pancreas' or 'kidney' \(got 'liver'\)"),
        ({"targets": []}, "key 'targets'"),
        ({"datasets": {"own": {"source": "abdomenatlas"}}}, "key 'datasets.own': .*needs 'root'"),
        ({"datasets": {"own": {"source": "phantom"}}}, "the section 'phantom' is missing"),
        ({"name": "Own data"}, "key 'name'"),
        ({"roles": {"mask_train": "annotated"}}, "roles needs both mask_train and report_train"),
        ({"budgets": {"full": {"methods": [], "kidney": -1}}}, r"key 'budgets.full.kidney': .*got -1"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=rf"own.yaml: .*{message}"):
        load_experiment(write(tmp_path, **changes))


def test_all_that_is_wrong_is_named_at_once(tmp_path):
    with pytest.raises(ConfigError, match=r"'about' is missing.*'extra' is not known"):
        load_experiment(write(tmp_path, about=None, extra=1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "not readable as YAML"),
        (b"\xff\xfe\x00\x81", "not readable as YAML"),
        (b"- a", "got list"),
        (b"", "got NoneType"),
    ],
)
def test_no_mapping(tmp_path, content, message):
    (tmp_path / "broken.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=f"broken.yaml: .*{message}"):
        read_yaml(tmp_path / "broken.yaml")


def test_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none.yaml: no such file"):
        load_experiment(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_experiment(tmp_path)


def test_exactly_one_file_is_loaded(tmp_path):
    # Snakemake's own `configfile:` would merge the default's keys into it: no key of the phantom may appear.
    experiment = load_experiment(write(tmp_path))
    assert experiment.phantom is None
    assert list(experiment.datasets) == ["own"]
    assert experiment.model_dump(exclude_unset=True, mode="json") == PLAIN


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_that_comes_with_the_project_is_valid(path):
    experiment = load_experiment(path)
    assert experiment.name == path.stem
    uses_phantom = any(dataset.source == "phantom" for dataset in experiment.datasets.values())
    assert (experiment.phantom is not None) == uses_phantom
    assert set(read_yaml(path)) <= {*Experiment.model_fields, "extends"}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_network_of_every_file_can_be_built_and_takes_its_patch(path):
    experiment = load_experiment(path)
    with torch.device("meta"):
        network = build_network(experiment.network.name, 1, 2, **experiment.network.options)
    network.check_patch(experiment.network.patch)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_methods_of_every_file_exist_and_take_its_values(path):
    experiment = load_experiment(path)
    for budget in experiment.budgets.values():
        for name in (*budget.methods, *budget.controls):
            method = find(name)
            assert method.config(experiment.methods.get(name.partition("-")[0], {}))
            assert method.targets(experiment.targets)


def test_the_papers_experiment():
    experiment = load_experiment(CONFIGS / "paper.yaml")
    assert experiment.phantom is None
    assert experiment.real_anatomy is None
    with torch.device("meta"):
        network = build_network("medformer", 1, len(experiment.targets), **experiment.network.options)
    # 37,882,336 + 162 per target: the size of the paper's MedFormer with its auxiliary head.
    assert sum(p.numel() for p in network.parameters()) == 37_882_336 + 162 * 2
    assert (experiment.budgets["few"].pancreas, experiment.budgets["few"].kidney) == (50, 50)
    # The methods' own defaults are the paper's: no value of the experiment undoes them. nnU-Net's default is
    # as long as the row Segmentation; here it has its own 1,000 x 250 steps.
    assert experiment.methods == {"nnunet": {"length": "own"}, "clip_like": {"read_out": "branch"}}


def test_the_papers_hospitals_come_in_by_tables_of_their_own():
    datasets = load_experiment(CONFIGS / "paper.yaml").datasets
    assert {name: dataset.source for name, dataset in datasets.items()} == {
        "abdomenatlas": "abdomenatlas",
        "ucsf": "table",
        "jhh": "table",
    }
    assert [datasets[name].role for name in datasets] == ["mask_train", None, "test_external"]


def test_public_data_differ_from_the_papers_in_data_alone():
    paper, public = (load_experiment(CONFIGS / f"{name}.yaml") for name in ("paper", "public"))
    own = {"name", "about", "data_note", "datasets", "test_sets", "leaked_patients"}
    assert public.model_dump(exclude=own) == paper.model_dump(exclude=own)
    assert {name: each.role for name, each in public.test_sets.items()} == {
        name: each.role for name, each in paper.test_sets.items()
    }
    # What is trained on and tested on is told by lists, but for Merlin, whose patients are kept apart.
    lists = {name: each.metadata for name, each in public.datasets.items() if not (each.role or each.splits)}
    assert lists == {"pants": PANTS, "panorama_pdac": PDAC, "panorama_normal": NORMAL}
    assert public.datasets["kits23"].role == "mask_train"
    assert public.leaked_patients == "exclude"


def test_variants_are_compared_on_the_default_experiment():
    default, variants = (load_experiment(CONFIGS / f"{name}.yaml") for name in ("phantom", "variants"))
    own = {"name", "about", "budgets", "hypotheses"}
    assert variants.model_dump(exclude=own) == default.model_dump(exclude=own)
    for name, budget in variants.budgets.items():
        rows = {"methods", "controls"}
        assert budget.model_dump(exclude=rows) == default.budgets[name].model_dump(exclude=rows)


def test_extraction_errors_are_controls_between_segmentation_and_r_super_with_few_masks():
    names = ("phantom", "extraction_errors", "phantom_curve")
    default, errors, curve = (load_experiment(CONFIGS / f"{name}.yaml") for name in names)
    own = {"name", "about", "seeds", "controls", "budgets", "hypotheses"}
    assert errors.model_dump(exclude=own) == default.model_dump(exclude=own)
    assert errors.seeds == curve.seeds
    assert list(errors.budgets) == ["few"]
    assert errors.budgets["few"].model_dump(exclude={"controls"}) == default.budgets["few"].model_dump(
        exclude={"controls"}
    )
    # Every variant with an error is run, and each has one kind of it.
    card = find("r_super").card
    assert set(errors.budgets["few"].controls) == {
        f"r_super-{name}" for name, settings in card.variants.items() if "errors" in settings
    }
    for name in errors.budgets["few"].controls:
        rates = find(name).config(errors.methods["r_super"]).errors.model_dump()
        assert [rate > 0 for rate in rates.values()].count(True) == 1
        assert "(control)" in find(name).label


def test_a_file_that_extends_another_replaces_whole_sections(tmp_path):
    write(tmp_path, targets=["kidney", "pancreas"], seeds=[0, 1])
    other = tmp_path / "other.yaml"
    other.write_text(
        yaml.safe_dump({"extends": "own.yaml", "name": "other", "preprocess": {"clip_hu": [0, 1]}})
    )
    last = tmp_path / "last.yaml"
    last.write_text(yaml.safe_dump({"extends": "other.yaml", "seeds": [2]}))
    base, found = load_experiment(tmp_path / "own.yaml"), load_experiment(last)
    assert (found.name, found.seeds, found.preprocess.clip_hu) == ("other", (2,), (0, 1))
    own = {"name", "seeds", "preprocess"}
    assert found.model_dump(exclude=own) == base.model_dump(exclude=own)


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("absent.yaml", r"absent\.yaml: no such file"),
        ("other.yaml", r"other\.yaml: key 'extends' leads back to .*other\.yaml"),
        (["own.yaml"], r"other\.yaml: key 'extends' must be the name of a file"),
    ],
)
def test_what_cannot_be_extended_is_named(tmp_path, extends, message):
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump({"extends": extends, "name": "other"}))
    with pytest.raises(ConfigError, match=message):
        load_experiment(path)


def test_an_error_of_the_extended_file_is_found_too(tmp_path):
    write(tmp_path, shedule={})
    path = tmp_path / "other.yaml"
    path.write_text("extends: own.yaml\nname: other\n")
    with pytest.raises(ConfigError, match=r"other\.yaml: .*'shedule' is not known"):
        load_experiment(path)
