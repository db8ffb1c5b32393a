"""KiTS19: `data/case_*/{imaging,segmentation}.nii.gz`, one label for both kidneys.

1 kidney (cysts inside), 2 tumor; cases 0 to 209 have a segmentation, the others of the challenge's test are
left out. The same patients are in KiTS23 with masks drawn anew.
"""

from pathlib import Path

from rsuper.data.mask_sources import CaseMasks, MaskSource, both_kidneys
from rsuper.data.sources.kits_records import records
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled

KIDNEY, TUMOR = 1, 2
_KNOWN = (KIDNEY, TUMOR)
LABELED = 210


def cases(origin: Origin) -> list[RawCase]:
    """List the labeled folders `case_*` below the root or its folder `data`.

    Raises:
        DataError: there is none, ids cannot be used, or the clinical records are damaged.
    """
    folder = origin.root / "data" if (origin.root / "data").is_dir() else origin.root
    people = records(folder / "kits.json")
    found = []
    for case in sorted(path for path in folder.glob("case_*") if path.is_dir()):
        source = MaskSource(case / "segmentation.nii.gz", _KNOWN, _KNOWN)
        if _is_of_the_test(case.name) and not source.path.is_file():
            continue
        masks = CaseMasks(both_kidneys(source), {"kidney": MaskSource(source.path, (TUMOR,), _KNOWN)})
        found.append(Found(case.name, case / "imaging.nii.gz", masks, **people.get(case.name, {})))
    return assembled(origin, found)


def _is_of_the_test(name: str) -> bool:
    case_number = name.removeprefix("case_")
    return case_number.isdigit() and int(case_number) >= LABELED


def tables(origin: Origin) -> list[Path]:
    """Name the clinical records."""
    return [origin.root / "data" / "kits.json", origin.root / "kits.json"]
