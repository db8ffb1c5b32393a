"""docs/deviations.md: the head, written by hand, and what the method cards say. `make docs` writes it."""

from collections.abc import Mapping
from pathlib import Path

from rsuper.artifacts import write_atomically
from rsuper.methods import Card, available

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
HEAD = "deviations_head.md"
FILE = "deviations.md"


def deviations_markdown(head: str, cards: Mapping[str, Card]) -> str:
    """Write the deviations of every method below the head, methods by name and points in the card's order.

    A card without deviations has no section; no cards give the head alone.
    """
    sections = [
        "\n".join([f"### {card.label} (`{name}`)", "", *(f"- {point}" for point in card.deviations)])
        for name, card in sorted(cards.items())
        if card.deviations
    ]
    return "\n\n".join([head.strip(), *sections]) + "\n"


def main() -> None:
    """Write docs/deviations.md anew."""
    text = deviations_markdown((DOCS / HEAD).read_text(encoding="utf-8"), available())
    write_atomically(DOCS / FILE, lambda path: path.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
