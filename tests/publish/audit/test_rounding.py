from fractions import Fraction

import pytest

from rsuper.publish.audit.rounding import (
    Span,
    counts_printed_as,
    percent_text,
    rounds_to,
    span_of,
    span_of_text,
    whole_text,
)


@pytest.mark.parametrize(
    ("count", "total", "percents"),
    [
        (1, 8, {12, 13}),  # 12.5: half to even gives 12, half up 13
        (3, 8, {38}),  # 37.5: both give 38
        (1, 3, {33}),
        (2, 3, {67}),
        (0, 7, {0}),
        (7, 7, {100}),
        (1, 200, {0, 1}),  # 0.5
        (199, 200, {100}),  # 99.5: half up 100, half to even 100
    ],
)
def test_both_rules_of_rounding_are_allowed_and_no_other(count, total, percents):
    assert {p for p in range(101) if rounds_to(count, total, p)} == percents


def test_half_ways_against_decimals_own_rules():
    from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

    for total in (8, 40, 50, 77, 200):
        for count in range(total + 1):
            exact = Decimal(100 * count) / Decimal(total)
            rules = {int(exact.quantize(Decimal(1), rule)) for rule in (ROUND_HALF_UP, ROUND_HALF_EVEN)}
            assert {p for p in range(101) if rounds_to(count, total, p)} == rules


@pytest.mark.parametrize(
    ("percent", "total", "counts"),
    [
        (82, 35, []),  # 28/35 = 80, 29/35 = 82.9
        (82, 34, [28]),  # 82.4
        (80, 77, []),  # 61/77 = 79.2, 62/77 = 80.5
        (71, 50, []),
        (65, 169, [110]),  # 109/169 = 64.497, 110 = 65.1, 111 = 65.7
        (0, 3, [0]),
        (100, 3, [3]),
        (50, 0, []),
    ],
)
def test_counts_behind_a_percentage(percent, total, counts):
    assert list(counts_printed_as(percent, total)) == counts


def test_counts_agree_with_a_search():
    for total in range(1, 51):
        for percent in range(101):
            searched = [k for k in range(total + 1) if rounds_to(k, total, percent)]
            assert list(counts_printed_as(percent, total)) == searched


def test_wrong_total():
    assert not rounds_to(0, 0, 0)
    with pytest.raises(ValueError, match="total must be at least 0, got -1"):
        counts_printed_as(5, -1)


def test_spans():
    assert span_of(0) == Span(Fraction(0), Fraction(1, 2))
    assert span_of(100) == Span(Fraction(199, 2), Fraction(100))
    assert span_of_text("9.7") == Span(Fraction("9.65"), Fraction("9.75"))
    assert span_of_text("16") == Span(Fraction("15.5"), Fraction("16.5"))
    one = Span(Fraction(1), Fraction(2))
    assert one + one == Span(Fraction(2), Fraction(4))
    assert one.times(-2) == Span(Fraction(-4), Fraction(-2))
    assert one.meets(Span(Fraction(2), Fraction(3)))
    assert not one.meets(Span(Fraction(3), Fraction(4)))


def test_texts():
    assert whole_text([50, 47, 51, 52]) == "47, 50-52"
    assert whole_text([]) == "none"
    assert percent_text(Fraction(200, 3)) == "66.7"
    assert percent_text(Fraction(55), Fraction(111, 2)) == "55.0 to 55.5"
