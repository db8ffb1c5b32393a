"""The case browser: pictures by run, each with its numbers in words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsuper.config.experiment import Experiment
from rsuper.publish.figures.style import set_label
from rsuper.publish.html.extremes import EACH, FALSE_ALARM
from rsuper.publish.rows import Card, label_of

TOLD = (
    f"Of every row, per tumor type over all test sets: the {EACH} tumor cases with the highest Dice, the "
    f"{EACH} with the lowest (of equals the largest tumor), and the {EACH} tumor-free CTs with the highest "
    "case score. The slice is the one with most true tumor, else most prediction; seen from below, the "
    "patient's right on the left. Dice and volumes are of the whole CT. First training seed."
)


@dataclass(frozen=True)
class RunCases:
    """The pictures of one run."""

    label: str
    budget: str
    panels: Sequence[Mapping[str, Any]]


def browse(lines: Iterable[str], experiment: Experiment, cards: Sequence[Card]) -> list[RunCases]:
    """Group the lines of case_panels.jsonl by run, in their order."""
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        found = json.loads(line)
        words = {"numbers": numbers_of(found), "set_label": set_label(found["test_set"], experiment)}
        label = label_of(found["method"], cards)
        told = (
            f"{label}, budget {found['budget']}, {found['kind']}: CT {found['case_id']} of "
            f"{words['set_label']}, {found['target']}. {words['numbers']}"
        )
        by_run.setdefault((found["budget"], found["method"]), []).append(found | words | {"told": told})
    return [RunCases(label_of(method, cards), budget, panels) for (budget, method), panels in by_run.items()]


def numbers_of(found: Mapping[str, Any]) -> str:
    """Say in words what was true, predicted and reported."""
    if found["predicted_volume_mm3"] is None:
        return found["reason"] or "no prediction"
    predicted = f"{found['predicted_volume_mm3'] / 1000:.1f} mL predicted"
    if found["kind"] == FALSE_ALARM:
        return f"No tumor, {predicted}"
    true = "" if found["truth_volume_mm3"] is None else f"{found['truth_volume_mm3'] / 1000:.1f} mL true, "
    parts = [f"Dice {found['dsc']:.2f}: {true}{predicted}"]
    if found["diameter_mm"] is not None:
        parts.append(f"report {found['diameter_mm']:.0f} mm")
    if found["ball_above_mm"] is not None:
        side = "above" if found["ball_above_mm"] > 0 else "below"
        parts.append(f"ball {abs(found['ball_above_mm']):.0f} mm {side} the slice")
    return "; ".join(parts)
