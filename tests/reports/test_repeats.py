from rsuper.reports.findings import Finding
from rsuper.reports.repeats import merge_repeats


def kidney(*segments, mm=(), **more):
    return Finding(organ="kidney", segments=segments, diameters_mm=mm, **more)


def test_nothing_to_merge():
    assert merge_repeats([], []) == ()
    assert merge_repeats([], [kidney("left")]) == (kidney("left"),)


def test_rounding_is_one_tumor_and_another_size_is_another():
    text = [kidney("left", mm=(23.4, 18.0))]
    assert merge_repeats(text, [kidney("left", mm=(23.0,))]) == tuple(text)
    assert len(merge_repeats(text, [kidney("left", mm=(40.0,))])) == 2
    assert len(merge_repeats(text, [kidney("right", mm=(23.0,))])) == 2


def test_an_unsized_repeat_of_several_tumors_changes_none():
    text = [kidney("left", mm=(23.0,)), kidney("left")]
    assert merge_repeats(text, [kidney(mm=(), count=2)]) == tuple(text)
    # a size names the tumor that has it, and is not filled into the other
    assert merge_repeats(text, [kidney("left", mm=(23.0,))]) == tuple(text)


def test_a_repeat_fills_what_is_open():
    filled = merge_repeats([kidney(attenuation="hypo")], [kidney("left", mm=(20.0,), prior_mm=(15.0,))])
    assert filled == (kidney("left", mm=(20.0,), attenuation="hypo", prior_mm=(15.0,)),)
