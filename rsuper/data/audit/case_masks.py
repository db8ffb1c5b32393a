"""Where the audit gets masks from: the only place that knows how the masks of a case lie on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from rsuper.data.sources.abdomenatlas import TUMOR_FILES
from rsuper.data.volumes import Grid, read_mask

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
            DataError: the mask is missing, damaged, on another grid, or has labels other than 0 and 1.
        """
        return read_mask(self.file(name), self.ct)

    def file(self, name: str) -> Path:
        """Return the file that holds a mask, as the text of an error names it."""
        target = name.removesuffix(TUMOR_SUFFIX)
        stem = name if target == name else TUMOR_FILES[target]
        return Path(str(self.row["segmentations"])) / f"{stem}.nii.gz"
