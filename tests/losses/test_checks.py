"""What strangers get wrong, outside pytest's shape checks: the losses themselves must name it."""

import subprocess
import sys

import pytest

SETUP = """
import torch
from rsuper.losses.ball import ReportedTumor, assign_tumors, ball_loss, locate_ball
from rsuper.losses.contrastive import contrastive_loss
from rsuper.losses.presence import presence_loss
from rsuper.losses.segmentation import segmentation_loss
from rsuper.losses.volume import background_loss, volume_loss
p, m = torch.full((2, 4, 4, 4), 0.5), torch.ones(2, 4, 4, 4, dtype=torch.bool)
one, unit = torch.ones(2), (1, 1, 1)
tumor = ReportedTumor(m[0], 8.0, 3.0)
"""
WRONG = {
    "presence_loss(p[0, 0], m[0, 0], m[0, 0, :1])": "logits, present and labelled need one shape (b c)",
    "contrastive_loss(p[0, 0], p[0, 0, :, :2])": "texts need one shape (b e), got (4, 4) and (4, 2)",
    "contrastive_loss(p[0], p[0])": "images and texts need one shape (b e), got (4, 4, 4)",
    "volume_loss(p, m.byte(), one, one)": "organ must be a bool tensor (such as mask > 0), got torch.uint8",
    "volume_loss(p, m.float(), one, one)": "organ must be a bool tensor",
    "volume_loss(p, m, one, one, outside=3 * m)": "outside must be a bool tensor",
    "volume_loss(p, m[:1], one, one)": "organ must have shape (2, 4, 4, 4), got (1, 4, 4, 4)",
    "volume_loss(4 * p, m, one, one)": "in [0, 1] (logits need a sigmoid), got 2 to 2",
    "volume_loss(-p, m, one, one)": "got -0.5 to -0.5 in batch entry 0 of 2",
    "volume_loss(p, m, 5.0, one)": "reported_volume_mm3 needs one value per case (2), got ()",
    "volume_loss(p, m, [5.0, -1.0], one)": "must be finite and at least 0, got [5.0, -1.0]",
    "volume_loss(p[0], m[0], one, one)": "tumor must have axes b x y z, got shape (4, 4, 4)",
    "background_loss(2 * p + 1, m)": "tumor must hold probabilities in [0, 1]",
    "ball_loss(p[0], [[]] * 4, m[0], unit)": "logits must have axes b x y z, got shape (4, 4, 4)",
    "ball_loss(p[None], [[]], m[None], unit)": "logits must have axes b x y z, got shape (1, 2, 4, 4, 4)",
    "ball_loss(p, [[tumor], []], m.byte(), unit)": "penalized_background must be a bool tensor",
    "ball_loss(p, [tumor, tumor], m, unit)": "tumors needs one list per case (2), got 2 entries",
    "ball_loss(p, [[tumor]], m, unit)": "tumors needs one list per case (2), got 1 entries",
    "ball_loss(p, [[tumor], []], m, 1.0)": "spacing_mm must be three numbers (x, y, z), got 1.0",
    "ball_loss(p, [[tumor], []], m, (1, 1))": "spacing_mm must be three numbers (x, y, z), got (1, 1)",
    "ball_loss(p, [[tumor], []], m, unit, voxels_from='bal')": "must be one of ('volume', 'ball')",
    "ReportedTumor(m[0].byte(), 8.0, 3.0)": "region must be a bool tensor",
    "ReportedTumor(m[0], 8.0, 3.0, ((0, 4), (0, 4), (0, 4)))": "box must be slices with start and stop",
    "assign_tumors(p[0, :3], [tumor], unit)": "region of tumor 0 must have shape (3, 4, 4), got (4, 4, 4)",
    "locate_ball(p[0], 3.0, unit, region=m[0].float())": "region must be a bool tensor",
}


@pytest.fixture(scope="module")
def messages():
    """The error of each call, by the call; one process for all."""
    loop = f"for call in {list(WRONG)!r}:\n    try:\n        eval(call)\n        print('no error')\n"
    loop += "    except ValueError as error:\n        print(str(error).replace(chr(10), ' '))\n"
    done = subprocess.run([sys.executable, "-c", SETUP + loop], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(WRONG, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_argument_is_named(messages, call):
    assert WRONG[call] in messages[call]
