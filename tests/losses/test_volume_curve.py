import pytest
import torch

from rsuper.losses.volume_curve import CURVES, LARGEST_MM3, curve_points, dead_zone, volume_curve


def test_volume_curve_by_hand():
    # Eq. 2: |0 - 1000| / 1500 = 0.6667, |2500 - 1000| / 4000 = 0.375; minus 100 / 2400 = 0.0417 (Eq. 3).
    # Slopes: -(2 * 1000 + 500) / 1500^2 = -0.00111 per mm3, 2500 / 4000^2 = 0.000156.
    loss, gradient = volume_curve(torch.tensor([0.0, 1000.0, 2500.0]), 1000.0, 0.1)
    assert loss.tolist() == pytest.approx([0.625, 0.0, 1 / 3])
    assert gradient.tolist() == pytest.approx([-1.1111, 0.0, 0.15625], rel=1e-4)


def test_dead_zone_by_hand():
    # Upper end: v - 1000 = (v + 1500) / 24, so v = 25500 / 23; for 0.2: v - 1000 = (v + 1500) / 11.5.
    assert dead_zone(1000.0, 0.1) == pytest.approx((900.0, 25500 / 23), rel=1e-5)
    assert dead_zone(1000.0, 0.2) == pytest.approx((800.0, 13000 / 10.5), rel=1e-5)


def test_points_of_every_curve():
    points = list(curve_points(count=4))  # at 0, 1000, 2000 and 3000 mm3
    assert [(p.reported_mm3, p.tolerance) for p in points] == [curve for curve in CURVES for _ in range(4)]
    assert [p.predicted_mm3 for p in points[:4]] == pytest.approx([0.0, 1000.0, 2000.0, LARGEST_MM3])
    # The third is |2000 - 1000| / 3500 - 100 / 2400 with the slope 2500 / 3500^2 per mm3.
    assert [p.loss for p in points[:3]] == pytest.approx([0.625, 0.0, 1000 / 3500 - 100 / 2400])
    assert points[2].gradient_per_cm3 == pytest.approx(1000 * 2500 / 3500**2, rel=1e-4)
    assert (points[0].free_from_mm3, points[0].free_to_mm3) == dead_zone(1000.0, 0.1)
