"""Probability maps on disk as they come from a method, and the table that says where each is, or why not."""

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rsuper.collection import Collection
from rsuper.data.volumes import read_grid, write_probability
from rsuper.errors import MethodError
from rsuper.progress import tracked
from rsuper.task import Prediction, TestVolume

_TOLD = "per volume, yield Prediction(volume.case_id, {target: its map for each target})"


def store_predictions(
    predictions: object,
    volumes: Sequence[TestVolume],
    collection: Collection,
    folder: Path,
    targets: Sequence[str],
) -> pd.DataFrame:
    """Write the maps that `predict` gave as they come; return the rows of predictions.csv: case and target.

    A case that the method gave no valid map for is a row with the reason.

    Raises:
        MethodError: what the method gave is no prediction, or one of a case that it was not asked for.
    """
    shapes = {volume.case_id: volume.native_shape for volume in volumes}
    rows = []
    seen = set()
    for prediction in tracked(_answers(predictions, shapes), folder.name, len(volumes)):
        seen.add(prediction.case_id)
        affine = read_grid(Path(collection.row(prediction.case_id)["ct"])).file_affine
        for target in targets:
            probability = prediction.probabilities.get(target)
            reason = _unfit(probability, shapes[prediction.case_id])
            name = f"{prediction.case_id}.{target}.nii.gz"
            if probability is not None and not reason:
                write_probability(probability, folder / name, affine)
            rows.append(_prediction_row(prediction.case_id, target, name, reason))
    for case in sorted(set(shapes) - seen):
        rows += [_prediction_row(case, target, "", "the method gave no prediction") for target in targets]
    return pd.DataFrame(rows)


def _answers(predictions: object, asked: Container[str]) -> Iterator[Prediction]:
    """Yield what a method's `predict` gave, as long as it answers the question."""
    if not isinstance(predictions, Iterable):
        raise MethodError(f"predict gave {predictions!r:.80}: {_TOLD}")
    for prediction in predictions:
        if not isinstance(prediction, Prediction):
            raise MethodError(f"predict gave a {type(prediction).__name__} among its predictions: {_TOLD}")
        if prediction.case_id not in asked:
            raise MethodError(
                f"predict gave a map of case '{prediction.case_id}', which it was not asked for: {_TOLD}"
            )
        yield prediction


def _prediction_row(case_id: str, target: str, name: str, reason: str) -> dict[str, str]:
    return {"case_id": case_id, "target": target, "file": "" if reason else name, "reason": reason}


def _unfit(probability: object, shape: tuple[int, int, int]) -> str:
    if probability is None:
        return "the method gave no map for this target"
    if not isinstance(probability, np.ndarray):
        return f"the map is a {type(probability).__name__}, not a numpy array"
    if probability.shape != shape:
        return f"the map has shape {probability.shape}, its CT {shape}"
    if not np.isfinite(probability).all() or probability.min() < 0 or probability.max() > 1:
        return "the map has values outside [0, 1]"
    return ""
