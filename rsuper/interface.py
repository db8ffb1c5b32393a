"""What `import rsuper` offers by name: losses, metrics, statistics and the reader of reports."""

from importlib import import_module

# Name -> module. Loaded when it is asked for: metrics and statistics come without torch.
NAMES = {
    "volume_loss": "rsuper.losses.volume",
    "ball_loss": "rsuper.losses.ball",
    "ReportedTumor": "rsuper.losses.assignment",
    "presence_loss": "rsuper.losses.presence",
    "segmentation_loss": "rsuper.losses.segmentation",
    "extract": "rsuper.reports.extract",
    "tumor_volume_mm3": "rsuper.reports.sizes",
    "dsc": "rsuper.metrics.overlap",
    "nsd": "rsuper.metrics.surface",
    "hd95": "rsuper.metrics.surface",
    "lesion_counts": "rsuper.metrics.lesions",
    "auc": "rsuper.metrics.detection",
    "delong_test": "rsuper.stats.delong",
    "auc_interval": "rsuper.stats.delong",
    "paired_permutation_test": "rsuper.stats.permutation",
    "paired_mean_test": "rsuper.stats.sign_flip",
    "difference_interval": "rsuper.stats.bootstrap",
    "holm": "rsuper.stats.multiplicity",
}


def find(name: str) -> object:
    """Return what `rsuper.<name>` stands for.

    Raises:
        AttributeError: nothing is called so; says what there is.
    """
    if name not in NAMES:
        raise AttributeError(
            f"module 'rsuper' has no attribute '{name}': there are {', '.join(NAMES)}; everything else is "
            "imported from its module"
        )
    return getattr(import_module(NAMES[name]), name)
