"""Which of nnU-Net's trainers trains."""

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerNoDA import nnUNetTrainerNoDA
from nnunetv2.training.nnUNetTrainer.variants.optimizer.nnUNetTrainerAdam import nnUNetTrainerAdam

from rsuper.errors import MethodError
from rsuper.nnunet.trainer import RunTrainer, trainer_class


def test_without_a_variant_it_is_nnunets_default():
    assert trainer_class([]) is RunTrainer
    assert RunTrainer.__bases__ == (nnUNetTrainer,)


def test_variants_add_up_under_our_own_loop():
    both = trainer_class(["nnUNetTrainerAdam", "nnUNetTrainerNoDA"])
    assert both.run is RunTrainer.run
    assert both.configure_optimizers is nnUNetTrainerAdam.configure_optimizers
    assert both.get_training_transforms is nnUNetTrainerNoDA.get_training_transforms
    assert both._build_loss is nnUNetTrainer._build_loss


def test_a_trainer_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(MethodError, match=r"no trainer 'nnUNetTrainerMine'; it has .*nnUNetTrainerAdam, "):
        trainer_class(["nnUNetTrainerNoDA", "nnUNetTrainerMine"])
