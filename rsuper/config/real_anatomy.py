"""How CTs are rendered around real organs and tumors, and who gets which role; each value with its reason."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from rsuper.config.phantom import CaseGroup, HospitalSpec, PerturbationSpec, PhaseShares, TumorSpec

# The real masks are kept at this spacing; what is written is a whole multiple of it.
MASK_SPACING_MM = 2.0

Share = Annotated[float, Field(ge=0, le=1)]


def _multiple_of_masks(spacing_mm: float) -> float:
    if spacing_mm <= 0 or spacing_mm % MASK_SPACING_MM:
        raise ValueError(f"must be a positive multiple of {MASK_SPACING_MM:g} mm, got {spacing_mm:g}")
    return spacing_mm


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RealHospital(HospitalSpec):
    """One data set: the roles of its patients and the scanner that their CTs are rendered for."""

    roles: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="of its patients; shares are in role_shares"
    )
    # Patients are real, so none is drawn: the roles' shares say how many there are.
    cases: tuple[CaseGroup, ...] = Field(default=(), max_length=0, description="none: patients are real")
    scanners: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        ("Rendered One", "Rendered Two"), description="names of its scanners, invented"
    )


class ReportRules(_Frozen):
    """What the written reports say of the real tumors."""

    # Paper, §2: fewer than 11 % of the reports give no size.
    unsized_share: Share = Field(0.10, description="of reports that give no size")
    # KiTS has the size that the hospital wrote down: where a case has one tumor, this share of its reports
    # states that number alone. A third: enough to be seen, and measured sizes stay the rule.
    record_size_share: Share = Field(
        0.35, description="of reports that state the hospital's recorded size alone, where there is one"
    )
    # Shares of one, two and three diameters: as the phantom's reports, so that the two compare.
    diameter_shares: tuple[Share, Share, Share] = Field(
        (0.4, 0.4, 0.2), description="of reports with one, two and three diameters"
    )
    # Spread of the logarithm of a stated diameter. 0: the sizes are measurements already, and the point of
    # this experiment is how far real diameters and real volumes agree.
    diameter_noise: float = Field(0.0, ge=0, description="spread of the logarithm of a stated diameter")
    # Labeled cysts from this volume on are reported: that of a 10 mm ball, below which reports tire of them.
    cyst_from_mm3: float = Field(524.0, gt=0, description="volume from which a cyst is reported")
    # A duct label of this volume counts as dilated: 5 mm wide over 100 mm, half of it beyond a normal 3 mm.
    dilated_duct_from_mm3: float = Field(
        2000.0, gt=0, description="volume from which a duct counts as dilated"
    )

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "ReportRules":
        if abs(sum(self.diameter_shares) - 1) > 1e-6:
            raise ValueError(f"diameter_shares must sum to 1, got {sum(self.diameter_shares):g}")
        return self


class BackgroundSpec(_Frozen):
    """What fills a crop between the real structures."""

    # Bowel, muscle and vessels take about a quarter of the retroperitoneum; the rest is fat.
    soft_tissue_share: Share = Field(0.25, description="of the space between organs; the rest is fat")
    # Size of a bowel loop, so that soft tissue touches organs in places of their own size.
    correlation_mm: float = Field(24.0, gt=0, description="size of a piece of soft tissue")
    # Renal pyramids begin about a cortex's width below the surface.
    cortex_mm: float = Field(8.0, ge=0, description="width of the kidneys' cortex")


def _default_hospitals() -> dict[str, RealHospital]:
    """Three hospitals as in the paper (§3, Datasets), scanned as the phantom's."""
    return {
        "real_masks": RealHospital(hospital_id=1, roles=("mask_train",)),
        "real_reports": RealHospital(
            hospital_id=2,
            roles=("report_train", "test_internal"),
            phases=PhaseShares(plain=0.2, arterial=0.35, venous=0.45),
            noise_hu=(6.0, 11.0),
        ),
        "real_external": RealHospital(
            hospital_id=3,
            roles=("test_external",),
            phases=PhaseShares(plain=0, arterial=1, venous=0),  # paper §3: the external set is arterial only
            gain=(1.02, 1.12),
            offset_hu=(4.0, 12.0),
            noise_hu=(8.0, 13.0),
            orientation="LPS",
            scanners=("Rendered Three",),
        ),
    }


class RealAnatomySpec(_Frozen):
    """The whole recipe: real kidneys, pancreases and tumors, rendered intensities."""

    # A report supervises a patch only if it covers the organ. At 4 mm that takes 46,000 voxels, at 2 mm
    # eight times as many, too many for a CPU; and no tumor of the real data is lost at 4 mm.
    spacing_mm: Annotated[float, AfterValidator(_multiple_of_masks)] = Field(
        4.0, description="voxel edge of the rendered CTs: a whole multiple of 2 mm"
    )
    # Of the patients of each target. Tests get what the training of a small network can spare.
    role_shares: dict[str, Share] = Field(
        {"mask_train": 0.20, "report_train": 0.40, "test_internal": 0.25, "test_external": 0.15},
        description="of the patients of each target, by role",
    )
    hospitals: dict[str, RealHospital] = Field(
        default_factory=_default_hospitals, min_length=1, description="by the name of their data set"
    )
    reports: ReportRules = ReportRules()
    background: BackgroundSpec = BackgroundSpec()
    # Contrast and edge of tumors as in the phantom; number and size are real.
    contrast: TumorSpec = Field(
        TumorSpec(), description="intensities and edge of tumors; number and size are real"
    )
    perturbation: PerturbationSpec = PerturbationSpec()

    @model_validator(mode="after")
    def _consistent(self) -> "RealAnatomySpec":
        roles = [role for hospital in self.hospitals.values() for role in hospital.roles]
        if sorted(roles) != sorted(self.role_shares):
            raise ValueError(
                "every role of role_shares needs exactly one hospital: there are shares for "
                f"{sorted(self.role_shares)}, and hospitals with {sorted(roles)}"
            )
        if abs(sum(self.role_shares.values()) - 1) > 1e-6:
            raise ValueError(f"role_shares must sum to 1, got {sum(self.role_shares.values()):g}")
        ids = [hospital.hospital_id for hospital in self.hospitals.values()]
        if len(set(ids)) < len(ids):
            raise ValueError(f"hospital_id must differ between hospitals, got {ids}")
        default = TumorSpec()
        for name in ("count_shares", "longest_axial_mm", "perpendicular_ratio", "craniocaudal_ratio"):
            if getattr(self.contrast, name) != getattr(default, name):
                raise ValueError(f"contrast.{name} cannot be set: number and size of real tumors are given")
        return self
