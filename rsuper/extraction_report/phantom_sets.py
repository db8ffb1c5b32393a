"""Reports of random findings in wordings that the rules were not written on; what each states is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType, ModuleType
from typing import Literal

import numpy as np

from rsuper.data.phantom import reports as phantom_reports
from rsuper.data.phantom.reports import CaseFacts, CystFact, TumorFact, WrittenReport, write_report
from rsuper.extraction_report.labeled import LabeledSet, case_of
from rsuper.extraction_report.wordings import first, second, third
from rsuper.reports.findings import STRUCTURES, TARGETS
from rsuper.reports.truth import Truth

SEED = 2026
# Written by one who saw neither the rules, nor the phantom's wordings, nor the other sets.
WORDINGS = MappingProxyType({"first": first, "second": second, "third": third})
_KINDS: tuple[Literal["hypo", "hyper", "heterogeneous"], ...] = ("hypo", "hyper", "heterogeneous")


def phantom_sets(number: int) -> list[LabeledSet]:
    """Write a set of so many reports per set of wordings; the same call gives the same reports."""
    return [_labeled(f"phantom_{name}", written_reports(number, words)) for name, words in WORDINGS.items()]


def written_reports(number: int, words: ModuleType, seed: int = SEED) -> list[WrittenReport]:
    """Write reports of random findings in these wordings."""
    rng = np.random.default_rng(seed)
    with _speaking(words):
        return [write_report(random_facts(i, rng), rng) for i in range(number)]


def random_facts(number: int, rng: np.random.Generator) -> CaseFacts:
    """Up to three tumors per target and up to two cysts, anywhere."""
    tumors = []
    for target in TARGETS:
        for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.5 else 0):
            axial = rng.uniform(6, 60)
            diameters = (axial, axial * rng.uniform(0.6, 1), axial * rng.uniform(0.6, 1.2))
            kind = _KINDS[int(rng.integers(3))]
            structure = STRUCTURES[target][int(rng.integers(len(STRUCTURES[target])))]
            tumors.append(TumorFact(target, structure, diameters, kind))
    places = [s for t in TARGETS for s in STRUCTURES[t]] + ["liver"]
    cysts = tuple(
        CystFact(places[int(rng.integers(6))], float(rng.uniform(5, 40))) for _ in range(rng.integers(3))
    )
    phase = ("plain", "arterial", "venous")[int(rng.integers(3))]
    return CaseFacts(f"case-{number}", phase, 60, "F", tuple(tumors), cysts, bool(rng.random() < 0.3))


@contextmanager
def _speaking(words: ModuleType) -> Iterator[None]:
    """Let the phantom's radiologists speak in other wordings.

    Exchanged from outside: the generator's code decides the seeds of the default experiment, so that an
    argument for it would ask for a new run of that.
    """
    own = phantom_reports.phrases
    phantom_reports.phrases = words
    try:
        yield
    finally:
        phantom_reports.phrases = own


def _labeled(name: str, written: list[WrittenReport]) -> LabeledSet:
    texts, truths = {}, {}
    for each in written:
        place = each.stated.case_id
        texts[place] = each.text
        truths[place] = Truth(each.stated.model_copy(update={"case_id": case_of(name, place)}))
    about = f"{len(written)} phantom reports of random findings, in wordings written apart from the rules"
    return LabeledSet(name, about, texts, truths)
