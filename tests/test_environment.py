"""Versions have one source: ranges in pyproject.toml, pins in constraints.txt, nothing anywhere else."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    Requirement(text)
    for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in texts
]
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][A-Za-z0-9.!]*)")


def pins() -> list[tuple[str, str]]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    matches = [(line, PIN.fullmatch(line)) for line in lines if line]
    # A build of one machine (+cpu), an address or a path would not install elsewhere.
    assert [line for line, match in matches if match is None] == []
    return [(canonicalize_name(match["name"]), match["version"]) for _, match in matches if match]


def test_every_pin_is_a_plain_version_and_stands_once():
    names = [name for name, _ in pins()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_requirement_has_a_pin_inside_its_range(requirement):
    assert requirement.url is None
    assert len(requirement.specifier) > 0
    (version,) = [version for name, version in pins() if name == canonicalize_name(requirement.name)]
    assert version in requirement.specifier


def test_the_conda_file_is_thin_and_in_step():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert set(content) == {"name", "channels", "dependencies"}
    python, pip, section = content["dependencies"]
    assert content["name"] == PROJECT["name"]
    assert (python, pip) == ("python=3.11", "pip")
    assert "3.11" in SpecifierSet(PROJECT["requires-python"])
    constraints, package = section["pip"]
    assert constraints == "-c constraints.txt"
    match = re.fullmatch(r"-e \.(\[(?P<extras>[a-z,]+)\])?", package)
    assert match
    assert set((match["extras"] or "").split(",")) <= {"", *PROJECT["optional-dependencies"]}
