"""Names under which the files of an nnU-Net run lie, to be had without importing nnU-Net and torch."""

DATASET_ID = 1
DATASET = f"Dataset{DATASET_ID:03}_rsuper"
CONFIGURATION, PLANS = "3d_fullres", "nnUNetPlans"
JOB = "job.json"
