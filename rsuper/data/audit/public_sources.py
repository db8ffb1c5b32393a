"""Which public data sets hold the same patients, as far as that is known."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class PublicSource:
    """A public data set: how it is recognized, and what it was made from."""

    name: str
    named: str  # pattern in the name of a data set of an experiment
    ids: str | None = None  # pattern of a whole id, where no other data set has such ids
    contains: frozenset[str] = frozenset()
    several_cts: bool = False  # whether patients are known to have several CTs


# PanTS' own table of sites shows the centers of MSD (966 cases of Memorial Sloan Kettering), KiTS (665 of
# Minnesota) and TotalSegmentator (1,229 of Basel). AbdomenAtlas' repository lists what it was made from. 194
# cases of PANORAMA are MSD's and 80 Pancreas-CT's, as its site says; the labeled CTs of FLARE22 are MSD's,
# and MSD's liver CTs LiTS'. KiTS19, 21 and 23 name their patients alike.
SOURCES = (
    PublicSource(
        "AbdomenAtlas",
        "abdomen_?atlas|radgpt",  # not by its ids: R-Super's tools give BDMAP ids to any data set
        contains=frozenset(
            {
                "MSD",
                "KiTS",
                "LiTS",
                "Pancreas-CT",
                "AMOS",
                "BTCV",
                "CHAOS",
                "AbdomenCT-1K",
                "TotalSegmentator",
            }
        ),
    ),
    PublicSource("PanTS", "pants", r"PanTS_\d+", frozenset({"MSD", "KiTS", "TotalSegmentator"})),
    PublicSource("PANORAMA", "panorama", contains=frozenset({"MSD", "Pancreas-CT"})),
    PublicSource("FLARE", r"flare(2\d)?", r"FLARE\d\d_\w+", frozenset({"MSD"})),
    PublicSource("AbdomenCT-1K", "abdomenct_?1k", contains=frozenset({"MSD", "KiTS", "LiTS", "Pancreas-CT"})),
    PublicSource("MSD", "msd|decathlon|task0[37]", contains=frozenset({"LiTS"})),
    PublicSource("KiTS", r"kits(19|21|23)?"),
    PublicSource("LiTS", "lits"),
    PublicSource("Pancreas-CT", "pancreas_ct|nih_pancreas"),
    PublicSource("AMOS", "amos(22)?"),
    PublicSource("BTCV", "btcv"),
    PublicSource("CHAOS", "chaos"),
    PublicSource("TotalSegmentator", "total_?segmentator"),
    PublicSource("Merlin", "merlin(_?plus)?", several_cts=True),
    PublicSource("CT-RATE", "ct_?rate", r"(train|valid)_\d+_[a-z]+_\d+", several_cts=True),
)


def recognized(names: Iterable[str], ids: Iterable[str]) -> list[PublicSource]:
    """Return the public data sets that a data set of an experiment seems to be, in the order of SOURCES.

    Args:
        names: what the experiment calls it.
        ids: of its cases, as in their source; a pattern counts where more than half of them follow it.
    """
    spoken, known = [name.lower().replace("-", "_") for name in names], list(ids)
    return [
        source
        for source in SOURCES
        if any(re.search(rf"(?<![a-z])({source.named})(?![a-z])", name) for name in spoken)
        or (source.ids and 2 * sum(bool(re.fullmatch(source.ids, i)) for i in known) > len(known))
    ]


def shared_sources(one: Iterable[PublicSource], other: Iterable[PublicSource]) -> list[str]:
    """Return the names of public data sets whose patients both may hold, sorted."""
    return sorted(_closure(one) & _closure(other))


def _closure(sources: Iterable[PublicSource]) -> set[str]:
    found, pending = set(), {source.name for source in sources}
    contents = {source.name: source.contains for source in SOURCES}
    while pending:
        name = pending.pop()
        found.add(name)
        pending |= contents[name] - found
    return found
