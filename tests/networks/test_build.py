import pytest
import torch

from rsuper.networks.build import build_network
from rsuper.networks.medformer import MedFormer
from rsuper.networks.unet import DeeplySupervisedUNet


def test_unet_by_name_with_options():
    network = build_network("unet", 2, 1, channels=(4, 4, 4, 4))
    assert isinstance(network, DeeplySupervisedUNet)
    assert network.deep_head.in_channels == 4


def test_medformer_by_name_with_options_as_yaml_has_them():
    options = {
        "preset": "eighth",
        "base": 4,
        "channels": [8, 8, 16, 24, 16, 8, 8, 4],
        "trans_num": [0, 1, 1, 2, 1, 1, 0, 0],
        "conv_num": [1, 0, 1, 0, 1, 0, 1, 1],
        "heads": [1, 2, 4, 4, 4, 2, 1, 1],
        "map_size": [2, 2, 1],
        "fusion_width": 12,
        "fusion_heads": 3,
        "fusion_depth": 1,
        "expansion": 2,
    }
    network = build_network("medformer", 2, 3, **options)
    assert isinstance(network, MedFormer)
    outputs = network(torch.randn(2, 2, 32, 48, 32))
    assert outputs.final.shape == outputs.deep.shape == (2, 3, 32, 48, 32)
    assert network.down4.attention[1].bottleneck.widen.out_channels == 2 * 24


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="'vnet'; known: medformer, unet"):
        build_network("vnet", 1, 1)
