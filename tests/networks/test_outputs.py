import pytest

from rsuper.networks.outputs import SegmentationNetwork


class Boxes(SegmentationNetwork):
    size_multiple = (8, 4, 1)
    smallest_size = (16, 4, 3)


@pytest.mark.parametrize("size", [(16, 4, 3), (24, 8, 5), (160, 100, 7)])
def test_sizes_that_work(size):
    Boxes().check_patch(size)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((8, 4, 3), "(16, 4, 3)"),  # a multiple, but too small
        ((19, 4, 3), "(16, 4, 3)"),
        ((20, 6, 2), "(24, 8, 3)"),  # 20 is as near to 16 as to 24: the larger
        ((1, 1, 1), "(16, 4, 3)"),
    ],
)
def test_other_sizes_are_refused_with_the_nearest_that_works(size, nearest):
    with pytest.raises(ValueError, match="cannot work") as caught:
        Boxes().check_patch(size)
    message = str(caught.value)
    assert message.startswith(f"patch size {size} ")
    assert "multiples of (8, 4, 1) and at least (16, 4, 3)" in message
    assert message.endswith(f"the nearest that can is {nearest}")
