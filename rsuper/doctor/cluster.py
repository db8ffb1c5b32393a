"""Whether a profile is there and can be read, and whether the cluster that it names answers."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path

from rsuper.doctor.findings import FAIL, PASS, ROOT, Asked, Finding, answer

STATUS = "slurm-status-command"


def profile(asked: Asked) -> list[Finding]:
    """Find the profile, read it, and look for what it runs jobs with."""
    from rsuper.config.load import read_yaml
    from rsuper.errors import ConfigError
    from rsuper.profiles import profile_file, require_profiles

    if not asked.profile:
        return [Finding(PASS, "profile", "profiles/default: this machine, all of its cores")]
    try:
        require_profiles(["--workflow-profile", asked.profile], ROOT)
        path = profile_file(asked.profile)
        content = read_yaml(path) if path else {}
    except ConfigError as error:
        return [
            Finding(FAIL, "profile", str(error), f"make doctor CONFIG={asked.config} PROFILE=profiles/slurm")
        ]
    executor = str(content.get("executor", "local"))
    plugin = f"snakemake_executor_plugin_{executor.replace('-', '_')}"
    if executor != "local" and importlib.util.find_spec(plugin) is None:
        seen = f"{path}: jobs run by '{executor}', but its package is not installed"
        fix = f".venv/bin/python -m pip install -c constraints.txt {plugin.replace('_', '-')}"
        return [Finding(FAIL, "profile", seen, fix)]
    found = [Finding(PASS, "profile", f"{path}: executor {executor}")]
    if executor == "slurm":
        return [*found, *slurm(content, path or Path(asked.profile))]
    if "kubernetes" in str(content.get("cluster-generic-submit-cmd", "")):
        return [*found, kubernetes()]
    return found


def slurm(content: Mapping[str, object], path: Path) -> list[Finding]:
    """Look for Slurm's programs, ask for the queue, and for the accounting that sacct needs."""
    missing = [name for name in ("sbatch", "squeue") if shutil.which(name) is None]
    if missing:
        seen = f"{' and '.join(missing)}: no such program: run it where jobs are submitted"
        return [Finding(FAIL, "slurm", seen, "module load slurm    # or what your site calls it")]
    there, said = answer(["squeue", "--noheader", "--format=%i"])
    if not there:
        return [Finding(FAIL, "slurm", f"squeue does not answer: {said}", "scontrol ping")]
    return [
        Finding(PASS, "slurm", f"answers; {len(said.split())} jobs in its queue"),
        _accounting(content, path),
    ]


def _accounting(content: Mapping[str, object], path: Path) -> Finding:
    asks_squeue = content.get(STATUS) == "squeue"
    there, said = answer(["sacct", "--noheader", "--format=JobID"])
    if shutil.which("sacct") is None:
        said = "there is no sacct"
    if there:
        by = "squeue, which does not know why a job failed" if asks_squeue else "sacct"
        return Finding(PASS, "accounting", f"answers; the profile asks {by}")
    if asks_squeue:
        return Finding(PASS, "accounting", f"none ({said}); the profile asks squeue, which does without")
    # The plugin takes sacct where that program is, and waits for ever for an answer.
    seen = f"none ({said}), but the profile does not say {STATUS}: squeue; Snakemake would wait for ever"
    change = f"sed -i 's/^{STATUS}:.*/{STATUS}: squeue/' {path}"
    return Finding(
        FAIL, "accounting", seen, change if STATUS in content else f"echo '{STATUS}: squeue' >> {path}"
    )


def kubernetes() -> Finding:
    """Ask the cluster whether jobs may be made."""
    if shutil.which("kubectl") is None:
        seen = "kubectl: no such program: run it in the pod that docs/cluster.md describes"
        return Finding(FAIL, "kubernetes", seen)
    there, said = answer(["kubectl", "auth", "can-i", "create", "jobs", "--request-timeout=20s"])
    if not there:
        return Finding(FAIL, "kubernetes", f"no leave to make jobs: {said}", "kubectl auth can-i --list")
    return Finding(PASS, "kubernetes", "answers; jobs may be made")
