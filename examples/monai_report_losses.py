"""MONAI's transforms and a MONAI network, trained on masks and, by R-Super's two losses, on report texts.

    python examples/monai_report_losses.py results/micro/raw/phantom_masks results/micro/raw/phantom_reports

The two folders are in the AbdomenAtlas layout: `<case>/ct.nii.gz` and `<case>/segmentations/*.nii.gz`, the
second with a table `reports.csv`; the micro experiment (config/micro.yaml) makes these two. A CT is one patch
here. Of larger CTs, cut patches in which an organ lies whole: `supervise` takes their place.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from monai.data import DataLoader, Dataset
from monai.losses import DiceCELoss
from monai.networks.nets import DynUNet
from monai.transforms import (
    Compose,
    ConcatItemsd,
    DivisiblePadd,
    EnsureChannelFirstd,
    LoadImaged,
    Orientationd,
    RandGaussianNoised,
    ScaleIntensityRanged,
    SelectItemsd,
    Spacingd,
)

from rsuper.data.regions import PatchSupervision, ReportUse, regions_of, supervise
from rsuper.data.store import ORGAN_LABELS
from rsuper.losses.assignment import ReportedTumor
from rsuper.losses.regions import ReportedRegion, region_ball_terms, region_volume_loss
from rsuper.reports.extract import extract

TUMORS = {"pancreas": "pancreatic_lesion", "kidney": "kidney_lesion"}  # target -> its mask
ORGANS = sorted(ORGAN_LABELS, key=lambda name: name != "pancreas")  # its segments come after it, and win
SPACING_MM = (4.0, 4.0, 4.0)


def loader(folder: Path, cases: Sequence[str], masks: Sequence[str], batch: int) -> DataLoader:
    """CTs with some of their masks, one channel each, on one grid."""
    # MONAI would take what stands under `pancreas_head` for metadata of `pancreas`.
    keys = {f"{name} mask": f"{name}.nii.gz" for name in masks}
    images = ["ct", *keys]
    read = Compose(
        [
            LoadImaged(images),
            EnsureChannelFirstd(images),
            Orientationd(images, axcodes="RAS", labels=None),
            Spacingd(images, SPACING_MM, mode=["bilinear", *["nearest"] * len(keys)]),
            ScaleIntensityRanged("ct", -80, 280, 0, 1, clip=True),
            DivisiblePadd(images, 4),
            RandGaussianNoised("ct", std=0.05),
            ConcatItemsd(list(keys), "masks"),
            SelectItemsd(["case", "ct", "masks"]),
        ]
    )
    files = [
        {"case": case, "ct": folder / case / "ct.nii.gz"}
        | {key: folder / case / "segmentations" / file for key, file in keys.items()}
        for case in cases
    ]
    return DataLoader(Dataset(files, read), batch_size=batch, shuffle=True, drop_last=True)


def forever(batches: DataLoader) -> Iterator[dict]:
    """Epoch after epoch."""
    while True:
        yield from batches


def taught(case: str, text: str, masks: np.ndarray) -> PatchSupervision:
    """What a report teaches about a CT, given its organ masks."""
    organs = np.zeros(masks.shape[1:], dtype=np.uint8)
    for name, mask in zip(ORGANS, masks, strict=True):
        organs[mask > 0] = ORGAN_LABELS[name]
    places = {name: np.argwhere(mask > 0) for name, mask in zip(ORGANS, masks, strict=True)}
    boxes = {
        name: (tuple(at.min(0).tolist()), tuple((at.max(0) + 1).tolist()))
        for name, at in places.items()
        if len(at)
    }
    found = regions_of(extract(case, text), list(boxes), ReportUse())
    return supervise(found, boxes, organs, (0, 0, 0), organs.shape, list(TUMORS), spacing_mm=SPACING_MM)


def report_losses(
    outputs: torch.Tensor, lessons: Sequence[PatchSupervision]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Volume Loss on the deep output, Ball Loss on the final one."""
    final, deep = outputs.unbind(1)
    outside = torch.stack(
        [torch.stack([torch.from_numpy(lesson.outside[target]) for target in TUMORS]) for lesson in lessons]
    )
    regions = [
        ReportedRegion(
            row,
            list(TUMORS).index(region.target),
            torch.from_numpy(region.mask),
            region.volume_mm3,
            tuple(
                ReportedTumor(torch.from_numpy(t.mask), t.volume_mm3, t.diameter_mm) for t in region.tumors
            ),
        )
        for row, lesson in enumerate(lessons)
        for region in lesson.regions
    ]
    volume = region_volume_loss(deep.sigmoid(), outside, regions, SPACING_MM)
    # Margins of one voxel: less would be none on this grid.
    ball = region_ball_terms(final, outside, regions, SPACING_MM, margin_mm=4.0, border_mm=4.0)
    return volume, ball.cross_entropy.mean() + ball.dice


def train(masks: Path, reports: Path, steps: int) -> Iterator[dict[str, float]]:
    """Train a small network; yield each step's losses."""
    torch.manual_seed(0)
    metadata = pd.read_csv(reports / "metadata.csv").query("role == 'report_train'")
    texts = pd.read_csv(reports / "reports.csv").set_index("case_id").loc[metadata["case_id"], "report"]
    annotated = sorted(path.parent.name for path in masks.glob("*/ct.nii.gz"))
    with_masks = forever(loader(masks, annotated, list(TUMORS.values()), 2))
    with_reports = forever(loader(reports, list(texts.index), ORGANS, 2))
    network = DynUNet(
        3, 1, len(TUMORS), [3] * 3, [1, 2, 2], [2, 2], filters=[8, 16, 32], deep_supervision=True
    )
    optimizer, mask_loss = (
        torch.optim.AdamW(network.parameters(), lr=3e-3),
        DiceCELoss(sigmoid=True, batch=True),
    )
    for _ in range(steps):
        seen, told = next(with_masks), next(with_reports)
        on_masks = mask_loss(network(seen["ct"])[:, 0], seen["masks"])
        lessons = [
            taught(case, texts[case], own.numpy())
            for case, own in zip(told["case"], told["masks"], strict=True)
        ]
        volume, ball = report_losses(network(told["ct"]), lessons)
        loss = on_masks + 0.1 * volume + 0.1 * ball  # the paper's weights
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield {"masks": on_masks.item(), "volume": volume.item(), "ball": ball.item()}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("masks", type=Path, help="folder of CTs with tumor masks")
    parser.add_argument("reports", type=Path, help="folder of CTs with organ masks and reports")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    for number, losses in enumerate(train(options.masks, options.reports, options.steps), start=1):
        print(number, " ".join(f"{name} {value:.3f}" for name, value in losses.items()), flush=True)


if __name__ == "__main__":
    main()
