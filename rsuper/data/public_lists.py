"""Which cases of PanTS and PANORAMA config/public.yaml uses, so that training and test share no source.

    python -m rsuper.data.public_lists data/PanTS data/panorama data/panorama_labels

PANORAMA holds scans of MSD and of Pancreas-CT (NIH) beside those of its own hospitals in the Netherlands,
Sweden and Norway; PanTS holds MSD's, CTs of LiTS, whose centers include a Dutch one, and some of NIH. The
test is PANORAMA without MSD; training uses PanTS without CTs that may come from a place that is tested on.
"""

import argparse
import math
import re
import sys
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import pandas as pd

from rsuper.artifacts import write_table
from rsuper.data.sources.tables import first_file, read_columns
from rsuper.errors import ArtifactError, DataError
from rsuper.schemas import METADATA

PANTS, PDAC, NORMAL = "not_tested_on.csv", "pdac.csv", "normal.csv"
_LAST_TRAINED = "PanTS_00009000"  # of ImageTr; ids have eight digits, and the others are PanTS' own test
_TESTED_COUNTRIES = {"NL", "SE", "NO"}
_TESTED_SITES = re.compile(
    "Radboud|Groningen|Twente|Karolinska|Haukeland|National Institutes of Health|Cancer Imaging Archive"
)
Item = TypeVar("Item")
_UNTOLD = {"", "NA"}
# The column `level` of PANORAMA's clinical table: how a diagnosis was made, or from where a scan was taken.
_MSD, _NIH = "MSD_dataset", "NIH_dataset"


def pants_cases(root: Path) -> list[str]:
    """List the training cases of PanTS whose place is told and is none that is tested on.

    Raises:
        DataError: the metadata table is missing, lacks a column or leaves no case.
    """
    path = first_file(root, "metadata.xlsx", "metadata_pants.csv")
    if path is None:
        raise DataError(f"{root}: no metadata.xlsx; it came with PanTS, and says where each CT is from")
    names = {"id": ("PanTS ID", "BDMAP ID"), "sites": ("site detail",), "countries": ("site nationality",)}
    rows = read_columns(path, names).to_dict("records")
    return _some([row["id"] for row in rows if _may_be_trained_on(row)], path)


def _may_be_trained_on(row: Mapping[Hashable, str]) -> bool:
    countries = set(re.findall(r"\b[A-Z]{2}\b", row["countries"]))
    if {row["sites"], row["countries"]} & _UNTOLD or row["id"] > _LAST_TRAINED:
        return False
    return not (countries & _TESTED_COUNTRIES or _TESTED_SITES.search(row["sites"]))


def panorama_cases(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """List the PANORAMA scans that are tested on, each with its patient.

    Args:
        root: the repository of labels.

    Returns:
        Scans with a hand-drawn PDAC that are not MSD's; and those of Pancreas-CT, which was made of people
        without a lesion of the pancreas. No other scan without PDAC is known to be free of other tumors.

    Raises:
        DataError: the clinical table is missing, lacks a column or leaves no scan.
    """
    path = root / "clinical_information.xlsx"
    names = {"id": ("PANORAMA_study_id",), "patient": ("PANORAMA_patient_id",)}
    rows = read_columns(path, names | {"label": ("label",), "level": ("level",)}).to_dict("records")
    drawn = {file.name.removesuffix(".nii.gz") for file in (root / "manual_labels").glob("[!.]*.nii.gz")}
    pdac = {
        row["id"]: row["patient"]
        for row in rows
        if row["label"] == "PDAC" and row["level"] not in (_MSD, _NIH) and row["id"] in drawn
    }
    normal = {row["id"]: row["patient"] for row in rows if row["level"] == _NIH}
    return dict(_some(pdac.items(), root / "manual_labels")), dict(_some(normal.items(), path))


def _some(cases: Iterable[Item], place: Path) -> list[Item]:
    found = list(cases)
    if not found:
        raise DataError(f"{place}: no case is left; is it the file of the data set's own release?")
    return found


def write_lists(pants: Path, panorama: Path, labels: Path) -> dict[str, int]:
    """Write the three metadata tables that config/public.yaml names, and return their numbers of cases.

    Raises:
        DataError: see `pants_cases` and `panorama_cases`.
    """
    pdac, normal = panorama_cases(labels)
    own = {case: case for case in pants_cases(pants)}  # PanTS names no patients
    lists = {
        pants / PANTS: (own, "mask_train"),
        panorama / PDAC: (pdac, "test_external"),
        panorama / NORMAL: (normal, "test_external"),
    }
    for path, (patients, role) in lists.items():
        rows = pd.DataFrame({"case_id": list(patients), "patient_id": list(patients.values())})
        # Blank cells are filled from the data set's own tables.
        write_table(rows.assign(role=role, phase="", age=math.nan, sex="", scanner=""), path, METADATA)
    return {str(path): len(patients) for path, (patients, _) in lists.items()}


def main(arguments: list[str] | None = None) -> None:
    """Write the lists into the folders named on the command line, and say how long they are."""
    parser = argparse.ArgumentParser(prog="python -m rsuper.data.public_lists")
    parser.add_argument("pants", type=Path, help="root of PanTS")
    parser.add_argument("panorama", type=Path, help="root of PANORAMA, with its folder images")
    parser.add_argument("labels", type=Path, help="copy of DIAGNijmegen/panorama_labels")
    given = parser.parse_args(arguments)
    try:
        lists = write_lists(given.pants, given.panorama, given.labels)
    except (ArtifactError, DataError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(1) from None
    for path, count in lists.items():
        sys.stdout.write(f"{path}: {count} cases\n")


if __name__ == "__main__":
    main()
