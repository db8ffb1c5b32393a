"""CT-RATE: chest CTs with reports, `dataset/<split>_fixed/train_1/train_1_a/train_1_a_1.nii.gz`.

The name says patient, scan and reconstruction; reconstructions of a scan share its report. It has no organ
masks: they come from a segmenter of the user's, as `masks/<volume>/<structure>.nii.gz`. Volumes of the
folders `train` and `valid` hold raw values without a usable spacing, and are refused: `train_fixed` and
`valid_fixed` are the same in HU.
"""

from pathlib import Path

from rsuper.data.mask_sources import existing_masks
from rsuper.data.sources.raw_case import Found, Origin, RawCase, assembled, id_problems, refuse
from rsuper.data.sources.tables import read_columns
from rsuper.errors import DataError

_SPLITS = {"train": "train", "valid": "validation"}  # folder, and table of reports
_REPORTS = "radiology_text_reports"
_SUFFIX = ".nii.gz"


def cases(origin: Origin) -> list[RawCase]:
    """List the volumes of `train_fixed` and `valid_fixed`; one without masks keeps its place, with a reason.

    Raises:
        DataError: there is none, or there are only those without a usable spacing.
    """
    folder, found = origin.folder("cts"), []
    for split in _SPLITS:
        volumes = sorted((folder / f"{split}_fixed").glob(f"*/*/[!.]*{_SUFFIX}"))
        if not volumes and (folder / split).is_dir():
            raise DataError(
                f"{folder / split}: these volumes hold raw values without a usable spacing; download "
                f"'{split}_fixed', and remove or rename this folder"
            )
        for ct in volumes:
            name = ct.name.removesuffix(_SUFFIX)
            place = origin.folder("masks") / name
            place = place / "segmentations" if (place / "segmentations").is_dir() else place
            masks = existing_masks(place)
            patient = ct.parents[1].name
            found.append(Found(name, ct, masks, patient=patient, splits=(split,), mask_folder=place))
    return assembled(origin, found)


def reports(origin: Origin) -> dict[str, str]:
    """Read findings and impression, in English.

    Raises:
        DataError: a table lacks its columns or names a volume twice.
    """
    texts: dict[str, str] = {}
    for path in report_tables(origin):
        if not path.is_file():
            continue
        columns = {"id": ("VolumeName",), "findings": ("Findings_EN",), "impression": ("Impressions_EN",)}
        frame = read_columns(path, columns)
        frame["id"] = frame["id"].str.removesuffix(_SUFFIX)
        refuse(id_problems(frame["id"], path))
        for row in frame.to_dict("records"):
            text = "\n".join(part for part in (row["findings"], row["impression"]) if part)
            if text:
                texts[row["id"]] = text
    return texts


def report_tables(origin: Origin) -> list[Path]:
    """Name the two tables of reports, which need not exist, or the one of the experiment file."""
    if origin.settings.reports:
        return [origin.root / origin.settings.reports]
    return [origin.folder("cts") / _REPORTS / f"{name}_reports.csv" for name in _SPLITS.values()]
