import pytest

from rsuper.errors import MethodError
from rsuper.methods import find, with_upstream


def card(root, name, needs="", extra=""):
    folder = root / name
    folder.mkdir()
    (folder / "method.py").write_text("")
    (folder / "method.yaml").write_text(
        f"label: {name}\nversion: 1\ncitation: x\nneeds: [{needs}]\n"
        f"uses: {{all_images: false, masks: true, reports: none}}\n{extra}"
    )


def test_everything_that_is_needed_directly_or_not(tmp_path):
    card(tmp_path, "base", extra="variants: {first: {stage: 1}}\nvariant_needs: {first: []}\n")
    card(tmp_path, "middle", "base-first")
    card(tmp_path, "top", "middle, base-first")
    card(tmp_path, "alone")
    found = with_upstream(["top", "alone"], tmp_path)
    assert list(found) == ["top", "middle", "base-first", "alone"]
    assert found["top"].needs == ("middle", "base-first")


def test_a_variant_may_need_others_than_its_folder(tmp_path):
    card(tmp_path, "a")
    card(tmp_path, "b")
    extra = "variants: {own: {x: 1}, same: {x: 2}}\nvariant_needs: {own: [b]}\n"
    card(tmp_path, "c", "a", extra)
    assert find("c", tmp_path).needs == find("c-same", tmp_path).needs == ("a",)
    assert find("c-own", tmp_path).needs == ("b",)
    assert list(with_upstream(["c-own"], tmp_path)) == ["c-own", "b"]


def test_a_method_that_needs_itself(tmp_path):
    card(tmp_path, "a", "b")
    card(tmp_path, "b", "a")
    with pytest.raises(MethodError, match="method 'a' needs itself: a needs b needs a"):
        with_upstream(["a"], tmp_path)


def test_an_unknown_name_is_an_error(tmp_path):
    card(tmp_path, "a", "nothing")
    with pytest.raises(MethodError, match="unknown method 'nothing'"):
        with_upstream(["a"], tmp_path)


def test_the_pancreas_alone_has_a_first_stage_of_its_own():
    assert list(with_upstream(["r_super-pancreas_only"])) == [
        "r_super-pancreas_only",
        "segmentation-stage1_pancreas",
    ]
    assert find("segmentation-stage1").needs == ()
    assert list(with_upstream(["nnunet"])) == ["nnunet", "segmentation-stage1", "segmentation"]
