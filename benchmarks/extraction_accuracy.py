"""How well and how fast our rules read reports in wordings written apart from them; and texts of no sense.

    PYTHONPATH=. python benchmarks/extraction_accuracy.py [--wordings second] [--reports 2000] [--fuzz 100000]

Reports are the phantom's, of random findings, in wordings written apart from the extractor, from the
phantom's own and from each other (benchmarks/extraction/). What each report states is known, so a miss is one
of extraction.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Literal

import numpy as np

from benchmarks.extraction import wordings, wordings_second, wordings_third
from rsuper.data.phantom import reports as phantom_reports
from rsuper.data.phantom.reports import CaseFacts, CystFact, TumorFact, WrittenReport, write_report
from rsuper.reports.accuracy import compare_cases
from rsuper.reports.extract import extract
from rsuper.reports.findings import STRUCTURES, TARGETS, ReportFindings
from rsuper.stats.interval import wilson_interval

SEED = 2026
KINDS: tuple[Literal["hypo", "hyper", "heterogeneous"], ...] = ("hypo", "hyper", "heterogeneous")
WORDINGS = {"first": wordings, "second": wordings_second, "third": wordings_third}
SIZE_MM = 1.0
# The longest text that a fuzzed report has; real ones are cut at 20,000 before a language model reads them.
LONGEST = 400


def random_facts(number: int, rng: np.random.Generator) -> CaseFacts:
    """Up to three tumors per target and up to two cysts, anywhere."""
    tumors = []
    for target in TARGETS:
        for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.5 else 0):
            axial = rng.uniform(6, 60)
            diameters = (axial, axial * rng.uniform(0.6, 1), axial * rng.uniform(0.6, 1.2))
            kind = KINDS[int(rng.integers(3))]
            structure = STRUCTURES[target][int(rng.integers(len(STRUCTURES[target])))]
            tumors.append(TumorFact(target, structure, diameters, kind))
    places = [s for t in TARGETS for s in STRUCTURES[t]] + ["liver"]
    cysts = tuple(
        CystFact(places[int(rng.integers(6))], float(rng.uniform(5, 40))) for _ in range(rng.integers(3))
    )
    phase = ("plain", "arterial", "venous")[int(rng.integers(3))]
    return CaseFacts(f"case-{number}", phase, 60, "F", tuple(tumors), cysts, bool(rng.random() < 0.3))


@contextmanager
def speaking(words: ModuleType) -> Iterator[None]:
    """Let the phantom's radiologists speak in other wordings."""
    own = phantom_reports.phrases
    phantom_reports.phrases = words
    try:
        yield
    finally:
        phantom_reports.phrases = own


def written_reports(number: int, words: ModuleType, seed: int = SEED) -> list[WrittenReport]:
    """Write reports of random findings in these wordings."""
    rng = np.random.default_rng(seed)
    with speaking(words):
        return [write_report(random_facts(i, rng), rng) for i in range(number)]


def sizes_read(stated: ReportFindings, read: ReportFindings, target: str) -> list[bool]:
    """Per tumor with a stated size: is there a finding of the target with these diameters within 1 mm?"""
    left = [f.diameters_mm for f in read.of(target)]
    result = []
    for finding in stated.of(target):
        if not finding.diameters_mm:
            continue
        same = next((d for d in left if _near(d, finding.diameters_mm)), None)
        if same is not None:
            left.remove(same)
        result.append(same is not None)
    return result


def _near(first: Sequence[float], second: Sequence[float]) -> bool:
    return len(first) == len(second) and all(
        abs(a - b) <= SIZE_MM for a, b in zip(first, second, strict=True)
    )


def accuracy(written: Sequence[WrittenReport], read: Sequence[ReportFindings]) -> dict[str, Counter[str]]:
    """Count, per target, what was stated, read and right."""
    counts: dict[str, Counter[str]] = {target: Counter() for target in TARGETS}
    for comparison in compare_cases([w.stated for w in written], read):
        count = counts[comparison.target]
        count["located"] += bool(comparison.segments)
        count["stated"] += comparison.segments is not None
    for report, found in zip(written, read, strict=True):
        for target, count in counts.items():
            stated, tumors = bool(report.stated.of(target)), bool(found.of(target))
            count["read"] += tumors
            count["hits"] += stated and tumors
            sizes = sizes_read(report.stated, found, target)
            count["sizes"] += len(sizes)
            count["sizes_right"] += sum(sizes)
    return counts


def fuzzed(number: int, seed: int = SEED) -> Iterator[str]:
    """Yield texts that no radiologist writes: pieces of reports, markup, other scripts, control codes."""
    rng = random.Random(seed)
    report = (
        "mass|lesions|in the|pancreatic head|left kidney|2.3 x 1.8 cm|23 mm|no|cyst|and|:|IMPRESSION:|\n\n|."
    )
    other = "HISTORY:|(|)|<b>|</|{{|\x00|\x1b[0m|\ud800|\u202e|腎臓に腫瘤|опухоль|ورم|0 x 0|1e9 cm|-5 mm|,,,"
    pieces = f"{report}|{other}".split("|")
    for index in range(number):
        kind = index % 4
        if kind == 0:
            yield "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randrange(LONGEST)))
        elif kind == 1:
            yield " ".join(rng.choices(pieces, k=rng.randrange(60)))
        elif kind == 2:
            yield "".join(rng.choices(pieces, k=rng.randrange(60)))
        else:
            yield rng.choice(pieces) * rng.randrange(LONGEST)


def share(name: str, right: int, of: int) -> None:
    """Print a share with its Wilson interval."""
    interval = wilson_interval(right, of)
    print(f"  {name:<34} {right / of:6.3f}  [{interval.low:.3f}, {interval.high:.3f}]  {right}/{of}")


def main() -> None:
    """Read, compare, print; then time and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wordings", choices=sorted(WORDINGS), default="first")
    parser.add_argument("--reports", type=int, default=2000)
    parser.add_argument("--fuzz", type=int, default=100_000)
    parser.add_argument("--show", type=int, default=0, help="reports that are not read as they are stated")
    options = parser.parse_args()
    written = written_reports(options.reports, WORDINGS[options.wordings])
    start = time.process_time()
    read = [extract(w.stated.case_id, w.text) for w in written]
    seconds = time.process_time() - start
    for target, count in accuracy(written, read).items():
        print(f"{target}, {options.wordings} wordings")
        share("tumor stated, and read", count["hits"], count["stated"])
        share("tumor read, and stated", count["hits"], count["read"])
        share("all places of an organ right", count["located"], count["stated"])
        share("stated size read within 1 mm", count["sizes_right"], count["sizes"])
    wrong = [c for c in compare_cases([w.stated for w in written], read) if not c.presence or not c.segments]
    texts = {w.stated.case_id: w for w in written}
    found = {r.case_id: r for r in read}
    for miss in [w for w in wrong if w.segments is not None or not w.presence][: options.show]:
        print(
            f"\n{miss}\n{texts[miss.case_id].text}\n  stated {_told(texts[miss.case_id].stated, miss.target)}"
        )
        print(f"  read   {_told(found[miss.case_id], miss.target)}")
    print(f"{len(written) / seconds:.0f} reports a second on one core")
    for text in fuzzed(options.fuzz):
        ReportFindings.model_validate(extract("a", text).model_dump())
    print(f"{options.fuzz} fuzzed texts: none raised, all records valid")


def _told(report: ReportFindings, target: str) -> list[tuple[tuple[str, ...], tuple[float, ...], int | None]]:
    return [(f.segments, f.diameters_mm, f.count) for f in report.of(target)]


if __name__ == "__main__":
    main()
