import re
from pathlib import Path

import pytest
import yaml

from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.config.show import main, shown

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "config").glob("*.yaml"))
ORIGIN = re.compile(r"^( *)(?:- )?(.+?): (.*?)  +# (default, )?(\S+):(\d+)$")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_shown_is_the_experiment(path):
    assert Experiment.model_validate(yaml.safe_load(shown(path))) == load_experiment(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_value_stands_where_its_comment_says(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = 0
    for line in shown(path.relative_to(ROOT)).splitlines()[1:]:
        if line.rstrip().endswith(":"):
            continue  # a section's head
        found = ORIGIN.match(line)
        assert found, line
        _, key, value, default, file, number = found.groups()
        assert file.startswith("rsuper/config/" if default else "config/"), line
        lines = Path(file).read_text(encoding="utf-8").splitlines()[int(number) - 1 :]
        # A default may take some lines, and hold a section with the key. A section of a file says its keys.
        there = "".join(lines[:6]) if default else lines[0]
        assert re.search(rf"\b{re.escape(key)}\b", there) or value in there, (line, there)
        values += 1
    assert values > 100


SMALL = """extends: {base}
name: small
predict:
  overlap: 0.25   # of windows
hypotheses: []
organ_segmenter:
  command: seg {{ct}} {{folder}}
  structures:
    pancreas: p.nii.gz
"""


def test_by_hand(tmp_path, monkeypatch):
    base = ROOT / "config" / "micro.yaml"
    (tmp_path / "small.yaml").write_text(SMALL.format(base=base))
    monkeypatch.chdir(tmp_path)
    origins = {}
    for line in shown(Path("small.yaml")).splitlines()[1:]:
        if found := ORIGIN.match(line):
            origins.setdefault(found[2], []).append((found[3], f"{found[4] or ''}{found[5]}:{found[6]}"))
    number = next(n for n, line in enumerate(base.read_text().splitlines(), 1) if line.startswith("seeds:"))
    assert origins["name"][0] == ("small", "small.yaml:2")
    assert origins["seeds"] == [("[0]", f"{base}:{number}")]
    assert origins["overlap"] == [("0.25", "small.yaml:4")]
    # Not small.yaml's, and not micro.yaml's either: the section stands in the place of that one.
    value, place = origins["blend"][0]
    assert (value, place.split(":")[0]) == ("constant", "default, rsuper/config/experiment.py")
    assert origins["file"] == [("p.nii.gz", "small.yaml:9")]  # a text in the place of a section
    assert origins["command"] == [("[seg, '{ct}', '{folder}']", "small.yaml:7")]
    assert origins["mem_mb"][0][1].startswith("default, rsuper/config/resources.py")


def test_a_default_that_a_section_sets_is_that_sections(tmp_path):
    lines = (ROOT / "rsuper" / "config" / "resources.py").read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "cohort: Demand" in line)
    text = shown(ROOT / "config" / "micro.yaml")
    assert re.search(rf"  cohort:\n    mem_mb: 4000 +# default, rsuper/config/resources.py:{number}\n", text)


def test_command_line(tmp_path, capsys):
    assert main([str(tmp_path / "nothing.yaml")]) == 1
    assert capsys.readouterr().err == f"ConfigError: {tmp_path}/nothing.yaml: no such file\n"
    assert main([str(ROOT / "config" / "easy.yaml")]) == 0
    assert "\nname: easy " in capsys.readouterr().out
