"""Bad input from a site's files and tables (more: tests/bad_input): a row with a reason or one clear error.

Whatever is wrong with a case of a download or a site's table leaves that case out, with a reason in
cohort.csv or volumes.csv. In the plain layout, whose metadata.csv was written by hand, and wherever the
listing itself is wrong, it is one error that names file or case. Numbers that are legal but look wrong are
rows of audit.csv. Never another exception, and never silence.
"""

import os
import re
import shutil

import pytest

from rsuper.errors import ArtifactError, ConfigError, DataError
from tests.data.bad_files import FILES, SUSPICIOUS, TABLE_FILES
from tests.data.bad_site import ROLES, Outcome, Site, run_border, sound_site
from tests.data.bad_tables import EXCEL, HARMLESS, METADATA, TABLES

TABLE, PLAIN = {"source": "table"}, {"source": "abdomenatlas"}
ALL = [f"own_{case}" for case in ROLES]


def kinds():
    """(name, damage, settings, what is to come of it, pattern) of everything bad."""
    for name, (damage, says) in FILES.items():
        yield name, damage, TABLE, "row", says
        yield f"{name} (plain layout)", damage, PLAIN, "error", says
    for name, (damage, says) in TABLE_FILES.items():
        yield name, damage, TABLE, "row", says
    for name, (damage, says) in SUSPICIOUS.items():
        yield name, damage, TABLE, "audit", says
    for name, (damage, says) in TABLES.items():
        yield name, damage, TABLE, "error", says
    for name, (file, content, says) in EXCEL.items():
        yield name, lambda s, c=content, f=file: s.write(c, f), {**TABLE, "table": file}, "error", says
    for name, (damage, says) in METADATA.items():
        yield name, damage, PLAIN, "error", says
    for name, damage in HARMLESS.items():
        yield name, damage, TABLE, "nothing", ""


KINDS = {name: rest for name, *rest in kinds()}


@pytest.fixture(scope="module")
def blueprint(tmp_path_factory) -> Site:
    return sound_site(tmp_path_factory.mktemp("sound") / "site")


@pytest.fixture
def site(blueprint, tmp_path) -> Site:
    """A sound site of the test's own."""
    shutil.copytree(blueprint.root, tmp_path / "site")
    return Site(tmp_path / "site", [dict(row) for row in blueprint.rows])


def outcome(site, settings, experiment) -> Outcome | str:
    """What came of a site, or the message of the one error; any other exception fails the test."""
    try:
        return run_border(site, settings, experiment)
    except (ArtifactError, ConfigError, DataError) as error:
        return str(error)


@pytest.mark.parametrize("settings", [TABLE, PLAIN], ids=["table", "plain"])
def test_the_sound_site(site, experiment, settings):
    assert outcome(site, settings, experiment) == Outcome({}, {case: [] for case in ALL}, ALL)


def border_of(name: str) -> str:
    """Which border a kind is counted at; blank where it is told elsewhere, or harmless."""
    if name in FILES or name in TABLE_FILES:
        return "images"
    if name in HARMLESS or "(plain layout)" in name:
        return ""
    return "reports" if "report" in name else "tables"


def marked(name: str):
    border = border_of(name)
    return pytest.param(name, marks=[pytest.mark.bad_input(border)] if border else [])


@pytest.mark.parametrize("name", [marked(name) for name in KINDS])
def test_bad_input(name, site, experiment):
    damage, settings, expected, says = KINDS[name]
    if name.startswith("unreadable") and os.geteuid() == 0:
        pytest.skip("root reads everything")
    damage(site)
    found = outcome(site, settings, experiment)
    if expected == "error":
        assert isinstance(found, str), f"accepted: {found}"
        assert re.search(says, found), found
        assert "\n" not in found, f"more than one paragraph: {found}"
        return
    assert isinstance(found, Outcome), found
    if expected == "row":
        assert list(found.reasons) == ["own_A"]
        assert re.search(says, found.reasons["own_A"]), found.reasons
        assert found.used == ALL[1:]
    elif expected == "audit":
        assert found.reasons == {}
        assert set(found.used) >= set(ALL[1:])
        assert any(re.search(says, text) for text in found.warned["own_A"]), found.warned
    else:
        assert found == Outcome({}, {case: [] for case in ALL}, ALL)


def test_a_tumor_mask_of_a_test_set_is_read_before_training(site, experiment):
    path = site.root / "T" / "segmentations" / "pancreatic_lesion.nii.gz"
    path.write_bytes(path.read_bytes()[:-12])
    found = outcome(site, TABLE, experiment)
    assert list(found.reasons) == ["own_T"]
    assert "pancreatic_lesion.nii.gz: damaged" in found.reasons["own_T"]
    assert found.used == ALL[:3]


def test_nothing_left_is_one_error(site, experiment):
    for case in ROLES:
        (site.root / case / "ct.nii.gz").write_bytes(b"no CT")
    found = outcome(site, TABLE, experiment)
    assert isinstance(found, str)
    assert all(f"{case}/ct.nii.gz" in found for case in ROLES)
