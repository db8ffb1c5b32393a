"""Table 3: Table 2 by size of the tumor."""

from collections.abc import Sequence

import pandas as pd

from rsuper.config.experiment import Experiment
from rsuper.publish.rows import Card
from rsuper.publish.table2 import Supervision, table2

STRATA = ("small", "large")  # largest diameter up to 2 cm, above


def table3(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame,
    experiment: Experiment,
    cards: Sequence[Card],
    *,
    supervision: Supervision,
    failed: pd.DataFrame | None = None,
    rule: str = "oracle_test",
) -> pd.DataFrame:
    """Make Table 3: the rows and columns of Table 2 once per stratum, told apart by the first column `size`.

    Tumors of unknown size are in neither stratum. Both keep all tumor-free cases and the threshold chosen on
    the whole test set. Arguments as in `table2`.

    Source: Tab. 3.
    """
    parts = []
    for stratum in STRATA:
        part = table2(
            metrics,
            comparisons,
            experiment,
            cards,
            supervision=supervision,
            failed=failed,
            rule=rule,
            stratum=stratum,
        )
        part.insert(0, "size", stratum)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
