import pytest

from rsuper.networks.build import build_network
from rsuper.networks.unet import DeeplySupervisedUNet


def test_unet_by_name_with_options():
    network = build_network("unet", 2, 1, channels=(4, 4, 4, 4))
    assert isinstance(network, DeeplySupervisedUNet)
    assert network.deep_head.in_channels == 4


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="'vnet'; known: unet"):
        build_network("vnet", 1, 1)
