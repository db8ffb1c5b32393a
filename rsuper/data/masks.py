"""Read the masks of a case, wherever they come from, on the grid of its CT."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from rsuper.data.mask_sources import CaseMasks, MaskSource
from rsuper.data.placing import by_overlap, split_kidneys
from rsuper.data.volumes import Grid, read_labels, read_mask
from rsuper.errors import DataError


class MaskReader:
    """The masks of one case. A file that several structures share is read once, and kept."""

    def __init__(self, masks: CaseMasks, like: Grid) -> None:
        self.masks, self.like = masks, like
        self._labels: dict[Path, UInt8[np.ndarray, "x y z"]] = {}
        self._kidneys: dict[MaskSource, dict[str, Bool[np.ndarray, "x y z"]]] = {}
        self._placed: dict[Path, dict[str, Bool[np.ndarray, "x y z"]]] = {}

    def organ(self, name: str) -> Bool[np.ndarray, "x y z"]:
        """Read the mask of a structure.

        Raises:
            DataError: the case has none; the file is missing, damaged, on another grid or has unknown labels;
                or its kidneys cannot be told apart.
        """
        return self._read(_named(self.masks.organs, name))

    def tumor(self, target: str) -> Bool[np.ndarray, "x y z"]:
        """Read the tumors of a target.

        Raises:
            DataError: as `organ`.
        """
        return self._read(_named(self.masks.tumors, target))

    def held_organs(self) -> dict[str, MaskSource]:
        """Check all label maps, and return the organs that have a voxel there or a file of their own.

        What a scan does not show has no voxel in a label map, and a lone kidney is of one side.

        Raises:
            DataError: as `organ`.
        """
        for source in self.masks.tumors.values():
            if source.labels:
                self._map(source)
        return {name: source for name, source in self.masks.organs.items() if self._holds(source)}

    def _holds(self, source: MaskSource) -> bool:
        if not (source.labels or source.side):
            return True
        return bool(self._plain(source).any()) and (not source.side or source.side in self._both(source))

    def _read(self, source: MaskSource) -> Bool[np.ndarray, "x y z"]:
        if source.holder:
            return self._held(source)
        if source.side:
            kidneys = self._both(source)
            if source.side not in kidneys:
                raise DataError(f"{source.path}: no {source.side} kidney")
            return kidneys[source.side].copy()  # callers may write into what they get
        return self._plain(source)

    def _plain(self, source: MaskSource) -> Bool[np.ndarray, "x y z"]:
        if not source.labels:
            return read_mask(source.path, self.like)
        lookup = np.zeros(256, dtype=bool)
        lookup[list(source.labels)] = True
        return lookup[self._map(source)]

    def _map(self, source: MaskSource) -> UInt8[np.ndarray, "x y z"]:
        if source.path not in self._labels:
            self._labels[source.path] = read_labels(source.path, self.like, source.known)
        return self._labels[source.path]

    def _both(self, source: MaskSource) -> dict[str, Bool[np.ndarray, "x y z"]]:
        key = MaskSource(source.path, source.labels, source.known)
        if key not in self._kidneys:
            try:
                self._kidneys[key] = split_kidneys(self._plain(key), self.like.affine)
            except DataError as error:
                text = str(error)
                raise DataError(text if str(source.path) in text else f"{source.path}: {text}") from None
        return self._kidneys[key]

    def _held(self, source: MaskSource) -> Bool[np.ndarray, "x y z"]:
        if source.path not in self._placed:
            organs: dict[str, Bool[np.ndarray, "x y z"]] = {}
            for name in self.masks.organs:
                target = name.partition("_")[0]
                mask = self.organ(name)
                organs[target] = organs[target] | mask if target in organs else mask
            self._placed[source.path] = by_overlap(self._plain(source), organs)
        if source.holder not in self._placed[source.path]:
            raise DataError(f"{source.path}: no organ mask to find tumors of the {source.holder} by")
        return self._placed[source.path][source.holder].copy()


def _named(sources: Mapping[str, MaskSource], name: str) -> MaskSource:
    if name not in sources:
        raise DataError(f"the case has no mask of '{name}'")
    return sources[name]
