from pathlib import Path
from typing import get_args

import pytest
import yaml

from rsuper.config.experiment import Experiment
from rsuper.config.load import parse
from rsuper.config.organ_segmenter import OrganSegmenter, Structure
from rsuper.data.mask_sources import STRUCTURES
from rsuper.data.sources.table import KIDNEYS
from rsuper.errors import ConfigError

COMMAND = "path/to/venv/bin/TotalSegmentator -i {ct} -o {folder} --roi_subset pancreas kidney_left"


def test_a_text_is_split_as_a_shell_would_and_words_stay_as_they_are():
    found = parse(OrganSegmenter, {"command": "'my segmenter' -i {ct} -o {folder}/x"}, "x.yaml")
    assert found.command == ("my segmenter", "-i", "{ct}", "-o", "{folder}/x")
    words = ["a b", "{ct_folder}", "{folder}"]
    assert parse(OrganSegmenter, {"command": words}, "x.yaml").command == tuple(words)


def test_what_is_left_where_without_a_word_is_as_total_segmentator_leaves_it():
    found = parse(OrganSegmenter, {"command": COMMAND}, "x.yaml").structures
    assert {name: (left.file, left.labels) for name, left in found.items()} == {
        name: (f"{name}.nii.gz", ()) for name in ("pancreas", "kidney_left", "kidney_right")
    }


def test_a_file_alone_and_a_label_map():
    structures = {"pancreas": "a.nii.gz", "kidneys": {"file": "b/case.nii", "labels": [1, 2]}}
    found = parse(OrganSegmenter, {"command": COMMAND, "structures": structures}, "x.yaml")
    assert found.structures["pancreas"].labels == ()
    assert found.structures["kidneys"].labels == (1, 2)
    # As a rule hands it to its script.
    assert OrganSegmenter.model_validate(found.model_dump(mode="json")) == found


def test_the_structures_are_those_of_the_data():
    assert set(get_args(Structure)) == {*STRUCTURES, KIDNEYS}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"command": None}, "key 'command'"),
        ({"command": ""}, r"expected \{folder\}, and \{ct\} or \{ct_folder\}"),
        ({"command": "seg -i {ct}"}, r"expected \{folder\}"),
        ({"command": "seg -o {folder}"}, r"and \{ct\} or \{ct_folder\}"),
        (
            {"command": "seg {ct} {folder} {out}"},
            r"placeholder \{out\} is not known; there are \{ct\} \(the CT",
        ),
        ({"command": "seg {ct} {folder} ${HOME}"}, r"placeholder \{HOME\} is not known"),
        ({"command": "seg '{ct} {folder}"}, "No closing quotation"),
        ({"command": ["seg", {"ct": None}, {"folder": None}]}, "write placeholders as '{ct}'"),
        ({"structures": {}}, "key 'structures'"),
        ({"structures": {"liver": "liver.nii.gz"}}, "key 'structures.liver.*'pancreas'"),
        ({"structures": {"pancreas": "../a.nii.gz"}}, r"expected a file below \{folder\}"),
        ({"structures": {"pancreas": "/a.nii.gz"}}, r"expected a file below \{folder\}"),
        ({"structures": {"pancreas": "a.mha"}}, "expected a NIfTI file"),
        ({"structures": {"pancreas": {"file": "a.nii.gz", "labels": [0]}}}, "labels.0"),
        ({"structures": {"pancreas": {"file": "a.nii.gz", "label": 1}}}, "label' is not known"),
        (
            {"structures": {"kidneys": "a.nii", "kidney_left": "b.nii"}},
            "stands beside one of a single kidney",
        ),
        ({"timeout_s": 0}, "key 'timeout_s'"),
        ({"environment": {"A": 1}}, "key 'environment.A'"),
        ({"comand": COMMAND}, "'comand' is not known"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(ConfigError, match=f"x.yaml: .*{message}"):
        parse(OrganSegmenter, {"command": COMMAND, **changes}, "x.yaml")


def test_a_data_set_that_asks_needs_the_section(experiment):
    content = experiment.model_dump(mode="json", exclude_unset=True)
    content["datasets"] = {"tiny": {"source": "abdomenatlas", "root": "raw", "segment_organs": True}}
    with pytest.raises(ConfigError, match=r"datasets \['tiny'\] say segment_organs, but the section"):
        parse(Experiment, content, "x.yaml")
    found = parse(Experiment, content | {"organ_segmenter": {"command": COMMAND}}, "x.yaml")
    assert found.organ_segmenter.timeout_s == 3600
    assert experiment.organ_segmenter is None


def test_the_examples_of_the_docs_are_valid():
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    section = text.partition("## Organ masks for CTs that have none\n")[2].partition("\n## ")[0]
    blocks = [part for part in section.split("\n\n") if part.startswith("    ")]
    found = [yaml.safe_load(block).get("organ_segmenter") for block in blocks]
    commands = [parse(OrganSegmenter, content, "x.yaml").command for content in found if content]
    assert [Path(command[0]).name for command in commands] == [
        "TotalSegmentator",
        "nnUNetv2_predict_from_modelfolder",
    ]
