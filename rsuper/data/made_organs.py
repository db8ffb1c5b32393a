"""Organ masks that the user's segmenter made, given to the cases that have none of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rsuper.artifacts import read_table
from rsuper.data.mask_sources import CaseMasks, masks_from_text
from rsuper.data.sources.raw_case import RawCase
from rsuper.schemas import ORGANS


def with_organs(cases: Sequence[RawCase], table: Path) -> list[RawCase]:
    """Add the organ masks of organs.csv; those that a case has itself stay, and so do its tumors.

    A case that has no organ mask even then gets a reason.

    Raises:
        ArtifactError: the table is missing or damaged.
    """
    rows = {str(row["case_id"]): row for row in read_table(table, ORGANS).to_dict("records")}
    return [_with_organs(case, rows.get(case.case_id), table) for case in cases]


def _with_organs(case: RawCase, row: Mapping[Any, Any] | None, table: Path) -> RawCase:
    made = masks_from_text(row["masks"]).organs if row and row["masks"] else {}
    added = {name: source for name, source in made.items() if name not in case.organs}
    organs = {**case.organs, **added}
    if not organs and not case.reason:
        why = row["reason"] if row else f"{table} does not know the case; list it again (--forcerun organs)"
        return replace(case, reason=f"no organ mask: {why}")
    # Of a mask with tumors of any organ, those of organs that the case still lacks cannot be told.
    tumors = {
        target: source
        for target, source in case.tumors.items()
        if not source.holder or any(name.startswith(target) for name in organs)
    }
    return replace(case, masks=CaseMasks(organs, tumors), made_organs=frozenset(added))
