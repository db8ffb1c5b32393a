import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rsuper.errors import NonFiniteError
from rsuper.losses.contrastive import contrastive_loss


def test_by_hand():
    # Cosines [[1, 0], [0.6, 0.8]]; divided by 0.5: [[2, 0], [1.2, 1.6]].
    images = torch.tensor([[3.0, 0.0], [0.6, 0.8]])
    texts = torch.tensor([[1.0, 0.0], [0.0, 7.0]])
    rows = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-0.4))
    columns = math.log(1 + math.exp(1.2 - 2)) + math.log(1 + math.exp(-1.6))
    loss = contrastive_loss(images, texts, temperature=0.5)
    assert loss.item() == pytest.approx((rows + columns) / 4, rel=1e-6)


def test_centered_tells_apart_what_vectors_do_not_share():
    # The mean of the images is (5, 1): without it they are (-1, 1) and (1, -1), at right angles to no text.
    images = torch.tensor([[4.0, 2.0], [6.0, 0.0]])
    texts = torch.tensor([[-1.0, 1.0], [1.0, -1.0]])
    # Cosines [[1, -1], [-1, 1]]; divided by 0.5: 2 and -2, a difference of 4 in each row and column.
    loss = contrastive_loss(images, texts, temperature=0.5, centered=True)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-5)


@pytest.mark.parametrize("size", [2, 5, 8])
def test_vectors_that_say_nothing_cost_the_logarithm_of_the_batch(size):
    torch.manual_seed(0)
    same = torch.ones(size, 4)
    assert contrastive_loss(same, same).item() == pytest.approx(math.log(size), rel=1e-5)
    # One vector whatever the image: rows are all wrong alike, columns cost the logarithm.
    loss = contrastive_loss(same, torch.randn(size, 4)).item()
    assert loss >= math.log(size) - 1e-5


def test_perfect_vectors_cost_nearly_nothing():
    assert contrastive_loss(torch.eye(6), torch.eye(6)).item() == pytest.approx(
        math.log(1 + 5 * math.exp(-10)), rel=1e-3
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_length_and_order_do_not_matter_and_both_sides_are_alike(seed, size):
    torch.manual_seed(seed)
    images, texts = torch.randn(size, 3), torch.randn(size, 3)
    loss = contrastive_loss(images, texts).item()
    scales = torch.rand(size, 1) + 0.1
    order = torch.randperm(size)
    assert contrastive_loss(images * scales, texts).item() == pytest.approx(loss, rel=1e-4, abs=1e-5)
    assert contrastive_loss(images[order], texts[order]).item() == pytest.approx(loss, rel=1e-4, abs=1e-5)
    assert contrastive_loss(texts, images).item() == pytest.approx(loss, rel=1e-4, abs=1e-5)


def test_it_is_the_gradient_of_images_that_teaches():
    images = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    texts = torch.randn(4, 3, dtype=torch.float64)
    contrastive_loss(images, texts).backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert images.grad.any()


def test_zeros_have_no_direction_and_a_finite_gradient():
    images = torch.zeros(3, 2, requires_grad=True)
    loss = contrastive_loss(images, torch.randn(3, 2))
    assert loss.item() == pytest.approx(math.log(3), rel=1e-5)
    loss.backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_half_precision_is_computed_in_float32():
    torch.manual_seed(1)
    images, texts = torch.randn(4, 8), torch.randn(4, 8)
    half = contrastive_loss(images.bfloat16(), texts.bfloat16())
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(contrastive_loss(images, texts).item(), rel=0.05)


@pytest.mark.parametrize(
    ("images", "texts", "temperature", "message"),
    [
        (torch.ones(1, 3), torch.ones(1, 3), 0.1, "two patches"),
        (torch.ones(2, 3), torch.ones(2, 3), 0.0, "temperature must be positive"),
    ],
)
def test_wrong_arguments(images, texts, temperature, message):
    with pytest.raises(ValueError, match=message):
        contrastive_loss(images, texts, temperature=temperature)


def test_a_vector_that_is_not_finite_is_named():
    images = torch.ones(3, 2)
    images[2, 1] = math.nan
    with pytest.raises(NonFiniteError, match="images of batch entry 2") as caught:
        contrastive_loss(images, torch.ones(3, 2))
    assert caught.value.index == 2
