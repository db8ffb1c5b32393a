"""A real Slurm on this machine, for as long as a test takes: one node, two pretend GPUs, no accounting.

Everything it writes lies in one folder, and its ports are not the usual ones; while it runs, the usual place
of Slurm's configuration leads there, because the steps of Snakemake's jobs forget SLURM_CONF. The GPUs are
copies of the null device: Slurm hands them out like real ones. Processors and memory of the node are made up:
what is tested is the scheduling.
"""

import os
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "munged")
GPUS = 2
CONFIG = Path("/etc/slurm/slurm.conf")
_CONFIG = """\
ClusterName=pretend
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=36817
SlurmdPort=36818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=256000 Gres=gpu:toy:{gpus} State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def reason_to_skip() -> str:
    """Why no Slurm can be started here; blank where it can."""
    if os.environ.get("RSUPER_TEST_SLURM") != "1":
        return "installs Debian packages and starts daemons: make test-slurm"
    if os.geteuid() or shutil.which("apt-get") is None:
        return "needs root on Debian: it installs Slurm and makes device files"
    if CONFIG.exists():
        return f"this machine belongs to a Slurm cluster ({CONFIG}): left alone"
    if not all(map(shutil.which, PROGRAMS)) and not _install():
        return f"the Debian packages {', '.join(PACKAGES)} could not be installed"
    return ""


def _install() -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        if subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL).returncode:
            return False
    return all(map(shutil.which, PROGRAMS))


@dataclass(frozen=True)
class SlurmJob:
    """A job in the queue."""

    number: str
    state: str
    comment: str  # rule and wildcards, by Snakemake's plugin


@dataclass(frozen=True)
class Cluster:
    """A running Slurm."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's programs need to find it."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def call(self, *command: str) -> str:
        """Run one of Slurm's programs."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self) -> list[SlurmJob]:
        """Jobs that wait or run."""
        lines = self.call("squeue", "--noheader", "--format", "%i|%T|%k").splitlines()
        return [SlurmJob(*line.split("|", 2)) for line in lines]


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """Start Slurm in an empty folder; stop every daemon by its process id at the end."""
    _write_config(folder)
    cluster = Cluster(folder)
    daemons: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        with (folder / f"{command[0]}.out").open("wb") as output:
            daemons.append(
                subprocess.Popen(command, env=cluster.environment, stdout=output, stderr=subprocess.STDOUT)
            )

    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.unlink(missing_ok=True)  # of a run that was killed: it leads nowhere
    CONFIG.symlink_to(folder / CONFIG.name)
    try:
        own = [f"--{name}={folder}/munge.{name.split('-')[0]}" for name in ("socket", "pid-file", "log-file")]
        seed = [f"--key-file={folder}/munge.key", f"--seed-file={folder}/munge.seed"]
        start("munged", "--foreground", "--force", *own, *seed)
        _wait(lambda: (folder / "munge.socket").exists(), daemons, folder)
        start("slurmctld", "-D", "-f", str(folder / "slurm.conf"))
        start("slurmd", "-D", "-f", str(folder / "slurm.conf"))
        _wait(lambda: _is_idle(cluster), daemons, folder)
        yield cluster
    finally:
        if len(daemons) == 3:
            subprocess.run(["scancel", "--user=root"], env=cluster.environment, check=False)
            time.sleep(1)
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        CONFIG.unlink()


def _write_config(folder: Path) -> None:
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    for number in range(GPUS):
        os.mknod(folder / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(_CONFIG.format(host=host, folder=folder, gpus=GPUS))
    (folder / "gres.conf").write_text(f"Name=gpu Type=toy Count={GPUS} File={folder}/gpu[0-{GPUS - 1}]\n")
    said = subprocess.run(["slurmd", "-V"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", said)[:2])) >= (
        23,
        11,
    ):  # before, there was no such plugin, nor a need
        (folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))


def _is_idle(cluster: Cluster) -> bool:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format", "%T"], env=cluster.environment, capture_output=True, text=True
    )
    return done.stdout.strip() == "idle"


def _wait(ready, daemons, folder: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        dead = [daemon for daemon in daemons if daemon.poll() is not None]
        if dead or time.monotonic() > deadline:
            said = {
                path.name: path.read_text(errors="replace")[-1500:]
                for pattern in ("*.out", "*.log")
                for path in folder.glob(pattern)
            }
            raise RuntimeError(f"Slurm did not start: {said}")
        time.sleep(0.2)
