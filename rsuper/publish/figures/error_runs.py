"""Which runs make extraction errors on purpose, and how often; light, as the Snakefile imports it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsuper.config.experiment import Experiment
from rsuper.config.load import parse
from rsuper.publish.figures.shown_runs import Run
from rsuper.publish.rows import Card
from rsuper.reports.errors_made import ErrorRates


@dataclass(frozen=True)
class MadeError:
    """One kind of error, a key of `ErrorRates`, and its rate."""

    kind: str
    rate: float


def made_error(method: str, experiment: Experiment, cards: Sequence[Card]) -> MadeError | None:
    """Return the error of a variant of the reference method that differs from it in one kind of error alone.

    None for any other method, and for variants with several kinds of error or with other settings.

    Raises:
        ConfigError: the card's rates are no `ErrorRates`.
    """
    folder, _, variant = method.partition("-")
    card = next((card for card in cards if card.name == folder), None)
    if card is None or folder != experiment.evaluation.reference:
        return None
    settings = card.variants.get(variant)
    if not isinstance(settings, Mapping) or set(settings) != {"errors"}:
        return None
    rates = parse(ErrorRates, settings["errors"], f"errors of variant '{method}'")
    made = [MadeError(kind, rate) for kind, rate in rates.model_dump().items() if rate > 0]
    return made[0] if len(made) == 1 else None


def error_runs(runs: Sequence[Run], experiment: Experiment, cards: Sequence[Card]) -> list[Run]:
    """Keep the runs with one kind of error, in the experiment's order.

    Raises:
        ConfigError: as `made_error`.
    """
    return [run for run in runs if made_error(run[1], experiment, cards) is not None]
