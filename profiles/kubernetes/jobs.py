"""Submit, look after and cancel Snakemake's jobs on Kubernetes, by kubectl. Called by Snakemake, not by you.

    jobs.py submit --rule fit --cpus 8 --gpus 1 --mem-mb 16000 --minutes 60 jobscript
    jobs.py status NAME
    jobs.py cancel NAME...

`submit` prints the job's name; `status` prints running, success or failed.
"""

import argparse
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).with_name("job.yaml")
# Of the environment of the pod that runs Snakemake; the image's own stands otherwise.
PASSED_ON = ("PATH", "PYTHONPATH", "OMP_NUM_THREADS", "RSUPER_SESSION", "RSUPER_REAL_DATA")
_MISSING = "(NotFound)"


def manifest(arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    """Fill in the template."""
    job: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    job["metadata"]["name"] = name
    job["spec"]["activeDeadlineSeconds"] = 60 * arguments.minutes
    pod = job["spec"]["template"]["spec"]
    pod["securityContext"] = {"runAsUser": os.getuid(), "runAsGroup": os.getgid(), "fsGroup": os.getgid()}
    amounts = {"cpu": str(arguments.cpus), "memory": f"{arguments.mem_mb}M"}
    if arguments.gpus:  # a request for no GPU would still need a node that knows of them
        amounts["nvidia.com/gpu"] = str(arguments.gpus)
    (container,) = pod["containers"]
    container |= {
        "command": ["/bin/sh", str(arguments.script.absolute())],
        "workingDir": os.getcwd(),
        "env": [{"name": key, "value": os.environ[key]} for key in PASSED_ON if key in os.environ],
        "resources": {"requests": amounts, "limits": amounts},
    }
    return job


def submit(arguments: argparse.Namespace) -> int:
    """Create a job and print its name."""
    name = f"rsuper-{arguments.rule.replace('_', '-')[:30]}-{uuid.uuid4().hex[:12]}"
    text = json.dumps(manifest(arguments, name))
    done = subprocess.run(["kubectl", "create", "-f", "-"], input=text, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(f"kubectl create failed: {done.stderr.strip()}\n")
        return 1
    print(name)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print what has become of a job. A server that does not answer says nothing about it: it runs on."""
    done = subprocess.run(
        ["kubectl", "get", "job", arguments.names[0], "-o", "json"], capture_output=True, text=True
    )
    if done.returncode:
        print("failed" if _MISSING in done.stderr else "running")
        return 0
    conditions = json.loads(done.stdout).get("status", {}).get("conditions", [])
    ended = {condition["type"] for condition in conditions if condition["status"] == "True"}
    print("success" if "Complete" in ended else "failed" if "Failed" in ended else "running")
    return 0


def cancel(arguments: argparse.Namespace) -> int:
    """Delete jobs and their pods."""
    command = ["kubectl", "delete", "job", *arguments.names, "--ignore-not-found", "--wait=false"]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    own = commands.add_parser("submit")
    own.set_defaults(run=submit)
    own.add_argument("--rule", required=True)
    for name in ("cpus", "gpus", "mem-mb", "minutes"):
        own.add_argument(f"--{name}", type=int, required=True)
    own.add_argument("script", type=Path)
    for name, run in (("status", status), ("cancel", cancel)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("names", nargs="+")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = parsed(words)
    try:
        code: int = arguments.run(arguments)
    except (OSError, yaml.YAMLError) as error:
        sys.stderr.write(f"{Path(__file__).name}: {' '.join(str(error).split())}; is kubectl installed?\n")
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
