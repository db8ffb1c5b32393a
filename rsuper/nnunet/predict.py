"""Probabilities of a trained nnU-Net by its own predictor, on the experiment's grid."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from rsuper.artifacts import read_json
from rsuper.data.store import StoredCase
from rsuper.engine import checkpoint
from rsuper.nnunet.driver import PLANS
from rsuper.nnunet.trainer import CONFIGURATION, RunTrainer, channels_last, trainer_class

MIRRORED = (0, 1, 2)


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
        self._predictor = nnUNetPredictor(
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
