"""A set of reports of which it is known what they say."""

from collections.abc import Mapping
from dataclasses import dataclass

from rsuper.reports.truth import Truth


@dataclass(frozen=True)
class LabeledSet:
    """Reports with their truths.

    Attributes:
        name: Of the set.
        about: What its reports are, in one sentence.
        texts: Report by its place: a number, or file and data row. Never written anywhere.
        truths: What each says, by the same places; the case id is the set's name and the place.
    """

    name: str
    about: str
    texts: Mapping[str, str]
    truths: Mapping[str, Truth]

    def __post_init__(self) -> None:
        if self.texts.keys() != self.truths.keys():
            raise ValueError(f"{self.name}: texts and truths must be of the same reports")


def case_of(name: str, place: str) -> str:
    """Give the case id of a report of a set."""
    return f"{name}/{place}"
