"""What a report says about tumors, as validated records: what every extractor returns."""

import hashlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

Target = Literal["pancreas", "kidney"]

# The one place where targets and their structures are named; spelled as in AbdomenAtlas.
TARGETS: tuple[Target, ...] = ("pancreas", "kidney")
SEGMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"pancreas": ("head", "body", "tail"), "kidney": ("left", "right")}
)
STRUCTURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {target: tuple(f"{target}_{segment}" for segment in segments) for target, segments in SEGMENTS.items()}
)
ORGANS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"pancreas": ("pancreas",), "kidney": STRUCTURES["kidney"]}
)


class Finding(BaseModel):
    """One tumor, or one group of tumors that a report does not tell apart.

    Attributes:
        organ: The target the tumor belongs to.
        segments: Where in the organ, in the order of `SEGMENTS`; empty if the report does not say.
        diameters_mm: Current diameters, 0 to 3, largest first; of the largest tumor if `count` is not 1.
        attenuation: "hypo", "hyper", "iso", "heterogeneous", or None if not said.
        certain: False if the report doubts that there is a tumor at all (not: of which kind).
        count: Number of tumors; None if several without a number ("multiple").
        span: Character offsets of the sentence in the report.
        prior_mm: Diameters at an earlier examination, as the report quotes them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    organ: Target
    segments: tuple[str, ...] = ()
    diameters_mm: tuple[float, ...] = ()
    attenuation: str | None = None
    certain: bool = True
    count: int | None = 1
    span: tuple[int, int] = (0, 0)
    prior_mm: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Finding":
        known = SEGMENTS[self.organ]
        if list(self.segments) != [s for s in known if s in self.segments]:
            raise ValueError(f"segments must be among {known}, in this order, once; got {self.segments}")
        if len(self.diameters_mm) > 3 or any(not 0 < d < math.inf for d in self.diameters_mm):
            raise ValueError(f"diameters_mm must be at most 3 positive numbers, got {self.diameters_mm}")
        if list(self.diameters_mm) != sorted(self.diameters_mm, reverse=True):
            raise ValueError(f"diameters_mm must be sorted, largest first, got {self.diameters_mm}")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count must be at least 1 or None, got {self.count}")
        if not 0 <= self.span[0] <= self.span[1]:
            raise ValueError(f"span must be (start, end) with 0 <= start <= end, got {self.span}")
        return self

    @property
    def structures(self) -> tuple[str, ...]:
        """Structures that may hold the tumor: the named ones, or all of the organ's if none is named."""
        return tuple(f"{self.organ}_{s}" for s in self.segments or SEGMENTS[self.organ])

    @property
    def sized(self) -> bool:
        """Whether the size of every tumor of this finding is known."""
        return bool(self.diameters_mm) and self.count == 1


class ReportFindings(BaseModel):
    """Everything one extractor read in one report.

    An organ with findings is in neither list. An organ in neither list and without findings is described
    in the report (a cyst, a duct) but nothing is said about tumors.

    Attributes:
        case_id: Key of the case.
        report_sha256: Hash of the report text (UTF-8), so that stale findings are noticed.
        extractor: Who read the report.
        version: Version of the extractor's rules or prompt.
        findings: Tumors, in the order of the report.
        absent: Targets said to be free of tumor.
        unmentioned: Targets the report never names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: str
    report_sha256: str
    extractor: str
    version: str
    findings: tuple[Finding, ...] = ()
    absent: tuple[Target, ...] = ()
    unmentioned: tuple[Target, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "ReportFindings":
        named = [{f.organ for f in self.findings}, set(self.absent), set(self.unmentioned)]
        if sum(map(len, named)) != len(set().union(*named)):
            raise ValueError(
                f"{self.case_id}: an organ must be in one of findings, absent, unmentioned; "
                f"got {[sorted(n) for n in named]}"
            )
        return self

    def of(self, target: str) -> tuple[Finding, ...]:
        """Findings of one target, in the order of the report; empty if there is none."""
        return tuple(f for f in self.findings if f.organ == target)


def report_sha256(text: str) -> str:
    """Hash a report text; characters that UTF-8 cannot hold (lone surrogates) are replaced."""
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
