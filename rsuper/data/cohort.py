"""From case folders and findings to the cohort table."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from rsuper.artifacts import read_lines
from rsuper.data.mask_sources import MASKS_COLUMN, folder_masks, masks_text
from rsuper.data.masks import MaskReader
from rsuper.data.sources.raw_case import RawCase, refuse
from rsuper.data.store import WITHHELD_FOLDER
from rsuper.data.volumes import Grid, read_grid
from rsuper.errors import ArtifactError, DataError
from rsuper.progress import tracked
from rsuper.reports.findings import ReportFindings
from rsuper.reports.supervision import regions

SUPERVISED_ORGANS = ("pancreas", "kidney_left", "kidney_right")
HASHED_BYTES = 2**20  # of a file at a time: a CT of a whole body has a gigabyte
COUNTS_COLUMN = "tumor_counts"  # of cohort.csv, where the data set tells tumors of one mask apart
TARGET_ORGANS = {"pancreas": ("pancreas",), "kidney": ("kidney_left", "kidney_right")}


def cohort_frame(
    cases: Sequence[RawCase],
    findings: Mapping[str, ReportFindings],
    mask_role: str,
    *,
    strict: bool = True,
) -> pd.DataFrame:
    """Build the rows of cohort.csv and refuse what cannot be used.

    Kidneys that share a mask are told apart here, so that a case whose kidneys cannot be is known.

    Args:
        cases: cases of one data set.
        findings: what the reports say, by case id; cases without a report are absent.
        mask_role: the role whose cases must have tumor masks.
        strict: a case that cannot be used is an error; else a row with a reason, while the others go on.

    Raises:
        DataError: no case, or none that can be used; a report of a case that is not in the cohort (names up
            to five). Where strict (names up to ten): a file that is no CT or mask; a CT-Mask case without a
            mask; a mask on another grid than its CT; a case that no organ mask belongs to.
    """
    if not cases:
        raise DataError("the cohort is empty: expected at least one case")
    strangers = sorted(set(findings) - {case.case_id for case in cases})
    if strangers:
        more = f" (and {len(strangers) - 5} more)" if len(strangers) > 5 else ""
        raise DataError(
            f"reports of {', '.join(strangers[:5])}{more}: no row of the metadata table names the case; "
            "add the row or remove the report"
        )
    settled = [_settled(case, mask_role) for case in tracked(cases, "files")]
    problems = [problem for _, own in settled for problem in own]
    if strict or all(own for _, own in settled):
        refuse(problems)
    rows = [
        _row(case, findings.get(case.case_id), "; ".join(own)) for case, own in tracked(settled, "checksums")
    ]
    frame = pd.DataFrame(rows)
    extra = [name for name in (MASKS_COLUMN, COUNTS_COLUMN) if (frame[name] == "").all()]
    return frame.drop(columns=extra)


def _settled(case: RawCase, mask_role: str) -> tuple[RawCase, list[str]]:
    """Return a case with the organs that its label maps hold, and what is wrong with it.

    Of label maps the voxels are read here, of all other files the headers alone.
    """
    problems = _problems(case, mask_role)
    if problems or not any(s.labels or s.side for s in [*case.organs.values(), *case.tumors.values()]):
        return case, problems
    reader = MaskReader(case.masks, read_grid(case.ct))
    try:
        organs = reader.held_organs()
    except DataError as error:
        return case, [f"{case.case_id}: {error}"]
    if not organs:
        return case, [f"{case.case_id}: no voxel of any organ in {case.masks.files[0]}"]
    return replace(case, masks=replace(case.masks, organs=organs)), []


def _problems(case: RawCase, mask_role: str) -> list[str]:
    if case.reason:
        return [f"{case.case_id}: {case.reason}"]
    if not case.organs:
        return [f"{case.case_id}: no organ mask in {case.ct.parent / 'segmentations'}"]
    if case.role == mask_role and not case.tumors:
        return [f"{case.case_id}: role {case.role} needs a tumor mask in {_mask_folder(case)}"]
    for target in case.tumors:
        if not any(name.startswith(target) for name in case.organs):
            return [
                f"{case.case_id}: tumors of the {target} are annotated, but no organ mask holds it; add one"
            ]
    try:
        ct = read_grid(case.ct)
        masks = {path: read_grid(path) for path in case.masks.files}
    except DataError as error:
        return [str(error)]
    return [
        f"{path}: mask of shape {grid.shape} and spacing {_spacing_text(grid)} mm is not on the grid of "
        f"its CT ({ct.shape}, {_spacing_text(ct)} mm)"
        for path, grid in masks.items()
        if grid.shape != ct.shape or not np.allclose(grid.affine, ct.affine, atol=1e-2)
    ]


def _spacing_text(grid: Grid) -> str:
    return " ".join(f"{length:.4g}" for length in grid.spacing_mm)


def _content_sha256(case: RawCase, findings: ReportFindings | None) -> str:
    """Hash all that a run can learn from a case, so that no stale model outlives a changed mask or report."""
    digest = hashlib.sha256()
    text = _masks_text(case)
    withheld = [] if text else sorted((case.ct.parent / WITHHELD_FOLDER).glob("*.nii.gz"))
    for path in (case.ct, *case.masks.files, *withheld):
        digest.update(path.name.encode())
        with path.open("rb") as stream:
            while portion := stream.read(HASHED_BYTES):
                digest.update(portion)
    if text:  # which labels of these files are meant; where they lie does not count
        sources = [*case.organs.items(), *case.tumors.items()]
        digest.update(
            repr([(name, replace(source, path=Path(source.path.name))) for name, source in sources]).encode()
        )
    if findings is not None:
        digest.update(findings.model_dump_json().encode())
    return digest.hexdigest()


def _mask_folder(case: RawCase) -> Path:
    """Folder of the data set's own masks, or of the first where they lie in several."""
    own = [source for name, source in case.organs.items() if name not in case.made_organs]
    own += case.tumors.values()
    return next((source.path.parent for source in own), case.ct.parent / "segmentations")


def _masks_text(case: RawCase) -> str:
    """Describe the masks; blank in the AbdomenAtlas layout, where names of files say everything."""
    usual = folder_masks(case.ct.parent / "segmentations", case.organs, case.tumors)
    return "" if case.masks == usual else masks_text(case.masks)


def _row(case: RawCase, findings: ReportFindings | None, reason: str) -> dict[str, object]:
    ct = None if reason else read_grid(case.ct)
    masks = _masks_text(case)
    states = {organ: _state(case, findings, organ) for organ in SUPERVISED_ORGANS}
    return {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "dataset": case.case_id.removesuffix(f"_{case.source_id}"),
        "role": case.role,
        "ct": str(case.ct),
        "segmentations": str(_mask_folder(case)),
        "organs": " ".join(case.organs),
        "annotated": " ".join(case.tumors),
        "has_report": findings is not None,
        "shape": "" if ct is None else " ".join(str(n) for n in ct.shape),
        "spacing_mm": "" if ct is None else _spacing_text(ct),
        "phase": case.phase,
        "age": case.age,
        "sex": case.sex,
        "scanner": case.scanner,
        "sha256": "" if ct is None else _content_sha256(case, findings),
        **{f"state_{organ}": state for organ, state in states.items()},
        "reason": reason,
        MASKS_COLUMN: masks,
        COUNTS_COLUMN: " ".join(f"{target}:{count}" for target, count in case.tumor_counts.items()),
    }


def _state(case: RawCase, findings: ReportFindings | None, organ: str) -> str:
    """Summarize an organ's regions by the one that limits what may be learned from it."""
    target = "pancreas" if organ == "pancreas" else "kidney"
    if organ not in case.organs:
        return "absent"
    if target in case.tumors:
        return "annotated"
    if findings is None:
        return "unknown"
    own = [
        str(region.state)
        for region in regions(findings)
        if any(structure.startswith(organ) for structure in region.structures)
    ]
    order = ("positive_unsized", "positive_sized", "unknown", "negative")
    return next((state for state in order if state in own), "unknown")


def read_findings(path: Path) -> dict[str, ReportFindings]:
    """Read findings.jsonl, by case id.

    Raises:
        ArtifactError: the file is missing, a line is not what an extractor writes, or a case is there twice.
    """
    found: dict[str, ReportFindings] = {}
    for number, line in enumerate(read_lines(path), start=1):
        try:
            findings = ReportFindings.model_validate_json(line)
        except ValidationError as error:
            raise ArtifactError(f"{path}: line {number}: not the findings of a report: {error}") from None
        if findings.case_id in found:
            raise ArtifactError(
                f"{path}: line {number}: case '{findings.case_id}' stands there more than once"
            )
        found[findings.case_id] = findings
    return found
