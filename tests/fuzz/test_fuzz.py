"""Some seconds of `make fuzz` (tests/fuzz/run.py): the same inputs every time, and no failure among them."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS

EXAMPLES = {"reports": 120, "config": 120, "tables": 300, "nifti": 150}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_our_own_errors(name):
    target, counted = TARGETS[name], {True: 0, False: 0}

    @settings(
        max_examples=EXAMPLES[name],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def fuzzed(value):
        counted[target.check(value)] += 1

    fuzzed()
    # Neither is everything refused at the first byte, nor everything taken.
    assert min(counted.values()) >= EXAMPLES[name] // 40, counted
