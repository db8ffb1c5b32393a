"""Seeds that nobody chose: derived from what an experiment is, once it is settled.

Whoever may pick the seed of a reported run can pick its result. So the seeds follow from the experiment file
and the code that makes its data: a change of either gives other seeds, and with them another run.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rsuper.config.experiment import Evaluation

# What an experiment is called, and the seeds themselves, do not decide what is measured; nor does, for the
# rows that the hypotheses name, which others stand beside them, and how those are set.
NOT_SETTLED = ("name", "about", "data_seed", "seeds")
ROWS = ("methods", "controls")


@dataclass(frozen=True)
class Seeds:
    """Of the data, and of training: one per network that a row trains."""

    data_seed: int
    seeds: tuple[int, ...]


def derived_seeds(experiment: Mapping[str, object], code: str, count: int) -> Seeds:
    """Derive a settled experiment's seeds from the SHA-256 of what it says and of the code behind its data.

    Args:
        experiment: the experiment file's keys as written; names, seeds, rows, and the settings of methods
            that no hypothesis names are left out.
        code: fingerprint of the code that makes the data, with its defaults.
        count: number of training seeds.
    """
    settled = {key: value for key, value in experiment.items() if key not in (*NOT_SETTLED, "controls")}
    budgets = settled.get("budgets", {})
    assert isinstance(budgets, Mapping)
    settled["budgets"] = {
        name: {key: value for key, value in budget.items() if key not in ROWS}
        for name, budget in budgets.items()
    }
    if "methods" in settled:
        settled["methods"] = _settings_of_named_methods(experiment)
    text = json.dumps(settled, sort_keys=True) + code
    digest = hashlib.sha256(text.encode()).digest()
    # Four bytes for the data: two could meet a development seed, and once did. Two for each training seed,
    # which is the name of a folder.
    numbers = [int.from_bytes(digest[4 + 2 * k : 6 + 2 * k]) for k in range(count)]
    return Seeds(int.from_bytes(digest[:4]), tuple(numbers))


def _settings_of_named_methods(experiment: Mapping[str, object]) -> dict[str, object]:
    settings, hypotheses = experiment["methods"], experiment.get("hypotheses", ())
    evaluation = experiment.get("evaluation", {})
    assert isinstance(settings, Mapping)
    assert isinstance(hypotheses, Sequence)
    assert isinstance(evaluation, Mapping)
    rows = [
        evaluation.get("reference", Evaluation().reference),
        *(hypothesis["other"] for hypothesis in hypotheses),
    ]
    named = {row.partition("-")[0] for row in rows}
    return {method: values for method, values in settings.items() if method in named}
