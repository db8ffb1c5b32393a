import pytest

from rsuper.reports.sizes_text import find_measurements


@pytest.mark.parametrize(
    ("text", "diameters"),
    [
        ("a 2.3 x 1.8 cm mass", [(23.0, 18.0)]),
        ("23 mm", [(23.0,)]),
        ("8x55mm", [(8.0, 55.0)]),
        ("23 mm x 18 mm x 2 cm", [(23.0, 18.0, 20.0)]),
        ("2.3 by 1.8 by 2 cm", [(23.0, 18.0, 20.0)]),
        ("a 2,5-cm mass", [(25.0,)]),
        ("up to 4.7 cm", [(47.0,)]),
        ("12 mm and 15 x 10 mm", [(12.0,), (15.0, 10.0)]),
        ("measuring 2-3 cm", [()]),
        ("between 5 and 12 mm", [()]),
        ("less than 1 cm", [()]),
        ("2 cm from the hilum", []),
        ("segment 4, image 23", []),
        ("0 mm", []),
        ("", []),
    ],
)
def test_sizes(text, diameters):
    assert [m.diameters_mm for m in find_measurements(text)] == diameters


@pytest.mark.parametrize(
    "text",
    [
        "currently 43 mm, compared to 35 mm",
        "43 mm (previously 35 mm)",
        "43 mm, 35 mm on the prior examination",
    ],
)
def test_prior_sizes_are_apart(text):
    assert [(m.diameters_mm, m.prior) for m in find_measurements(text)] == [((43.0,), False), ((35.0,), True)]


def test_growth_from_to_is_prior_and_current():
    found = find_measurements("increased from 35 mm to 43 mm")
    assert [(m.diameters_mm, m.prior) for m in found] == [((35.0,), True), ((43.0,), False)]


def test_craniocaudal_size_is_marked():
    assert [m.height for m in find_measurements("23 x 18 mm and 25 mm craniocaudally")] == [False, True]
