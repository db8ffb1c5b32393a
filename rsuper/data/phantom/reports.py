"""Radiology reports of phantom cases: from what is in a case to what its radiologist writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rsuper.data.phantom import phrases
from rsuper.reports.findings import SEGMENTS, STRUCTURES, TARGETS, Finding, ReportFindings, report_sha256

# A duct, a stone and a kidney as reports measure them: (smallest, largest), evenly drawn.
_DUCT_MM = (5, 9)
_STONE_MM = (2, 7)
_KIDNEY_MM = (95, 125)
_PRIOR_FACTOR = (0.6, 0.95)
# How the wordings name a target: a history that asks for an organ outside the field of view is not written.
_WORDS = {"pancreas": ("pancrea",), "kidney": ("renal", "kidney")}


@dataclass(frozen=True)
class TumorFact:
    """A tumor as it is: longest axial, perpendicular axial and craniocaudal diameter, before any noise."""

    target: str
    structure: str
    diameters_mm: tuple[float, float, float]
    attenuation: Literal["hypo", "hyper", "heterogeneous"]

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES.get(self.target, ()):
            raise ValueError(f"structure must belong to target {self.target!r}, got {self.structure!r}")
        if len(self.diameters_mm) != 3 or not all(0 < d < np.inf for d in self.diameters_mm):
            raise ValueError(f"diameters_mm must be three positive numbers, got {self.diameters_mm}")


@dataclass(frozen=True)
class CystFact:
    """A simple cyst in a structure of a target, or in the "liver"."""

    structure: str
    diameter_mm: float


@dataclass(frozen=True)
class CaseFacts:
    """Everything a report of a case may speak of; sex is "F" or "M", phase plain, arterial or venous."""

    case_id: str
    phase: str
    age: int
    sex: str
    tumors: tuple[TumorFact, ...]
    cysts: tuple[CystFact, ...]
    dilated_duct: bool
    examined: tuple[str, ...] = TARGETS  # organs in the field of view: of others a report says nothing

    def __post_init__(self) -> None:
        outside = {tumor.target for tumor in self.tumors} - set(self.examined)
        if not self.examined or not set(self.examined) <= set(TARGETS) or outside:
            raise ValueError(
                f"examined must be among {TARGETS} and hold every tumor's target, got {self.examined}"
            )


@dataclass(frozen=True)
class ReportStyle:
    """How a hospital's radiologists write: shares of reports or tumors, between 0 and 1.

    Attributes:
        diameter_shares: Of one, two and three diameters among tumors with a size.
        diameter_noise: Standard deviation of the logarithm of each stated diameter.
        unsized: Tumors without size (the paper: fewer than 11 %).
        without_segment: Pancreatic tumors of which only the organ is named.
        with_prior: Sized tumors whose earlier size is quoted.
        in_cm: Reports that measure in cm.
        without_attenuation: Tumors whose attenuation is not described.
        with_stone: Reports of a kidney stone.
        with_kidney_length: Reports that measure the kidneys.
        sized_summary: Sized tumors whose size stands in the impression, too.
    """

    diameter_shares: tuple[float, float, float] = (0.4, 0.4, 0.2)
    diameter_noise: float = 0.08
    unsized: float = 0.10
    without_segment: float = 0.08
    with_prior: float = 0.10
    in_cm: float = 0.5
    without_attenuation: float = 0.2
    with_stone: float = 0.15
    with_kidney_length: float = 0.2
    sized_summary: float = 0.5


@dataclass(frozen=True)
class WrittenReport:
    """A report and what it states, which differs from the facts by noise and omission."""

    text: str
    stated: ReportFindings


def write_report(
    facts: CaseFacts, rng: np.random.Generator, style: ReportStyle | None = None
) -> WrittenReport:
    """Write a report with history, technique, findings and impression.

    The same facts and generator state give the same text. A target without tumors is always said to be free
    if it was examined, and is not mentioned at all if it was not. Style None is the default style.
    """
    writer = _Writer(rng, style or ReportStyle())
    writer.in_cm = writer.happens(writer.style.in_cm)
    stated = [writer.state(t) for t in facts.tumors]
    told = [writer.tumor(f, stated[:i]) for i, f in enumerate(stated)]
    organs = [
        tell(facts, stated, told)
        for target, tell in (("pancreas", writer.pancreas), ("kidney", writer.kidneys))
        if target in facts.examined
    ]
    blocks = [*organs, *writer.elsewhere(facts)]
    body = " ".join(blocks[i] for i in rng.permutation(len(blocks)))
    text = "\n".join(
        (
            f"HISTORY: {writer.history(facts)}",
            f"TECHNIQUE: {phrases.PHASES.get(facts.phase, phrases.PHASES['venous'])}",
            f"FINDINGS: {body}",
            f"IMPRESSION: {writer.impression(facts, stated)}",
        )
    )
    spans = [(text.index(t), text.index(t) + len(t)) for t in told]
    findings = tuple(f.model_copy(update={"span": s}) for f, s in zip(stated, spans, strict=True))
    free = tuple(t for t in TARGETS if t in facts.examined and all(f.organ != t for f in findings))
    return WrittenReport(
        text,
        ReportFindings(
            case_id=facts.case_id,
            report_sha256=report_sha256(text),
            extractor="phantom",
            version="1",
            findings=findings,
            absent=free,
            unmentioned=tuple(t for t in TARGETS if t not in facts.examined),
        ),
    )


class _Writer:
    """One report in the making: the generator, the style and the unit of this report."""

    def __init__(self, rng: np.random.Generator, style: ReportStyle) -> None:
        self.rng, self.style, self.in_cm = rng, style, False

    def happens(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, options: Sequence[str]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def state(self, tumor: TumorFact) -> Finding:
        """Decide what the report will say of a tumor."""
        noise = np.exp(self.rng.normal(0.0, self.style.diameter_noise, 3))
        noisy = [max(1.0, float(round(d * n))) for d, n in zip(tumor.diameters_mm, noise, strict=True)]
        number = 1 + int(self.rng.choice(3, p=self.style.diameter_shares))
        diameters = () if self.happens(self.style.unsized) else tuple(sorted(noisy[:number], reverse=True))
        anywhere = tumor.target == "pancreas" and self.happens(self.style.without_segment)
        prior: tuple[float, ...] = ()
        if diameters and self.happens(self.style.with_prior):
            prior = (max(1.0, float(round(diameters[0] * self.rng.uniform(*_PRIOR_FACTOR)))),)
        return Finding(
            organ=tumor.target,
            segments=() if anywhere else (tumor.structure.removeprefix(f"{tumor.target}_"),),
            diameters_mm=diameters,
            attenuation=None if self.happens(self.style.without_attenuation) else tumor.attenuation,
            prior_mm=prior,
        )

    def tumor(self, finding: Finding, before: Sequence[Finding]) -> str:
        """Tell one tumor; the second of an organ is "another" one."""
        again = any(f.organ == finding.organ for f in before)
        noun = self.pick(phrases.NOUNS)
        words = () if finding.attenuation is None else (self.pick(phrases.ATTENUATION[finding.attenuation]),)
        kind, place = " ".join((*words, noun)), _place(finding)
        templates: Sequence[str] = phrases.TUMOR_SIZED if finding.diameters_mm else phrases.TUMOR_UNSIZED
        size = self.size(finding.diameters_mm)
        a_size = f"{'another' if again else _article(size)} {size}"
        if finding.prior_mm:
            # A size with its prior cannot stand before the noun.
            templates = tuple(t for t in templates if "{a_size}" not in t)
            size = self.pick(phrases.PRIOR).format(size=size, prior=self.size(finding.prior_mm))
        article = self.pick(("a second", "another", "an additional")) if again else _article(kind)
        a_kind, short = f"{article} {kind}", phrases.SHORT[place]
        return self.pick(templates).format(
            size=size,
            a_size=a_size,
            kind=kind,
            plain=kind,
            a_kind=a_kind,
            A_kind=_capital(a_kind),
            where=self.pick(phrases.WHERE[place]),
            Short=_capital(f"additional {short}" if again else short),
        )

    def pancreas(self, facts: CaseFacts, stated: Sequence[Finding], told: Sequence[str]) -> str:
        parts = [t for f, t in zip(stated, told, strict=True) if f.organ == "pancreas"]
        if facts.dilated_duct:
            parts.append(self.pick(phrases.DUCT).format(size=self.length(_DUCT_MM)))
        elif self.happens(0.3):
            parts.append(phrases.DUCT_NORMAL)
        parts += [self.cyst(c) for c in facts.cysts if c.structure in STRUCTURES["pancreas"]]
        if not any(f.organ == "pancreas" for f in stated):
            parts.insert(0, self.pick(phrases.FREE["pancreas"]))
        elif self.happens(0.5):
            parts.append(self.pick(phrases.REST_OF_PANCREAS))
        return " ".join(parts)

    def kidneys(self, facts: CaseFacts, stated: Sequence[Finding], told: Sequence[str]) -> str:
        parts = [t for f, t in zip(stated, told, strict=True) if f.organ == "kidney"]
        sides = {s for f in stated if f.organ == "kidney" for s in f.segments}
        if not sides:
            parts.append(self.pick(phrases.FREE["kidney"]))
        elif len(sides) == 1 and self.happens(0.7):
            other = next(s for s in SEGMENTS["kidney"] if s not in sides)
            parts.append(self.pick(phrases.OTHER_KIDNEY).format(side=other))
        parts += [self.cyst(c) for c in facts.cysts if c.structure in STRUCTURES["kidney"]]
        if self.happens(self.style.with_stone):
            where = self.pick(phrases.WHERE[self.pick(STRUCTURES["kidney"])])
            parts.append(_sized(self.pick(phrases.STONE), self.length(_STONE_MM), where))
        if self.happens(self.style.with_kidney_length):
            parts += [
                phrases.KIDNEY_LENGTH.format(side=side, size=self.length(_KIDNEY_MM))
                for side in SEGMENTS["kidney"]
            ]
        return " ".join(parts)

    def elsewhere(self, facts: CaseFacts) -> list[str]:
        chosen = self.rng.permutation(len(phrases.ELSEWHERE))[: int(self.rng.integers(2, 7))]
        cysts = [self.cyst(c) for c in facts.cysts if c.structure == "liver"]
        return [phrases.ELSEWHERE[i] for i in chosen] + cysts

    def cyst(self, cyst: CystFact) -> str:
        size = self.size((max(1.0, float(round(cyst.diameter_mm))),))
        return _sized(self.pick(phrases.CYST), size, self.pick(phrases.WHERE[cyst.structure]))

    def history(self, facts: CaseFacts) -> str:
        person = phrases.PERSONS.get(facts.sex, "patient")
        others = [word for target in TARGETS if target not in facts.examined for word in _WORDS[target]]
        options = [text for text in phrases.HISTORY if not any(word in text for word in others)]
        return self.pick(options).format(age=facts.age, person=person)

    def impression(self, facts: CaseFacts, stated: Sequence[Finding]) -> str:
        lines: list[str] = []
        for target in (t for t in TARGETS if t in facts.examined):
            found = [f for f in stated if f.organ == target]
            if not found:
                lines.append(self.pick(phrases.SUMMARY_FREE[target]))
            elif len(found) > 1 and self.happens(0.4):
                number = phrases.NUMBERS.get(len(found), "Multiple")
                lines.append(self.pick(phrases.SUMMARY_SEVERAL[target]).format(n=number))
            else:
                lines += [self.summary(f) for f in found]
        order = [lines[i] for i in self.rng.permutation(len(lines))]
        if self.happens(0.5):
            return "\n" + "\n".join(f"{i}. {line}" for i, line in enumerate(order, 1))
        return " ".join(order)

    def summary(self, finding: Finding) -> str:
        place = _place(finding)
        sized = bool(finding.diameters_mm) and self.happens(self.style.sized_summary)
        plain = self.pick(phrases.NOUNS)
        return self.pick(phrases.SUMMARY).format(
            A_plain=_capital(f"{_article(plain)} {plain}"),
            plain=plain,
            where=self.pick(phrases.WHERE[place]),
            Short=_capital(phrases.SHORT[place]),
            comma_size=f", {self.size(finding.diameters_mm)}" if sized else "",
            diagnosis=self.pick(phrases.DIAGNOSIS[finding.organ]),
        )

    def length(self, bounds_mm: tuple[int, int]) -> str:
        return self.size((float(self.rng.integers(bounds_mm[0], bounds_mm[1] + 1)),))

    def size(self, diameters_mm: Sequence[float]) -> str:
        """Write diameters in the report's unit; empty for none."""
        numbers = [f"{d / 10:.1f}" if self.in_cm else f"{d:.0f}" for d in diameters_mm]
        unit = "cm" if self.in_cm else "mm"
        styles = [f"{' x '.join(numbers)} {unit}", " x ".join(f"{n} {unit}" for n in numbers)]
        if not self.in_cm:
            styles.append(f"{'x'.join(numbers)}{unit}")
        return self.pick(styles) if numbers else ""


def _place(finding: Finding) -> str:
    return finding.structures[0] if finding.segments else finding.organ


def _sized(template: str, size: str, where: str) -> str:
    a_size = f"{_article(size)} {size}"
    return template.format(size=size, where=where, a_size=a_size, A_size=_capital(a_size))


def _article(words: str) -> str:
    return "an" if words[:1] in tuple("aeiou8") or words.startswith(("11", "18")) else "a"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
