from dataclasses import replace

import pytest

from rsuper.networks.medformer_layout import PRESETS


def test_the_papers_numbers():
    paper = PRESETS["paper"]
    assert (paper.base, paper.map_size, paper.expansion) == (32, (3, 3, 3), 4)
    assert paper.channels == (64, 128, 256, 320, 256, 128, 64, 32)
    assert paper.conv_num == (2, 0, 0, 0, 0, 0, 2, 2)
    assert paper.trans_num == (0, 2, 4, 6, 4, 2, 0, 0)
    assert paper.heads == (1, 4, 8, 10, 8, 4, 1, 1)
    assert (paper.fusion_width, paper.fusion_heads, paper.fusion_depth) == (320, 10, 2)


@pytest.mark.parametrize(("name", "factor"), [("half", 2), ("quarter", 4), ("eighth", 8)])
def test_presets_narrow_every_width_alike(name, factor):
    paper, narrow = PRESETS["paper"], PRESETS[name]
    assert narrow.base * factor == paper.base
    assert tuple(width * factor for width in narrow.channels) == paper.channels
    assert narrow.fusion_width * factor == paper.fusion_width
    assert (narrow.conv_num, narrow.map_size) == (paper.conv_num, paper.map_size)


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("base", 0, "base must be a whole number of at least 1, got 0"),
        ("channels", (8, 16, 32, 40), r"channels needs 8 .* got \(8, 16, 32, 40\)"),
        ("channels", (8, 16, 32, 40, 32, 16, 8, 0), "channels needs 8 .* at least 1, got .*0"),
        ("conv_num", (2, 0, 0, 0, 0, 0, 2, -1), "conv_num needs 8 .* at least 0, got .*-1"),
        ("conv_num", (2, 0, 0, 0, 0, 0, 2, 0), "conv_num must be at least 1 in up3 and up4, got .*2, 0"),
        ("trans_num", (0, 1, 0, 1, 1, 1, 0, 0), "trans_num must be .* from down2 to up2 .* got .*0, 1, 0"),
        ("trans_num", (0, 1, 1, 1, 1, 1, 1, 0), "trans_num must be .* 0 elsewhere, got"),
        ("heads", (1, 1, 2, 4, 2, 0, 1, 1), "heads needs 8 .* at least 1, got .*0"),
        ("heads", (1, 1, 2, 3, 2, 1, 1, 1), "heads must divide channels .*40.* got .*3"),
        ("map_size", (3, 3), r"map_size needs 3 .* got \(3, 3\)"),
        ("map_size", (1, 1, 1), "map_size must give two tokens or more"),
        ("fusion_heads", 3, "fusion_heads must divide 40, got 3"),
        ("fusion_depth", 0, "fusion_depth .* got 0"),
        ("expansion", -1, "expansion .* got -1"),
    ],
)
def test_wrong_numbers_are_named(option, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        replace(PRESETS["eighth"], **{option: value})


def test_heads_without_attention_mean_nothing():
    replace(PRESETS["eighth"], heads=(7, 1, 2, 4, 2, 1, 9, 9))
