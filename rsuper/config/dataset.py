"""One data set of the experiment file: which layout, where it lies, and which roles its cases have."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Source = Literal[
    "phantom",
    "real_anatomy",
    "abdomenatlas",
    "abdomenatlas3",
    "pants",
    "merlin",
    "kits19",
    "kits23",
    "msd_pancreas",
    "panorama",
    "ct_rate",
    "table",
]
MADE = ("phantom", "real_anatomy")  # by a rule, in the layout of abdomenatlas

# Folders of a source beside its root, with where they lie below it unless `roots` says otherwise.
ROOTS: dict[str, dict[str, str]] = {
    "abdomenatlas3": {"images": "image_only", "masks": "mask_only"},
    "merlin": {"cts": "merlin_data", "masks": "merlin_per_voxel_masks"},
    "panorama": {"images": "images", "labels": "manual_labels"},
    "ct_rate": {"cts": "dataset", "masks": "masks"},
}
# The splits that a data set itself has.
SPLITS: dict[str, tuple[str, ...]] = {
    "abdomenatlas3": ("IID_train", "IID_test", "OOD_train", "OOD_test"),
    "pants": ("train", "test"),
    "merlin": ("train", "val", "test"),
    "ct_rate": ("train", "valid"),
}
# Sources with texts of reports.
WITH_REPORTS = ("phantom", "real_anatomy", "abdomenatlas", "abdomenatlas3", "merlin", "ct_rate", "table")


class Section(BaseModel):
    """A part of the experiment file: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Dataset(Section):
    """Where the cases of one data set come from; docs/data.md has an example per source."""

    source: Source = Field(
        description="the layout: made by a rule (phantom, real_anatomy), a published data set's, or a table"
    )
    root: str | None = Field(None, description="folder; only for data that are not made by a rule")
    roots: dict[str, str] = Field(
        default_factory=dict, description="folders that lie elsewhere than below the root, by name"
    )
    role: str | None = Field(None, description="of all cases")
    splits: dict[str, str] = Field(
        default_factory=dict, description="role per split of the data set itself; others are left out"
    )
    metadata: str = Field(
        "metadata.csv",
        description="table case_id, patient_id, role, ...; relative to the root; where neither role nor "
        "splits are given, its cases and no others are read",
    )
    reports: str | None = Field(None, description="file of reports, relative to the root; None: the usual")
    table: str = Field("cases.csv", description="of source table: one row per CT; relative to the root")
    follow_links: bool = Field(
        False, description="of source table: its paths may lead out of the root by symbolic links"
    )
    segment_organs: bool = Field(
        False, description="cases without organ masks get them by the experiment's organ_segmenter"
    )
    shards: int = Field(
        1, ge=1, le=1000, description="jobs that share the preprocessing; a killed one goes on where it was"
    )

    @model_validator(mode="after")
    def _root_where_needed(self) -> "Dataset":
        if self.source not in MADE and self.root is None:
            raise ValueError(f"source {self.source} needs 'root', the folder that holds the cases")
        if self.source in MADE and (self.role or self.splits or self.roots):
            raise ValueError(f"source {self.source} gives its cases roles itself and has no other folders")
        return self

    @model_validator(mode="after")
    def _keys_of_the_source(self) -> "Dataset":
        for key, given, known in (
            ("roots", self.roots, list(ROOTS.get(self.source, {}))),
            ("splits", self.splits, list(SPLITS.get(self.source, ()))),
        ):
            unknown = sorted(set(given) - set(known))
            if unknown:
                raise ValueError(f"{key} {unknown}: source {self.source} has {known or 'none'}")
        if self.follow_links and self.source != "table":
            raise ValueError(
                f"source {self.source} has no table of paths, so that 'follow_links' says nothing"
            )
        if self.role and self.splits:
            raise ValueError("'role' gives all cases one role, 'splits' one per split: choose one of them")
        if self.reports and self.source not in WITH_REPORTS:
            raise ValueError(f"source {self.source} has no texts of reports, so that 'reports' says nothing")
        return self
