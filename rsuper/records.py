"""run.json: everything a reader needs to know where a run's numbers come from."""

from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel

from rsuper.artifacts import run_record, write_json
from rsuper.collection import Collection
from rsuper.config.experiment import Experiment
from rsuper.engine import provenance
from rsuper.methods import Method
from rsuper.runs import training_totals
from rsuper.task import Task

ROOT = Path(__file__).resolve().parent.parent


def write_record(
    task: Task,
    method: Method,
    config: BaseModel,
    experiment: Experiment,
    collection: Collection,
    seconds: float,
) -> None:
    """Write the record of a finished run; its existence says that the run is complete."""
    record = {
        "method": method.name,
        "label": method.label,
        "card": method.card.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "experiment": experiment.name,
        "about": experiment.about,
        "data_note": experiment.data_note,
        "targets": list(task.targets),
        "network": task.network.model_dump(mode="json"),
        "schedule": task.schedule.model_dump(mode="json"),
        "engine": asdict(task.engine),
        "preprocess": task.preprocess.model_dump(mode="json"),
        "seed": task.seed,
        "mask_cases": len(task.cohort.mask_cases) if method.card.uses.masks else 0,
        "report_cases": len(task.cohort.report_cases) if method.card.uses.reports != "none" else 0,
        "cohort_sha256": collection.hash(),
        "code_fingerprint": method.fingerprint(),
        "commit": provenance.commit(ROOT),
        "versions": provenance.versions(),
        "hardware": provenance.hardware(task.device),
        "seconds_this_session": round(seconds, 1),
        "peak_memory_mb": provenance.peak_memory_mb(task.device),
        "work": training_totals(task.workdir),
    }
    write_json(record, run_record(task.workdir))
