"""Organ masks by a command of the user's: a stand-in takes the place of TotalSegmentator or nnU-Net."""

import json
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rsuper.artifacts import read_table, write_table
from rsuper.config.dataset import Dataset
from rsuper.config.load import parse
from rsuper.config.organ_segmenter import OrganSegmenter
from rsuper.data import organ_maker
from rsuper.data.cohort import cohort_frame
from rsuper.data.made_organs import with_organs
from rsuper.data.mask_sources import STRUCTURES, case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.organ_maker import make_organs
from rsuper.data.sources.raw_case import Origin, RawCase
from rsuper.data.sources.registry import read_cases
from rsuper.data.volumes import read_grid
from rsuper.errors import ConfigError, DataError
from rsuper.schemas import COHORT, ORGANS

SHAPE = (40, 32, 32)
NAMES = ("pancreas", "kidney_left", "kidney_right")
MAP = {
    "pancreas": {"file": "case.nii.gz", "labels": [1]},
    "kidneys": {"file": "case.nii.gz", "labels": [2]},
}


@dataclass
class Site:
    """A site's table of CTs without organ masks, and a stand-in for its segmenter."""

    root: Path
    boxes: dict
    save: object

    @property
    def made(self) -> Path:
        return self.root / "made organs"

    def box(self, *names):
        mask = np.zeros(SHAPE, np.uint8)
        for name in names:
            mask[tuple(slice(low, high) for low, high in zip(*self.boxes[name], strict=True))] = 1
        return mask

    def ct(self, name, axes="RAS"):
        self.save((20 + 60 * self.box(*NAMES)).astype(np.int16), self.root / name, axes)

    def cases(self, *rows, **keys) -> list[RawCase]:
        """Cases of the table; a row is at least a case id, and has a CT of that name unless it says."""
        table = [{"ct": f"{row['case_id']}.nii.gz", "role": "report_train", **row} for row in rows]
        for row in table:
            if not (self.root / row["ct"]).exists() and row["ct"] != "lost.nii.gz":
                self.ct(row["ct"])
        pd.DataFrame(table).to_csv(self.root / "cases.csv", index=False)
        content = {"source": "table", "root": str(self.root), "segment_organs": True, **keys}
        return read_cases(Origin("own", self.root, parse(Dataset, content, "own.yaml")))

    def settings(self, *words, **keys) -> OrganSegmenter:
        command = words or (sys.executable, str(self.script), "{ct}", "{folder}")
        return parse(OrganSegmenter, {"command": list(command), **keys}, "own.yaml")

    @property
    def script(self) -> Path:
        return self.root / "stand in.py"

    def behaves(self, **what):
        lines = [f"{case}.nii.gz {how}" for case, how in what.items()]
        (self.root / "behavior.txt").write_text("\n".join(lines), encoding="utf-8")

    @property
    def calls(self) -> int:
        path = self.root / "calls.txt"
        return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0

    def run(self, cases, settings=None) -> pd.DataFrame:
        """The table of the stage, as the next one reads it."""
        frame = make_organs(cases, settings or self.settings(), self.made)
        write_table(frame, self.table, ORGANS)
        return read_table(self.table, ORGANS).set_index("case_id")

    @property
    def table(self) -> Path:
        return self.root / "organs.csv"

    def cohort(self, cases) -> pd.DataFrame:
        """Rows of cohort.csv, as the next rule reads them."""
        frame = cohort_frame(with_organs(cases, self.table), {}, "mask_train", strict=False)
        write_table(frame, self.root / "cohort.csv", COHORT)
        return read_table(self.root / "cohort.csv", COHORT).set_index("case_id", drop=False)


@pytest.fixture
def site(tmp_path, boxes, save_nifti) -> Site:
    root = tmp_path / "site"
    root.mkdir()
    site = Site(root, boxes, save_nifti)
    shutil.copy2(Path(__file__).with_name("stand_in_segmenter.py"), site.script)
    return site


def rows(*ids, **cells):
    return [{"case_id": case, **cells} for case in ids]


def organ(row, name):
    return MaskReader(case_masks(row), read_grid(Path(row["ct"]))).organ(name)


def test_masks_in_files_of_their_own(site):
    site.ct("B.nii.gz", axes="LPS")
    cases = site.cases(*rows("A", "B"))
    assert [case.reason for case in cases] == ["", ""]
    organs = site.run(cases)
    assert organs["state"].tolist() == ["made", "made"]
    assert (organs["seconds"] > 0).all()
    assert (organs["reason"] == "").all()
    cohort = site.cohort(cases)
    for case in ("own_A", "own_B"):
        assert cohort.loc[case, ["organs", "reason"]].tolist() == [" ".join(NAMES), ""]
        for name in NAMES:
            np.testing.assert_array_equal(organ(cohort.loc[case], name), site.box(name) > 0)
    assert {path.name for path in site.made.iterdir()} == {"own_A", "own_B"}
    assert "segmenting A.nii.gz" in (site.made / "own_A" / "output.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("ct", ["A.nii.gz", "A.nii"])
def test_a_label_map_and_a_folder_with_one_ct(site, ct):
    words = (sys.executable, str(site.script), "{ct_folder}", "{folder}", "map")
    cases = site.cases({"case_id": "A", "ct": ct})
    site.run(cases, site.settings(*words, structures=MAP))
    row = site.cohort(cases).loc["own_A"]
    assert row["organs"].split() == list(NAMES)
    for name in NAMES:
        np.testing.assert_array_equal(organ(row, name), site.box(name) > 0)
    assert sorted(path.name for path in (site.made / "own_A").iterdir()) == [
        ".made.json.sha256",
        "made.json",
        "masks",
        "output.txt",
    ]


def test_what_the_scan_does_not_show_is_absent(site):
    site.behaves(A="no_kidney")
    cases = site.cases(*rows("A"))
    site.run(cases)
    row = site.cohort(cases).loc["own_A"]
    assert row["organs"].split() == ["pancreas", "kidney_left"]
    assert row["state_kidney_right"] == "absent"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (
            "exit",
            r"the command ended with exit status 1; it printed last, in .*no weights: download them first",
        ),
        ("nothing", r"the command left no pancreas.nii.gz in .*own_A/masks, but liver.nii.gz"),
        ("grid", r"pancreas.nii.gz: the mask is not on the grid of its CT: shape \(40, 32, 31\)"),
        ("values", r"pancreas.nii.gz: expected a mask of 0 and 1, found \[7.0\]"),
        ("empty", r"the masks that the command left in .* are all empty"),
    ],
)
def test_a_case_that_fails_is_a_row_and_the_others_go_on(site, what, reason):
    site.behaves(A=what)
    cases = site.cases(*rows("A", "B"))
    organs = site.run(cases)
    assert organs["state"].tolist() == ["failed", "made"]
    assert re.search(reason, organs.loc["own_A", "reason"])
    cohort = site.cohort(cases)
    assert cohort.loc["own_A", "reason"].startswith("own_A: no organ mask: ")
    assert cohort.loc["own_B", "reason"] == ""
    # What it left is kept until the next try, which it gets.
    assert (site.made / ".unfinished-own_A" / "output.txt").is_file()
    site.behaves()
    calls = site.calls
    assert site.run(cases)["state"].tolist() == ["made", "made"]
    assert site.calls == calls + 1
    assert not (site.made / ".unfinished-own_A").exists()


def test_a_reason_is_short(site):
    words = (sys.executable, "-c", "print('\\n'.join(['x' * 500] * 50)); exit(3)", "{ct}", "{folder}")
    (reason,) = site.run(site.cases(*rows("A"), own_masks(site)), site.settings(*words))["reason"][:1]
    assert "ended with exit status 3" in reason
    assert len(reason) < 600


def test_a_killed_program_is_told_from_one_that_ended(site):
    words = ("sh", "-c", "kill -9 $$", "sh", "{ct}", "{folder}")
    organs = site.run(site.cases(*rows("A"), own_masks(site)), site.settings(*words))
    assert "was killed by SIGKILL (out of memory?); it printed nothing" in organs.loc["own_A", "reason"]


def running(pid):
    """Whether a process is there, and not only waits to be collected."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_timeout_ends_all_that_the_program_started(site):
    words = ("sh", "-c", "sleep 600 & echo $! > $2/pid; echo begun; wait", "sh", "{ct}", "{folder}")
    organs = site.run(site.cases(*rows("A"), own_masks(site)), site.settings(*words, timeout_s=2))
    reason = r"the command took longer than timeout_s, 2 s; it printed last, in .*output.txt: begun"
    assert re.fullmatch(reason, organs.loc["own_A", "reason"])
    pid = (site.made / ".unfinished-own_A" / "masks" / "pid").read_text().strip()
    deadline = time.monotonic() + 120
    while running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def own_masks(site, case="own"):
    """A row that needs nothing."""
    for name in NAMES:
        site.save(site.box(name), site.root / "masks" / f"{name}.nii.gz", "RAS")
    return {"case_id": case, **{name: f"masks/{name}.nii.gz" for name in NAMES}}


def test_a_program_that_cannot_be_started_is_no_fault_of_a_case(site):
    cases = site.cases(*rows("A", "B"))
    for word, why in (
        ("no_such_program", "No such file"),
        (str(site.root / "cases.csv"), "Permission denied"),
    ):
        with pytest.raises(
            ConfigError, match=rf"the program '{word}' cannot be started \({why}.*by its path"
        ):
            site.run(cases, site.settings(word, "{ct}", "{folder}"))


def test_all_that_fail_stop_the_run_and_the_first_are_named(site, monkeypatch):
    cases = site.cases(*rows("A", "B", "C", "D", "E"))
    site.behaves(**dict.fromkeys("ABCDE", "exit"))
    with pytest.raises(
        DataError, match=r"none of the first 5 cases came out; .*own_A: .*own_B: .*own_C: "
    ) as e:
        site.run(cases)
    assert "own_D" not in str(e.value)
    assert site.calls == 5
    # A command that never works is not tried on thousands of CTs.
    monkeypatch.setattr(organ_maker, "GIVE_UP_AFTER", 2)
    with pytest.raises(DataError, match="none of the first 2 cases came out"):
        site.run(cases)
    assert site.calls == 7
    # Where others have masks of their own, a few that fail are rows.
    monkeypatch.undo()
    organs = site.run(site.cases(*rows("A"), own_masks(site)))
    assert organs["state"].tolist() == ["failed", "had masks"]


def test_what_came_out_is_not_run_again(site):
    cases = site.cases(*rows("A", "B"))
    first = site.run(cases)
    pd.testing.assert_frame_equal(site.run(cases), first)
    assert site.calls == 2
    more = site.cases(*rows("A", "B", "C"))
    assert site.run(more)["state"].tolist() == ["made"] * 3
    assert site.calls == 3


def test_what_a_killed_run_left_is_thrown_away(site):
    cases = site.cases(*rows("A"))
    stale = site.made / ".unfinished-own_A" / "masks" / "stale.nii.gz"
    stale.parent.mkdir(parents=True)
    stale.touch()
    (site.made / "own_A" / "masks").mkdir(parents=True)  # without a stamp
    assert site.run(cases)["state"].tolist() == ["made"]
    assert not (site.made / "own_A" / "masks" / stale.name).exists()
    (site.made / "own_A" / "made.json").write_text("{", encoding="utf-8")
    site.run(cases)
    assert site.calls == 2


def test_another_command_or_another_ct_runs_again(site):
    cases = site.cases(*rows("A", "B"))
    site.run(cases)
    words = (sys.executable, str(site.script), "{ct}", "{folder}", "again")
    site.run(cases, site.settings(*words))
    assert site.calls == 4
    site.run(cases, site.settings(*words, environment={"WEIGHTS": "others"}))
    assert site.calls == 6
    site.run(cases, site.settings(*words, environment={"WEIGHTS": "others"}, timeout_s=100))
    assert site.calls == 6
    ct = site.root / "A.nii.gz"
    os.utime(ct, (1, 1))
    site.run(cases, site.settings(*words, environment={"WEIGHTS": "others"}))
    assert site.calls == 7


def test_other_structures_are_read_from_what_is_there(site):
    cases = site.cases(*rows("A"))
    site.run(cases)
    site.run(cases, site.settings(structures={"kidney_left": "kidney_left.nii.gz"}))
    assert site.cohort(cases).loc["own_A", "organs"] == "kidney_left"
    with pytest.raises(
        DataError, match=r"left no head.nii.gz in .*, but environment.json, kidney_left.nii.gz"
    ):
        site.run(cases, site.settings(structures={"pancreas_head": "head.nii.gz"}))
    assert site.run(cases)["state"].tolist() == ["made"]
    assert site.calls == 1


def test_the_command_does_not_see_our_environment(site, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site.root))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    ours = str(Path(sys.prefix) / "bin")
    monkeypatch.setenv("PATH", os.pathsep.join([ours, os.environ["PATH"]]))
    cases = site.cases(*rows("A"))
    settings = site.settings(environment={"nnUNet_results": "weights"})
    make_organs(cases, settings, site.made, threads=3)
    path = site.made / "own_A" / "masks" / "environment.json"
    seen = json.loads(path.read_text(encoding="utf-8"))
    assert not {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} & set(seen)
    assert seen["nnUNet_results"] == "weights"
    assert (seen["OMP_NUM_THREADS"], seen["CUDA_VISIBLE_DEVICES"]) == ("3", "3")
    assert (ours in seen["PATH"].split(os.pathsep)) == (sys.prefix == sys.base_prefix)


def test_no_shell_reads_a_path(site):
    name = "a b; touch hacked $(touch hacked) {folder} 'q' \"\".nii.gz"
    site.ct(name)
    cases = site.cases({"case_id": "A", "ct": name})
    assert site.run(cases)["state"].tolist() == ["made"]
    assert (site.root / "calls.txt").read_text(encoding="utf-8") == f"{site.root / name}\n"
    assert not list(site.root.rglob("hacked"))
    assert not Path("hacked").exists()


def test_a_ct_that_cannot_be_used_is_not_tried(site):
    (site.root / "cut.nii.gz").write_bytes(b"no CT")
    cases = site.cases({"case_id": "lost", "ct": "lost.nii.gz"}, {"case_id": "cut"}, *rows("A"))
    organs = site.run(cases)
    assert organs["state"].tolist() == ["not tried", "failed", "made"]
    assert organs.loc["own_lost", "reason"].endswith("lost.nii.gz: no such file")
    assert "cannot be read" in organs.loc["own_cut", "reason"]
    assert site.calls == 1
    cohort = site.cohort(cases)
    assert cohort.loc["own_lost", "reason"].endswith("lost.nii.gz: no such file")
    assert "no organ mask" in cohort.loc["own_cut", "reason"]


def test_masks_and_tumors_that_a_case_has_itself_stay(site):
    pancreas = site.box("pancreas_head")
    site.save(pancreas, site.root / "masks" / "P.nii.gz", "RAS")
    site.save(site.box("kidney_lesion"), site.root / "masks" / "T.nii.gz", "RAS")
    cells = {"pancreas": "masks/P.nii.gz", "kidney_tumor": "masks/T.nii.gz", "role": "mask_train"}
    cases = site.cases({"case_id": "A", **cells}, own_masks(site))
    assert site.run(cases)["state"].tolist() == ["made", "had masks"]
    cohort = site.cohort(cases)
    row = cohort.loc["own_A"]
    assert (row["organs"], row["annotated"], row["reason"]) == (" ".join(NAMES), "kidney", "")
    assert row["segmentations"] == str(site.root / "masks")
    np.testing.assert_array_equal(organ(row, "pancreas"), pancreas > 0)
    np.testing.assert_array_equal(organ(row, "kidney_left"), site.box("kidney_left") > 0)
    reader = MaskReader(case_masks(row), read_grid(Path(row["ct"])))
    np.testing.assert_array_equal(reader.tumor("kidney"), site.box("kidney_lesion") > 0)
    assert case_masks(cohort.loc["own_own"]).files == [
        site.root / "masks" / f"{name}.nii.gz" for name in NAMES
    ]


def test_a_lacking_tumor_mask_is_not_looked_for_among_the_made_ones(site):
    cases = site.cases(*rows("A", role="mask_train"), own_masks(site))
    site.run(cases)
    reason = site.cohort(cases).loc["own_A", "reason"]
    assert f"needs a tumor mask in {site.root / 'segmentations'}" in reason


def test_tumors_of_any_organ_are_placed_by_the_organs_that_came_out(site):
    site.save(site.box("pancreatic_lesion", "kidney_lesion"), site.root / "T.nii.gz", "RAS")
    cases = site.cases(*rows("A", "B", tumors="T.nii.gz", role="mask_train"))
    site.run(cases)
    row = site.cohort(cases).loc["own_A"]
    assert row["annotated"] == "pancreas kidney"
    reader = MaskReader(case_masks(row), read_grid(Path(row["ct"])))
    np.testing.assert_array_equal(reader.tumor("kidney"), site.box("kidney_lesion") > 0)
    site.run(cases, site.settings(structures={"pancreas": "pancreas.nii.gz"}))
    assert site.cohort(cases).loc["own_A", "annotated"] == "pancreas"


def test_a_case_that_the_table_does_not_know(site):
    site.run(site.cases(*rows("A")))
    cohort = site.cohort(site.cases(*rows("A", "B")))
    assert cohort["reason"].tolist()[0] == ""
    assert (
        "organs.csv does not know the case; list it again (--forcerun organs)"
        in cohort.loc["own_B", "reason"]
    )


def test_the_abdomenatlas_layout(site, tiny_cases, write_dataset):
    """Beside made masks, the column `masks` stays blank where names of files say all."""
    root = site.root / "atlas"
    write_dataset(root, {case: tiny_cases[case] for case in ("R3", "R4", "T2")})
    for name in STRUCTURES:
        (root / "R3" / "segmentations" / f"{name}.nii.gz").unlink()
    content = {"source": "abdomenatlas", "root": str(root), "segment_organs": True}
    cases = read_cases(Origin("own", root, parse(Dataset, content, "own.yaml")))
    assert site.run(cases)["state"].tolist() == ["made", "had masks", "had masks"]
    cohort = site.cohort(cases)
    assert (cohort["masks"] != "").tolist() == [True, False, False]
    assert cohort.loc["own_R3", "segmentations"] == str(root / "R3" / "segmentations")
    for case in cohort["case_id"]:
        np.testing.assert_array_equal(organ(cohort.loc[case], "pancreas"), site.box("pancreas") > 0)
    # Without the wish, the lack stops a data set whose cases were named by hand, as before.
    with pytest.raises(DataError, match="own_R3: no organ mask in"):
        cohort_frame(cases, {}, "mask_train")
