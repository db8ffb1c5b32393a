import pytest
import torch


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    """Networks start alike in every run: of a small one with ReLUs a whole layer may happen to be dead."""
    torch.manual_seed(0)
