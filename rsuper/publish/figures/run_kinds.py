"""How the run kinds of one figure are called and drawn: every one in a color of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from rsuper.config.experiment import Experiment
from rsuper.publish.figures import style
from rsuper.publish.figures.style import BASELINE, Look
from rsuper.publish.rows import Card, label_of


@dataclass(frozen=True)
class Kind:
    """How a run kind is called and drawn."""

    label: str
    look: Look


def kinds_of(methods: Sequence[str], experiment: Experiment, cards: Sequence[Card]) -> dict[str, Kind]:
    """Give every method its name and look: as in the other figures, but no color twice.

    A method whose color another one or segmentation has (such as a control's, which other figures leave out)
    gets one that none of them uses, while there is one.
    """
    usual = {method: style.look(method, experiment) for method in methods}
    taken = {style.look(BASELINE, experiment).color}
    free = [
        look for look in style.LOOKS if look.color not in {*taken, *(own.color for own in usual.values())}
    ]
    kinds = {}
    for method, look in usual.items():
        chosen = free.pop(0) if look.color in taken and free else look
        taken.add(chosen.color)
        kinds[method] = Kind(label_of(method, cards), chosen)
    return kinds
