"""A case as an adapter hands it on, and what all adapters need to make cases from what they find.

An adapter finds cases (`Found`); `assembled` gives them the data set's prefix, a patient and a role, and says
which files are missing.
"""

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from rsuper.artifacts import Layout, read_table
from rsuper.config.dataset import ROOTS, Dataset
from rsuper.data.mask_sources import CaseMasks, MaskSource
from rsuper.errors import DataError, listed
from rsuper.schemas import METADATA

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # no file, on some systems
_LONGEST_NAME = 255  # bytes of a file's name


@dataclass(frozen=True)
class Origin:
    """Where a data set lies, and what the experiment file says about it."""

    dataset: str  # its name, and the prefix of its case ids
    root: Path
    settings: Dataset

    def folder(self, name: str) -> Path:
        """A named folder of the source: below the root, unless `roots` says where it is."""
        given = self.settings.roots.get(name)
        return Path(given) if given else self.root / ROOTS[self.settings.source][name]


def origin_of(dataset: str, settings: Dataset, layout: Layout) -> Origin:
    """Return where a data set lies; one that a rule makes lies among the artifacts."""
    return Origin(dataset, Path(settings.root) if settings.root else layout.raw(dataset), settings)


@dataclass(frozen=True)
class RawCase:
    """One case as it lies on disk."""

    case_id: str  # data set prefix + id, unique over all data sets
    source_id: str  # as the data set calls it
    ct: Path
    masks: CaseMasks
    patient_id: str
    role: str
    phase: str
    age: float
    sex: str
    scanner: str
    tumor_counts: Mapping[str, int] = field(default_factory=dict)  # per target, where told apart
    reason: str = ""  # why it cannot be used
    made_organs: frozenset[str] = frozenset()  # structures whose masks are the organ segmenter's

    @property
    def organs(self) -> Mapping[str, MaskSource]:
        """Structures that have a mask."""
        return self.masks.organs

    @property
    def tumors(self) -> Mapping[str, MaskSource]:
        """Tumors per target; absent = not annotated, which is not the same as empty."""
        return self.masks.tumors


@dataclass(frozen=True)
class Found:
    """One case as an adapter finds it, before prefix and role.

    Attributes:
        source_id: as the data set calls the case.
        patient: as the data set calls the patient; blank where it does not say: then every case counts as a
            patient of its own.
        role: where the data set's own table gives one.
        splits: of the data set, that hold the case.
        mask_folder: that was searched for organ masks; named where it has none.
        reason: why the case cannot be used; missing files need not be told.
    """

    source_id: str
    ct: Path
    masks: CaseMasks
    patient: str = ""
    role: str = ""
    splits: tuple[str, ...] = ()
    phase: str = ""
    age: float = math.nan
    sex: str = ""
    scanner: str = ""
    tumor_counts: Mapping[str, int] = field(default_factory=dict)
    mask_folder: Path | None = None
    reason: str = ""


def assembled(origin: Origin, found: Iterable[Found]) -> list[RawCase]:
    """Give the cases of a data set prefix, patient and role.

    Roles come from `role` or `splits` of the experiment file, else from the data set's own table, else from
    the metadata table; cases of other splits, and those that the metadata table does not name, are left out.
    A case without its CT, a mask file or any organ mask keeps its place, with a reason. Where the data set
    says `segment_organs`, organ masks may still be made: their lack is no reason.

    Raises:
        ArtifactError: neither role nor splits are given, and the metadata table is missing or damaged.
        DataError: no case; ids that are no file names or stand there twice; cases of the metadata table that
            the layout does not have; a case without a role, or with two.
    """
    settings = origin.settings
    cases = list(found)
    if not cases:
        raise DataError(
            f"{origin.root}: no case of source {settings.source}; see docs/data.md for its layout"
        )
    people = None
    if not (settings.role or settings.splits or any(case.role for case in cases)):
        people = _metadata(origin, {case.source_id for case in cases})
    problems = id_problems([case.source_id for case in cases], origin.root)
    raw = []
    for case in cases:
        person = None if people is None else people.get(case.source_id)
        if people is not None and person is None:
            continue
        role, problem = _role(case, settings, person)
        if problem:
            problems.append(problem)
        elif role:
            raw.append(_raw_case(origin, case, role, person or {}))
    refuse(problems)
    if not raw:
        raise DataError(
            f"{origin.root}: none of {len(cases)} cases is in splits {list(settings.splits)}; "
            f"found {sorted({split for case in cases for split in case.splits})}"
        )
    return raw


def id_problems(ids: Iterable[str], place: Path) -> list[str]:
    """Say which ids are no file names (they could lead out of a folder) and which stand there twice."""
    ids, seen, problems = list(ids), set[str](), []
    for case_id in ids:
        if not _ID.fullmatch(case_id) or _DEVICE.fullmatch(case_id):
            problems.append(
                f"{place}: case id {case_id!r:.150} is not usable: up to 128 letters, digits, '.', '_' and "
                "'-', beginning with a letter or digit, and no name of a device such as 'con'"
            )
        elif case_id in seen:
            problems.append(f"{place}: case id '{case_id}' stands there more than once; keep one row per CT")
        seen.add(case_id)
    return problems


def refuse(problems: list[str]) -> None:
    """Raise a DataError with the first ten problems, where there is any."""
    if problems:
        raise DataError(listed(problems))


def inside(root: Path, text: str, *, follow_links: bool = False) -> Path:
    """Return the path that a table gives, below the root.

    Args:
        root: of the data set.
        text: a cell.
        follow_links: whether links on the way may lead out of the root.

    Raises:
        DataError: it is absolute, has a backslash or a drive, cannot be a file's name, or leads out of the
            root. Without the row.
    """
    if "\\" in text or PureWindowsPath(text).drive:
        raise DataError(f"path {text!r}: write it with '/', relative to {root}")
    if not text.isprintable() or any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(text).parts):
        raise DataError(f"path {text!r:.150}: no file can be called so")
    if Path(text).is_absolute() or ".." in Path(text).parts:
        raise DataError(f"path {text!r} leads out of {root}; paths are relative to it")
    path = root / text
    if not follow_links and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise DataError(
            f"path {text!r} leads out of {root} by a link; say follow_links: true for the data set if it may"
        )
    return path


def _metadata(origin: Origin, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Rows of the metadata table by case, without their blank cells."""
    path = origin.root / origin.settings.metadata
    if not path.is_file():
        raise DataError(
            f"{path}: no such file; data set '{origin.dataset}' needs 'role' or 'splits' in the experiment "
            f"file, or this table with columns {', '.join(METADATA.columns)}"
        )
    frame = read_table(path, METADATA)
    absent = [f"{path}: no files of case '{case}'" for case in frame["case_id"] if case not in ids]
    refuse(id_problems(frame["case_id"], path) + absent)
    return {
        row["case_id"]: {str(key): value for key, value in row.items() if value == value and value != ""}
        for row in frame.to_dict("records")
    }


def _role(case: Found, settings: Dataset, person: Mapping[str, Any] | None) -> tuple[str, str]:
    """The role of a case, blank where it is left out, and what is wrong with it."""
    if settings.role:
        return settings.role, ""
    if settings.splits:
        roles = {settings.splits[split] for split in case.splits if split in settings.splits}
        if len(roles) > 1:
            return "", f"case '{case.source_id}' is in splits {list(case.splits)}, of roles {sorted(roles)}"
        return (roles.pop() if roles else ""), ""
    role = case.role if person is None else str(person.get("role", ""))
    return role, "" if role else f"case '{case.source_id}' has no role"


def _raw_case(origin: Origin, case: Found, role: str, given: Mapping[str, Any]) -> RawCase:
    patient = given.get("patient_id") or case.patient or case.source_id
    return RawCase(
        case_id=f"{origin.dataset}_{case.source_id}",
        source_id=case.source_id,
        ct=case.ct,
        masks=case.masks,
        patient_id=f"{origin.dataset}_{patient}",
        role=role,
        phase=str(given.get("phase", case.phase)),
        age=float(given.get("age", case.age)),
        sex=str(given.get("sex", case.sex)),
        scanner=str(given.get("scanner", case.scanner)),
        tumor_counts=case.tumor_counts,
        reason=_reason(case, organs_later=origin.settings.segment_organs),
    )


def _reason(case: Found, *, organs_later: bool) -> str:
    files = (case.ct, *case.masks.files)
    reasons = [f"{path}: no such file" for path in files if not path.is_file()]
    if case.reason:
        reasons.append(case.reason)
    elif not case.masks.organs and not organs_later:
        reasons.append(f"{case.mask_folder}: no organ mask" if case.mask_folder else "no organ mask")
    return "; ".join(reasons)
