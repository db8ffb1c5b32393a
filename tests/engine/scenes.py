"""A training in torch, numpy and scipy alone: a small network, patches drawn by step, the real losses."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from rsuper.losses.assignment import ReportedTumor
from rsuper.losses.regions import ReportedRegion, region_ball_terms, region_volume_loss
from rsuper.losses.segmentation import segmentation_loss
from rsuper.networks.build import build_network

SIDE, UNIT = 8, (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Plan:
    """A schedule without the package that checks experiment files."""

    policy: str = "one_cycle"
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    checkpoint_every: int = 3
    log_every: int = 5


@dataclass(frozen=True)
class Patches:
    """Two patches of noise with a tumor each; the second is the report's."""

    image: torch.Tensor
    tumor: torch.Tensor
    known: torch.Tensor
    case_ids: tuple[str, ...] = ("case_a", "case_b")
    mask_patches: int = 1
    report_patches: int = 1
    counts: Mapping[str, int] = field(default_factory=lambda: {"positive": 1})


def patches(step):
    generator = torch.Generator().manual_seed(step)
    image = torch.randn(2, 1, SIDE, SIDE, SIDE, generator=generator)
    tumor = torch.zeros(2, 1, SIDE, SIDE, SIDE, dtype=torch.bool)
    low = int(torch.randint(0, SIDE - 3, (1,), generator=generator))
    tumor[:, :, low : low + 3, 2:5, 2:5] = True
    return Patches(image + tumor, tumor, torch.ones_like(tumor))


def network(name="unet"):
    torch.manual_seed(0)
    if name == "unet":
        return build_network("unet", 1, 1, channels=[4, 8, 8, 8])
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Dropout(0.2), nn.Conv3d(4, 1, 1))


def segmentation(model, batch):
    outputs = model(batch.image)
    logits = outputs if isinstance(outputs, torch.Tensor) else outputs.final
    return segmentation_loss(logits, batch.tumor, batch.known)


def r_super(model, batch):
    """Segmentation on the first patch, both report losses on the second."""
    final, deep = model(batch.image)
    region = torch.zeros(SIDE, SIDE, SIDE, dtype=torch.bool)
    region[1:7, 1:7, 1:7] = True
    tumors = (ReportedTumor(region, 27.0, 3.7),)
    regions = [ReportedRegion(0, 0, region, 27.0, tumors)]
    outside = ~region[None, None]
    ball = region_ball_terms(final[1:], outside, regions, UNIT)
    terms = segmentation_loss(final[:1], batch.tumor[:1], batch.known[:1])
    return {
        **terms,
        "volume": 0.1 * region_volume_loss(torch.sigmoid(deep[1:]), outside, regions, UNIT),
        "ball": 0.1 * (ball.cross_entropy.mean() + ball.dice),
    }


def digest(model):
    """Hash of all weights."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode() + tensor.detach().contiguous().numpy().tobytes())
    return found.hexdigest()


def plainly_trained(model, batches, loss, steps, rate, plan):
    """The loop as it was before it could do more than this: the weights that it must still give."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=plan.weight_decay)
    model.train()
    for step in range(steps):
        done = step / steps
        if done < 0.1:
            factor = (step + 1) / (0.1 * steps + 1)
        else:
            factor = 0.5 * (1 + math.cos(math.pi * (done - 0.1) / (1 - 0.1)))
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        terms = loss(model, batches(step))
        total = torch.stack([term.float() for term in terms.values()]).sum()
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm)
        optimizer.step()
    return model
