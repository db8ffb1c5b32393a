"""What made one file, in words: settings, code, packages, machine, time, and all that it was made from."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rsuper.errors import ArtifactError
from rsuper.provenance.crate import Record
from rsuper.provenance.jobs import FOLDER
from rsuper.provenance.listing import MANIFEST, hash_of
from rsuper.provenance.manifest import load, maker_of, records_below, upstream_of


def history_of(file: Path) -> tuple[Path, dict[str, Record]]:
    """Find the results folder that a file lies in, and its jobs: from its manifest, else from their records.

    Raises:
        ArtifactError: the file is not there, or no folder above it has either.
    """
    if not file.is_file():
        raise ArtifactError(f"{file}: no such file")
    for root in file.absolute().parents:
        if (root / MANIFEST).is_file():
            return root, dict(load(root).records)
        if (root / FOLDER).is_dir():
            return root, dict(records_below(root))
    raise ArtifactError(
        f"{file}: no folder above it has a {MANIFEST} or a folder {FOLDER}: nobody knows what made it"
    )


def answer(file: Path) -> dict[str, Any]:
    """Return what made a file: `file`, `job` with all of its record, and `from`, the jobs before it by name.

    Raises:
        ArtifactError: as `history_of`; no job made the file, or it was changed since.
    """
    root, records = history_of(file)
    path = file.absolute().relative_to(root).as_posix()
    job = maker_of(path, records)
    if not job:
        raise ArtifactError(f"{file}: made by no job of the workflow that left a record")
    sha256 = hash_of(file)
    written = [item["sha256"] for item in records[job]["outputs"] if item.get("path") == path]
    if written and written[0] != sha256:
        raise ArtifactError(
            f"{file}: not the file that job {job} wrote at {records[job]['ended']}: it was changed since "
            f"(sha256 {sha256[:12]}, then {written[0][:12]}); remove it and run the workflow again"
        )
    before = {name: dict(records[name]) for name in upstream_of([job], records) if name != job}
    return {"file": path, "sha256": sha256, "job": {"name": job, **records[job]}, "from": before}


def in_words(found: Mapping[str, Any]) -> str:
    """Say it on a screen."""
    job = found["job"]
    run = job.get("run")
    lines = [
        f"{found['file']} (sha256 {found['sha256'][:12]}): made by job {job['name']}",
        *_facts(job),
        f"  settings  {', '.join(job['settings'])} (in full: --json)",
        *(_run_facts(run) if run else ()),
    ]
    cards = job["settings"].get("cards", {})
    if cards:
        named = ", ".join(f"{name} {card['version']}" for name, card in cards.items())
        lines.append(f"  cards     {named} (folder, version)")
    if found["from"]:
        lines.append("from")
        lines += _before(found["from"])
    return "\n".join(lines)


def _facts(job: Mapping[str, Any]) -> list[str]:
    hardware = job["hardware"]
    state = {True: "with changes that are in no commit", False: "clean", None: "no checkout"}[job["dirty"]]
    changed = f" ({', '.join(job['changed'])})" if job["changed"] else ""
    return [
        f"  when      {job['started']} to {job['ended']}, {job['seconds']:g} s, {job['peak_memory_mb']:g} MB",
        f"  code      commit {job['commit']}, {state}{changed}; fingerprint {job['settings'].get('code')}",
        f"  packages  {', '.join(f'{name} {version}' for name, version in job['versions'].items())}",
        f"  machine   {hardware['cpu']} ({hardware['machine']}), {hardware['cpu_count']} CPUs, "
        f"{hardware['memory_mb']} MB, {hardware['threads']} threads; "
        f"GPUs: {', '.join(hardware['gpus']) or 'none'}",
    ]


def _run_facts(run: Mapping[str, Any]) -> list[str]:
    repeatable = "repeatable" if run["deterministic"] else "not repeatable"
    return [
        f"  run       {run['method']} (card version {run['card']['version']}), seed {run['seed']}, data seed "
        f"{run['data_seed']}: {run['work']['steps']:g} steps in {run['seconds_training']:g} s",
        f"  data      cohort {run['cohort_sha256']}, volumes {run['volumes_sha256']}, {run['mask_cases']} "
        f"CTs with masks, {run['report_cases']} with reports",
        f"  again     {repeatable}: {run['deterministic_reason']}",
    ]


def _before(records: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A line per job; of a training with its hashes."""
    for name, job in records.items():
        run = job.get("run")
        data = "" if not run else f", cohort {run['cohort_sha256']}, volumes {run['volumes_sha256']}"
        code = f"{job['commit'][:12]}{'+changes' if job['dirty'] else ''}"
        took = f"{job['seconds']:g} s, {job['peak_memory_mb']:g} MB"
        yield f"  {name}: {job['ended']}, {took}, code {code}{data}"


def in_full(found: Mapping[str, Any]) -> str:
    """Return everything as JSON."""
    return json.dumps(found, indent=2)
