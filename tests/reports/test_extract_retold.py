"""Tumors told again without a heading or by a pronoun, and what stands beside a tumor in its sentence."""

import pytest

from rsuper.reports.extract import extract

NORMAL = "The liver is normal. The spleen is normal. Both adrenal glands are normal. No ascites is seen. "


def kidneys(text):
    """(segments, diameters, certain) of every kidney tumor."""
    return [(" ".join(f.segments), f.diameters_mm, f.certain) for f in extract("a", text).of("kidney")]


@pytest.mark.parametrize("bullet", ['"', "•", "·"])
def test_a_conclusion_needs_no_heading(bullet):
    text = f"{NORMAL}There is an 11 mm nodule in the left kidney. {bullet} Nodule of the left kidney."
    assert kidneys(text) == [("left", (11,), True)]
    other = f"{NORMAL}There is an 11 mm nodule in the left kidney. {bullet} Mass of the right kidney."
    assert kidneys(other) == [("left", (11,), True), ("right", (), True)]


def test_bullets_of_a_whole_report_are_no_conclusion():
    text = (
        "CT abdomen. • Liver: normal. • Spleen: normal. • Adrenals: normal. • Bowel: normal. "
        "• Left kidney: there is a mass. • Also a 2 cm mass of the left kidney."
    )
    assert len(kidneys(text)) == 2


def test_a_quotation_is_no_conclusion():
    text = f'{NORMAL}The "stable" cyst is gone. A mass of the left kidney. A 2 cm mass of the left kidney.'
    assert len(kidneys(text)) == 2


def test_a_pronoun_speaks_of_the_tumor_before():
    told = "A nodule is seen in the lower pole of the right kidney. "
    assert kidneys(told + "It may be a renal tumor.") == [("right", (), True)]
    assert kidneys(told + "There may be another renal tumor.") == [("right", (), True), ("", (), False)]


def test_a_quadrant_gives_a_kidney_its_side():
    text = "In the right upper quadrant a 28 mm mass is seen in the superior pole of the kidney."
    assert kidneys(text) == [("right", (28,), True)]
    named = "In the right upper quadrant a 28 mm mass of the left kidney is seen."
    assert kidneys(named) == [("left", (28,), True)]
    both = "The right upper quadrant and the left lower quadrant are full: a mass of the kidney."
    assert kidneys(both) == [("", (), True)]


def test_renal_adrenals_are_adrenals():
    assert kidneys("Right renal adrenals show nodular lesions.") == []


def test_the_next_of_a_list_keeps_its_place():
    assert kidneys("Nodular lesion, right renal simple cortical cyst.") == []
    assert kidneys("Mass, right kidney, 2 cm.") == [("right", (20,), True)]
    assert kidneys("Solid lesion, left kidney, and a cyst of the liver.") == [("left", (), True)]


def test_fat_in_a_kidney_is_a_tumor_by_another_name():
    assert kidneys("A fat density shadow is seen in the left kidney.") == [("left", (), True)]
    assert kidneys("A round low-density shadow is seen in the left kidney.") == []
