"""What `make fuzz` found, each once: it is refused now as anything else that is bad."""

import gzip
import struct

import pytest

from rsuper.data.volumes import read_ct
from tests.bad_input.refused import kinds, refused
from tests.data.bad_site import OFFSETS
from tests.fuzz.targets import check_nifti, nifti_seeds

HEADERS = {
    "infinite offset of the voxels": (float("inf"), "cannot be read as NIfTI"),
    "voxels behind any file": (1e30, "damaged NIfTI: shape .* from byte|cannot be read"),
    "voxels behind this file": (1e9, "damaged NIfTI: shape .* from byte 1000000000 on in a file of"),
}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", kinds("images", HEADERS))
def test_headers(name, suffix, tmp_path):
    value, says = HEADERS[name]
    content = bytearray(nifti_seeds()[3])  # with a slope: read by another way than whole numbers
    struct.pack_into("<f", content, OFFSETS["vox_offset"][0], value)
    path = tmp_path / f"ct{suffix}"
    path.write_bytes(gzip.compress(bytes(content)) if suffix == ".nii.gz" else bytes(content))
    refused(lambda: read_ct(path), says)
    assert not check_nifti((suffix, path.read_bytes()))
