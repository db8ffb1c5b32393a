"""Where reported tumors land while a method trains, and the volumes it predicts: a JSON line per region.

Training sees no truth, so this says where and how much, and nothing about right or wrong:
`rsuper.evaluate.landing` compares the lines with masks that no method sees.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int

from rsuper.artifacts import landing_log
from rsuper.changes import voxels_before
from rsuper.data.batches import BatchRegion, PatchPlace, ReportBatch
from rsuper.engine import distributed
from rsuper.engine.train import Stage, drop_lines_after
from rsuper.losses.assignment import Assignment
from rsuper.report_terms import Supervised


class LandingLog:
    """The file `landing.jsonl` of a run: the steps that have a line in the log, and those alone.

    A line has the step, case, target, the region (its structures, how far it was grown, the patch it lies in,
    its voxels) with its reported and predicted volume, the output that predicts (`deep` or `final`), and the
    reported tumors: diameter, voxels requested and assigned, and which these are, as flat indices in C order
    of the stored volume (voxels of a padded patch that lie outside it have none). Without a Ball Loss
    `tumors` is null; a region that its report calls free has none.

    After a kill the file has no line of a step that is trained again: the first batch seen says where
    training continues.
    """

    def __init__(self, workdir: Path, targets: Sequence[str], stage: Stage) -> None:
        self.path = landing_log(workdir)
        self.targets = tuple(targets)
        self.stage = stage
        self._started = False

    def add(self, batch: ReportBatch, seen: Supervised) -> None:
        """Write the lines of a batch, if it is its step's turn; else nothing waits for the device."""
        leads = distributed.is_leader()
        if not self._started and leads:
            drop_lines_after(self.path, batch.step)
        self._started = True
        if self.stage.is_logged(batch.step + 1):
            own = [json.dumps(line) + "\n" for line in landing_lines(batch, seen, self.targets)]
            text = "".join(line for lines in distributed.everybodys(own) for line in lines)
            if not leads:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as log:
                log.write(text)


def landing_lines(
    batch: ReportBatch, seen: Supervised, targets: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Describe the supervised regions of a batch, in its order, as `LandingLog` documents; none: no line.

    Args:
        batch: its channels are `targets`.
        seen: what the losses made of it.
        targets: names of the channels.
    """
    labels_before: Counter[tuple[int, int]] = Counter()
    for region, (voxels, predicted_mm3) in zip(batch.regions, _volumes(batch, seen), strict=True):
        place, entry = batch.places[region.row], (region.row, region.channel)
        tumors = None
        if seen.assignments is not None:
            assignment = seen.assignments[region.row * len(targets) + region.channel]
            tumors = _tumors(region, place, assignment, labels_before[entry])
        labels_before[entry] += len(region.tumors)
        yield {
            "step": batch.step + 1,
            "case_id": batch.case_ids[region.row],
            "target": targets[region.channel],
            "structures": region.structures,
            "grown_mm": region.grown_mm,
            "start": place.start,
            "size": tuple(region.mask.shape),
            "region_voxels": int(voxels),
            "reported_mm3": round(region.volume_mm3, 1),
            "predicted_mm3": round(predicted_mm3, 1),
            "predicted_by": seen.output,
            "tumors": tumors,
        }


def _volumes(batch: ReportBatch, seen: Supervised) -> list[list[float]]:
    """Voxels and predicted volume (Eq. 1) of each region, brought to the CPU by one transfer."""
    if not batch.regions:
        return []
    rows = []
    for region in batch.regions:
        probability = torch.sigmoid(seen.logits[region.row, region.channel].float())
        predicted_mm3 = (probability * region.mask).sum() * math.prod(batch.spacing_mm)
        rows.append(torch.stack([region.mask.sum().double(), predicted_mm3.double()]))
    values: list[list[float]] = torch.stack(rows).tolist()
    return values


def _tumors(
    region: BatchRegion, place: PatchPlace, assignment: Assignment, labels_before: int
) -> list[dict[str, object]]:
    """Describe the tumors of a region; the first has the label after `labels_before`."""
    labels = assignment.labels.cpu().numpy()
    requested, assigned = assignment.requested, assignment.assigned.tolist()
    return [
        {
            "diameter_mm": tumor.diameter_mm,
            "requested": requested[k],
            "assigned": assigned[k],
            "voxels": voxels_in_volume(labels == k + 1, place).tolist(),
        }
        for k, tumor in enumerate(region.tumors, start=labels_before)
    ]


def voxels_in_volume(mask: Bool[np.ndarray, "x y z"], place: PatchPlace) -> Int[np.ndarray, " n"]:
    """Find the voxels of a patch in its stored volume: flat indices in C order, ascending.

    Voxels outside the volume, where a patch is padded, are left out. An empty mask gives no index. Of a patch
    that was turned each voxel counts where it was read, the nearest; two may be one then.
    """
    size = np.array(mask.shape)
    voxels = np.argwhere(mask)
    if place.turn is not None:
        voxels = voxels_before(voxels, place.turn, mask.shape)
        voxels = voxels[((voxels >= 0) & (voxels < size)).all(axis=1)]
    for axis in place.mirrored:
        voxels[:, axis] = size[axis] - 1 - voxels[:, axis]
    voxels = voxels + np.array(place.start)
    inside = ((voxels >= 0) & (voxels < place.volume)).all(axis=1)
    return np.unique(np.ravel_multi_index(tuple(voxels[inside].T), place.volume))
