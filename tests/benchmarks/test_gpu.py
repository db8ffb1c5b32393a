"""The pieces of the GPU benchmark on a CPU: by hand, and against what the package itself computes."""

import json

import pytest
import torch
import torch.nn.functional as F

from benchmarks.gpu_profile import Traffic, depthwise_flops, family
from benchmarks.gpu_scenes import REPORT_WEIGHT, make_batch, r_super_terms
from benchmarks.gpu_steps import EAGER, FAST, Size, Training, measured
from benchmarks.gpu_timing import Recorder, milliseconds, spread, waits
from benchmarks.gpu_variants import norms_compiled, shifted_sum
from rsuper.data.batches import BatchRegion, BatchTumor, ReportBatch
from rsuper.networks import attention, convolutions
from rsuper.networks.outputs import Outputs
from rsuper.report_terms import ReportLossConfig, report_terms

SIDE, TUMORS_MM = 32, (30.0, 20.0)


def outputs(batch):
    generator = torch.Generator().manual_seed(0)
    return Outputs(*(torch.randn(batch.tumor.shape, generator=generator) for _ in range(2)))


def test_the_step_has_the_report_losses_of_the_method():
    batch = make_batch(SIDE, 2, TUMORS_MM, "cpu")
    regions = tuple(
        BatchRegion(
            region.row,
            region.channel,
            region.mask,
            region.volume_mm3,
            tuple(
                BatchTumor(each.region, each.volume_mm3, each.diameter_mm, each.box) for each in region.tumors
            ),
            ("pancreas",),
            0.0,
        )
        for region in batch.regions
    )
    rows = slice(batch.split, None)
    reports = ReportBatch(
        0, ("R1",), batch.image[rows], batch.outside[rows], regions, (), (1.0, 1.0, 1.0), {}
    )
    found = outputs(batch)
    *_, volume, cross_entropy, dice = r_super_terms(found, batch)
    expected = report_terms(Outputs(found.final[rows], found.deep[rows]), reports, ReportLossConfig())
    assert ReportLossConfig().ball_weight == ReportLossConfig().volume_weight == REPORT_WEIGHT
    assert volume.item() == pytest.approx(expected["volume"].item())
    assert (cross_entropy + dice).item() == pytest.approx(expected["ball"].item())
    assert expected["tumors_assigned"] == len(TUMORS_MM)


def test_each_number_has_its_own_region_and_tumors():
    first, second = (make_batch(SIDE, 2, TUMORS_MM, "cpu", number).regions[0] for number in (0, 20))
    assert second.mask.sum() < first.mask.sum()
    assert second.tumors[0].diameter_mm < first.tumors[0].diameter_mm
    assert second.tumors[0].box != first.tumors[0].box


def test_shifted_sum_is_the_depthwise_convolution():
    features, weight = torch.randn(2, 5, 6, 7, 8), torch.randn(5, 1, 3, 3, 3)
    expected = F.conv3d(features, weight, padding=1, groups=5)
    torch.testing.assert_close(shifted_sum(features, weight), expected, rtol=1e-4, atol=1e-5)


def test_compiled_norms_are_taken_back():
    before = convolutions.activate, attention.normalize
    with norms_compiled():
        assert convolutions.activate is not before[0]
        assert attention.normalize is not before[1]
    assert (convolutions.activate, attention.normalize) == before


def test_traffic_by_hand():
    first, second = torch.ones(10, 10), torch.ones(10, 10)
    with Traffic() as traffic:
        (first.view(100) + second.view(100)).view(10, 10) @ second
    assert traffic.every == 2 * 3 * 400  # two operations, each two inputs and an output of 400 bytes
    assert traffic.products == 3 * 400


def test_depthwise_operations_of_a_small_network():
    training = Training(EAGER[0], Size("eighth", SIDE, 1, "cpu"))
    found = depthwise_flops(training, torch.zeros(1, 1, SIDE, SIDE, SIDE))
    # Patch merging alone: 8 times 4, 8, 16 and 32 channels on grids of 16, 8, 4 and 2.
    assert found > 2 * 27 * 8 * (4 * 16**3 + 8 * 8**3 + 16 * 4**3 + 32 * 2**3)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("void at::native::conv_depthwise3d_cuda_backward_weight_kernel<float>", "depthwise convolution"),
        ("sm90_xmma_fprop_implicit_gemm_bf16bf16", "convolution"),
        ("void at::native::batch_norm_collect_statistics_kernel", "normalization"),
        ("Memcpy DtoH (Device -> Pageable)", "copies and casts"),
        ("something new", "other"),
    ],
)
def test_families_of_kernels(kernel, expected):
    assert family(kernel) == expected


def test_a_step_is_measured_and_its_row_kept(tmp_path):
    size = Size("eighth", SIDE, 2, "cpu", repeats=1, warmup=0)
    batch = make_batch(SIDE, 2, TUMORS_MM, "cpu")
    row = measured(FAST, size, batch, r_super_terms)
    assert row["median_ms"] > 0
    record = Recorder(tmp_path / "out")
    record("train", row)
    record("train", {"median_ms": 1.0})
    lines = (tmp_path / "out" / "gpu.jsonl").read_text().splitlines()
    assert [json.loads(line)["part"] for line in lines] == ["train", "train"]


def test_times():
    times = milliseconds(lambda: None, "cpu", repeats=5)
    assert len(times) == 5
    assert spread([3.0, 1.0, 2.0]) == {"median_ms": 2.0, "least_ms": 1.0, "largest_ms": 3.0, "repeats": 3}
    assert waits(lambda: None, "cpu").total() == 0
