"""Report texts as frozen vectors, and the table they stand in: case_id, then one column per number."""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from rsuper.artifacts import read_table, write_table
from rsuper.config.experiment import ReportVectors
from rsuper.errors import ArtifactError, ConfigError, DataError
from rsuper.progress import tracked
from rsuper.reports.vectors import tfidf_vectors
from rsuper.schemas import REPORT_VECTORS

Vectors = Mapping[str, Float[np.ndarray, " e"]]
_BATCH, _LEAST = 16, 3
_NOTHING = 1e-6  # a vector shorter than this is the rounding of zero


def encoded(texts: Mapping[str, str], settings: ReportVectors) -> Vectors:
    """Turn the reports that a run may train on into vectors, as the experiment says.

    Args:
        texts: report by case id; a blank one gets no vector, nor does one whose vector is zero.
        settings: section `report_vectors` of the experiment.

    Returns:
        Vector by case id, in the order of the texts; a table may lack cases.

    Raises:
        ConfigError: the Hugging Face encoder cannot be loaded.
        DataError: fewer than three cases have a vector, or all have the same text: nothing to contrast.
    """
    written = {case: text for case, text in texts.items() if text.strip()}
    if settings.encoder == "table":
        assert settings.table is not None
        given = read_vectors(Path(settings.table))
        found = {case: given[case] for case in texts if case in given}
    elif len(written) < _LEAST or len(set(written.values())) < 2:
        raise DataError(
            f"{len(written)} of {len(texts)} training reports have text, {len(set(written.values()))} of "
            f"them different: {_LEAST} reports and two different ones are the least to tell reports apart"
        )
    else:
        rows = _rows(list(written.values()), settings)
        found = {c: row for c, row in zip(written, rows, strict=True) if np.linalg.norm(row) > _NOTHING}
    if len(found) < _LEAST:
        raise DataError(
            f"{len(found)} of {len(texts)} training reports have a vector (encoder {settings.encoder}): "
            f"at least {_LEAST} are needed to tell reports apart"
        )
    return found


def _rows(texts: Sequence[str], settings: ReportVectors) -> Float[np.ndarray, "n e"]:
    if settings.encoder == "tfidf":
        try:
            return tfidf_vectors(texts, settings.length)
        except ValueError as error:
            raise DataError(f"the {len(texts)} training reports give no vectors: {error}") from None
    assert settings.model is not None
    return hugging_face_vectors(texts, settings.model, settings.pooling)


def hugging_face_vectors(texts: Sequence[str], model: str, pooling: str) -> Float[np.ndarray, "n e"]:
    """Encode texts by a pre-trained encoder; texts longer than it takes are cut.

    Weights are read as safetensors alone, and no code that comes with them is run.

    Args:
        texts: reports.
        model: a name on the Hugging Face hub or a local folder.
        pooling: `first_token` or `mean` over a text's tokens, of the last layer.

    Raises:
        ConfigError: the package transformers is not installed, or the encoder cannot be loaded.
    """
    _hide_broken_torchvision()
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise ConfigError(
            "report_vectors.encoder hugging_face needs the package transformers: pip install -e '.[text]'"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        network = AutoModel.from_pretrained(model, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise ConfigError(f"report_vectors.model '{model}' cannot be loaded: {error}") from None
    longest = min(tokenizer.model_max_length, getattr(network.config, "max_position_embeddings", 512))
    rows = []
    for batch in tracked(list(_batches(texts)), "report vectors", unit="batches"):
        tokens = tokenizer(batch, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        with torch.inference_mode():
            states = network(**tokens).last_hidden_state
        if pooling == "first_token":
            rows.append(states[:, 0])
        else:
            kept = tokens["attention_mask"].unsqueeze(-1)
            rows.append((states * kept).sum(dim=1) / kept.sum(dim=1))
    return torch.cat(rows).float().numpy()


def _hide_broken_torchvision() -> None:
    """Make transformers do without a torchvision that cannot be imported: text needs no images.

    The package on the index does not fit a build of torch for the CPU alone; it comes with nnU-Net.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError:
        sys.modules["torchvision"] = None  # type: ignore[assignment]
        # Who imported transformers before (MONAI does, in tests) made it remember that torchvision is there.
        known = sys.modules.get("transformers.utils.import_utils")
        for name in (
            "is_torchvision_available",
            "is_torchvision_v2_available",
            "is_torchvision_greater_or_equal",
        ):
            if remembered := getattr(known, name, None):
                remembered.cache_clear()


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), _BATCH):
        yield list(texts[start : start + _BATCH])


def write_vectors(vectors: Vectors, path: Path) -> None:
    """Write a table of vectors."""
    rows = pd.DataFrame(np.stack(list(vectors.values())))
    rows.columns = [f"v{number}" for number in range(rows.shape[1])]
    rows.insert(0, "case_id", list(vectors))
    write_table(rows, path, REPORT_VECTORS)


def read_vectors(path: Path) -> Vectors:
    """Read a table of vectors, whoever made it: every column but case_id is a number.

    Raises:
        ArtifactError: the file or case_id is missing, it has no other column, a cell is not a finite number,
            a vector is zero, or a case stands there twice; the first bad row is named.
    """
    frame = read_table(path, REPORT_VECTORS)
    cases = frame.pop("case_id")
    if frame.empty:
        raise ArtifactError(f"{path}: not a table of report vectors: expected case_id, then numbers")
    numbers = frame.apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    bad = {
        "a cell is not a finite number": ~np.isfinite(numbers).all(axis=1),
        "the vector is zero, which is no direction": ~numbers.any(axis=1),
        "the case stands there more than once": cases.duplicated().to_numpy(),
    }
    for what, rows in bad.items():
        if rows.any():
            row = int(rows.argmax())
            raise ArtifactError(f"{path}: row {row + 2}, case '{cases.iloc[row]}': {what}")
    return dict(zip(cases, numbers, strict=True))
