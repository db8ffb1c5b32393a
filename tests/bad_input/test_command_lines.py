"""Bad command lines and profiles: one paragraph on the error stream, an exit status, no traceback."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from rsuper.profiles import require_profiles
from tests.bad_input.refused import kinds, refused

ROOT = Path(__file__).resolve().parents[2]
JOBS = "profiles/kubernetes/jobs.py"
SUBMIT = "submit --rule fit --cpus 8 --gpus 1 --mem-mb 16000 --minutes 60"
LINES = {
    "scaffold without a name": ("rsuper.scaffold", "", "required: name"),
    "scaffold with a bad name": (
        "rsuper.scaffold",
        "My-Method",
        "MethodError: method name 'My-Method': expected",
    ),
    "scaffold with a path for a name": (
        "rsuper.scaffold",
        "../x",
        "MethodError: method name '../x': expected",
    ),
    "scaffold of a method that is there": ("rsuper.scaffold", "r_super", "r_super: exists already"),
    "scaffold with an option it has not": ("rsuper.scaffold", "x --force", "unrecognized arguments: --force"),
    "lists without folders": ("rsuper.data.public_lists", "", "required: pants, panorama, labels"),
    "lists of folders that are not there": ("rsuper.data.public_lists", "a b c", "DataError: .*no such file"),
    "request that is not named": ("rsuper.fitting", "", "usage: .* request.json"),
    "request that is not there": ("rsuper.fitting", "none.json", "ArtifactError: none.json: no such file"),
    "request that is no JSON": ("rsuper.fitting", "text.json", "ArtifactError: text.json: damaged JSON"),
    "request without a method": (
        "rsuper.fitting",
        "half.json",
        "ConfigError: half.json: key 'method' is missing",
    ),
    "request with a misspelled key": (
        "rsuper.fitting",
        "typo.json",
        "'sed' is not known; do you mean 'seed'",
    ),
    "nnU-Net without a folder": ("rsuper.nnunet.driver", "", "usage: python -m rsuper.nnunet.driver FOLDER"),
    "nnU-Net of a folder without a job": (
        "rsuper.nnunet.driver",
        "none",
        "ArtifactError: none/job.json: no such",
    ),
    "Kubernetes without a command": (JOBS, "", "required: {submit,status,cancel}"),
    "Kubernetes job without a script": (JOBS, SUBMIT, "required: script"),
    "Kubernetes job with words for CPUs": (JOBS, f"{SUBMIT} --cpus many s.sh", "invalid int value: 'many'"),
    "Kubernetes without kubectl": (JOBS, "status some-job", "jobs.py: .*is kubectl installed"),
    "fuzzing of what is not fuzzed": ("tests.fuzz.run", "--out x --targets dicom", "invalid choice: 'dicom'"),
    "fuzzing without a place": ("tests.fuzz.run", "", "required: --out"),
}
FILES = {
    "text.json": "not JSON",
    "half.json": '{"experiment": "e", "budget": "full", "seed": 0, "device": "cpu"}',
    "typo.json": '{"experiment": "e", "method": "m", "budget": "full", "sed": 0, "device": "cpu"}',
}


@pytest.mark.parametrize("name", kinds("command lines", LINES))
def test_command_lines(name, tmp_path, monkeypatch, capsys):
    program, words, says = LINES[name]
    for file, content in FILES.items():
        (tmp_path / file).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [program, *words.split()])
    for module in [module for module in sys.modules if module == program]:
        monkeypatch.delitem(sys.modules, module)
    run = runpy.run_path if program.endswith(".py") else runpy.run_module
    with pytest.raises(SystemExit) as ended:
        run(str(ROOT / program) if program.endswith(".py") else program, run_name="__main__")
    said = capsys.readouterr().err + (ended.value.code if isinstance(ended.value.code, str) else "")
    assert ended.value.code not in (0, None)
    assert re.search(says, " ".join(said.split())), said
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if re.search("rror:", line)]
    assert len(errors) <= 1, said


PROFILES = {
    "misspelled profile": (
        "--workflow-profile profiles/slrum",
        "profiles/slrum: no folder .* profiles/slurm",
    ),
    "misspelled profile, after an equals sign": (
        "--workflow-profile=profiles/slrum",
        "profiles/slrum: no folder",
    ),
    "profile by the older option": ("--profile nowhere", "--profile nowhere: no folder with a profile.yaml"),
    "folder without a profile": ("--workflow-profile rsuper", "--workflow-profile rsuper: no folder with"),
    "file for a profile": (f"--workflow-profile {JOBS}", "jobs.py: no folder with a profile.yaml"),
    "option without its profile": ("--workflow-profile", "--workflow-profile : no folder with"),
}


@pytest.mark.parametrize("name", kinds("profiles", PROFILES))
def test_profiles_that_are_not_there(name, monkeypatch):
    words, says = PROFILES[name]
    monkeypatch.chdir(ROOT)
    refused(lambda: require_profiles(["snakemake", *words.split()], ROOT), says)


def test_profiles_that_are_there(monkeypatch):
    monkeypatch.chdir(ROOT)
    for words in (
        "--workflow-profile profiles/slurm",
        "--profile none",
        "--cores 2",
        "--profile=none -- table2",
    ):
        require_profiles(["snakemake", *words.split()], ROOT)


CONTENTS = {
    "profile that is no YAML": ("cores: [1\n", "Couldn't parse config file"),
    "profile with a misspelled option": ("coers: 1\n", "unrecognized arguments: --coers=1"),
    "profile with an executor there is not": ("executor: slrum\n", "invalid choice: 'slrum'"),
    "profile that is a list": ("- cores\n", "returned type 'list' instead of 'dict'"),
}
PARSED = """
import contextlib, io, json, sys
from snakemake.cli import parse_args
said = {}
for name, folder in json.loads(sys.argv[1]).items():
    with contextlib.redirect_stderr(io.StringIO()) as error:
        try:
            parse_args(["--cores", "1", "--workflow-profile", folder])
        except SystemExit as ended:
            said[name] = [ended.code, error.getvalue()]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def words_of_snakemake(tmp_path_factory):
    """Exit status and words of Snakemake for each profile; it reads them before it reads anything of ours."""
    folders = {}
    for name, (content, _) in CONTENTS.items():
        folder = tmp_path_factory.mktemp("profile")
        (folder / "profile.yaml").write_text(content)
        folders[name] = str(folder)
    command = [sys.executable, "-c", PARSED, json.dumps(folders)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", kinds("profiles", CONTENTS))
def test_profiles_of_other_contents(name, words_of_snakemake):
    code, said = words_of_snakemake[name]
    assert code == 2
    assert CONTENTS[name][1] in said
    assert "Traceback" not in said


@pytest.mark.workflow
@pytest.mark.parametrize("name", kinds("profiles", ["misspelled profile of a run"]))
def test_the_workflow_says_so_too(name):
    words = ["--cores", "1", "--dry-run", "--workflow-profile", "profiles/slrum", "--", "table1"]
    command = [sys.executable, "-m", "snakemake", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "ConfigError: --workflow-profile profiles/slrum: no folder with a profile.yaml" in said
    assert "Traceback" not in said
