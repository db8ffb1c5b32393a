"""How well our rules read real reports: 299 of them, labelled by us before the rules were run on them.

    python benchmarks/real_reports.py [--set first|second] [--show]

Needs the folder of real data (RSUPER_REAL_DATA, else ../shared/real). benchmarks/extraction/real_labels.csv
has a row per report: file and data row (from 0), what the report says of either organ, and the tumors with
their sizes in mm.

- tumor: a mass, a tumor, or a lesion whose kind is left open, angiomyolipomas included; not what the report
  itself takes for a cyst ("cyst?"), a stone, an abscess, or a mass beside the organ.
- free: said to be normal, or without a mass. described: named, but nothing is said about tumors.
- not_tumor: free, described or unmentioned; the report can be read as more than one of these.
- doubtful: a reader could say tumor as well as not. Counted nowhere.

The first set: drawn by a fixed seed among the reports that name an organ, enriched for sizes, and every
report whose words told of a tumor. Rules of version 2 were written with its errors in view. The second set:
the rest of the reports that name an organ, labelled before version 2 was run on them; none tells of a tumor.
Shares of tumors say nothing about a hospital. Writes results/real_reports/errors.csv.
"""

import argparse
import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from rsuper.data.sources.real_anatomy.catalog import real_data_folder
from rsuper.reports.extract import extract
from rsuper.reports.findings import SEGMENTS, TARGETS, ReportFindings
from rsuper.stats.interval import wilson_interval

ROOT = Path(__file__).resolve().parents[1]
LABELS = ROOT / "benchmarks" / "extraction" / "real_labels.csv"
ERRORS = ROOT / "results" / "real_reports" / "errors.csv"
COLUMNS = {
    "ctrate_classifier_train.csv": ("report_text", "utf-8"),
    "AbdomenAtlasRadiologistsNotes.csv": ("Notes", "utf-8"),
    "free_text_reports.csv": ("Report Text", "latin-1"),
}
SIZE_MM = 1.0
Tumor = tuple[str, tuple[float, ...]]


def read_texts(folder: Path) -> dict[tuple[str, int], str]:
    """Report by file and data row."""
    texts = {}
    csv.field_size_limit(10**7)
    for name, (column, encoding) in COLUMNS.items():
        with (folder / "reports" / name).open(encoding=encoding, errors="replace", newline="") as file:
            for row, content in enumerate(csv.DictReader(file)):
                texts[name, row] = content[column] or ""
    return texts


def read_labels() -> list[dict[str, Any]]:
    """All labels, a row per report."""
    rows = pd.read_csv(LABELS, keep_default_na=False).to_dict("records")
    return [{str(column): cell for column, cell in row.items()} for row in rows]


def tumors_of(cell: str, target: str) -> list[Tumor]:
    """Segment ("" where not said) and sizes in mm, largest first, of each labelled tumor of a target."""
    found = []
    for part in filter(None, (piece.split() for piece in cell.split(";"))):
        organ, segments, *sizes = part
        if organ == target:
            millimetres = sorted((float(size) for size in sizes[0].split("x")) if sizes else (), reverse=True)
            found.append(("" if segments == "?" else segments, tuple(millimetres)))
    return found


def read_status(read: ReportFindings, target: str) -> str:
    """What the extractor says of an organ, in the labels' words."""
    if read.of(target):
        return "tumor"
    if target in read.absent:
        return "free"
    return "unmentioned" if target in read.unmentioned else "described"


def right_status(label: str, status: str) -> bool:
    """Whether the extractor says what the label does."""
    return status != "tumor" if label == "not_tumor" else status == label


def located(labelled: list[Tumor], read: ReportFindings, target: str) -> bool:
    """Whether the segments of all tumors of an organ together are those of the label."""
    expected = {s for segments, _ in labelled for s in segments.split("+") if s}
    return expected == {s for finding in read.of(target) for s in finding.segments}


def sized(labelled: list[Tumor], read: ReportFindings, target: str) -> list[bool]:
    """Per labelled size: is there a finding with these diameters within 1 mm?"""
    found = [finding.diameters_mm for finding in read.of(target)]
    return [
        any(
            len(f) == len(sizes) and all(abs(a - b) <= SIZE_MM for a, b in zip(f, sizes, strict=True))
            for f in found
        )
        for _, sizes in labelled
        if sizes
    ]


def share(name: str, right: int, of: int) -> None:
    """Print a share with its Wilson interval."""
    if of:
        interval = wilson_interval(right, of)
        print(f"  {name:<44} {right / of:6.3f}  [{interval.low:.3f}, {interval.high:.3f}]  {right}/{of}")
    else:
        print(f"  {name:<44} none")


def main() -> None:
    """Read, compare, print and list the errors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--show", action="store_true", help="print the sentences of the errors (report text!)"
    )
    parser.add_argument("--set", choices=["first", "second"], default="first", help="of reports")
    options = parser.parse_args()
    show = options.show
    texts = read_texts(real_data_folder())
    labels = [row for row in read_labels() if row["set"] == options.set]
    errors = []
    for target in TARGETS:
        counts: Counter[str] = Counter()
        for label in labels:
            expected, text = label[target], texts[label["file"], label["row"]]
            read = extract(f"{label['file']}:{label['row']}", text)
            status = read_status(read, target)
            if expected == "doubtful":
                counts["doubtful"] += 1
                continue
            key = f"{'tumor' if expected == 'tumor' else 'other'}_{'tumor' if status == 'tumor' else 'other'}"
            counts[key] += 1
            wrong = [] if right_status(expected, status) else ["status"]
            if expected == "free":
                counts["free"] += 1
                counts["free_read"] += status == "free"
            if status == "free":
                counts["said_free"] += 1
                counts["said_free_right"] += expected in ("free", "not_tumor")
            if key == "tumor_tumor":
                tumors = tumors_of(label["tumors"], target)
                place, sizes = located(tumors, read, target), sized(tumors, read, target)
                counts.update(located=place, sizes=len(sizes), sizes_right=sum(sizes))
                wrong += [] if place else ["location"]
                wrong += [] if all(sizes) else ["size"]
            if wrong:
                errors.append(
                    {**label, "target": target, "label": expected, "read": status, "wrong": "+".join(wrong)}
                )
                if show:
                    print(f"\n{target} {label['file']}:{label['row']} {expected} read as {status}: {wrong}")
                    print(
                        "   labelled",
                        label["tumors"],
                        "read",
                        [(f.segments, f.diameters_mm) for f in read.of(target)],
                    )
                    for sentence in re.split(r"(?<=[.;])\s+|\n+", text):
                        if re.search(r"kidney|renal|pancrea|nephr", sentence, re.IGNORECASE):
                            print("     ", sentence)
        print(f"{target} ({', '.join(SEGMENTS[target])}), {counts['doubtful']} doubtful reports left out")
        hits = counts["tumor_tumor"]
        share("tumor reported, and read", hits, hits + counts["tumor_other"])
        share("tumor read, and reported", hits, hits + counts["other_tumor"])
        share("of these: all segments right", counts["located"], hits)
        share("of these: sizes within 1 mm", counts["sizes_right"], counts["sizes"])
        share("said to be free, and read so", counts["free_read"], counts["free"])
        share("read as free, and said so", counts["said_free_right"], counts["said_free"])
    ERRORS.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(errors).drop(columns=list(TARGETS), errors="ignore").to_csv(ERRORS, index=False)
    print(f"{len(errors)} disagreements: {ERRORS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
