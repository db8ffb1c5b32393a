"""docs/deviations.md: the head, written by hand, and what the method cards say. `make docs` writes it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rsuper.artifacts import read_table, write_atomically
from rsuper.config.load import load_experiment
from rsuper.methods import Card, available
from rsuper.schemas import COMPARISONS

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
CONFIGS = DOCS.parent / "config"
HEAD = "deviations_head.md"
FILE = "deviations.md"


MEASURED = DOCS.parent / "results" / "reference" / "variants" / "comparisons.csv"


def effects_markdown(comparisons: pd.DataFrame) -> str:
    """Write what R-Super is above its variants, one row per variant, budget, target and test set.

    Args:
        comparisons: columns of COMPARISONS.
    """
    kept = comparisons[(comparisons["stratum"] == "all") & comparisons["other"].str.startswith("r_super-")]
    kept = kept[
        (kept["metric"] == "auc") | ((kept["metric"] == "dsc") & (kept["convention"] == "tumor_cases"))
    ]
    numbers = ("difference", "ci_low", "ci_high")
    keys = ["other", "budget", "target", "test_set"]
    lines = ["| variant | budget | target | test set | AUC | DSC of tumor CTs |", "|---|---|---|---|---|---|"]
    for key, rows in kept.groupby(keys, sort=True):
        cells = {
            row["metric"]: "{:+.1f} ({:+.1f} to {:+.1f})".format(
                *(100 * float(row[name]) for name in numbers)
            )
            for row in rows.to_dict("records")
        }
        lines.append(f"| {' | '.join(map(str, key))} | {cells.get('auc', '')} | {cells.get('dsc', '')} |")
    return "\n".join(lines)


def deviations_markdown(head: str, cards: Mapping[str, Card], effects: str = "") -> str:
    """Write the deviations of every method below the head, methods by name and points in the card's order.

    A card without deviations has no section; no cards give the head alone. `{effects}` in the head is
    replaced by the effects.
    """
    sections = [
        "\n".join([f"### {card.label} (`{name}`)", "", *(f"- {point}" for point in card.deviations)])
        for name, card in sorted(cards.items())
        if card.deviations
    ]
    return "\n\n".join([head.strip().replace("{effects}", effects), *sections]) + "\n"


def of_the_suite(cards: Mapping[str, Card], configs: Path = CONFIGS) -> dict[str, Card]:
    """Return the cards of the methods that an experiment file of the suite names; other folders are drafts.

    Raises:
        ConfigError: an experiment file is wrong.
    """
    experiments = [load_experiment(path) for path in sorted(configs.glob("*.yaml"))]
    rows = {
        name
        for experiment in experiments
        for names in (experiment.all_controls, *(budget.methods for budget in experiment.budgets.values()))
        for name in names
    }
    named = {name.partition("-")[0] for name in rows}
    return {name: card for name, card in cards.items() if name in named}


def main() -> None:
    """Write docs/deviations.md anew."""
    effects = effects_markdown(read_table(MEASURED, COMPARISONS))
    cards = of_the_suite(available())
    text = deviations_markdown((DOCS / HEAD).read_text(encoding="utf-8"), cards, effects)
    write_atomically(DOCS / FILE, lambda path: path.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
