"""Train, evaluate and compare report-supervised tumor segmentation."""

__version__ = "0.1.0"
