"""Probabilities of a trained nnU-Net by its own predictor, on the experiment's grid."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import Tensor

from rsuper.artifacts import read_json
from rsuper.data.store import StoredCase
from rsuper.engine import checkpoint
from rsuper.nnunet.names import CONFIGURATION, PLANS
from rsuper.nnunet.trainer import RunTrainer, channels_last, trainer_class

MIRRORED = (0, 1, 2)
TILES = 4  # at once, on a CPU


class TilePredictor(nnUNetPredictor):
    """nnU-Net's predictor, which on a CPU predicts several tiles at once and adds up in single precision.

    One tile alone takes four times as long there: for a batch of one torch takes its slow convolution. Half
    precision rounds logits to whole numbers in a CT's corners, where a tile's Gaussian weight is smallest.
    """

    @torch.inference_mode()
    def _internal_predict_sliding_window_return_logits(
        self, data: Tensor, slicers: Sequence[tuple[slice, ...]], do_on_device: bool = True
    ) -> Tensor:
        if self.device.type != "cpu":
            logits: Tensor = super()._internal_predict_sliding_window_return_logits(
                data, slicers, do_on_device
            )
            return logits
        size = tuple(self.configuration_manager.patch_size)
        weight = torch.ones(size)
        if self.use_gaussian:
            weight = compute_gaussian(
                size, sigma_scale=1 / 8, value_scaling_factor=10, device=self.device
            ).float()
        total = torch.zeros(self.label_manager.num_segmentation_heads, *data.shape[1:])
        weights = torch.zeros(data.shape[1:])
        for first in range(0, len(slicers), TILES):
            places = slicers[first : first + TILES]
            tiles = torch.stack([data[place] for place in places])
            for place, logits in zip(places, self._internal_maybe_mirror_and_predict(tiles), strict=True):
                total[place] += logits * weight
                weights[place[1:]] += weight
        return total / weights


class Predictor:
    """A trained nnU-Net, from the folder of its weights.

    Args:
        model: folder with weights, plans and dataset.json.
        device: cpu or cuda.
        mirroring: average over all mirrored images, eight times the cost.
        tile_step: from window to window, as a share of the window.
        trainer: variants of nnU-Net's trainer that it was trained by.

    Raises:
        ArtifactError: a file is missing or damaged, or the weights do not fit the plan.
        MethodError: nnU-Net has no such trainer.
    """

    def __init__(
        self, model: Path, device: str, *, mirroring: bool, tile_step: float, trainer: Sequence[str]
    ) -> None:
        dataset = read_json(model / "dataset.json")
        plans = PlansManager(read_json(model / f"{PLANS}.json"))
        configuration = plans.get_configuration(CONFIGURATION)
        heads = plans.get_label_manager(dataset).num_segmentation_heads
        network = trainer_class(trainer).build_network_architecture(
            plans, configuration, 1, heads, enable_deep_supervision=False
        )
        checkpoint.load_weights(network, model / checkpoint.WEIGHTS)
        channels_last(network, torch.device(device))
        self._predictor = TilePredictor(
            tile_step_size=tile_step,
            use_mirroring=mirroring,
            perform_everything_on_device=device != "cpu",
            device=torch.device(device),
            allow_tqdm=False,
        )
        weights = [network.state_dict()]
        self._predictor.manual_initialization(
            network, plans, configuration, weights, dataset, RunTrainer.__name__, MIRRORED
        )

    def __call__(self, case: StoredCase) -> Float[np.ndarray, "c x y z"]:
        """Probability of the background and of each target, for every voxel of a stored CT."""
        image = case.ct((0, 0, 0), case.index.shape).astype(np.float32)
        # nnU-Net reads files by SimpleITK, whose arrays have the axes in reverse.
        properties = {"spacing": list(case.index.spacing_mm)[::-1]}
        _, probabilities = self._predictor.predict_single_npy_array(
            image.T[None], properties, None, None, True
        )
        return np.ascontiguousarray(probabilities.transpose(0, 3, 2, 1), dtype=np.float32)
