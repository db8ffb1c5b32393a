import pytest
from long_forms import Card, Ticks, Uses, make_experiment

from rsuper.config.experiment import Experiment


@pytest.fixture
def experiment() -> Experiment:
    return make_experiment()


@pytest.fixture
def cards() -> list[Card]:
    return [
        Card("segmentation", "Segmentation"),
        Card(
            "r_super",
            "R-Super",
            Uses(all_images=True, reports="details"),
            Ticks(True, True, True, True, True),
            variants={"volume_only": {}},
        ),
        Card("mine", "My method"),
        Card("oracle", "Oracle", table1=None, control="ceiling"),
        Card("silent", "Silent", table1=None, control="floor"),
    ]
