"""Where the audit gets masks from: organs and tumors of a case by one name each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from rsuper.data.mask_sources import case_masks
from rsuper.data.masks import MaskReader
from rsuper.data.volumes import Grid

TUMOR_SUFFIX = "_tumor"


@dataclass(frozen=True)
class AuditedMasks:
    """The masks of one case: organs by their names, tumors of a target as `<target>_tumor`."""

    row: Mapping[str, object]  # of cohort.csv
    ct: Grid

    @property
    def organs(self) -> list[str]:
        """Structures that have a mask."""
        return str(self.row["organs"]).split()

    @property
    def targets(self) -> list[str]:
        """Targets whose tumors have a mask, which may be empty."""
        return str(self.row["annotated"]).split()

    def read(self, name: str) -> Bool[np.ndarray, "x y z"]:
        """Read a mask on the grid of the CT.

        Raises:
            DataError: the mask is missing, damaged, on another grid, or has labels that it must not have.
        """
        target = name.removesuffix(TUMOR_SUFFIX)
        return self._reader.organ(name) if target == name else self._reader.tumor(target)

    def file(self, name: str) -> Path:
        """Return the file that holds a mask, as the text of an error names it."""
        target, masks = name.removesuffix(TUMOR_SUFFIX), self._reader.masks
        return (masks.organs[name] if target == name else masks.tumors[target]).path

    @cached_property
    def _reader(self) -> MaskReader:
        return MaskReader(case_masks(self.row), self.ct)
