"""The checks of `benchmarks/shortcuts.py`: from a table of cases to a table with a verdict per row.

A table of cases has a row per CT: data seed, role, kind, number, whether it is a `twin` (a CT with a tumor
made anew as normal), then facts; `scan:` settings of the scanner and `organ:` true volumes, which nobody is
told; and per target `target:` counts of look-alikes and scores of detectors. Only facts may be columns
without ":".
"""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import ndtr
from scipy.stats import binomtest, chi2_contingency, fisher_exact, ks_2samp, mannwhitneyu
from scipy.stats import t as student
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.shortcut_facts import CATEGORIES, KINDS, Row
from rsuper.config.phantom import CaseKind
from rsuper.data.phantom.case import TARGETS
from rsuper.stats.delong import auc_interval
from rsuper.stats.multiplicity import holm

KEYS = ("data_seed", "role", "kind", "number", "twin")
DISEASED: dict[str, tuple[CaseKind, ...]] = {t: (t, "both") for t in TARGETS}
LEVEL = 0.05
MOST_AUC = 0.70  # of an untrained detector
MOST_TWIN_AUC = 0.55  # of a fact, by the shift between twins
FOLDS, SHUFFLES = 5, 40
TRAINING, TESTS = ("mask_train", "report_train"), ("test_internal", "test_external")


def fact_names(frame: pd.DataFrame) -> list[str]:
    """Name the columns that hold facts: those without a colon, but for the keys."""
    names = [str(name) for name in frame.columns if ":" not in str(name)]
    return [name for name in names if name not in KEYS]


def encoded(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the facts as numbers: one column per category; constant columns are left out."""
    facts = frame[fact_names(frame)]
    numbers = pd.get_dummies(facts, columns=[c for c in CATEGORIES if c in facts], dtype=float).astype(float)
    return numbers.loc[:, numbers.nunique() > 1]


def labels_of(frame: pd.DataFrame, target: str) -> Bool[np.ndarray, " n"]:
    """Mark the CTs with a tumor of the target."""
    return frame["kind"].isin(DISEASED[target]).to_numpy()


def models() -> dict[str, BaseEstimator]:
    """Give the classifiers anew."""
    boosting = GradientBoostingClassifier(n_estimators=50, max_depth=2, subsample=0.7, random_state=0)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return {"logistic": logistic, "boosting": boosting}


def _cross_validated(
    model: BaseEstimator, x: Float[np.ndarray, "n k"], labels: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return cross_val_predict(model, x, labels, cv=folds, method="predict_proba")[:, 1]


def _cross_validation_row(
    model: BaseEstimator, x: Float[np.ndarray, "n k"], labels: Bool[np.ndarray, " n"]
) -> Row:
    """Give the AUC with DeLong's interval, and p against cross-validations of shuffled labels.

    The folds share their training cases: such an AUC spreads wider than its interval says, and leans below
    0.5 where there is nothing to learn. p is that of one more draw from the same normal distribution.
    """
    rng = np.random.default_rng(0)
    row = _auc_row(labels, _cross_validated(model, x, labels), "greater")
    null = []
    for _ in range(SHUFFLES):
        shuffled = rng.permutation(labels)
        null.append(_auc(shuffled, _cross_validated(model, x, shuffled)))
    spread = np.std(null, ddof=1) * np.sqrt(1 + 1 / SHUFFLES)
    return row | {"p": float(student.sf((float(str(row["auc"])) - np.mean(null)) / spread, SHUFFLES - 1))}


def _auc_row(labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"], side: str) -> Row:
    found = auc_interval(labels, scores)
    p = mannwhitneyu(scores[labels], scores[~labels], alternative=side, method="asymptotic").pvalue
    return {"auc": found.value, "low": found.low, "high": found.high, "p": float(p)}


def _judged(rows: list[Row]) -> pd.DataFrame:
    """Adjust p by Holm over the rows and give the verdict."""
    frame = pd.DataFrame(rows)
    if rows:
        frame["p_holm"] = holm(frame["p"].tolist())
        frame["verdict"] = np.where(frame["p_holm"] < LEVEL, "fails", "holds")
    return frame


def classifiers(frame: pd.DataFrame) -> pd.DataFrame:
    """Check 1: what is learned from facts, within a role and from a training role to a test role."""
    rows: list[Row] = []
    roles = {str(role): part for role, part in frame.groupby("role", sort=False)}
    transfers = [(a, b) for a in TRAINING for b in TESTS if a in roles and b in roles]
    for target in TARGETS:
        for trained, tested in [*((r, r) for r in roles), *transfers]:
            both = encoded(pd.concat([roles[trained], roles[tested]]))
            x = both.to_numpy()[: len(roles[trained])], both.to_numpy()[len(roles[trained]) :]
            labels = labels_of(roles[trained], target), labels_of(roles[tested], target)
            for name, model in models().items():
                row: Row = {"trained": trained, "tested": tested, "target": target, "model": name}
                if trained == tested:
                    row |= _cross_validation_row(model, x[1], labels[1])
                else:
                    scores = model.fit(x[0], labels[0]).predict_proba(x[1])[:, 1]
                    row |= _auc_row(labels[1], scores, "greater")
                rows.append(row | {"within": "yes" if float(str(row["low"])) <= 0.5 else "no"})
    return _judged(rows)


def facts(frame: pd.DataFrame) -> pd.DataFrame:
    """Check 1, each fact alone."""
    tables = []
    for role, part in frame.groupby("role", sort=False):
        x = encoded(part)
        for target in TARGETS:
            labels = labels_of(part, target)
            rows = [
                {"role": role, "target": target, "fact": name}
                | _auc_row(labels, x[name].to_numpy(), "two-sided")
                for name in x
            ]
            tables.append(_judged(rows))
    return pd.concat(tables, ignore_index=True)


def detectors(frame: pd.DataFrame) -> pd.DataFrame:
    """Check 2: the best untrained detector of each family, on the role itself and by `report_train`."""
    roles = {str(role): part for role, part in frame.groupby("role", sort=False)}
    rows: list[Row] = []
    for target in TARGETS:
        for family, names in _families(frame, target).items():
            aucs = {
                role: {n: _auc(labels_of(part, target), part[n].to_numpy(dtype=float)) for n in names}
                for role, part in roles.items()
            }
            trained = aucs.get("report_train", {})
            for role, values in aucs.items():
                best = max(names, key=values.__getitem__)
                found = auc_interval(labels_of(roles[role], target), roles[role][best].to_numpy(dtype=float))
                row: Row = {"role": role, "target": target, "family": family, "detectors": len(names)}
                row |= {"best": best.removeprefix(f"{target}:{family} "), "auc": found.value}
                row |= {"low": found.low, "high": found.high}
                row["elsewhere"] = values[max(names, key=trained.__getitem__)] if trained else float("nan")
                rows.append(row | {"verdict": "holds" if found.value < MOST_AUC else "fails"})
    return pd.DataFrame(rows)


def _families(frame: pd.DataFrame, target: str) -> dict[str, list[str]]:
    """Sort the detectors of a target by what they look at and how."""
    counts = {f"{target}:{name}" for name in (*KINDS[target], "covered")}
    names = [c for c in frame.columns if c.startswith(f"{target}:") and c not in counts]
    families: dict[str, list[str]] = {}
    for name in names:
        words = name.removeprefix(f"{target}:").split()
        families.setdefault(" ".join(words[:2] if words[0] in ("raw", "filled") else words[:1]), []).append(
            name
        )
    return families


def _auc(labels: Bool[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> float:
    return auc_interval(labels, scores).value


def distractors(frame: pd.DataFrame) -> pd.DataFrame:
    """Check 3: rates of each kind of look-alike in CTs with and without the tumor."""
    tables = []
    for role, part in frame.groupby("role", sort=False):
        rows: list[Row] = []
        for target, kinds in KINDS.items():
            labels = labels_of(part, target)
            covered = int(part[f"{target}:covered"][labels].sum())
            for kind in kinds:
                counts = part[f"{target}:{kind}"].to_numpy(dtype=int)
                row: Row = {"role": role, "target": target, "kind": kind}
                row |= _rates(labels, counts, once=kind == "dilated_duct")
                rows.append(row | {"covered (all kinds)": covered})
        tables.append(_judged(rows))
    return pd.concat(tables, ignore_index=True)


def _rates(labels: Bool[np.ndarray, " n"], counts: np.ndarray, once: bool) -> Row:
    """Counts, rates and exact p; `once`: at most one per CT."""
    p_n, n_n = int(labels.sum()), int((~labels).sum())
    with_tumor, without = int(counts[labels].sum()), int(counts[~labels].sum())
    if once:
        p = fisher_exact([[with_tumor, p_n - with_tumor], [without, n_n - without]]).pvalue
    elif with_tumor + without:
        p = binomtest(with_tumor, with_tumor + without, p_n / (p_n + n_n)).pvalue
    else:
        p = 1.0
    row: Row = {"tumor": f"{with_tumor}/{p_n}", "free": f"{without}/{n_n}"}
    return row | {"rate_tumor": with_tumor / p_n, "rate_free": without / n_n, "p": float(p)}


def normals(frame: pd.DataFrame) -> pd.DataFrame:
    """Check 4: distribution of every fact and setting in CTs with any tumor and in those without."""
    tables = []
    for role, part in frame.groupby("role", sort=False):
        diseased = (part["kind"] != "normal").to_numpy()
        names = fact_names(part) + [c for c in part.columns if c.startswith(("scan:", "organ:"))]
        rows: list[Row] = []
        for name in (n for n in names if part[n].nunique() > 1):
            row: Row = {"role": role, "fact": name}
            if name in CATEGORIES:
                found = chi2_contingency(pd.crosstab(part[name], diseased), correction=False)
                row |= {"test": "chi-square", "statistic": float(found.statistic), "p": float(found.pvalue)}
            else:
                values = part[name].to_numpy(dtype=float)
                ks = ks_2samp(values[diseased], values[~diseased], method="asymp")
                row |= {"test": "KS", "statistic": float(ks.statistic), "p": float(ks.pvalue)}
            rows.append(row)
        tables.append(_judged(rows))
    return pd.concat(tables, ignore_index=True)


def twins(frame: pd.DataFrame) -> pd.DataFrame:
    """Check 5: facts of a CT with a tumor less those of its normal twin; `frame` holds both."""
    rows: list[Row] = []
    names = fact_names(frame)
    index = ["data_seed", "role", "number"]
    free = frame[frame["twin"]].set_index(index)
    ill = frame[~frame["twin"]].set_index(index).loc[free.index]
    for target in TARGETS:
        chosen = ill["kind"].isin(DISEASED[target]).to_numpy()
        for name in names:
            a, b = ill.loc[chosen, name], free.loc[chosen, name]
            row: Row = {"target": target, "fact": name, "pairs": len(a), "differ": int((a != b).sum())}
            shift = 0.0
            if name not in CATEGORIES and b.nunique() > 1:
                shift = float((a - b).mean() / b.std())
            row |= {"shift_sd": shift, "auc": float(ndtr(abs(shift) / np.sqrt(2)))}
            fails = row["differ"] if name in CATEGORIES else float(str(row["auc"])) >= MOST_TWIN_AUC
            rows.append(row | {"verdict": "fails" if fails else "holds"})
    return pd.DataFrame(rows)
