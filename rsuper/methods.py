"""Method folders: their cards, how they are found, named and loaded. Readable without torch."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rsuper.config.load import parse, read_yaml
from rsuper.errors import ConfigError, MethodError
from rsuper.fingerprint import fingerprint
from rsuper.method_code import load

METHODS = Path(__file__).resolve().parent.parent / "methods"
CONFIG = "config"  # a method's own experiment files
NAME = re.compile(r"[a-z][a-z0-9_]*")  # a hyphen names a variant
NAMED_SO = "a lower-case letter, then lower-case letters, digits or '_'"
START = "`make new-method NAME=x` writes a folder to start from, docs/methods.md says what stands in it"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Uses(_Section):
    """What a method may see; asking for more raises MethodError."""

    all_images: bool = Field(description="CTs without a mask")
    masks: bool = Field(description="tumor masks, of CT-Mask pairs")
    reports: Literal["none", "presence", "count", "text", "details"] = Field(
        description="what of reports: nothing, whether there is a tumor, how many, the words, or the findings"
    )


class Ticks(_Section):
    """The five columns of the paper's Table 1."""

    uses_unannotated_cts: bool = Field(description="trains on CTs without masks")
    uses_reports: bool = Field(description="trains on reports")
    uses_detailed_report_info: bool = Field(description="number, size and place of tumors among them")
    reports_optimize_segmentation: bool = Field(description="by a loss on the segmentation itself")
    reports_penalize_fp_fn: bool = Field(description="which penalizes false and missed tumors")


class Resources(_Section):
    """What a job of this method asks the cluster for."""

    gpu: int = Field(1, ge=0, description="GPUs; 0: trains nothing, or on the CPU")
    mem_mb: int = Field(16_000, ge=100, description="memory, in MB")
    runtime: int = Field(60, ge=1, description="minutes")


class Card(_Section):
    """method.yaml: the facts about a method, and its variants."""

    label: str = Field(description="what tables and figures call it")
    version: int = Field(ge=1, description="raised whenever numbers may change")
    citation: str = Field(description="the work that it is from")
    uses: Uses
    table1: Ticks | None = Field(None, description="its ticks in Table 1; none: no row there")
    needs: tuple[str, ...] = Field((), description="runs, at the same budget and seed, that it continues")
    resources: Resources = Resources()
    environment: str | None = Field(
        None, description="requirements file of its own; null: the suite's packages"
    )
    control: Literal["ceiling", "floor"] | None = Field(
        None,
        description="shows what a number is worth, and competes with none; only a ceiling may see test masks",
    )
    variants: dict[str, dict[str, object]] = Field(
        default_factory=dict, description="values of Config per variant, a row called folder-variant"
    )
    variant_labels: dict[str, str] = Field(default_factory=dict, description="what tables call a variant")
    variant_needs: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="in the place of needs"
    )
    deviations: tuple[str, ...] = Field(
        (), description="each point where the paper is silent or this differs; docs/deviations.md has them"
    )
    name: str = Field("", description="of the folder; not written in the card")

    @model_validator(mode="after")
    def _of_variants_there_are(self) -> "Card":
        for key, named in (("variant_labels", self.variant_labels), ("variant_needs", self.variant_needs)):
            unknown = sorted(set(named) - set(self.variants))
            if unknown:
                near = _near(unknown[0], self.variants)
                raise ValueError(f"{key} names '{unknown[0]}', which is none of the variants{near}")
        return self


class Method(_Section):
    """A method folder and, where named so, one of its variants."""

    name: str = Field(description="folder, or folder-variant")
    folder: Path
    variant: str | None
    card: Card

    @property
    def label(self) -> str:
        """How the tables call it."""
        return (
            self.card.label if self.variant is None else self.card.variant_labels.get(self.variant, self.name)
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """Upstream runs at the same budget and seed."""
        return self.card.variant_needs.get(self.variant or "", self.card.needs)

    def targets(self, experiment_targets: Sequence[str]) -> tuple[str, ...]:
        """Targets that the method answers for: those its variant names as `targets`, else all."""
        named = self.card.variants[self.variant].get("targets") if self.variant else None
        if named is None:
            return tuple(experiment_targets)
        if not isinstance(named, list) or not set(named) <= set(experiment_targets):
            known = list(experiment_targets)
            raise MethodError(f"variant '{self.name}' is for the targets {named}, the experiment has {known}")
        return tuple(target for target in experiment_targets if target in named)

    @cached_property
    def module(self) -> ModuleType:
        """The method's code, loaded on first use (this is where torch comes in).

        Raises:
            MethodError: method.py is missing, cannot be imported or lacks a name of the contract.
        """
        return load(self.folder)

    def config(self, experiment_values: Mapping[str, object]) -> BaseModel:
        """Resolve the Config: defaults (the paper), then the experiment's values, then the variant's.

        Raises:
            ConfigError: an unknown key or a wrong value, named with its source.
        """
        variant = self.card.variants[self.variant] if self.variant else {}
        source = f"{self.folder / 'method.yaml'}, variant '{self.variant}'" if self.variant else self.name
        return parse(self.module.Config, {**experiment_values, **variant}, f"config of {source}")

    def fingerprint(self) -> str:
        """Hash of the method's files and of every module of the project that they import.

        What lies in the folder's `config` says which experiments have a row of it, not what it does.
        """
        files = [
            path
            for path in sorted(self.folder.rglob("*"))
            if path.suffix in {".py", ".yaml", ".txt"} and not path.is_relative_to(self.folder / CONFIG)
        ]
        return fingerprint(files, self.folder.parent.parent)


def read_card(folder: Path) -> Card:
    """Read and check a method's card.

    Raises:
        MethodError: the folder has no card, or the card is not valid; the folder and key are named.
    """
    try:
        content = read_yaml(folder / "method.yaml")
        return parse(Card, {**content, "name": folder.name}, str(folder / "method.yaml"))
    except ConfigError as error:
        raise MethodError(f"{error} ({START})") from None


def available(root: Path = METHODS) -> dict[str, Card]:
    """Return the cards of all method folders by name.

    Raises:
        MethodError: a folder is incomplete; nothing is skipped.
    """
    if not root.is_dir():
        raise MethodError(
            f"{root}: no such folder; experiments run in a checkout, an installed package has none"
        )
    folders = sorted(
        path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
    )
    for folder in folders:
        missing = [name for name in ("method.yaml", "method.py") if not (folder / name).is_file()]
        if missing:
            raise MethodError(
                f"{folder}: a method folder needs method.yaml and method.py; {' and '.join(missing)} "
                f"{'are' if len(missing) > 1 else 'is'} missing. {START}; a folder that is no method has "
                "no place there"
            )
        if not NAME.fullmatch(folder.name):
            raise MethodError(f"{folder}: rename the folder; a method is called {NAMED_SO}")
    return {folder.name: read_card(folder) for folder in folders}


def find(name: str, root: Path = METHODS) -> Method:
    """Find a method by its name, `folder` or `folder-variant`.

    Raises:
        MethodError: no such folder or variant; the known ones are listed.
    """
    folder, _, variant = name.partition("-")
    cards = available(root)
    if folder not in cards:
        raise MethodError(
            f"unknown method '{name}': there is no folder '{root / folder}'{_near(folder, cards)}; "
            f"known: {sorted(cards)}"
        )
    if variant and variant not in cards[folder].variants:
        known = [f"{folder}-{known}" for known in cards[folder].variants]
        raise MethodError(f"unknown variant '{name}'{_near(name, known)}; {folder}/method.yaml has: {known}")
    return Method(name=name, folder=root / folder, variant=variant or None, card=cards[folder])


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; do you mean '{near[0]}'?" if near else ""


def refuse_unknown(folders: Iterable[str], source: Path, root: Path = METHODS) -> None:
    """Make sure that settings are those of a method folder: others would be passed over without a word.

    Raises:
        ConfigError: names the first one that is none, and its source.
    """
    known = sorted(available(root))
    for folder in folders:
        if folder not in known:
            raise ConfigError(
                f"{source}: key 'methods.{folder}': there is no such method folder{_near(folder, known)}; "
                f"known: {known}"
            )


def with_upstream(names: Iterable[str], root: Path = METHODS) -> dict[str, Method]:
    """Find methods and everything that they need, directly or not.

    Raises:
        MethodError: a name is unknown, or a method needs itself.
    """
    found: dict[str, Method] = {}

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise MethodError(f"method '{name}' needs itself: {' needs '.join((*above, name))}")
        if name not in found:
            try:
                found[name] = find(name, root)
            except MethodError as error:
                if not above:
                    raise
                raise MethodError(f"'{above[-1]}' needs '{name}', as its card says: {error}") from None
        for needed in found[name].needs:
            add(needed, (*above, name))

    for name in names:
        add(name, ())
    return found
