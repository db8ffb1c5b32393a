import pytest
from pydantic import ValidationError

from rsuper.config.phantom import (
    CaseGroup,
    GridSpec,
    HospitalSpec,
    PhantomSpec,
    PhaseShares,
    TumorSpec,
    TypeShares,
)

GROUP = {"role": "mask_train", "normal": 1}


def test_default_hospitals_are_the_papers_three():
    spec = PhantomSpec()
    roles = [group.role for hospital in spec.hospitals.values() for group in hospital.cases]
    assert roles == ["mask_train", "report_train", "test_internal", "test_external"]
    external = spec.hospitals["phantom_external"]
    assert external.phases.arterial == 1
    assert external.orientation == "LPS"


@pytest.mark.parametrize("role", ["test_internal", "test_external"])
def test_default_tests_have_two_tumor_free_cts_per_tumor_ct_and_target(role):
    groups = [g for h in PhantomSpec().hospitals.values() for g in h.cases if g.role == role]
    (group,) = groups
    for target in ("pancreas", "kidney"):
        diseased = sum(kind in (target, "both") for kind in group.kinds())
        assert len(group.kinds()) - diseased == 2 * diseased


def test_all_hospitals_share_the_tumor_types_by_default():
    types = {hospital.types.model_dump_json() for hospital in PhantomSpec().hospitals.values()}
    assert len(types) == 1


def test_reads_from_plain_data_and_keeps_defaults():
    spec = PhantomSpec.model_validate(
        {
            "hospitals": {
                "a": {"hospital_id": 7, "cases": [GROUP], "phases": {"plain": 1, "arterial": 0, "venous": 0}}
            }
        }
    )
    assert spec.hospitals["a"].cases == (CaseGroup(role="mask_train", normal=1),)
    assert spec.hospitals["a"].types == TypeShares()
    assert PhantomSpec.model_validate(PhantomSpec().model_dump(mode="json")) == PhantomSpec()


@pytest.mark.parametrize(
    "data",
    [
        {"tumours": {}},
        {"tumors": {"size": 3}},
        {"hospitals": {"a": {"hospital_id": 1, "cases": [{**GROUP, "liver": 2}]}}},
        {"hospitals": {}},
        {"hospitals": {n: {"hospital_id": 1, "cases": [GROUP]} for n in "ab"}},
    ],
)
def test_refuses_unknown_keys_and_hospitals_that_share_an_id(data):
    with pytest.raises(ValidationError):
        PhantomSpec.model_validate(data)


@pytest.mark.parametrize("code", ["RAX", "RA", "RLS", "ras", "RASS"])
def test_refuses_a_bad_orientation(code):
    with pytest.raises(ValidationError, match="orientation"):
        HospitalSpec(hospital_id=1, cases=(CaseGroup(**GROUP),), orientation=code)


@pytest.mark.parametrize("code", ["RAS", "LPS", "IPL", "SAR"])
def test_accepts_every_order_of_axes(code):
    assert HospitalSpec(hospital_id=1, cases=(CaseGroup(**GROUP),), orientation=code).orientation == code


def test_refuses_shares_that_do_not_sum_to_one_and_reversed_ranges():
    with pytest.raises(ValidationError, match=r"PhaseShares must sum to 1, got 1\.1"):
        PhaseShares(plain=0.2)  # .2 + .2 + .7
    with pytest.raises(ValidationError, match="low <= high"):
        TumorSpec(longest_axial_mm=(40, 15))
    with pytest.raises(ValidationError, match="count_shares"):
        TumorSpec(count_shares=(0.5, 0.2, 0.2))
    with pytest.raises(ValidationError, match="phase_factor"):
        TumorSpec(phase_factor={"plain": 1.0})


def test_refuses_a_grid_that_cuts_the_abdomen():
    assert GridSpec(shape=(112, 80, 80), spacing_mm=(2, 2, 2)).shape == (112, 80, 80)
    with pytest.raises(ValidationError, match="must cover"):
        GridSpec(shape=(50, 40, 40))


def test_only_report_train_lacks_tumor_masks_and_only_mask_train_lacks_reports():
    flags = {
        r: (CaseGroup(role=r).has_tumor_masks, CaseGroup(role=r).has_reports)
        for r in ("mask_train", "report_train", "test_internal")
    }
    assert flags == {
        "mask_train": (True, False),
        "report_train": (False, True),
        "test_internal": (True, True),
    }


def test_kinds_repeats_each_kind_as_often_as_asked():
    assert CaseGroup(role="x", pancreas=1, both=2, normal=1).kinds() == ["pancreas", "both", "both", "normal"]
