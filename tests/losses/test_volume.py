import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsuper.errors import NonFiniteError
from rsuper.losses.volume import background_loss, foreground_loss, volume_loss, volume_terms
from tests.losses.scenes import devices


def _terms(predicted_mm3, reported_mm3, **options):
    """Terms for one organ of a single voxel: probability 1 would be 10,000 mm3."""
    tumor = torch.tensor([predicted_mm3 / 10_000]).reshape(1, 1, 1, 1).requires_grad_()
    organ = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    terms = volume_terms(tumor, organ, torch.tensor([reported_mm3]), torch.tensor([10_000.0]), **options)
    terms.foreground.sum().backward()
    return terms, tumor.grad.item()


def test_empty_prediction_by_hand():
    # Eq. 2: |0 - 1000| / (0 + 1000 + 500) = 0.6667. At 900: 100 / 2400 = 0.041667. Eq. 3: 0.625.
    terms, gradient = _terms(0.0, 1000.0)
    assert terms.foreground.item() == pytest.approx(0.625, abs=1e-6)
    assert terms.foreground.item() + 100 / 2400 == pytest.approx(0.6667, abs=1e-4)
    assert gradient < 0


@pytest.mark.parametrize("predicted_mm3", [901.0, 950.0, 1000.0, 1050.0, 1108.0])
def test_free_interval_has_no_loss_and_no_gradient(predicted_mm3):
    terms, gradient = _terms(predicted_mm3, 1000.0)
    assert terms.foreground.item() == 0
    assert gradient == 0


def test_free_interval_by_hand():
    # Eq. 2 is 100 / 2400 = 1/24 at 900 mm3, and again where 24 (V - 1000) = V + 1500: at 25500 / 23.
    for edge in (900.0, 25500 / 23):
        assert _terms(edge, 1000.0)[0].foreground.item() == pytest.approx(0.0, abs=1e-7)
    for outside in (899.0, 1110.0):
        assert _terms(outside, 1000.0)[0].foreground.item() > 1e-5


@settings(max_examples=500, deadline=None)
@given(st.floats(1, 1e6), st.floats(0, 2), st.floats(0.01, 0.9))
def test_foreground_is_zero_in_the_free_interval_alone(reported_mm3, ratio, tolerance):
    # The upper end solves (V - R) / (V + R + E) = c with c the value at (1 - tau) R.
    c = tolerance * reported_mm3 / ((2 - tolerance) * reported_mm3 + 500)
    low, high = (1 - tolerance) * reported_mm3, ((1 + c) * reported_mm3 + c * 500) / (1 - c)
    assert high - reported_mm3 > tolerance * reported_mm3  # not symmetric, whatever the prose says
    predicted = ratio * reported_mm3
    tumor = torch.tensor([ratio / 2], dtype=torch.float64).reshape(1, 1, 1, 1)
    organ, reported = torch.ones(1, 1, 1, 1, dtype=torch.bool), torch.tensor([reported_mm3])
    loss, _ = foreground_loss(tumor, organ, reported, 2 * reported, tolerance=tolerance)
    if low * 1.001 < predicted < high * 0.999:
        assert loss.item() == 0
    elif not low * 0.999 < predicted < high * 1.001:
        assert loss.item() > 0


@pytest.mark.parametrize(("predicted_mm3", "sign"), [(899.0, -1), (500.0, -1), (1110.0, 1), (9000.0, 1)])
def test_gradient_points_to_the_report(predicted_mm3, sign):
    terms, gradient = _terms(predicted_mm3, 1000.0)
    assert terms.foreground.item() > 0
    assert math.copysign(1, gradient) == sign


def test_tolerance_and_stabilizer_are_used():
    # tau 0.2: Eq. 2 at 800 is 200 / 2300; at 0 with E = 500: 1000 / 1500. E = 1000: 1000 / 2000 - 200 / 2800.
    assert _terms(0.0, 1000.0, tolerance=0.2)[0].foreground.item() == pytest.approx(1000 / 1500 - 200 / 2300)
    terms, _ = _terms(0.0, 1000.0, tolerance=0.2, stabilizer_mm3=1000.0)
    assert terms.foreground.item() == pytest.approx(1000 / 2000 - 200 / 2800)


def test_reported_zero_asks_for_an_empty_prediction():
    # V / (V + 500): 0 at 0, 0.5 at 500.
    values = [_terms(float(v), 0.0)[0].foreground.item() for v in (0, 1, 10, 500, 5000)]
    assert values[0] == 0
    assert values[3] == pytest.approx(0.5)
    assert values == sorted(values)
    assert _terms(1.0, 0.0)[1] > 0


def test_background_by_hand():
    # Eq. 4 on 2x2x2: three voxels outside the organ at 0.5, 0.2, 0; five inside at 0.9:
    # -(ln 0.5 + ln 0.8 + ln 1) / 8 = (0.693147 + 0.223144) / 8 = 0.114536.
    tumor = torch.tensor([0.5, 0.2, 0.0, 0.9, 0.9, 0.9, 0.9, 0.9]).reshape(1, 2, 2, 2)
    organ = torch.tensor([False] * 3 + [True] * 5).reshape(1, 2, 2, 2)
    volume, voxel = torch.tensor([4500.0]), torch.tensor([1000.0])  # Eq. 1: 5 * 0.9 * 1000 = 4500: agrees
    terms = volume_terms(tumor, organ, volume, voxel)
    assert terms.background.item() == pytest.approx(0.114536, abs=1e-6)
    assert terms.predicted_volume_mm3.item() == pytest.approx(4500.0)
    assert volume_loss(tumor, organ, volume, voxel).item() == pytest.approx(0.114536, abs=1e-6)


def test_second_organ_with_a_possible_tumor_is_not_punished():
    # The 0.5 voxel lies in another tumor-bearing organ: only 0.2 is certainly wrong: -ln 0.8 / 8.
    tumor = torch.tensor([0.5, 0.2, 0.0, 0.9, 0.9, 0.9, 0.9, 0.9]).reshape(1, 2, 2, 2).requires_grad_()
    organ = torch.tensor([False] * 3 + [True] * 5).reshape(1, 2, 2, 2)
    outside = torch.tensor([False, True, True] + [False] * 5).reshape(1, 2, 2, 2)
    terms = volume_terms(tumor, organ, torch.tensor([4500.0]), torch.tensor([1000.0]), outside=outside)
    assert terms.background.item() == pytest.approx(-math.log(0.8) / 8, abs=1e-6)
    terms.background.sum().backward()
    assert tumor.grad[0, 0, 0, 0].item() == 0
    assert tumor.grad[0, 0, 0, 1].item() > 0


def test_two_segments_in_one_patch_are_two_cases():
    # Head and tail, one voxel each, 600 mm3 reported in both, all of it predicted in the head:
    # head 1200 against 600: 600 / 2300 - 60 / 1640; tail 0 against 600: 600 / 1100 - 60 / 1640.
    tumor = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2).expand(2, 1, 1, 2)
    organ = torch.tensor([[True, False], [False, True]]).reshape(2, 1, 1, 2)
    outside = torch.zeros_like(organ)
    loss = volume_loss(
        tumor, organ, torch.tensor([600.0, 600.0]), torch.tensor([1200.0, 1200.0]), outside=outside
    )
    assert loss.tolist() == pytest.approx([600 / 2300 - 60 / 1640, 600 / 1100 - 60 / 1640])


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_extreme_probabilities_are_finite(probability):
    tumor = torch.full((1, 2, 2, 2), probability, requires_grad=True)
    organ = torch.zeros(1, 2, 2, 2, dtype=torch.bool)
    organ[0, 0] = True
    loss = volume_loss(tumor, organ, torch.tensor([100.0]), torch.tensor([1.0]))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(tumor.grad).all()
    assert (tumor.grad[~organ] > 0).all()  # certain and wrong is still pulled down


def test_half_precision_does_not_overflow():
    # 20,000 voxels of 8 mm3 at probability 1: 160,000 mm3, beyond half precision.
    tumor = torch.ones(1, 20, 20, 50, dtype=torch.float16)
    organ = torch.ones(1, 20, 20, 50, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = volume_terms(tumor, organ, torch.tensor([160_000.0]), torch.tensor([8.0]))
    assert terms.predicted_volume_mm3.item() == 160_000.0
    assert terms.foreground.item() == 0


@given(
    center=st.tuples(*[st.floats(14, 18)] * 3),
    radius_mm=st.floats(5, 8),
    ratio=st.floats(0.2, 4),
)
@settings(max_examples=500, deadline=None)
def test_spacing_does_not_matter(center, radius_mm, ratio):
    losses = []
    for spacing in ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.0, 2.0, 4.0)):
        axes = [(np.arange(int(32 / s)) + 0.5) * s for s in spacing]
        x, y, z = np.meshgrid(*axes, indexing="ij")
        away = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
        tumor = torch.from_numpy(1 / (1 + np.exp(away - radius_mm))).float()[None]
        organ = torch.ones_like(tumor, dtype=torch.bool)
        reported = torch.tensor([ratio * 4 / 3 * math.pi * radius_mm**3])
        losses.append(volume_loss(tumor, organ, reported, torch.tensor([math.prod(spacing)])).item())
    assert losses == pytest.approx([losses[0]] * 3, abs=0.01)


def test_both_kidneys_in_one_patch():
    # One voxel each of 1000 mm3: left has 500 of the reported 1000, right is said to be free and has 500:
    # 500 / 2000 - 100 / 2400 and 500 / 1000; a third voxel outside both at 0.5: ln 2 / 3 for each.
    tumor = torch.full((2, 1, 1, 3), 0.5)
    kidneys = torch.tensor([[True, False, False], [False, True, False]]).reshape(2, 1, 1, 3)
    outside = torch.tensor([False, False, True]).expand(2, 1, 1, 3)
    thousand = torch.tensor([1000.0, 1000.0])
    loss = volume_loss(tumor, kidneys, torch.tensor([1000.0, 0.0]), thousand, outside=outside)
    expected = [500 / 2000 - 100 / 2400 + math.log(2) / 3, 500 / 1000 + math.log(2) / 3]
    assert loss.tolist() == pytest.approx(expected, rel=1e-5)


def test_parts_alone_are_the_parts_of_the_loss():
    generator = torch.Generator().manual_seed(0)
    tumor = torch.rand(2, 4, 4, 4, generator=generator)
    organ = torch.rand(2, 4, 4, 4, generator=generator) < 0.5
    reported, voxel = torch.tensor([20.0, 0.0]), torch.tensor([8.0, 8.0])
    terms = volume_terms(tumor, organ, reported, voxel)
    assert torch.equal(terms.foreground, foreground_loss(tumor, organ, reported, voxel)[0])
    assert torch.equal(terms.background, background_loss(tumor, ~organ))
    assert torch.equal(volume_loss(tumor, organ, reported, voxel), terms.foreground + terms.background)


def test_interpolated_probabilities_may_pass_one_by_rounding():
    tumor = torch.full((1, 2, 2, 2), 1 + 5e-7, requires_grad=True)
    loss = background_loss(tumor, torch.ones(1, 2, 2, 2, dtype=torch.bool))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert tumor.grad.isfinite().all()
    with pytest.raises(ValueError, match="logits need a sigmoid"):
        background_loss(tumor + 1e-4, torch.ones(1, 2, 2, 2, dtype=torch.bool))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_not_finite_names_the_case(value):
    tumor, organ = torch.zeros(3, 2, 2, 2), torch.ones(3, 2, 2, 2, dtype=torch.bool)
    tumor[2, 1, 0, 0] = value
    with pytest.raises(NonFiniteError, match="tumor of batch entry 2") as error:
        volume_loss(tumor, organ, torch.ones(3), torch.ones(3))
    assert error.value.index == 2
    with pytest.raises(NonFiniteError, match="entry 2"):
        background_loss(tumor, organ)


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_devices_and_precisions_agree(device, dtype):
    generator = torch.Generator().manual_seed(1)
    tumor = torch.randint(0, 5, (2, 6, 6, 6), generator=generator) / 4  # exact in both precisions
    organ = torch.rand(2, 6, 6, 6, generator=generator) < 0.5
    reported, voxel = torch.tensor([500.0, 20_000.0]), torch.tensor([8.0, 100.0])
    expected = volume_loss(tumor, organ, reported, voxel)
    inputs = tumor.to(device, dtype).requires_grad_()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = volume_loss(inputs, organ.to(device), reported, voxel)  # volumes may stay on the CPU
    found.sum().backward()
    assert found.dtype == torch.float32
    assert inputs.grad.isfinite().all()
    torch.testing.assert_close(found.cpu(), expected)


def test_wrong_arguments_are_named():
    tumor, organ = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1, dtype=torch.bool)
    one = torch.ones(1)
    with pytest.raises(ValueError, match="reported_volume_mm3"):
        volume_loss(tumor, organ, -one, one)
    with pytest.raises(ValueError, match="reported_volume_mm3"):
        volume_loss(tumor, organ, one * math.nan, one)
    with pytest.raises(ValueError, match="voxel_volume_mm3"):
        volume_loss(tumor, organ, one, 0 * one)
    for tolerance in (0.0, 1.0):
        with pytest.raises(ValueError, match="tolerance"):
            volume_loss(tumor, organ, one, one, tolerance=tolerance)
    with pytest.raises(ValueError, match="stabilizer_mm3"):
        volume_loss(tumor, organ, one, one, stabilizer_mm3=0.0)
    with pytest.raises((ValueError, TypeError)):
        volume_loss(tumor, organ, torch.ones(2), one)
