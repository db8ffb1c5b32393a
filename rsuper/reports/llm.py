"""What a language model must answer about a report, and from its answer to findings, on no trust.

An answer counts if it has the form, quotes the report for every tumor, and gives no size that the report does
not. So neither a slip of the model nor an instruction hidden in a report can put a tumor where none is told.
"""

import json
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rsuper.reports.findings import SEGMENTS, Finding, ReportFindings, Target, report_sha256

EXTRACTOR = "llm"
VERSION = "1"  # raised whenever a check changes which answers are used
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_ROUNDING_MM = 0.051
_MOST_TUMORS = 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tumor(_Strict):
    """One tumor, or a group that the report does not tell apart. Every key must be given."""

    location: list[Literal["head", "body", "tail", "left", "right"]] = Field(max_length=3)
    diameters_mm: list[float] = Field(max_length=3)
    prior_diameters_mm: list[float] = Field(max_length=3)
    count: int | None = Field(ge=1, le=100)
    attenuation: Literal["hypo", "hyper", "iso", "heterogeneous"] | None
    certain: bool
    quote: str = Field(min_length=3, max_length=400)


class Organ(_Strict):
    """What the report says of an organ."""

    status: Literal["tumor", "no_tumor", "described", "not_mentioned"]
    tumors: list[Tumor] = Field(max_length=_MOST_TUMORS)

    @model_validator(mode="after")
    def _agrees(self) -> "Organ":
        if (self.status == "tumor") != bool(self.tumors):
            raise ValueError("status 'tumor' needs tumors, and tumors need it")
        return self


class Answer(_Strict):
    """The whole answer."""

    pancreas: Organ
    kidney: Organ


class InvalidAnswerError(ValueError):
    """An answer that cannot be used; the message has nothing of the report in it."""


def answer_schema() -> dict[str, object]:
    """Return the JSON Schema of an answer, for servers that constrain what a model writes."""
    return Answer.model_json_schema()


def parse_answer(content: str) -> tuple[Answer, bool]:
    """Read an answer; say whether it had to be taken out of other text around it.

    Raises:
        InvalidAnswerError: there is no JSON in it, or not in the form asked for.
    """
    begin, end = content.find("{"), content.rfind("}")
    if begin < 0 or end < begin:
        raise InvalidAnswerError("no JSON object")
    try:
        answer = Answer.model_validate_json(content[begin : end + 1])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InvalidAnswerError(f"{where}: {first['type']}") from None
    return answer, bool(content[:begin].strip() or content[end + 1 :].strip())


def findings_of(answer: Answer, case_id: str, text: str, version: str) -> ReportFindings:
    """Turn an answer into findings, checked against the report that it is about.

    Args:
        answer: the model's.
        case_id: key of the case.
        text: the report as the model saw it.
        version: of prompt and model.

    Raises:
        InvalidAnswerError: a quote or a size is not in the report, or a location is no part of its organ.
    """
    organs: dict[Target, Organ] = {"pancreas": answer.pancreas, "kidney": answer.kidney}
    found = [_finding(target, tumor, text) for target, organ in organs.items() for tumor in organ.tumors]
    return ReportFindings(
        case_id=case_id,
        report_sha256=report_sha256(text),
        extractor=EXTRACTOR,
        version=version,
        findings=tuple(sorted(found, key=lambda finding: finding.span)),
        absent=tuple(target for target, organ in organs.items() if organ.status == "no_tumor"),
        unmentioned=tuple(target for target, organ in organs.items() if organ.status == "not_mentioned"),
    )


def _finding(target: Target, tumor: Tumor, text: str) -> Finding:
    if not set(tumor.location) <= set(SEGMENTS[target]):
        raise InvalidAnswerError(f"{target}: a location is no part of the organ")
    stated = _stated_mm(text)
    for size in (*tumor.diameters_mm, *tumor.prior_diameters_mm):
        if not any(abs(size - value) <= _ROUNDING_MM for value in stated):
            raise InvalidAnswerError(f"{target}: a size is not in the report")
    return Finding(
        organ=target,
        segments=tuple(segment for segment in SEGMENTS[target] if segment in tumor.location),
        diameters_mm=tuple(sorted(tumor.diameters_mm, reverse=True)),
        attenuation=tumor.attenuation,
        certain=tumor.certain,
        count=tumor.count,
        span=_span(target, tumor.quote, text),
        prior_mm=tuple(sorted(tumor.prior_diameters_mm, reverse=True)),
    )


def _stated_mm(text: str) -> set[float]:
    """Every number of a text, as millimeters and as centimeters; 0 is no size."""
    numbers = {float(number.replace(",", ".")) for number in _NUMBER.findall(text)} - {0.0}
    return numbers | {10 * number for number in numbers}


def _span(target: Target, quote: str, text: str) -> tuple[int, int]:
    """Find a quote in the report; blanks and case may differ."""
    words = quote.split()
    match = re.search(r"\s+".join(map(re.escape, words)), text, re.IGNORECASE) if words else None
    if match is None:
        raise InvalidAnswerError(f"{target}: a quote is not in the report")
    return match.span()


def messages(prompt: str, text: str) -> list[dict[str, str]]:
    """Return what is sent: the instructions, and the report as one JSON string, which is data."""
    return [
        {"role": "system", "content": prompt},
        {"role": "user", "content": json.dumps({"report": text}, ensure_ascii=False)},
    ]


def correction(content: str, reason: str) -> list[dict[str, str]]:
    """Return what is added after an answer that cannot be used."""
    ask = f"That answer cannot be used ({reason}). Give the corrected JSON object alone."
    return [{"role": "assistant", "content": content}, {"role": "user", "content": ask}]
