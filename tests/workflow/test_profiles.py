"""The cluster profiles as a dry run reads them: what each rule asks for, and the traps they go round."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from rsuper.methods import available
from tests.workflow.conftest import ROOT, Project, copy_project

# Not in the group of the others: it needs no finished run.
pytestmark = [pytest.mark.workflow, pytest.mark.slow, pytest.mark.xdist_group("profiles")]

PLUGINS = {
    "slurm": "snakemake_executor_plugin_slurm",
    "kubernetes": "snakemake_executor_plugin_cluster_generic",
}
PROFILES = sorted((ROOT / "profiles").glob("*/profile.yaml"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_project(tmp_path_factory.mktemp("profiles"))


def dry_run(project: Project, profile: str, *options: str, config: str = "config/micro.yaml") -> str:
    if profile in PLUGINS:
        pytest.importorskip(PLUGINS[profile], reason=f"the extra '{profile}' is not installed: make setup")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--workflow-profile", f"profiles/{profile}"]
    # A dry run cuts threads down to --cores, or to one without.
    command += ["--cores", "64", "--config", f"experiment={config}", *options, "--", "all", "audit"]
    environment = {key: value for key, value in project.environment.items() if key != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def asked(text: str) -> dict[str, dict[str, str]]:
    """What jobs ask for, by rule, and by rule and method for those of a run."""
    jobs: dict[str, dict[str, str]] = {}
    for block in re.split(r"\n(?=(?:local)?rule )", text)[1:]:
        rule = re.match(r"(?:local)?rule (\w+):", block)
        method = re.search(r"wildcards: .*method=([\w-]+)", block)
        resources = re.search(r"resources: (.*)", block)
        assert rule
        found = dict(re.findall(r"(\w+)=([^,]*)", resources.group(1) if resources else ""))
        found["threads"] = next(iter(re.findall(r"threads: (\d+)", block)), "1")
        jobs[f"{rule.group(1)}/{method.group(1)}" if method else rule.group(1)] = found
    return jobs


@pytest.mark.parametrize("profile", sorted(PLUGINS))
def test_what_jobs_ask_a_cluster_for(project: Project, profile: str) -> None:
    jobs = asked(dry_run(project, profile))
    cards = available()
    for rule in ("fit", "predict"):
        for method in ("segmentation", "r_super", "oracle", "silent"):
            job, card = jobs[f"{rule}/{method}"], cards[method].resources
            assert {name: job[name] for name in ("gpu", "mem_mb", "runtime")} == {
                "gpu": str(card.gpu), "mem_mb": str(card.mem_mb), "runtime": str(card.runtime)
            }  # fmt: skip
    assert jobs["fit/r_super"]["threads"] == "8"
    assert (jobs["preprocess_shard"]["mem_mb"], jobs["preprocess_shard"]["runtime"]) == ("8000", "240")
    assert (jobs["findings"]["mem_mb"], jobs["findings"]["runtime"]) == ("8000", "60")


def test_an_experiment_says_what_its_size_takes(project: Project) -> None:
    text = (
        "extends: micro.yaml\nresources: {fit: {runtime: 2880}, preprocess: {mem_mb: 32000, runtime: 99}}\n"
    )
    (project.root / "config" / "large.yaml").write_text(text)
    jobs = asked(dry_run(project, "slurm", config="config/large.yaml"))
    assert {name: jobs["fit/r_super"][name] for name in ("mem_mb", "runtime")} == {
        "mem_mb": "16000", "runtime": "2880"
    }  # fmt: skip
    assert jobs["predict/r_super"]["runtime"] == "60"
    assert jobs["preprocess_shard"] | {"mem_mb": "32000", "runtime": "99"} == jobs["preprocess_shard"]


def test_the_lines_for_a_site_are_valid(project: Project) -> None:
    path = project.root / "profiles" / "slurm" / "profile.yaml"
    content = path.read_text()
    opened = re.sub(
        r"^# (set-resources:|  +(?:fit|predict):|    \w+:.*)$", r"\1", content, flags=re.MULTILINE
    )
    opened = re.sub(r"^# (slurm_\w+:)", r"  \1", opened, flags=re.MULTILINE)
    assert len(yaml.safe_load(opened)["set-resources"]) == 2
    path.write_text(opened)
    try:
        jobs = asked(dry_run(project, "slurm"))
    finally:
        path.write_text(content)
    assert (jobs["fit/r_super"]["slurm_partition"], jobs["fit/r_super"]["gpu_model"]) == ("gpu", "a100")
    assert jobs["fit/r_super"]["runtime"] == "1440"
    assert jobs["fit/silent"]["slurm_partition"] == "cpu"
    assert jobs["fit/silent"]["gpu_model"].strip("'\" ") == ""
    assert (jobs["cases/r_super"]["slurm_partition"], jobs["cases/r_super"]["slurm_account"]) == (
        "cpu",
        "project",
    )
    assert "gpu_model" not in jobs["cases/r_super"]


@pytest.mark.parametrize(
    ("visible", "device", "options", "gpu"),
    [("", "auto", ["--jobs", "4"], "0"), ("0,1,2", "auto", [], "1"), ("0,1,2", "cpu", [], "0")],
)
def test_alone_a_run_asks_for_a_gpu_where_there_is_one(
    project: Project, visible: str, device: str, options: list[str], gpu: str
) -> None:
    command = [sys.executable, "-m", "snakemake", "--dry-run", *options, "--config"]
    done = subprocess.run(
        [*command, "experiment=config/micro.yaml", f"device={device}", "--", "all"],
        cwd=project.root,
        env=project.environment | {"CUDA_VISIBLE_DEVICES": visible},
        capture_output=True,
        text=True,
    )
    assert asked(done.stdout)["fit/r_super"]["gpu"] == gpu


def test_an_unknown_device_is_named(project: Project) -> None:
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--config", "device=cuda:1", "--", "table1"]
    done = subprocess.run(command, cwd=project.root, env=project.environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "expected one of ['auto', 'cpu', 'cuda']" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_rules_that_are_named_exist() -> None:
    texts = [path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")]
    rules = {name for text in texts for name in re.findall(r"^\s*rule (\w+):", text, flags=re.MULTILINE)}
    blocks = [
        block
        for text in texts
        for block in re.findall(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE)
    ]
    local = {name for block in blocks for name in re.findall(r"\w+", block)}
    assert len(blocks) == 3  # publish, figures, report
    assert local < rules
    # Nothing that reads images or trains runs on the machine that submits.
    assert not local & {"fit", "predict", "cases", "metrics", "preprocess", "phantom", "overlays", "roc"}
    for path in PROFILES:
        content = yaml.safe_load(path.read_text())
        for section in ("set-threads", "set-resources"):
            assert set(content.get(section, {})) <= rules


def test_traps() -> None:
    slurm = yaml.safe_load((ROOT / "profiles" / "slurm" / "profile.yaml").read_text())
    assert slurm["slurm-status-command"] == "squeue"
    assert slurm["retries"] >= 1
    assert "show-failed-logs" not in slurm  # whole logs; their ends are shown by rsuper/failures.py
    assert "cores" not in slurm
    rules = [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    for path in rules:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(retries|group):", text, flags=re.MULTILINE), path
        for block in re.split(r"^\s*rule ", text, flags=re.MULTILINE)[1:]:
            assert not re.search(r"^\s*script:", block, flags=re.MULTILINE) or "log:" in block
    assert os.path.lexists(
        ROOT / "profiles" / "default" / "profile.yaml"
    )  # found by Snakemake at the root alone
