"""The experiment file: what to run. Every key is checked; an unknown or missing one is named."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeGuard

from pydantic import Field, field_validator, model_validator

from rsuper.config.dataset import Dataset, Section
from rsuper.config.names import Distinct, Name, distinct
from rsuper.config.organ_segmenter import OrganSegmenter
from rsuper.config.phantom import PhantomSpec
from rsuper.config.reading import Extraction as Extraction
from rsuper.config.reading import ExtractionReport as ExtractionReport
from rsuper.config.reading import ReportVectors as ReportVectors
from rsuper.config.real_anatomy import RealAnatomySpec
from rsuper.config.resources import Demands
from rsuper.config.schedule import Augment as Augment
from rsuper.config.schedule import DeviceAugment as DeviceAugment
from rsuper.config.schedule import Schedule as Schedule

Target = Literal["pancreas", "kidney"]
Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]
Triple = tuple[Positive, Positive, Positive]
Shape = tuple[Side, Side, Side]


class TestSet(Section):
    """A test set: a role of the cohorts and the column block of the paper it stands for."""

    __test__ = False  # pytest: not a test class

    role: str = Field(description="of its cases, in the tables of the data sets")
    label: str = Field(description="what tables and figures call it")
    paper: Literal["UCSF-Test", "JHH-Test"] | None = Field(
        None, description="the column block of the paper that it stands for"
    )


class Budget(Section):
    """How many CT-Mask pairs a run may see. None takes all there are."""

    pancreas: int | None = Field(None, ge=0, description="CTs with a pancreatic tumor")
    kidney: int | None = Field(None, ge=0, description="CTs with a kidney tumor")
    normal: int | None = Field(None, ge=0, description="tumor-free CTs")
    reports: int | None = Field(None, ge=1, description="CT-Report pairs; validation cases stay out of them")
    methods: tuple[str, ...] = Field(description="rows at this budget, as folder or folder-variant")
    controls: tuple[str, ...] = Field((), description="rows that are compared, but no alternatives")

    @model_validator(mode="after")
    def _rows_once(self) -> "Budget":
        distinct((*self.methods, *self.controls))
        return self


class Preprocess(Section):
    """From a CT on disk to what a network sees."""

    spacing_mm: Triple = Field((1.0, 1.0, 1.0), description="voxel edges of the store, along x, y and z")
    clip_hu: tuple[float, float] = Field(
        (-991.0, 500.0),
        description="intensities are cut to these; the official code's, the paper does not say",
    )
    normalize: Literal["zscore", "window"] = Field(
        "zscore", description="by each CT's own mean and deviation, or from clip_hu to -1 and 1"
    )

    @field_validator("clip_hu")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if bounds[0] >= bounds[1]:
            raise ValueError("expected two HU, the lower first")
        return bounds


class Network(Section):
    """The one network that every in-house method trains."""

    name: str = Field("unet", description="unet, or medformer (the paper's)")
    inputs: Literal["ct", "ct+organs"] = Field(
        "ct", description="what the network sees; organs: their masks as channels"
    )
    patch: Shape = Field(description="voxels of a patch, and of a window of prediction, along x, y and z")
    options: dict[str, object] = Field(
        default_factory=dict, description="of the network's own builder in rsuper/networks"
    )


class Engine(Section):
    """How training computes, the same for every method; on a CPU the defaults are the plain loop."""

    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", description="of a GPU's networks; auto: bf16 where it has it. Losses, and CPUs, are float32"
    )
    channels_last: bool = Field(False, description="on a GPU; slower where it was measured")
    compile: bool = Field(False, description="networks by torch.compile, on a GPU")
    deterministic: bool = Field(False, description="refuse what may differ from call to call")
    accumulate: int = Field(1, ge=1, description="batches per step; the loss is the mean of theirs")
    ema: float | None = Field(
        None, gt=0, lt=1, description="decay of averaged weights, which predict then; null: none"
    )
    check_every: int = Field(
        1, ge=1, description="steps between two looks at the losses, for which the host waits for a GPU"
    )
    workers: int = Field(0, ge=0, description="processes that make batches ahead; 0: made when needed")
    prefetch: int = Field(2, ge=1, description="batches that each worker makes ahead")
    validate_every: int = Field(
        0, ge=0, description="steps between two validations on the held-out tenth; 0: none"
    )
    keep: Literal["last", "best"] = Field("last", description="weights that predict; best: by validation")
    tensorboard: bool = Field(False, description="the log for TensorBoard too, where that is installed")

    @model_validator(mode="after")
    def _best_needs_validation(self) -> "Engine":
        if self.keep == "best" and not self.validate_every:
            raise ValueError("keep: best needs validate_every: which weights are the best is not known else")
        return self


class Predict(Section):
    """Sliding-window inference."""

    overlap: float = Field(
        0.5, ge=0, lt=1, description="share that neighboring windows have in common, per axis"
    )
    blend: Literal["constant", "gaussian"] = Field(
        "constant", description="weight of a window's voxels; constant as in the official code"
    )
    batch: int = Field(1, ge=1, description="windows at a time")


class Validation(Section):
    """The held-out tenth: drawn from the report cohort, the same for every method and budget."""

    share: float = Field(0.1, gt=0, lt=1, description="of all training cases")


class Evaluation(Section):
    """How scores become numbers; design.md, section 7."""

    score: Literal["top_volume_mean", "max_probability", "volume_above"] = Field(
        "top_volume_mean", description="what of a probability map decides whether a CT has a tumor"
    )
    nsd_tolerances_mm: Annotated[tuple[Positive, ...], Field(min_length=1), Distinct] = Field(
        (2.0, 1.15, 3.0), description="of the surface distance; tables print the first"
    )
    size_source: Literal["report", "mask"] = Field(
        "report", description="whose diameter decides between small and large, where both are known"
    )
    bootstrap: Literal["percentile", "bca"] = Field(
        "percentile", description="bounds of bootstrap intervals; bca is worse for F1 on few tumors"
    )
    bootstrap_draws: int = Field(1000, ge=10, description="resamples behind every interval")
    significance: float = Field(0.05, gt=0, lt=1, description="p-values below it get a mark")
    reference: str = Field("r_super", description="the method that all others are compared with")


class Hypothesis(Section):
    """What an experiment expects of its reference method, stated before it is run."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="its name in hypotheses.csv")
    statement: str = Field(description="in words, printed with its verdict")
    budget: str = Field(description="at which both rows are compared")
    other: str = Field(description="the row that the reference method is compared with")
    expected: Literal["above", "below"] = Field("above", description="the reference, against the other row")
    metrics: Annotated[tuple[Literal["auc", "f1", "dsc_tumor", "nsd_tumor"], ...], Field(min_length=1)] = (
        Field(description="judged in every target and test set; p-values are adjusted over all of them")
    )


class Experiment(Section):
    """One experiment file."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="folder of its results; phantom's lie in results/ itself"
    )
    about: str = Field(description="the question, in a sentence")
    data_note: str = Field("", description="printed with every table: what the numbers are measured on")
    targets: Annotated[tuple[Target, ...], Field(min_length=1), Distinct] = Field(
        description="tumor types that are segmented"
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Distinct] = Field(
        (0,), description="of training: every row is trained once with each"
    )
    data_seed: Seed = Field(0, description="of made data, and of who is held out")
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)] = Field(
        description="where cases come from; the name begins every case id"
    )
    phantom: PhantomSpec | None = None
    real_anatomy: RealAnatomySpec | None = None
    organ_segmenter: OrganSegmenter | None = None
    roles: dict[Literal["mask_train", "report_train"], str] = Field(
        {"mask_train": "mask_train", "report_train": "report_train"},
        description="what the cases that are trained on are called in the tables of the data sets",
    )
    test_sets: Annotated[dict[Name, TestSet], Field(min_length=1)] = Field(
        description="what every run is tested on"
    )
    leaked_patients: Literal["stop", "exclude", "with_and_without"] = Field(
        "stop", description="what to do with patients who are both trained and tested on"
    )
    budgets: Annotated[dict[Name, Budget], Field(min_length=1)] = Field(
        description="how many masks there are, and the rows that are trained on them"
    )
    add_rows: dict[Name, Annotated[tuple[str, ...], Distinct]] = Field(
        default_factory=dict,
        description="per budget: rows beside those of `budgets`, for a file that extends another",
    )
    controls: Annotated[tuple[str, ...], Distinct] = Field(
        ("oracle", "silent"), description="untrained rows, once, at the last budget"
    )
    preprocess: Preprocess
    network: Network
    schedule: Schedule
    engine: Engine = Engine()
    predict: Predict = Predict()
    validation: Validation = Validation()
    extraction: Extraction = Extraction()
    extraction_report: ExtractionReport = ExtractionReport()
    report_vectors: ReportVectors = ReportVectors()
    evaluation: Evaluation = Evaluation()
    hypotheses: tuple[Hypothesis, ...] = Field(
        (), description="what is expected of the reference method, written before the run"
    )
    resources: Demands = Demands()
    methods: dict[str, dict[str, object]] = Field(
        default_factory=dict, description="per method folder: values that differ from its Config's defaults"
    )

    @property
    def all_controls(self) -> frozenset[str]:
        """Rows that show what a number is worth: the untrained ones, and the trained ones of the budgets."""
        trained = (name for budget in self.budgets.values() for name in budget.controls)
        return frozenset([*self.controls, *trained])

    @model_validator(mode="before")
    @classmethod
    def _with_added_rows(cls, content: object) -> object:
        """Put added rows, once, behind a budget's own; what is ill-formed is left for its key's check."""
        if not _is_map(content):
            return content
        added, budgets = content.get("add_rows"), content.get("budgets")
        if not _is_map(added) or not _is_map(budgets):
            return content
        unknown = sorted(set(map(str, added)) - set(map(str, budgets)))
        if unknown:
            known = sorted(map(str, budgets))
            raise ValueError(f"add_rows: there is no budget '{unknown[0]}'; there are {known}")
        longer = {name: _longer(budget, added.get(name)) for name, budget in budgets.items()}
        return {**content, "budgets": longer}

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        if len(self.roles) < 2:
            raise ValueError(f"roles needs both mask_train and report_train, got {self.roles}")
        trained = set(self.roles.values())
        if len(trained) < 2:
            raise ValueError(f"mask_train and report_train must be different roles, got {self.roles}")
        for name, test_set in self.test_sets.items():
            if test_set.role in trained:
                raise ValueError(f"test set '{name}' has the role '{test_set.role}' of training")
        if "validation" in self.test_sets:
            raise ValueError("test set 'validation': that is what the held-out training cases are called")
        for source, section in (("phantom", self.phantom), ("real_anatomy", self.real_anatomy)):
            used = [name for name, dataset in self.datasets.items() if dataset.source == source]
            if used and section is None:
                raise ValueError(
                    f"datasets {used} have source {source}, but the section '{source}' is missing"
                )
        opted_in = [name for name, dataset in self.datasets.items() if dataset.segment_organs]
        if opted_in and self.organ_segmenter is None:
            raise ValueError(
                f"datasets {opted_in} say segment_organs, but the section 'organ_segmenter' is missing"
            )
        distinct([hypothesis.id for hypothesis in self.hypotheses])
        for hypothesis in self.hypotheses:
            budget = self.budgets.get(hypothesis.budget)
            rows = () if budget is None else (*budget.methods, *budget.controls)
            missing = {self.evaluation.reference, hypothesis.other} - set(rows)
            if missing:
                raise ValueError(
                    f"hypothesis '{hypothesis.id}' compares rows {sorted(missing)} that budget "
                    f"'{hypothesis.budget}' does not have"
                )
        return self


def _is_map(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _longer(budget: object, rows: object) -> object:
    """A budget with further rows."""
    own = budget.get("methods") if _is_map(budget) else None
    if not _is_map(budget) or not isinstance(own, list | tuple) or not isinstance(rows, list | tuple):
        return budget
    return {**budget, "methods": [*own, *(row for row in rows if row not in own)]}
