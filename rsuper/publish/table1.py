"""Table 1: what each training paradigm learns from."""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import pandas as pd

from rsuper.errors import MethodError
from rsuper.publish.rows import NOT_IMPLEMENTED, Card, label_of

DERIVED = ("uses_unannotated_cts", "uses_reports", "uses_detailed_report_info")
DECLARED = ("reports_optimize_segmentation", "reports_penalize_fp_fn")
TICKS = (*DERIVED, *DECLARED)


def table1(cards: Sequence[Card]) -> pd.DataFrame:
    """Make Table 1: the paper's rows first, then further methods; controls are not paradigms.

    The first three ticks follow from what a method may see, so a card cannot claim them; the last two are
    about its loss and are declared. `differs_from_paper` names the ticks that the paper has otherwise.

    Returns:
        method, label, status, the five ticks (yes, no; blank where the method is not there),
        differs_from_paper.

    Raises:
        MethodError: a card has no ticks, or declares a derived one otherwise than it follows.

    Source: Tab. 1.
    """
    found = {card.name: card for card in cards if card.control is None}
    names = dict.fromkeys([*_paper_ticks().index, *found])
    rows = [_row(name, found.get(name), cards) for name in names]
    return pd.DataFrame(rows, columns=["method", "label", "status", *TICKS, "differs_from_paper"])


def ticks(card: Card) -> dict[str, bool]:
    """Return the five ticks of a card.

    A CT whose report is used is an unannotated CT that is used. Detailed information is size, count and
    place: a method that reads the whole text or the extracted details has it; one that reads presence or a
    count has not.

    Raises:
        MethodError: see `table1`.
    """
    reports = card.uses.reports
    derived = {
        "uses_unannotated_cts": card.uses.all_images or reports != "none",
        "uses_reports": reports != "none",
        "uses_detailed_report_info": reports in ("text", "details"),
    }
    if card.table1 is None:
        raise MethodError(f"method '{card.name}': the card lacks table1; declare its five ticks")
    for name, value in derived.items():
        declared = getattr(card.table1, name)
        if declared != value:
            raise MethodError(
                f"method '{card.name}': table1.{name} is {declared}, but from 'uses' follows "
                f"{value}; correct one of them"
            )
    return derived | {name: bool(getattr(card.table1, name)) for name in DECLARED}


def _row(name: str, card: Card | None, cards: Sequence[Card]) -> dict[str, str]:
    start = {"method": name, "label": label_of(name, cards)}
    if card is None:
        return start | {"status": NOT_IMPLEMENTED} | dict.fromkeys((*TICKS, "differs_from_paper"), "")
    ours = {tick: "yes" if value else "no" for tick, value in ticks(card).items()}
    paper = _paper_ticks()
    differs = [tick for tick in TICKS if name in paper.index and paper.loc[name, tick] != ours[tick]]
    return start | {"status": "implemented"} | ours | {"differs_from_paper": " ".join(differs)}


@cache
def _paper_ticks() -> pd.DataFrame:
    with resources.files("rsuper.publish").joinpath("paper/table1.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, index_col="method")
