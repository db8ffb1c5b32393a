"""Where the mask of a structure comes from: a file of its own, or labels of a file that it shares.

Described here and read by `rsuper.data.masks`; cohort.csv carries the descriptions from the one to the other.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rsuper.errors import DataError

STRUCTURES = (
    "pancreas",
    "pancreas_head",
    "pancreas_body",
    "pancreas_tail",
    "kidney_left",
    "kidney_right",
)
# AbdomenAtlas says "pancreatic", but "kidney".
TUMOR_FILES = {"pancreas": "pancreatic_lesion", "kidney": "kidney_lesion"}
MASKS_COLUMN = "masks"  # of cohort.csv, where a case is not in the AbdomenAtlas layout


@dataclass(frozen=True)
class MaskSource:
    """Where one mask comes from.

    Attributes:
        path: NIfTI file on the CT's grid.
        labels: values that make up the structure; none for a binary file of 0 and 1.
        known: all values that such a file holds beside 0, so that another file is noticed; none: not checked.
        side: the kidney to take of a mask that holds both; told apart by position.
        holder: target whose organs must hold more than half of a lump, for a mask with tumors of any organ.
    """

    path: Path
    labels: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    side: Literal["", "left", "right"] = ""
    holder: str = ""


@dataclass(frozen=True)
class CaseMasks:
    """All masks of a case. A target without an entry is not annotated, which is not the same as empty."""

    organs: Mapping[str, MaskSource] = field(default_factory=dict)
    tumors: Mapping[str, MaskSource] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """Every mask file once, organs first."""
        sources = [*self.organs.values(), *self.tumors.values()]
        return list(dict.fromkeys(source.path for source in sources))


def both_kidneys(source: MaskSource) -> dict[str, MaskSource]:
    """Left and right kidney of a mask that holds both."""
    return {
        "kidney_left": MaskSource(source.path, source.labels, source.known, "left"),
        "kidney_right": MaskSource(source.path, source.labels, source.known, "right"),
    }


def folder_masks(folder: Path, organs: Iterable[str], targets: Iterable[str]) -> CaseMasks:
    """Masks of the named structures and targets in the AbdomenAtlas layout: one binary file each."""
    return CaseMasks(
        {name: MaskSource(folder / f"{name}.nii.gz") for name in organs},
        {target: MaskSource(folder / f"{TUMOR_FILES[target]}.nii.gz") for target in targets},
    )


def existing_masks(folder: Path) -> CaseMasks:
    """Masks that a folder of the AbdomenAtlas layout holds; an absent file is no entry."""
    masks = folder_masks(folder, STRUCTURES, TUMOR_FILES)
    return CaseMasks(_existing(masks.organs), _existing(masks.tumors))


def _existing(sources: Mapping[str, MaskSource]) -> dict[str, MaskSource]:
    return {name: source for name, source in sources.items() if source.path.is_file()}


def case_masks(row: Any) -> CaseMasks:
    """Masks of a row of cohort.csv.

    Args:
        row: has `get`: a pandas Series, or a dict. Without the column `masks`, or where it is blank, the case
            is in the AbdomenAtlas layout.
    """
    text = row.get(MASKS_COLUMN)
    if isinstance(text, str) and text:  # NaN where the tables of other data sets lack the column
        return masks_from_text(text)
    folder = row.get("segmentations") or Path(str(row.get("ct"))).parent / "segmentations"
    return folder_masks(Path(folder), str(row.get("organs")).split(), str(row.get("annotated")).split())


def masks_text(masks: CaseMasks) -> str:
    """Serialize masks as JSON in one line."""
    content = {"organs": masks.organs, "tumors": masks.tumors}
    return json.dumps(
        {kind: {name: _plain(source) for name, source in part.items()} for kind, part in content.items()}
    )


def _plain(source: MaskSource) -> dict[str, Any]:
    plain = {**source.__dict__, "path": str(source.path)}
    return {key: value for key, value in plain.items() if value not in ("", ())}


def masks_from_text(text: str) -> CaseMasks:
    """Inverse of `masks_text`.

    Raises:
        DataError: it is none.
    """
    try:
        content = json.loads(text)
        organs, tumors = (
            {name: _source(plain) for name, plain in content[kind].items()} for kind in ("organs", "tumors")
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"cohort.csv: column '{MASKS_COLUMN}' is damaged ({error}): {text!r:.80}; remove the table, so "
            "that it is made anew"
        ) from None
    return CaseMasks(organs, tumors)


def _source(plain: Mapping[str, Any]) -> MaskSource:
    return MaskSource(
        path=Path(plain["path"]),
        labels=tuple(plain.get("labels", ())),
        known=tuple(plain.get("known", ())),
        side=plain.get("side", ""),
        holder=plain.get("holder", ""),
    )
