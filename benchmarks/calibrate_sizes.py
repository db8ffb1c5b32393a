"""How far reported diameters are from volumes on real tumors, and the factors that correct it.

    python benchmarks/calibrate_sizes.py [--out folder]

The factor for one, two or three diameters is the geometric mean of true volume / volume by the paper's rule
(§2.1) over tumors: volumes err by a factor, and unlike the median's, the mean's bootstrap is sound. Each
tumor counts once; tumors of one patient are redrawn together.

Lengths are edge to edge (`rsuper.metrics.strata`): a caliper spans a tumor from outer border to outer border,
and the suite's own strata and reports on real masks use the same. Diameters and volumes are the tables',
measured on the untouched masks (KiTS23: per instance, not per lump); those of the 2 mm masks stand beside
them, as they read about half a voxel longer.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from rsuper.config.real_anatomy import MASK_SPACING_MM
from rsuper.data.sources.real_anatomy.catalog import Diameters, Entry, catalog, real_data_folder
from rsuper.data.sources.real_anatomy.masks import read_crop
from rsuper.metrics.strata import tumor_diameters_mm
from rsuper.reports.sizes import tumor_volume_mm3

# The paper's tolerance (§2.1): |true - reported| <= 0.1 reported.
TOLERANCE = 0.1
DRAWS, SEED = 10_000, 0
COUNTS = (1, 2, 3)


@dataclass(frozen=True)
class MeasuredTumor:
    """A real tumor: its source and patient, longest axial, perpendicular and craniocaudal length, volume."""

    source: str
    patient_id: str
    target: str
    diameters_mm: Diameters
    volume_mm3: float
    record_mm: float | None = None  # the one diameter in the hospital's record, where this is the only tumor


@dataclass(frozen=True)
class Factor:
    """What to multiply the paper's volume with, and its 95 % interval."""

    value: float
    low: float
    high: float


def main() -> None:
    """Fit, print all tables, write them as CSV if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, help="folder for CSV files")
    out = parser.parse_args().out
    real = real_data_folder()
    tumors, again = measured_tumors(real), remeasured_tumors(real)
    tables = {
        "factors": factor_table(tumors, np.random.default_rng(SEED)),
        "tolerance": tolerance_table(tumors),
        "remeasured": remeasured_table(tumors, again),
        "record": record_table(tumors),
    }
    titles = {
        "factors": "Factor on the paper's volume, 95 % bootstrap interval over patients",
        "tolerance": f"Tumors with |true - reported| <= {TOLERANCE:g} reported; what covers half",
        "remeasured": "The same lengths measured on the 2 mm masks",
        "record": "The diameter in the hospital's record, as one diameter",
    }
    for name, table in tables.items():
        print(f"\n{titles[name]}\n{table.to_string(index=False, float_format=lambda x: f'{x:.3f}')}")
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            table.round(4).to_csv(out / f"{name}.csv", index=False)


def measured_tumors(real: Path) -> list[MeasuredTumor]:
    """List every real tumor once, as the tables measured it at original resolution.

    KiTS19's tables measure the largest component, so its volume is that component's; a patient of both KiTS
    sets counts with the instances of KiTS23.
    """
    volumes = _table_volumes(real)
    return [
        MeasuredTumor(
            entry.source,
            entry.patient_id,
            entry.target,
            tumor.diameters_mm,
            volumes[entry.source, entry.case_id, tumor.label],
            _record_mm(entry),
        )
        for entry in catalog(real)
        for tumor in entry.tumors
    ]


def remeasured_tumors(real: Path) -> list[MeasuredTumor]:
    """List the same tumors in the same order, measured on the 2 mm masks."""
    found = []
    for entry in catalog(real):
        for tumor in read_crop(entry, cyst_from_mm3=np.inf).tumors:
            diameters = tumor_diameters_mm(tumor.mask, (MASK_SPACING_MM,) * 3)
            assert diameters is not None  # read_crop refuses a tumor without voxels
            volume_mm3 = float(tumor.mask.sum()) * MASK_SPACING_MM**3
            found.append(MeasuredTumor(entry.source, entry.patient_id, entry.target, diameters, volume_mm3))
    return found


def fit(tumors: Sequence[MeasuredTumor], count: int) -> float:
    """Fit the factor for tumors of which `count` diameters are given: geometric mean of true / paper's.

    Raises:
        ValueError: there is no tumor.
    """
    if not tumors:
        raise ValueError("tumors is empty: a factor needs at least one")
    return float(np.exp(_log_ratios(tumors, count).mean()))


def fit_interval(
    tumors: Sequence[MeasuredTumor], count: int, generator: np.random.Generator, draws: int = DRAWS
) -> Factor:
    """Fit the factor and bound it by a percentile bootstrap that redraws patients, all tumors of each."""
    logs = _log_ratios(tumors, count)
    _, patient = np.unique([tumor.patient_id for tumor in tumors], return_inverse=True)
    sums, sizes = np.bincount(patient, logs), np.bincount(patient)
    picks = generator.integers(0, len(sizes), (draws, len(sizes)))
    means = sums[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    low, high = np.exp(np.quantile(means, (0.025, 0.975)))
    return Factor(fit(tumors, count), float(low), float(high))


def calibration(tumors: Sequence[MeasuredTumor]) -> dict[int, Factor]:
    """Fit what `rsuper.reports.sizes` holds: per number of diameters, on all tumors."""
    return {n: fit_interval(tumors, n, np.random.default_rng([SEED, n])) for n in COUNTS}


def share_within(tumors: Sequence[MeasuredTumor], count: int, factors: Sequence[float]) -> float:
    """Share of tumors whose true volume is within the paper's tolerance of the reported one.

    Args:
        tumors: at least one.
        count: number of diameters given.
        factors: one per tumor, on the paper's volume.
    """
    reported = np.array([_paper_mm3(tumor, count) for tumor in tumors]) * factors
    true = np.array([tumor.volume_mm3 for tumor in tumors])
    return float((np.abs(true - reported) <= TOLERANCE * reported).mean())


def covers_half(tumors: Sequence[MeasuredTumor], count: int, factors: Sequence[float]) -> float:
    """The tolerance that half of the tumors would be within: median of |true - reported| / reported."""
    return float(np.median(np.abs(np.exp(_log_ratios(tumors, count)) / factors - 1)))


def held_out_factors(
    tumors: Sequence[MeasuredTumor], count: int, held: Sequence[str], alike: Sequence[str] | None = None
) -> list[float]:
    """Fit each tumor's factor without the tumors of its own group.

    Args:
        tumors: all tumors.
        count: number of diameters given.
        held: group of each tumor, such as its patient or its data set; left out together.
        alike: kind of each tumor; only tumors of the same kind are fitted. None: all.

    Raises:
        ValueError: no tumor is left to fit one group.
    """
    kinds = alike if alike is not None else [""] * len(tumors)
    fits: dict[tuple[str, str], float] = {}
    for key in set(zip(held, kinds, strict=True)):
        rest = [t for t, h, k in zip(tumors, held, kinds, strict=True) if h != key[0] and k == key[1]]
        fits[key] = fit(rest, count)
    return [fits[key] for key in zip(held, kinds, strict=True)]


def factor_table(tumors: Sequence[MeasuredTumor], generator: np.random.Generator) -> pd.DataFrame:
    """Tabulate factors over all tumors (as in `calibration`), per data set and per organ."""
    groups: Mapping[str, Sequence[MeasuredTumor]] = {
        source: [tumor for tumor in tumors if tumor.source == source]
        for source in sorted({t.source for t in tumors})
    } | {"kidney (both)": [tumor for tumor in tumors if tumor.target == "kidney"]}
    found = [("all", tumors, n, factor) for n, factor in calibration(tumors).items()]
    found += [(name, g, n, fit_interval(g, n, generator)) for n in COUNTS for name, g in groups.items()]
    rows = []
    for name, group, count, factor in sorted(found, key=lambda row: row[2]):
        ratios = np.exp(-_log_ratios(group, count))
        low, middle, high = np.quantile(ratios, (0.05, 0.5, 0.95))
        rows.append(
            {
                "diameters": count,
                "tumors_of": name,
                "tumors": len(group),
                "patients": len({tumor.patient_id for tumor in group}),
                "factor": factor.value,
                "low": factor.low,
                "high": factor.high,
                "paper_over_true": middle,
                "p5": low,
                "p95": high,
            }
        )
    return pd.DataFrame(rows)


def tolerance_table(tumors: Sequence[MeasuredTumor]) -> pd.DataFrame:
    """Tabulate who is within tolerance: by the paper's rule, and with factors of several fits.

    `calibrated` is fitted on all tumors, `left_out` without the patient at hand, `set_left_out` without the
    data set, `by_organ_left_out` without the patient and per organ.
    """
    patients, sources = [t.patient_id for t in tumors], [t.source for t in tumors]
    targets = [t.target for t in tumors]
    rows = []
    for count in COUNTS:
        kinds = {
            "paper": [1.0] * len(tumors),
            "calibrated": [fit(tumors, count)] * len(tumors),
            "left_out": held_out_factors(tumors, count, patients),
            "set_left_out": held_out_factors(tumors, count, sources),
            "by_organ_left_out": held_out_factors(tumors, count, patients, targets),
        }
        for name in ("all", *sorted(set(sources))):
            chosen = [k for k, source in enumerate(sources) if name in ("all", source)]
            part = [tumors[k] for k in chosen]
            own = {kind: [factors[k] for k in chosen] for kind, factors in kinds.items()}
            rows.append(
                {"diameters": count, "tumors_of": name, "tumors": len(part)}
                | {kind: share_within(part, count, factors) for kind, factors in own.items()}
                | {f"half_{kind}": covers_half(part, count, own[kind]) for kind in ("paper", "left_out")}
            )
    return pd.DataFrame(rows)


def remeasured_table(tumors: Sequence[MeasuredTumor], again: Sequence[MeasuredTumor]) -> pd.DataFrame:
    """Compare the tables' lengths and factors with those of the 2 mm masks, per data set."""
    ratios = np.array([t.diameters_mm for t in again]) / np.array([t.diameters_mm for t in tumors])
    rows = []
    for source in ("all", *sorted({t.source for t in tumors})):
        chosen = [k for k, t in enumerate(tumors) if source in ("all", t.source)]
        axial, perpendicular, craniocaudal = np.median(ratios[chosen], axis=0)
        part, part_again = [tumors[k] for k in chosen], [again[k] for k in chosen]
        rows.append(
            {
                "tumors_of": source,
                "axial": axial,
                "perpendicular": perpendicular,
                "craniocaudal": craniocaudal,
            }
            | {
                "volume": float(
                    np.median([a.volume_mm3 / t.volume_mm3 for a, t in zip(part_again, part, strict=True)])
                )
            }
            | {f"factor_{n}": fit(part, n) for n in COUNTS}
            | {f"factor_{n}_2mm": fit(part_again, n) for n in COUNTS}
        )
    return pd.DataFrame(rows)


def record_table(tumors: Sequence[MeasuredTumor]) -> pd.DataFrame:
    """Compare the hospital's recorded diameter with the measured ones, as paper and calibration read it."""
    recorded = [t for t in tumors if t.record_mm is not None]
    diameters = [np.array(d) for d in zip(*[(t.record_mm, t.diameters_mm[0]) for t in recorded], strict=True)]
    true = np.array([t.volume_mm3 for t in recorded])
    factor = fit(tumors, 1)
    rows = []
    for name, lengths in zip(("record", "longest axial"), diameters, strict=True):
        paper = np.array([tumor_volume_mm3([d]) for d in lengths])
        for rule, reported in (("paper", paper), ("calibrated", paper * factor)):
            rows.append(
                {
                    "diameter": name,
                    "rule": rule,
                    "tumors": len(recorded),
                    "reported_over_true": float(np.median(reported / true)),
                    "within": float((np.abs(true - reported) <= TOLERANCE * reported).mean()),
                }
            )
    return pd.DataFrame(rows)


def _paper_mm3(tumor: MeasuredTumor, count: int) -> float:
    return tumor_volume_mm3(tumor.diameters_mm[:count])


def _log_ratios(tumors: Sequence[MeasuredTumor], count: int) -> Float[np.ndarray, " n"]:
    return np.log([tumor.volume_mm3 / _paper_mm3(tumor, count) for tumor in tumors])


def _record_mm(entry: Entry) -> float | None:
    return entry.record_mm if len(entry.tumors) == 1 else None


def _table_volumes(real: Path) -> dict[tuple[str, str, int], float]:
    """Volume by source, case and label."""
    kits19 = pd.read_csv(real / "kits19_2mm" / "cases.csv", dtype={"case_id": str})
    kits23 = pd.read_csv(real / "kits23_multitumor_2mm" / "instances.csv", dtype={"case_id": str})
    panorama = pd.read_csv(real / "panorama_2mm" / "cases.csv", dtype={"case_id": str})
    found = {
        ("kits19", c, 2): v for c, v in zip(kits19["case_id"], kits19["largest_component_mm3"], strict=True)
    }
    found |= {
        ("kits23", c, 10 + i): v
        for c, i, v in zip(kits23["case_id"], kits23["instance"], kits23["volume_mm3"], strict=True)
    }
    return found | {
        ("panorama", c, 1): v
        for c, v in zip(panorama["case_id"], panorama["largest_component_mm3"], strict=True)
    }


if __name__ == "__main__":
    main()
