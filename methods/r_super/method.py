"""R-Super: fine-tune on masks and reports; Volume Loss on the deep output, Ball Loss on the final (§2)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from rsuper.artifacts import write_json
from rsuper.config.experiment import Target
from rsuper.data.batches import Batch
from rsuper.data.regions import ReportUse
from rsuper.data.report_sampler import ReportSampler
from rsuper.data.store import StoredCase
from rsuper.engine import checkpoint
from rsuper.engine.train import Stage, train
from rsuper.landing import LandingLog
from rsuper.report_terms import ReportLossConfig, report_terms
from rsuper.reports.errors_made import ErrorRates, with_errors
from rsuper.reports.findings import ReportFindings
from rsuper.reports.shuffle import shuffled
from rsuper.reports.sizes import SizeRule
from rsuper.segmenter import (
    mask_sampler,
    mask_terms,
    new_network,
    part_of,
    patch_source,
    predict_with,
    trained_network,
    validator,
    weights_of,
)
from rsuper.task import Prediction, Task, TestVolume

SHUFFLE_STREAM, ERROR_STREAM = 12, 19


class Config(ReportLossConfig):
    """Constants of the losses, and which reports are read how."""

    size_rule: SizeRule = Field("paper", description="from diameters to a volume: §2.1, or calibrated")
    subsegments: bool = Field(True, description="head, body and tail of the pancreas are told apart")
    grow_mm: float = Field(0.0, ge=0, description="added around the masks of organs and segments")
    targets: tuple[Target, ...] | None = Field(None, description="None: all of the experiment's")
    reports: Literal["all", "shuffled", "tumor_free"] = Field(
        "all", description="control: findings of other tumor cases, or reports without a tumor alone"
    )
    errors: ErrorRates = Field(ErrorRates(), description="control: extraction errors made on purpose")


def fit(task: Task, config: Config) -> None:
    """Continue the first stage on CT-Mask and CT-Report pairs."""
    network = new_network(task)
    (first_stage,) = task.upstream.values()
    checkpoint.load_weights(network, weights_of(first_stage))
    channels = [task.targets.index(target) for target in config.targets or task.targets]
    task = replace(task, targets=config.targets or task.targets)
    masks = mask_sampler(task)
    use = ReportUse(config.size_rule, config.subsegments, config.grow_mm)
    reports = ReportSampler(patch_source(task), reports_of(task, config), use)
    schedule, name = task.schedule, task.workdir.parent.name
    stage = Stage(schedule.steps, schedule.learning_rate, schedule, name, task.engine)
    landing = LandingLog(task.workdir, task.targets, stage)

    def batch_of(step: int) -> Batch:
        return Batch(masks=masks(task.schedule.stage1_steps + step), reports=reports(step))

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        assert batch.reports is not None
        outputs = model(torch.cat([batch.masks.image, batch.reports.image]))
        split = len(batch.masks.case_ids)
        on_masks, on_reports = (
            part_of(outputs, rows, channels) for rows in (slice(split), slice(split, None))
        )
        terms = mask_terms(on_masks, batch.masks, task)
        return terms | report_terms(on_reports, batch.reports, config, landing.add)

    train(network, batch_of, loss, stage, task.workdir / "model", validate=validator(task))
    counts = {"organs_used": reports.usable, "organs_left_out": reports.unusable}
    write_json(counts, task.workdir / "report_use.json")


def reports_of(task: Task, config: Config) -> list[tuple[StoredCase, ReportFindings]]:
    """CT-Report pairs, as the paper has them or as a control changes them."""
    cases = task.cohort.reports
    findings = with_errors(
        [case.findings for case in cases],
        config.errors,
        np.random.default_rng([task.seed, ERROR_STREAM]),
    )
    if config.reports == "shuffled":
        findings = shuffled(findings, np.random.default_rng([task.seed, SHUFFLE_STREAM]))
    pairs = zip((case.stored for case in cases), findings, strict=True)
    return [pair for pair in pairs if config.reports != "tumor_free" or not pair[1].findings]


def predict(task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict tumor probabilities by sliding window, from the final output."""
    return predict_with(trained_network(task), task, volumes)
