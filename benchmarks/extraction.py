"""How fast our rules read, whether any text makes them fail, and what one phantom report says.

    python benchmarks/extraction.py [--reports 2000] [--fuzz 100000]
    python benchmarks/extraction.py --show phantom_second case-17

How well they read: `make extraction_report`. Its disagreements.csv names reports: a phantom's is shown by
--show, a real one stands in the file and data row (from 0) that it is named by.
"""

import argparse
import random
import time
from collections.abc import Iterator

from rsuper.extraction_report.phantom_sets import SEED, phantom_sets
from rsuper.reports.extract import extract
from rsuper.reports.findings import ReportFindings

# The longest text that a fuzzed report has; real ones are cut at 20,000 before a language model reads them.
LONGEST = 400


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


def show(reports: int, name: str, case: str) -> None:
    """Print a phantom report, what it states and what our rules read in it."""
    labeled = {each.name: each for each in phantom_sets(reports)}[name]
    print(labeled.texts[case])
    for title, found in (
        ("stated", labeled.truths[case].report),
        ("read", extract(case, labeled.texts[case])),
    ):
        print(f"\n{title}: absent {found.absent}, unmentioned {found.unmentioned}")
        for finding in found.findings:
            print(f"  {finding.model_dump(exclude_defaults=True, exclude={'span'})}")


def main() -> None:
    """Time and fuzz, or show one report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reports", type=int, default=2000, help="per set, as in the experiment file")
    parser.add_argument("--fuzz", type=int, default=100_000, help="texts of no sense")
    parser.add_argument("--show", nargs=2, metavar=("SET", "CASE"), help="print this phantom report")
    options = parser.parse_args()
    if options.show:
        show(options.reports, *options.show)
        return
    for labeled in phantom_sets(options.reports):
        start = time.process_time()
        for case, text in labeled.texts.items():
            extract(case, text)
        seconds = time.process_time() - start
        print(f"{labeled.name}: {len(labeled.texts) / seconds:.0f} reports a second on one core")
    for text in fuzzed(options.fuzz):
        ReportFindings.model_validate(extract("a", text).model_dump())
    print(f"{options.fuzz} fuzzed texts: none raised, all records valid")


if __name__ == "__main__":
    main()
