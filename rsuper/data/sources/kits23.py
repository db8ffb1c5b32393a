"""KiTS23: `dataset/case_*/{imaging,segmentation}.nii.gz`, one label for both kidneys.

1 kidney, 2 tumor, 3 cyst: a cyst is kidney and no tumor. Tumors of a case are told apart by the files
`instances/tumor_instance-<number>_annotation-1.nii.gz`; which kidney is left, by the affine. Every patient
has one case; those below 300 are KiTS21's, among them the 210 labeled ones of KiTS19.
"""

import re
from pathlib import Path

from rsuper.data.mask_sources import CaseMasks, MaskSource, both_kidneys
from rsuper.data.sources.kits_records import records
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled

KIDNEY, TUMOR, CYST = 1, 2, 3
_KNOWN = (KIDNEY, TUMOR, CYST)
_TUMOR_INSTANCE = re.compile(r"tumor_instance-(\d+)_annotation-\d+\.nii\.gz")


def cases(origin: Origin) -> list[RawCase]:
    """List the folders `case_*` below the root or its folder `dataset`.

    Raises:
        DataError: there is none, ids cannot be used, or the clinical records are damaged.
    """
    folder = origin.root / "dataset" if (origin.root / "dataset").is_dir() else origin.root
    people = records(folder / "kits23.json")
    found = []
    for case in sorted(path for path in folder.glob("case_*") if path.is_dir()):
        source = MaskSource(case / "segmentation.nii.gz", _KNOWN, _KNOWN)
        masks = CaseMasks(both_kidneys(source), {"kidney": MaskSource(source.path, (TUMOR,), _KNOWN)})
        counts = _tumor_counts(case / "instances")
        found.append(
            Found(
                source_id=case.name,
                ct=case / "imaging.nii.gz",
                masks=masks,
                tumor_counts=counts,
                **people.get(case.name, {}),
            )
        )
    return assembled(origin, found)


def _tumor_counts(instances: Path) -> dict[str, int]:
    """Number of tumors that annotators told apart; nothing where the folder was not downloaded."""
    if not instances.is_dir():
        return {}
    matches = (_TUMOR_INSTANCE.fullmatch(path.name) for path in instances.iterdir())
    return {"kidney": len({match.group(1) for match in matches if match})}


def tables(origin: Origin) -> list[Path]:
    """Name the clinical records."""
    return [origin.root / "dataset" / "kits23.json", origin.root / "kits23.json"]
