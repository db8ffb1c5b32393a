"""docs/losses.md: its code runs as it stands, and its numbers are those of the losses."""

import ast
import inspect
import io
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
import pytest
import torch

from rsuper.losses.ball import ReportedTumor, assign_tumors, ball_loss
from rsuper.losses.volume import volume_loss
from rsuper.losses.volume_curve import dead_zone, volume_curve
from rsuper.publish.figures.figure1 import short
from rsuper.reports.sizes import tumor_volume_mm3

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "losses.md").read_text(encoding="utf-8")
PROSE = " ".join(TEXT.split())
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.fixture(scope="module")
def run():
    """Names and output of the three blocks, run one after the other."""
    names, output = {}, io.StringIO()
    with torch.random.fork_rng(), redirect_stdout(output):
        for number, block in enumerate(BLOCKS):
            exec(compile(block, f"docs/losses.md, block {number}", "exec"), names)
    return names, output.getvalue()


def test_the_loop_has_under_20_lines():
    assert len(BLOCKS) == 3
    assert "loss.backward()" in BLOCKS[1]
    assert len(BLOCKS[1].splitlines()) < 20


def test_losses_are_finite_and_fall(run):
    terms = [[float(value) for value in re.findall(r"\d+\.\d+", line)] for line in run[1].splitlines()]
    table = torch.tensor(terms)
    assert table.shape == (12, 3)  # loss, volume, ball
    assert torch.isfinite(table).all()
    assert (table[-1] < 0.95 * table[0]).all()
    assert (table.diff(dim=0)[:, 0] < 0).all()


def test_gradients_of_both_losses_reach_the_network(run):
    names, _ = run
    parameters = dict(names["network"].named_parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in parameters.values())  # after the loop
    own_head = {"volume": "deep_supervision_heads.0", "ball": "output_block"}
    for loss, own in own_head.items():
        gradients = torch.autograd.grad(names[loss], list(parameters.values()), retain_graph=True)
        reached = {name: bool(each.any()) for name, each in zip(parameters, gradients, strict=True)}
        assert all(bool(torch.isfinite(each).all()) for each in gradients)
        for head in own_head.values():
            assert reached[f"{head}.conv.conv.weight"] == (head == own)
        assert reached["input_block.conv1.conv.weight"]


def test_several_regions_have_a_row_each(run):
    names, _ = run
    assert names["foreground"].shape == names["predicted_mm3"].shape == (3,)
    for key in ("volume", "ball"):
        assert torch.isfinite(names[key])
        assert names[key] > 0


@pytest.mark.parametrize("tolerance", [0.1, 0.2])
def test_free_interval(tolerance):
    low, high = dead_zone(1000.0, tolerance)
    assert short(low) in PROSE
    assert short(high) in PROSE


def test_an_empty_prediction():
    loss, _ = volume_curve(torch.zeros(1), 1000.0, 0.1)
    assert f"An empty prediction pays {loss.item():.3f}." in PROSE


def test_released_number_of_voxels():
    sizes_mm = (40.0, 20.0, 20.0)
    tumor = ReportedTumor(torch.ones(48, 48, 48, dtype=torch.bool), tumor_volume_mm3(sizes_mm), max(sizes_mm))
    made = assign_tumors(torch.rand(48, 48, 48), [tumor], (1.0, 1.0, 1.0), voxels_from="ball")
    assert f"{made.assigned.item() / tumor.volume_mm3:.2f} times the reported one" in PROSE


def test_defaults():
    ball, volume = (
        {name: each.default for name, each in inspect.signature(function).parameters.items()}
        for function in (ball_loss, volume_loss)
    )
    assert f"{ball['margin_mm']:.0f} mm on the diameter" in PROSE
    assert f"{ball['border_mm']:.0f} mm outside the assigned voxels" in PROSE
    assert ball["last_weight"] == 0.5
    assert "by rank to half" in PROSE
    assert f"`tolerance` ({volume['tolerance']})" in PROSE
    assert f"`stabilizer_mm3` ({volume['stabilizer_mm3']:.0f}," in PROSE


def test_the_files_to_take_along_need_torch_and_jaxtyping_alone():
    taken = [*(ROOT / "rsuper" / "losses").glob("*.py"), ROOT / "rsuper/errors.py"]
    taken.append(ROOT / "rsuper/reports/sizes.py")
    modules = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in taken}
    for path in taken:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                known = name.split(".")[0] in {"torch", "jaxtyping"} | sys.stdlib_module_names
                assert known or name in modules, (path, name)


def test_links_and_pictures_exist():
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(targets) >= 3
    for target in targets:
        assert (ROOT / "docs" / target).is_file(), target


def test_the_table_of_real_tumors_is_the_reference_runs():
    dice = pd.read_csv(ROOT / "results" / "reference" / "real_tumors" / "assignment" / "dice.csv")
    rows = re.findall(r"^\| (\w+), (easy|medium|hard) \| (\d) \|(.*)\|$", TEXT, flags=re.MULTILINE)
    assert len(rows) == 6
    for source, level, diameters, numbers in rows:
        chosen = (dice["source"] == source) & (dice["level"] == level) & (dice["diameters"] == int(diameters))
        expected = dice[chosen][["paper", "released", "calibrated", "true", "chance", "map>0.5"]].iloc[0]
        assert [float(number) for number in numbers.split("|")] == pytest.approx(list(expected), abs=0.0051)
