"""run.json: everything a reader needs to know where a run's numbers come from."""

from dataclasses import asdict
from datetime import UTC, datetime

from pydantic import BaseModel

from rsuper.artifacts import run_record, write_json
from rsuper.collection import Collection
from rsuper.config.experiment import Experiment
from rsuper.engine import checkpoint, provenance
from rsuper.files import read_json, seal
from rsuper.installation import checkout, versions
from rsuper.methods import Method
from rsuper.public import public
from rsuper.runs import training_totals
from rsuper.task import Task


def write_record(
    task: Task,
    method: Method,
    config: BaseModel,
    experiment: Experiment,
    collection: Collection,
    seconds: float,
    budget: str,
) -> None:
    """Write the record of a finished run; its existence says that the run is complete, and its logs too."""
    for log in sorted(task.workdir.rglob("*.jsonl")):
        seal(log)
    record = {
        "method": method.name,
        "label": method.label,
        "card": {},
        "config": config.model_dump(mode="json"),
        "experiment": experiment.name,
        "about": experiment.about,
        "data_note": experiment.data_note,
        "targets": list(task.targets),
        "network": task.network.model_dump(mode="json"),
        "schedule": task.schedule.model_dump(mode="json"),
        "engine": asdict(task.engine),
        "preprocess": task.preprocess.model_dump(mode="json"),
        "budget": {"name": budget, **experiment.budgets[budget].model_dump(mode="json")},
        "seed": task.seed,
        "data_seed": experiment.data_seed,
        "mask_cases": len(task.cohort.mask_cases) if method.card.uses.masks else 0,
        "report_cases": len(task.cohort.report_cases) if method.card.uses.reports != "none" else 0,
        "cohort_sha256": collection.hash(),
        "code_fingerprint": method.fingerprint(),
        "volumes_sha256": collection.volumes_hash(),
        **checkout(),
        "versions": versions(),
        "hardware": provenance.hardware(task.device),
        **_repeatability(task, method, config),
        "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "seconds_this_session": round(seconds, 1),
        "seconds_training": round(_training_seconds(task), 1),
        "peak_memory_mb": provenance.peak_memory_mb(task.device),
        "work": training_totals(task.workdir),
        "resolved_experiment": experiment.model_dump(mode="json"),
    }
    card = method.card.model_dump(mode="json")  # ours to publish, addresses and all
    write_json(public(record) | {"card": card}, run_record(task.workdir))


def _repeatability(task: Task, method: Method, config: BaseModel) -> dict[str, object]:
    """Whether the run would come out the same again; a method may know a reason why not (`varies`)."""
    varies = getattr(method.module, "varies", None)
    reason = "" if varies is None else varies(task, config)
    if reason:
        return {"deterministic": False, "deterministic_reason": reason}
    found = provenance.repeatability(task.device, task.engine)
    return {"deterministic": found["deterministic"], "deterministic_reason": found["reason"]}


def _training_seconds(task: Task) -> float:
    """Seconds that the stages took, in all of their sessions."""
    stages = sorted((task.workdir / "model").rglob(checkpoint.SUMMARY))
    return sum(float(read_json(path).get("seconds", 0)) for path in stages)
