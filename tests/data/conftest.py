import pytest


@pytest.fixture
def masks(collection):
    return [collection.stored[f"tiny_{case}"] for case in ("M1", "M2", "M3")]


@pytest.fixture
def reports(collection):
    return [
        (collection.stored[f"tiny_{case}"], collection.findings[f"tiny_{case}"])
        for case in ("R1", "R2", "R3")
    ]
