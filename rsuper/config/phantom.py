"""What the digital abdomen is made of: sizes, rates and ranges, each with its reason.

"Prototype" is the feasibility study of this project; its fourth phantom is the one where training on the
masks of report cases helps clearly, that is, where there is something for reports to give.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Phase = Literal["plain", "arterial", "venous"]
TumorType = Literal["hypo", "hyper", "heterogeneous"]
CaseKind = Literal["pancreas", "kidney", "both", "normal"]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]

# The organs are drawn at life size around the center of the grid; a smaller field of view would cut them.
FIELD_OF_VIEW_MM = (224.0, 160.0, 160.0)


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"a range needs low <= high, got {bounds}")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Shares(_Frozen):
    @model_validator(mode="after")
    def _sum_to_one(self) -> "_Shares":
        total = sum(self.model_dump().values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"{type(self).__name__} must sum to 1, got {total:g}")
        return self


class PhaseShares(_Shares):
    """Share of each contrast phase among the CTs of a hospital."""

    plain: Share = 0.05  # few: without contrast agent these tumors can hardly be seen, by anyone
    arterial: Share = 0.25
    venous: Share = 0.7  # prototype, public masks: mostly portal venous, as public sets are


class TypeShares(_Shares):
    """Share of each tumor type."""

    # One mix for all hospitals, or masks teach the wrong type (prototype). Most pancreatic carcinomas, and
    # nearly all renal tumors in the venous phase, are darker than their organ.
    hypo: Share = 0.75
    hyper: Share = 0.10
    heterogeneous: Share = 0.15


class GridSpec(_Frozen):
    """Voxels of every CT, RAS+."""

    # 89,600 voxels: small enough for a CPU, wide enough for both kidneys and the pancreas at life size.
    shape: tuple[int, int, int] = (56, 40, 40)
    # Prototype: 4 mm leaves about 900 voxels of pancreas and 4 voxels across the smallest tumor.
    spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0)

    @model_validator(mode="after")
    def _holds_the_abdomen(self) -> "GridSpec":
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"spacing_mm must be positive, got {self.spacing_mm}")
        extent = [n * s for n, s in zip(self.shape, self.spacing_mm, strict=True)]
        if any(have < need for have, need in zip(extent, FIELD_OF_VIEW_MM, strict=True)):
            raise ValueError(f"shape x spacing_mm must cover {FIELD_OF_VIEW_MM} mm, got {tuple(extent)}")
        return self


class TumorSpec(_Frozen):
    """Number, size and contrast of tumors, the same in every hospital but for the multiplier."""

    # Shares of 1, 2, 3 tumors per diseased target: Merlin reports, pancreas (1,578 / 357 / 82 CTs).
    count_shares: tuple[Share, Share, Share] = (0.78, 0.17, 0.05)
    # Prototype, phantom 4: 15 mm is the least that 4 mm voxels hold; 40 mm the most that the organs hold.
    longest_axial_mm: Range = (15.0, 40.0)
    # KiTS and PDAC masks: median perpendicular / longest axial 0.81 and 0.70.
    perpendicular_ratio: Range = (0.6, 0.95)
    # KiTS and PDAC masks: median craniocaudal / longest axial 0.90 and 0.87.
    craniocaudal_ratio: Range = (0.7, 1.05)
    # Against the organ around it, arterial phase, before the multiplier; set on development seeds
    # (docs/phantom.md).
    hypo_hu: float = -32.0
    hyper_hu: float = 40.0
    # Mean and standard deviation inside a heterogeneous tumor: mostly dark, with brighter islands.
    heterogeneous_hu: tuple[float, float] = (-24.0, 28.0)
    # A solid tumor is denser than the water of a cyst, however little it enhances.
    least_hu: float = 35.0
    # Without contrast agent little separates tumor from organ; venous contrast has begun to fade.
    phase_factor: dict[Phase, float] = {"plain": 0.6, "arterial": 1.0, "venous": 0.9}
    # Edge wider than one voxel: tumors infiltrate, and a sharp disk would be found by edge detection alone.
    edge_mm: Positive = 6.0

    @model_validator(mode="after")
    def _complete(self) -> "TumorSpec":
        if abs(sum(self.count_shares) - 1) > 1e-6:
            raise ValueError(f"count_shares must sum to 1, got {sum(self.count_shares):g}")
        if set(self.phase_factor) != {"plain", "arterial", "venous"}:
            raise ValueError(
                f"phase_factor needs plain, arterial and venous, got {sorted(self.phase_factor)}"
            )
        return self


class LookalikeRates(_Frozen):
    """Mean number (Poisson) of each kind of look-alike per target; both kidneys together."""

    # One organ in nine has neither fat nor calcification: whoever takes the most conspicuous spot for a tumor
    # is mostly wrong.
    cyst: NonNegative = 0.2
    fat: NonNegative = 1.1
    vessel: NonNegative = 0.1
    calcification: NonNegative = 1.1


class DistractorSpec(_Frozen):
    """Benign look-alikes; they know nothing of tumors.

    Fat and calcification are darker and brighter than any tumor: a rule that takes the most conspicuous spot
    for a tumor is misled, and who has learned what tumors look like is not.
    """

    pancreas: LookalikeRates = LookalikeRates()
    kidney: LookalikeRates = LookalikeRates()
    cyst_mm: Range = (8.0, 24.0)  # two voxels up to a mid-sized tumor, so that size alone tells nothing
    fat_mm: Range = (12.0, 30.0)  # fatty lobule of a pancreas, angiomyolipoma of a kidney; as wide as tumors
    vessel_mm: Range = (6.0, 10.0)  # diameter of a splenic or renal branch seen end on
    calcification_mm: Range = (10.0, 26.0)  # coarse calcification or stone
    dilated_duct_share: Share = 0.25  # prototype
    duct_mm: Range = (5.0, 8.0)  # a main duct above 3 to 4 mm counts as dilated


class PerturbationSpec(_Frozen):
    """How a segmenter's organ masks differ from the truth: a smooth random shift of the surface."""

    pancreas_sd_mm: NonNegative = 2.0  # gives Dice about 0.90; AI pancreas masks: median 0.88
    kidney_sd_mm: NonNegative = 1.65  # gives Dice about 0.95; AI kidney masks: 0.95 to 0.975
    correlation_mm: Positive = 14.0  # errors are patches of the surface, not single voxels
    boundary_sd_mm: NonNegative = 4.0  # of the planes between head, body and tail: one voxel


class CaseGroup(_Frozen):
    """How many CTs of each kind a role has; `pancreas` means tumors there and nowhere else.

    Every role but `report_train` has tumor masks and every role but `mask_train` has reports.
    """

    role: str = Field(min_length=1)
    pancreas: Count = 0
    kidney: Count = 0
    both: Count = 0
    normal: Count = 0

    @property
    def has_tumor_masks(self) -> bool:
        """Whether lesion files are written."""
        return self.role != "report_train"

    @property
    def has_reports(self) -> bool:
        """Whether a report is written per CT."""
        return self.role != "mask_train"

    def kinds(self) -> list[CaseKind]:
        """Give one kind per case, in blocks."""
        counts: dict[CaseKind, int] = {
            "pancreas": self.pancreas,
            "kidney": self.kidney,
            "both": self.both,
            "normal": self.normal,
        }
        return [kind for kind, n in counts.items() for _ in range(n)]


class HospitalSpec(_Frozen):
    """One data set: who is scanned, how, and how many. Defaults are those of the mask hospital."""

    hospital_id: Count  # enters every seed: two hospitals with one id would hold the same patients
    cases: tuple[CaseGroup, ...]
    phases: PhaseShares = PhaseShares()
    types: TypeShares = TypeShares()
    contrast_multiplier: Range = (2.2, 3.0)  # set on development seeds: docs/phantom.md
    noise_hu: Range = (5.0, 8.0)  # prototype, public and external
    blur_mm: Range = (1.8, 2.8)  # standard deviation of the point spread: half a voxel and more
    texture_hu: Range = (3.0, 6.0)  # coarse unevenness of tissue, below the weakest tumor
    gain: Range = (0.98, 1.02)  # calibration of a well-kept scanner
    offset_hu: Range = (-4.0, 4.0)  # accepted range of water in quality assurance
    orientation: str = "RAS"  # axis codes of the stored files: most public sets are kept so
    # Organ masks in training and test come from the same imperfect source, as in the paper.
    organ_masks: Literal["true", "segmenter"] = "segmenter"
    scanners: Annotated[tuple[str, ...], Field(min_length=1)] = ("Phantom One", "Phantom Two")  # invented

    @model_validator(mode="after")
    def _axes_named_once(self) -> "HospitalSpec":
        if sorted("LPI".find(c) + "RAS".find(c) + 1 for c in self.orientation) != [0, 1, 2]:
            raise ValueError(f"orientation needs one of R/L, A/P and S/I each, got {self.orientation!r}")
        return self


def _default_hospitals() -> dict[str, HospitalSpec]:
    """Three hospitals as in the paper (§3, Datasets); counts follow the prototype, tests 1 to 2."""
    masks = HospitalSpec(
        hospital_id=1, cases=(CaseGroup(role="mask_train", pancreas=50, kidney=50, normal=100),)
    )
    reports = HospitalSpec(
        hospital_id=2,
        cases=(
            # The paper's pancreas has 6.5 reports per mask: 325 tumor CTs per target beside 50 masks.
            CaseGroup(role="report_train", pancreas=310, kidney=310, both=15, normal=215),
            CaseGroup(role="test_internal", pancreas=60, kidney=60, normal=60),
        ),
        phases=PhaseShares(plain=0.05, arterial=0.4, venous=0.55),
        noise_hu=(6.0, 11.0),  # prototype, report hospital
        scanners=("Phantom Three", "Phantom Four", "Phantom Five"),
    )
    external = HospitalSpec(
        hospital_id=3,
        cases=(CaseGroup(role="test_external", pancreas=60, kidney=60, normal=60),),
        phases=PhaseShares(plain=0, arterial=1, venous=0),  # paper §3: the external set is arterial only
        gain=(1.02, 1.12),  # prototype, external
        offset_hu=(4.0, 12.0),  # prototype, external
        orientation="LPS",  # as DICOM converters write; the others are RAS
        scanners=("Phantom Six",),
    )
    return {"phantom_masks": masks, "phantom_reports": reports, "phantom_external": external}


class PhantomSpec(_Frozen):
    """The whole digital abdomen: one recipe, one entry per hospital."""

    grid: GridSpec = GridSpec()
    tumors: TumorSpec = TumorSpec()
    distractors: DistractorSpec = DistractorSpec()
    perturbation: PerturbationSpec = PerturbationSpec()
    hospitals: dict[str, HospitalSpec] = Field(default_factory=_default_hospitals, min_length=1)

    @model_validator(mode="after")
    def _hospitals_differ(self) -> "PhantomSpec":
        ids = [hospital.hospital_id for hospital in self.hospitals.values()]
        if len(set(ids)) < len(ids):
            raise ValueError(f"hospital_id must differ between hospitals, got {ids}")
        return self
