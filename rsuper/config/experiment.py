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

Target = Literal["pancreas", "kidney"]
Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1)]
Triple = tuple[Positive, Positive, Positive]
Shape = tuple[Side, Side, Side]


class TestSet(Section):
    """A test set: a role of the cohorts and the column block of the paper it stands for."""

    __test__ = False  # pytest: not a test class

    role: str
    label: str
    paper: Literal["UCSF-Test", "JHH-Test"] | None = None


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

    spacing_mm: Triple = (1.0, 1.0, 1.0)
    clip_hu: tuple[float, float] = (-991.0, 500.0)  # official code; the paper does not say
    normalize: Literal["zscore", "window"] = "zscore"

    @field_validator("clip_hu")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float]) -> tuple[float, float]:
        if bounds[0] >= bounds[1]:
            raise ValueError("expected two HU, the lower first")
        return bounds


class Network(Section):
    """The one network that every in-house method trains."""

    name: str = "unet"
    inputs: Literal["ct", "ct+organs"] = "ct"
    patch: Shape
    options: dict[str, object] = Field(default_factory=dict)


class DeviceAugment(Section):
    """Random changes that the training device makes after the others: the official code's list.

    Off by default. CT-Report patches are turned by no more than what is supervised in them allows, and are
    not sheared.
    """

    turned_share: float = Field(0.0, ge=0, le=1, description="share of patches that are turned and sheared")
    rotation_deg: float = Field(30.0, ge=0, le=180, description="about each axis, up to +- this")
    shear: float = Field(0.05, ge=0, lt=1, description="mm per mm, up to +- this")
    share: float = Field(0.0, ge=0, le=1, description="of patches, for each change of the intensities")
    gain: tuple[float, float] = (0.7, 1.3)
    offset: float = Field(0.1, ge=0, description="standard deviation of the shift (in normalized units)")
    gamma: tuple[float, float] = (0.7, 1.5)
    contrast: tuple[float, float] = (0.7, 1.3)
    blur_voxels: tuple[float, float] = (0.5, 1.5)
    noise: float = Field(0.2, ge=0, description="largest standard deviation of added white noise")

    @field_validator("gain", "gamma", "contrast", "blur_voxels")
    @classmethod
    def _ordered(cls, values: tuple[float, float]) -> tuple[float, float]:
        if not 0 < values[0] <= values[1]:
            raise ValueError(f"expected two numbers above 0, the lower first, got {list(values)}")
        return values

    @property
    def changes_anything(self) -> bool:
        """Whether any patch is changed."""
        return self.turned_share > 0 or self.share > 0


class Augment(Section):
    """Random changes of a training patch; each is drawn once per patch."""

    flips: tuple[Literal["x", "y", "z"], ...] = ()
    gain: float = Field(0.0, ge=0, description="intensity is multiplied by 1 +- this")
    offset: float = Field(0.0, ge=0, description="intensity is shifted by +- this (in normalized units)")
    noise: float = Field(0.0, ge=0, description="largest standard deviation of added white noise")
    device: DeviceAugment = DeviceAugment()


class Schedule(Section):
    """Steps, patches and optimizer; no method owns any of it, so that all do equal work."""

    stage1_steps: int = Field(ge=1)
    steps: int = Field(ge=1)
    mask_patches: int = Field(2, ge=1, description="CT-Mask patches per step, the same for every method")
    report_patches: int = Field(2, ge=1, description="CT-Report patches per step, on top")
    tumor_share: float = Field(0.6, ge=0, le=1, description="share of patches drawn from tumor cases")
    background_share: float = Field(0.0, ge=0, lt=1, description="of mask patches: from anywhere in a CT")
    learning_rate: float = Field(gt=0)
    stage1_learning_rate: float = Field(gt=0)
    policy: Literal["one_cycle", "warmup_poly"] = "one_cycle"
    weight_decay: float = Field(0.05, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    positive_weight: float = Field(
        1.0, gt=0, description="weight of tumor voxels in the cross-entropy on masks"
    )
    deep_supervision_weight: float = Field(
        0.5, ge=0, description="weight of the auxiliary output's mask loss"
    )
    augment: Augment = Augment()
    checkpoint_every: int = Field(200, ge=1)
    log_every: int = Field(20, ge=1)


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

    overlap: float = Field(0.5, ge=0, lt=1)
    blend: Literal["constant", "gaussian"] = Field(
        "constant", description="weight of a window's voxels; constant as in the official code"
    )
    batch: int = Field(1, ge=1)


class Validation(Section):
    """The held-out tenth: drawn from the report cohort, the same for every method and budget."""

    share: float = Field(0.1, gt=0, lt=1, description="of all training cases")


class Evaluation(Section):
    """How scores become numbers; design.md, section 7."""

    score: Literal["top_volume_mean", "max_probability", "volume_above"] = "top_volume_mean"
    nsd_tolerances_mm: Annotated[tuple[Positive, ...], Field(min_length=1), Distinct] = (2.0, 1.15, 3.0)
    size_source: Literal["report", "mask"] = "report"
    bootstrap: Literal["percentile", "bca"] = Field(
        "percentile", description="bounds of bootstrap intervals; bca is worse for F1 on few tumors"
    )
    bootstrap_draws: int = Field(1000, ge=10)
    significance: float = Field(0.05, gt=0, lt=1)
    reference: str = Field("r_super", description="the method that all others are compared with")


class Hypothesis(Section):
    """What an experiment expects of its reference method, stated before it is run."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    statement: str
    budget: str
    other: str = Field(description="the row that the reference method is compared with")
    expected: Literal["above", "below"] = Field("above", description="the reference, against the other row")
    metrics: Annotated[tuple[Literal["auc", "f1", "dsc_tumor", "nsd_tumor"], ...], Field(min_length=1)]


class Experiment(Section):
    """One experiment file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    about: str
    data_note: str = Field("", description="printed with every table: what the numbers are measured on")
    targets: Annotated[tuple[Target, ...], Field(min_length=1), Distinct]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Distinct] = (0,)
    data_seed: Seed = 0
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    phantom: PhantomSpec | None = None
    real_anatomy: RealAnatomySpec | None = None
    organ_segmenter: OrganSegmenter | None = None
    roles: dict[Literal["mask_train", "report_train"], str] = Field(
        {"mask_train": "mask_train", "report_train": "report_train"}
    )
    test_sets: Annotated[dict[Name, TestSet], Field(min_length=1)]
    leaked_patients: Literal["stop", "exclude", "with_and_without"] = Field(
        "stop", description="what to do with patients who are both trained and tested on"
    )
    budgets: Annotated[dict[Name, Budget], Field(min_length=1)]
    add_rows: dict[Name, Annotated[tuple[str, ...], Distinct]] = Field(
        default_factory=dict,
        description="per budget: rows beside those of `budgets`, for a file that extends another",
    )
    controls: Annotated[tuple[str, ...], Distinct] = ("oracle", "silent")
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
    hypotheses: tuple[Hypothesis, ...] = ()
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
