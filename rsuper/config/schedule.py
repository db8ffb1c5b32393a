"""Steps, patches, optimizer and augmentation of an experiment: the same for every method."""

from typing import Literal

from pydantic import Field, field_validator

from rsuper.config.dataset import Section


class DeviceAugment(Section):
    """Random changes that the training device makes after the others: the official code's list.

    Off by default. CT-Report patches are turned by no more than what is supervised in them allows, and are
    not sheared.
    """

    turned_share: float = Field(0.0, ge=0, le=1, description="share of patches that are turned and sheared")
    rotation_deg: float = Field(30.0, ge=0, le=180, description="about each axis, up to +- this")
    shear: float = Field(0.05, ge=0, lt=1, description="mm per mm, up to +- this")
    share: float = Field(0.0, ge=0, le=1, description="of patches, for each change of the intensities")
    gain: tuple[float, float] = Field((0.7, 1.3), description="range of the factor of intensities")
    offset: float = Field(0.1, ge=0, description="standard deviation of the shift (in normalized units)")
    gamma: tuple[float, float] = Field((0.7, 1.5), description="range of the exponent")
    contrast: tuple[float, float] = Field((0.7, 1.3), description="range of the factor around the mean")
    blur_voxels: tuple[float, float] = Field((0.5, 1.5), description="range of the standard deviation")
    noise: float = Field(0.2, ge=0, description="largest standard deviation of added white noise")

    @field_validator("gain", "gamma", "contrast", "blur_voxels")
    @classmethod
    def _ordered(cls, values: tuple[float, float]) -> tuple[float, float]:
        if not 0 < values[0] <= values[1]:
            raise ValueError(f"expected two numbers above 0, the lower first, got {list(values)}")
        return values

    @property
    def changes_anything(self) -> bool:
        """Whether any patch is changed."""
        return self.turned_share > 0 or self.share > 0


class Augment(Section):
    """Random changes of a training patch; each is drawn once per patch."""

    flips: tuple[Literal["x", "y", "z"], ...] = Field(
        (), description="axes along which a patch is mirrored, each in half of the cases"
    )
    gain: float = Field(0.0, ge=0, description="intensity is multiplied by 1 +- this")
    offset: float = Field(0.0, ge=0, description="intensity is shifted by +- this (in normalized units)")
    noise: float = Field(0.0, ge=0, description="largest standard deviation of added white noise")
    device: DeviceAugment = DeviceAugment()


class Schedule(Section):
    """Steps, patches and optimizer; no method owns any of it, so that all do equal work."""

    stage1_steps: int = Field(ge=1, description="of the first stage, on masks, that other methods continue")
    steps: int = Field(ge=1, description="of the second stage, the same number for every method")
    mask_patches: int = Field(2, ge=1, description="CT-Mask patches per step, the same for every method")
    report_patches: int = Field(2, ge=1, description="CT-Report patches per step, on top")
    tumor_share: float = Field(0.6, ge=0, le=1, description="share of patches drawn from tumor cases")
    background_share: float = Field(0.0, ge=0, lt=1, description="of mask patches: from anywhere in a CT")
    learning_rate: float = Field(gt=0, description="largest of the second stage")
    stage1_learning_rate: float = Field(gt=0, description="largest of the first stage")
    policy: Literal["one_cycle", "warmup_poly"] = Field(
        "one_cycle", description="how the learning rate goes up and down; warmup_poly: the official code's"
    )
    weight_decay: float = Field(0.05, ge=0, description="of AdamW")
    clip_norm: float = Field(1.0, gt=0, description="gradients are shortened to this norm")
    positive_weight: float = Field(
        1.0, gt=0, description="weight of tumor voxels in the cross-entropy on masks"
    )
    deep_supervision_weight: float = Field(
        0.5, ge=0, description="weight of the auxiliary output's mask loss"
    )
    augment: Augment = Augment()
    checkpoint_every: int = Field(200, ge=1, description="steps; a killed run goes on from the last")
    log_every: int = Field(20, ge=1, description="steps between two lines of log.jsonl")
