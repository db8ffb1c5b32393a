"""What every method folder must do; a new one is tested as soon as it exists (`make test-method NAME=x`)."""

import pytest

from rsuper.methods import available, find
from tests.methods import contract

CARDS = available()
VARIANTS = [f"{name}-{variant}" for name, card in CARDS.items() for variant in card.variants]
# Where an environment of its own is asked for, its own tests run it.
RUNNABLE = [name for name in (*CARDS, *VARIANTS) if CARDS[name.partition("-")[0]].environment is None]
# One worker has all tests of a method, and fits it once.
FITTED = [pytest.param(name, marks=pytest.mark.xdist_group(name.partition("-")[0])) for name in RUNNABLE]


@pytest.mark.parametrize("name", CARDS)
def test_the_card(name):
    contract.check_card(find(name))


@pytest.mark.parametrize("name", CARDS)
def test_config_has_defaults_and_refuses_an_unknown_key(name):
    contract.check_config(find(name))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_overrides_its_config(name):
    contract.check_variant(find(name))


@pytest.mark.parametrize("name", CARDS)
def test_a_method_sees_what_its_card_declares_alone(name, task_for, tmp_path):
    contract.check_sees_what_it_declares(find(name), task_for(name, tmp_path).cohort)


@pytest.mark.parametrize("name", FITTED)
def test_fit_then_one_finite_map_per_case_on_its_grid(name, fitted, collection, tmp_path):
    contract.check_maps(fitted, name, collection, tmp_path)


@pytest.mark.parametrize("name", FITTED)
def test_a_second_fit_is_a_no_op(name, fitted):
    contract.check_second_fit(fitted, name)


@pytest.mark.parametrize("name", FITTED)
def test_the_same_seed_gives_the_same_losses(name, fitted, tmp_path):
    contract.check_same_losses(fitted, name, tmp_path)
