"""Medical Segmentation Decathlon, Task07: `imagesTr/pancreas_*.nii.gz` and `labelsTr/pancreas_*.nii.gz`.

1 pancreas, 2 lesion of any kind, which is part of the pancreas. The images of `imagesTs` have no labels and
are not read. The layout names no patients: every case counts as one.
"""

from rsuper.data.mask_sources import CaseMasks, MaskSource
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled

PANCREAS, LESION = 1, 2
_KNOWN = (PANCREAS, LESION)
_SUFFIX = ".nii.gz"


def cases(origin: Origin) -> list[RawCase]:
    """List the cases of `imagesTr` and `labelsTr`; one without its other half keeps its place, with a reason.

    Raises:
        DataError: there is none.
    """
    folders = [origin.root / name for name in ("imagesTr", "labelsTr")]
    # The archive holds a stub `._<name>` beside every file.
    names = sorted({path.name for folder in folders for path in folder.glob(f"pancreas_*{_SUFFIX}")})
    found = []
    for name in names:
        label = origin.root / "labelsTr" / name
        masks = CaseMasks(
            {"pancreas": MaskSource(label, _KNOWN, _KNOWN)},
            {"pancreas": MaskSource(label, (LESION,), _KNOWN)},
        )
        found.append(Found(name.removesuffix(_SUFFIX), origin.root / "imagesTr" / name, masks))
    return assembled(origin, found)
