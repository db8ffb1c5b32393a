"""The organ segmenter of the experiment file: a command of the user's that makes missing organ masks."""

import re
import shlex
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rsuper.config.dataset import Section

Structure = Literal[
    "pancreas",
    "pancreas_head",
    "pancreas_body",
    "pancreas_tail",
    "kidney_left",
    "kidney_right",
    "kidneys",  # one mask of both, told apart by place
]
PLACEHOLDER = re.compile(r"\{(\w*)\}")
PLACEHOLDERS = {
    "ct": "the CT's file",
    "ct_folder": "a folder that holds the CT alone, as case_0000.nii.gz",
    "folder": "the folder that the command leaves its masks in",
}


class LeftMask(Section):
    """Where the command leaves the mask of a structure; a text alone is its file."""

    file: str = Field(description="below {folder}")
    labels: tuple[Annotated[int, Field(ge=1, le=255)], ...] = Field(
        (), description="values of a label map that make up the structure; none: a mask of 0 and 1"
    )

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value

    @field_validator("file")
    @classmethod
    def _below_the_folder(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or "\\" in file:
            raise ValueError("expected a file below {folder}, without '..' and with '/'")
        if not file.endswith((".nii.gz", ".nii")):
            raise ValueError("expected a NIfTI file, .nii.gz or .nii")
        return file


def _total_segmentator() -> dict[Structure, LeftMask]:
    names: tuple[Structure, ...] = ("pancreas", "kidney_left", "kidney_right")
    return {name: LeftMask(file=f"{name}.nii.gz") for name in names}


class OrganSegmenter(Section):
    """A program in an environment of its own; docs/data.md has examples."""

    command: tuple[str, ...] = Field(
        description="the program and its arguments, as a text or as words; no shell reads it"
    )
    structures: Annotated[dict[Structure, LeftMask], Field(min_length=1)] = Field(
        default_factory=_total_segmentator, description="what the command leaves where; as TotalSegmentator"
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="variables that the command gets; they are recorded: no secrets"
    )
    timeout_s: float = Field(3600.0, gt=0, description="of one CT")
    gpu: int = Field(1, ge=0, description="that the command needs; none where this machine has none")

    @field_validator("command", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, str):
            return shlex.split(value)
        if isinstance(value, list | tuple) and any(isinstance(word, dict) for word in value):
            raise ValueError("in a list YAML takes braces for a mapping: write placeholders as '{ct}'")
        return value

    @field_validator("command")
    @classmethod
    def _known_placeholders(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        found = {name for word in command for name in PLACEHOLDER.findall(word)}
        known = ", ".join(f"{{{name}}} ({meaning})" for name, meaning in PLACEHOLDERS.items())
        unknown = sorted(found - set(PLACEHOLDERS))
        if unknown:
            raise ValueError(f"placeholder {{{unknown[0]}}} is not known; there are {known}")
        if "folder" not in found or not found & {"ct", "ct_folder"}:
            raise ValueError(f"expected {{folder}}, and {{ct}} or {{ct_folder}}, in it; there are {known}")
        return command

    @model_validator(mode="after")
    def _kidneys_once(self) -> "OrganSegmenter":
        if "kidneys" in self.structures and {"kidney_left", "kidney_right"} & set(self.structures):
            raise ValueError("'kidneys' (one mask of both) stands beside one of a single kidney")
        return self
