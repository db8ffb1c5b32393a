"""What the keys of the section `phantom` mean, for editors: the seeds follow from the file of their models.

Only the JSON Schema needs these sentences; `tests/publish/test_config_schema.py` compares the names.
"""

KEYS: dict[str, dict[str, str]] = {
    "PhantomSpec": {
        "grid": "voxels of every CT",
        "tumors": "number, size and contrast of tumors",
        "distractors": "benign look-alikes",
        "perturbation": "how organ masks differ from the truth",
        "hospitals": "by the name of their data set",
    },
    "GridSpec": {
        "shape": "voxels along x, y and z; the field of view must hold the abdomen",
        "spacing_mm": "voxel edges along x, y and z",
    },
    "TumorSpec": {
        "count_shares": "of 1, 2 and 3 tumors per diseased target",
        "longest_axial_mm": "range of the longest axial diameter",
        "perpendicular_ratio": "range of the perpendicular diameter, as a share of the longest",
        "craniocaudal_ratio": "range of the craniocaudal diameter, as a share of the longest",
        "hypo_hu": "contrast of dark tumors against their organ, arterial phase",
        "hyper_hu": "contrast of bright tumors against their organ, arterial phase",
        "heterogeneous_hu": "mean and standard deviation of the contrast inside a mixed tumor",
        "least_hu": "no tumor is darker than this",
        "phase_factor": "what contrast is multiplied by in each phase",
        "edge_mm": "width over which a tumor fades into its organ",
    },
    "DistractorSpec": {
        "pancreas": "how many of each kind a pancreas has",
        "kidney": "how many of each kind both kidneys have together",
        "cyst_mm": "range of the diameter of cysts",
        "fat_mm": "range of the diameter of fatty lobules and angiomyolipomas",
        "vessel_mm": "range of the diameter of vessels seen end on",
        "calcification_mm": "range of the diameter of calcifications and stones",
        "dilated_duct_share": "of pancreases with a dilated duct",
        "duct_mm": "range of the diameter of a dilated duct",
    },
    "LookalikeRates": {
        "cyst": "mean number of cysts (Poisson)",
        "fat": "mean number of fatty lobules or angiomyolipomas (Poisson)",
        "vessel": "mean number of vessels seen end on (Poisson)",
        "calcification": "mean number of calcifications or stones (Poisson)",
    },
    "PerturbationSpec": {
        "pancreas_sd_mm": "standard deviation of the shift of a pancreas' surface",
        "kidney_sd_mm": "standard deviation of the shift of a kidney's surface",
        "correlation_mm": "distance over which the shift stays alike",
        "boundary_sd_mm": "standard deviation of the planes between head, body and tail",
    },
    "HospitalSpec": {
        "hospital_id": "enters every seed: no two hospitals may share one",
        "cases": "how many CTs of each kind its roles have",
        "phases": "share of each contrast phase",
        "types": "share of each tumor type",
        "contrast_multiplier": "range of the factor on contrast, drawn per tumor",
        "noise_hu": "range of the noise's standard deviation, drawn per CT",
        "blur_mm": "range of the point spread's standard deviation, drawn per CT",
        "texture_hu": "range of the coarse unevenness of tissue, drawn per CT",
        "gain": "range of the factor on intensities, drawn per CT",
        "offset_hu": "range of what is added to intensities, drawn per CT",
        "orientation": "axis codes of the stored files, such as RAS or LPS",
        "organ_masks": "the true ones, or a segmenter's, with its errors",
        "scanners": "names of its scanners, invented",
    },
    "CaseGroup": {
        "role": "of these cases; budgets and test sets name it",
        "pancreas": "CTs with tumors in the pancreas alone",
        "kidney": "CTs with tumors in the kidneys alone",
        "both": "CTs with tumors in both",
        "normal": "CTs without tumors",
    },
    "PhaseShares": {
        "plain": "without contrast agent",
        "arterial": "in the arterial phase",
        "venous": "in the portal venous phase",
    },
    "TypeShares": {
        "hypo": "darker than their organ",
        "hyper": "brighter than their organ",
        "heterogeneous": "mixed, mostly dark",
    },
}
# A rendered hospital is scanned as a digital one is.
KEYS["RealHospital"] = KEYS["HospitalSpec"]
