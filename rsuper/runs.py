"""One run: what its method is handed, what it depends on, and how much work it did."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from rsuper.artifacts import read_json, write_json
from rsuper.collection import Collection
from rsuper.data.report_vectors import read_vectors
from rsuper.engine.settings import Settings
from rsuper.errors import ArtifactError
from rsuper.files import sha256_of
from rsuper.held_out import held_out
from rsuper.methods import Method
from rsuper.task import ReportCase, Task, VisibleCohort

KEY = "key.json"


def make_task(
    collection: Collection,
    method: Method,
    budget: str,
    seed: int,
    *,
    device: str,
) -> Task:
    """Assemble what a method is handed for one run."""
    experiment, layout = collection.experiment, collection.layout
    masks = [collection.stored[case] for case in collection.budget_cases(budget, seed)]
    pairs = collection.report_ids(budget, seed)
    reports = [ReportCase(collection.stored[case], collection.findings[case]) for case in pairs]
    withheld = [collection.withheld[case] for case in pairs if case in collection.withheld]
    return Task(
        cohort=VisibleCohort.behind(
            method.card,
            masks,
            reports,
            vectors=lambda: read_vectors(layout.report_vectors(budget, seed)),
            truth=collection.truth,
            withheld=withheld,
        ),
        targets=experiment.targets,
        preprocess=experiment.preprocess,
        network=experiment.network,
        schedule=experiment.schedule,
        engine=Settings(**experiment.engine.model_dump()),
        inference=experiment.predict,
        seed=seed,
        device=device,
        workdir=layout.run(budget, method.name, seed),
        upstream={name: layout.run(budget, name, seed) for name in method.needs},
        held_out=held_out(collection) if experiment.engine.validate_every else None,
    )


def run_key(
    collection: Collection, task: Task, config: BaseModel, budget: str, **rest: object
) -> dict[str, object]:
    """All that a run's result depends on.

    Args:
        collection: cohort, and vectors of report texts.
        task: of the run.
        config: the method's.
        budget: of the run.
        **rest: what the caller knows besides: code, settings.
    """
    vectors = collection.layout.report_vectors(budget, task.seed)
    reads_text = task.cohort.card.uses.reports == "text"
    return {
        **rest,
        "config": config.model_dump(mode="json"),
        "engine": task.engine.decisive(),
        "cohort": collection.hash(),
        "report_vectors": sha256_of(vectors) if reads_text else None,
        "seed": task.seed,
        "upstream": {name: _trained(path) for name, path in task.upstream.items()},
    }


def _trained(run: Path) -> dict[str, str]:
    """Hashes of what a run's training made; its record says when and how fast, too, which changes nothing."""
    model = run / "model"
    files = sorted(path for name in ("weights.pt", "training.json") for path in model.rglob(name))
    return {path.relative_to(run).as_posix(): sha256_of(path) for path in files}


def claim(workdir: Path, key: Mapping[str, object]) -> None:
    """Prepare a run's folder: keep what an interrupted run with the same key left, clear anything else.

    The key says all that the result depends on; what another key left must not be continued.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    path = workdir / KEY
    if path.is_file():
        try:
            kept = read_json(path)
            if isinstance(kept, dict) and kept.get("digest") == digest:
                return
        except ArtifactError:
            pass  # a damaged key is no claim
    for name in ("model", "predictions", "cases"):
        shutil.rmtree(workdir / name, ignore_errors=True)
    write_json({"digest": digest, **key}, path)


def training_totals(workdir: Path) -> dict[str, float]:
    """Steps and patches of a run, summed over its stages; all zero for a method that does not train."""
    totals = {"steps": 0.0, "mask_patches": 0.0, "report_patches": 0.0}
    for path in sorted((workdir / "model").rglob("training.json")):
        stage = read_json(path)
        totals["steps"] += stage["step"]
        totals["mask_patches"] += stage["mask_patches"]
        totals["report_patches"] += stage["report_patches"]
    return totals
