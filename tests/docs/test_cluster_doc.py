"""docs/cluster.md names files, settings and options that are there."""

import re
from pathlib import Path

import yaml

from rsuper import devices

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def test_files_are_there():
    named = re.findall(r"`((?:profiles|container|config|benchmarks|results)/[\w/.-]+)`", TEXT)
    own = [name for name in named if not name.startswith("results/<") and name != "config/x.yaml"]
    assert len(own) > 5
    assert [name for name in own if not (ROOT / name).exists()] == []


def test_every_profile_is_explained():
    profiles = {path.parent.name for path in (ROOT / "profiles").glob("*/profile.yaml")}
    assert profiles == set(re.findall(r"^\| `(\w+)` \| ", TEXT, flags=re.MULTILINE))


def test_settings_are_those_of_the_profile():
    slurm = yaml.safe_load((ROOT / "profiles" / "slurm" / "profile.yaml").read_text())
    assert f"slurm-status-command: {slurm['slurm-status-command']}" in TEXT
    assert f"first look after {slurm['slurm-init-seconds-before-status-checks']} s" in TEXT
    assert f"`retries: {slurm['retries']}`" in TEXT
    assert devices.LOCKS in TEXT
    assert devices.VISIBLE in TEXT
