"""What every in-house method shares: the network, CT-Mask batches with their loss, and inference."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rsuper.data.batches import Batch, MaskBatch, PatchSource, Shard
from rsuper.data.mask_sampler import MaskSampler
from rsuper.data.patches import input_channels, whole_input
from rsuper.data.resample import to_shape
from rsuper.data.store import StoredCase
from rsuper.engine import checkpoint, distributed
from rsuper.engine.computing import computed, device_of
from rsuper.engine.predict import probability_map
from rsuper.engine.train import Stage, train
from rsuper.errors import ConfigError, DataError, NonFiniteError
from rsuper.losses.segmentation import segmentation_loss
from rsuper.networks.build import build_network
from rsuper.networks.outputs import Outputs, SegmentationNetwork
from rsuper.task import Prediction, Task, TestVolume


@contextmanager
def seeded(task: Task) -> Iterator[None]:
    """Weights drawn inside follow from the run's seed; what is drawn after goes on as if nothing had been."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        yield


def new_network(task: Task) -> SegmentationNetwork:
    """Build the experiment's network with weights drawn from the run's seed, on the run's device.

    Raises:
        ConfigError: the network, one of its options or the patch size does not suit.
    """
    try:
        with seeded(task):
            network = build_network(
                task.network.name, input_channels(task.network), len(task.targets), **task.network.options
            )
        network.check_patch(task.network.patch)
    except (ValueError, TypeError) as error:  # a wrong value; an option that it does not have
        raise ConfigError(f"section 'network' of the experiment ({task.network.name}): {error}") from None
    return network.to(task.device)


def weights_of(run: Path) -> Path:
    """Final weights of a finished run."""
    return run / "model" / checkpoint.WEIGHTS


def patch_source(task: Task) -> PatchSource:
    """What the samplers must know; where processes train together, each makes its share of the patches."""
    shard = Shard(distributed.rank(), distributed.number())
    return PatchSource(task.targets, task.preprocess, task.network, task.schedule, task.seed, shard)


def mask_sampler(task: Task) -> MaskSampler:
    """CT-Mask patches of the run's budget; the same steps give the same patches to every method."""
    return MaskSampler(patch_source(task), task.cohort.masks)


def part_of(outputs: Outputs, rows: slice, channels: Sequence[int]) -> Outputs:
    """Outputs of some entries of a batch, for some targets."""
    final, deep = (None if head is None else head[rows][:, list(channels)] for head in outputs)
    assert final is not None
    return Outputs(final, deep)


def mask_terms(outputs: Outputs, batch: MaskBatch, task: Task) -> dict[str, Tensor]:
    """Segmentation losses on both outputs: weight 1, the auxiliary output by the schedule's weight."""
    weights = {"final": 1.0, "deep": task.schedule.deep_supervision_weight}
    terms: dict[str, Tensor] = {}
    for head, logits in zip(("final", "deep"), outputs, strict=True):
        if logits is None or weights[head] == 0:
            continue
        with naming_cases(batch.case_ids):
            losses = segmentation_loss(
                logits,
                batch.tumor,
                batch.known,
                positive_weight=task.schedule.positive_weight,
                total=distributed.total,
            )
        terms |= {f"mask_{name}_{head}": weights[head] * value for name, value in losses.items()}
    return terms


def train_on_masks(
    network: SegmentationNetwork,
    task: Task,
    stage: Stage,
    folder: Path,
    *,
    first_step: int = 0,
    channels: Sequence[int] | None = None,
) -> None:
    """Train a network on the budget's CT-Mask pairs alone.

    Args:
        network: changed in place.
        task: says which targets are drawn and learned.
        stage: its steps, learning rate and name.
        folder: of this stage.
        first_step: of the mask patches: rows that continue a stage go on from its last.
        channels: outputs of the network that the task's targets are; None: all.
    """
    masks = mask_sampler(task)

    def loss(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert batch.masks is not None
        outputs = model(batch.masks.image)
        if channels is not None:
            outputs = part_of(outputs, slice(None), channels)
        return mask_terms(outputs, batch.masks, task)

    train(
        network,
        lambda step: Batch(masks=masks(first_step + step)),
        loss,
        stage,
        folder,
        validate=validator(task),
    )


def validator(
    task: Task, logits: Callable[[nn.Module, Tensor], Tensor] = lambda model, window: model(window).final
) -> Callable[[nn.Module], dict[str, float]] | None:
    """Return what `train` may validate a network with; None where the experiment does not validate.

    Args:
        task: its targets count.
        logits: model, patches -> logits of all targets of the experiment.
    """
    held_out = task.held_out
    if held_out is None:
        return None

    def validate(model: nn.Module) -> dict[str, float]:
        def maps(case: StoredCase) -> Float[np.ndarray, "c x y z"]:
            image = whole_input(case, task.preprocess, task.network)
            patch, windows = task.network.patch, task.inference
            return probability_map(lambda window: logits(model, window), image, patch, windows, task.device)

        return held_out(maps, task.targets)

    return validate


@contextmanager
def naming_cases(case_ids: Sequence[str], entries_per_case: int = 1) -> Iterator[None]:
    """Name the case where a loss finds an entry of its batch that is not finite.

    Args:
        case_ids: in the order of the loss's batch axis.
        entries_per_case: how many entries in a row belong to one case.

    Raises:
        DataError: the loss raised NonFiniteError.
    """
    try:
        yield
    except NonFiniteError as error:
        raise DataError(f"case '{case_ids[error.index // entries_per_case]}': {error}") from error


def predict_with(network: nn.Module, task: Task, volumes: Iterable[TestVolume]) -> Iterator[Prediction]:
    """Predict volume by volume with the final output, on the CT's own grid; in the numbers of training."""
    network.eval()
    model = computed(network, task.engine, device_of(network))
    for volume in volumes:
        image = whole_input(volume.stored, task.preprocess, task.network)
        probabilities = probability_map(
            lambda window: model(window).final, image, task.network.patch, task.inference, task.device
        )
        yield Prediction(
            volume.case_id,
            {
                target: to_shape(channel, volume.native_shape)
                for target, channel in zip(task.targets, probabilities, strict=True)
            },
        )


def trained_network(task: Task) -> SegmentationNetwork:
    """Rebuild the network of a finished run.

    Raises:
        ArtifactError: the weights are missing or do not fit.
    """
    network = new_network(task)
    checkpoint.load_weights(network, weights_of(task.workdir))
    return network
