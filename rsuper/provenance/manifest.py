"""The manifest of a results folder: written from what the jobs left, read back, cut to what is kept."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rsuper.config.experiment import Experiment
from rsuper.errors import ArtifactError
from rsuper.files import read_json, write_json
from rsuper.provenance.crate import EXPERIMENT, WRITER, Record, crate_of, filling_job, records_from
from rsuper.provenance.jobs import FOLDER, LOGS, finished
from rsuper.provenance.listing import (
    MANIFEST,
    OWN,
    TABLE,
    Entry,
    files_of,
    hash_of,
    hashes_when_written,
    is_seal,
    measured,
    read_listing,
    size_of,
    write_listing,
)
from rsuper.public import public

PART = ".part"  # beside an output: what its job goes on from when it is made anew


@dataclass(frozen=True)
class Manifest:
    """What a manifest says: the resolved experiment, the jobs by name, and the files.

    `listing_problem` says why the table of files is not the one that the manifest was written with.
    """

    name: str
    experiment: Mapping[str, Any]
    records: Mapping[str, Record]
    listing: Mapping[str, Entry]
    listing_problem: str = ""


def write(root: Path, experiment: Experiment) -> list[str]:
    """Write the manifest of a folder as it is, whatever of the experiment has been run.

    Returns: what to tell: how many files it lists, which of them no job made, what was left out and why.

    Raises:
        ArtifactError: a job's record is damaged; a file cannot be read, is not what the job that made it
            wrote, or was made from another version of a file than the one that is there.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    names, left_out = files_of(root)
    records = dict(records_below(root))
    if not records:
        raise ArtifactError(f"{root}: no job left a record there (folder {FOLDER}); run the workflow first")
    listing = measured(root, names, hashes_when_written(root))
    _refuse(root, contradictions(records, listing))
    writer = {"rule": WRITER, "wildcards": {}, "settings": {}, "inputs": [], "outputs": []}
    records[WRITER] = writer | finished(started, time.perf_counter() - clock)
    resolved = public(experiment.model_dump(mode="json"))
    _store(root, Manifest(experiment.name, resolved, records, listing))
    unmade = made_by_nobody(listing, records)
    more = [f"made by no job that left a record: {', '.join(unmade[:10])} ({len(unmade)})"] if unmade else []
    return [f"{root}: {len(listing)} files listed", *more, *(f"left out: {item}" for item in left_out)]


def _store(root: Path, manifest: Manifest, originals: Mapping[str, str] | None = None) -> None:
    """Write the table of files, then the manifest that has its hash."""
    table = root / TABLE
    write_listing(manifest.listing, table)
    entry = Entry(size_of(table), hash_of(table))
    crate = crate_of(
        manifest.name,
        manifest.experiment,
        manifest.records,
        manifest.listing,
        table=entry,
        originals=originals,
    )
    write_json(crate, root / MANIFEST)


def records_below(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the records that jobs left, by name; a training's with what its run.json says.

    Raises:
        ArtifactError: one is damaged.
    """
    folder = root / FOLDER
    for path in sorted(folder.rglob("*.json")):
        if path.relative_to(root).as_posix() in OWN:
            continue
        record = read_json(path)
        if not isinstance(record, dict) or not {"rule", "inputs", "outputs", "settings"} <= set(record):
            raise ArtifactError(
                f"{path}: not the record of a job; remove it, and what the job made, and run it"
            )
        runs = [
            root / item["path"] for item in record["outputs"] if item.get("path", "").endswith("/run.json")
        ]
        if runs and runs[0].is_file():
            record["run"] = read_json(runs[0])
        yield path.relative_to(folder).with_suffix("").as_posix(), record


def contradictions(records: Mapping[str, Record], listing: Mapping[str, Entry]) -> list[str]:
    """Name files that are not what a job made, or not what it read; what is gone contradicts nothing."""
    found = []
    for job, record in records.items():
        for item in record["outputs"]:
            present = listing.get(item.get("path", ""))
            if present is not None and present.sha256 != item["sha256"]:
                found.append(f"{item['path']} is not as job {job} wrote it")
        for item in record["inputs"]:
            present = listing.get(item.get("path", ""))
            if present is not None and present.sha256 != item["sha256"]:
                made = ", ".join(str(output.get("path")) for output in record["outputs"][:1])
                found.append(f"{made} was made from another {item['path']} than the one that is there")
    return found


def _refuse(root: Path, problems: list[str]) -> None:
    if problems:
        more = f" (and {len(problems) - 1} more like it)" if len(problems) > 1 else ""
        raise ArtifactError(
            f"{root}: {problems[0]}{more}: the folder cannot be vouched for; remove the file and run the "
            "workflow again, which makes it anew"
        )


def load(root: Path) -> Manifest:
    """Read a folder's manifest.

    Raises:
        ArtifactError: there is none, or it is damaged.
    """
    path = root / MANIFEST
    if not path.is_file():
        raise ArtifactError(f"{root}: no {MANIFEST} there; write it with `make provenance`")
    crate = read_json(path)
    try:
        entities = {entity["@id"]: entity for entity in crate["@graph"]}
        name = entities["./"]["name"].split("'")[1]
        experiment, records = json.loads(entities[EXPERIMENT]["value"]), records_from(crate)
        table = entities[TABLE]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ArtifactError(f"{path}: damaged: {type(error).__name__} {error}") from None
    listing = read_listing(root / TABLE)
    if hash_of(root / TABLE) != table["sha256"]:
        return Manifest(name, experiment, records, listing, f"{TABLE} is not the one of the manifest")
    differing = [
        path
        for path, entry in listing.items()
        if (entity := entities.get(quote(path))) and entity.get("sha256") != entry.sha256
    ]
    problem = f"{TABLE} and {MANIFEST} contradict each other about {differing[0]}" if differing else ""
    return Manifest(name, experiment, records, listing, problem)


def maker_of(path: str, records: Mapping[str, Record]) -> str:
    """Name the job that made a file of a results folder; blank where none did."""
    for job, record in records.items():
        if any(item.get("path") == path.removesuffix(PART) for item in record["outputs"]):
            return job
    return filling_job(path, records)[1]


def made_by_nobody(listing: Iterable[str], records: Mapping[str, Record]) -> list[str]:
    """List files that no job made, as far as records tell; what jobs leave beside their outputs is none."""
    beside = (f"{FOLDER}/", f"{LOGS}/", "benchmarks/")
    made = {item["path"] for record in records.values() for item in record["outputs"] if "path" in item}
    return [
        path
        for path in listing
        if path.removesuffix(PART) not in made
        and not path.startswith(beside)
        and not is_seal(path)
        and not filling_job(path, records)[1]
    ]


def upstream_of(jobs: Iterable[str], records: Mapping[str, Record]) -> list[str]:
    """Name these jobs and all that made what they read, directly or not, nearest first."""
    makers = {
        item["path"]: job for job, record in records.items() for item in record["outputs"] if "path" in item
    }
    found: dict[str, None] = {}
    pending = [job for job in jobs if job in records]
    while pending:
        job = pending.pop(0)
        if job not in found:
            found[job] = None
            paths = (item.get("path", "") for item in records[job]["inputs"])
            pending += [makers[path] for path in paths if path in makers]
    return list(found)


def keep(source: Path, target: Path) -> list[str]:
    """Write the manifest of a folder that holds some of another's files, perhaps under other names.

    What is not kept stays in the history by name, size and hash.

    Returns: files that are none of the source's, such as a README: listed, but nothing made them.

    Raises:
        ArtifactError: the source has no manifest, or a damaged one; a file of the target has the name of one
            of the source's and another content.
    """
    manifest = load(source)
    if manifest.listing_problem:
        raise ArtifactError(f"{source}: {manifest.listing_problem}; write it anew with `make provenance`")
    listing = measured(target, files_of(target)[0], {})
    changed = [
        path for path in listing if listing[path].sha256 != manifest.listing.get(path, listing[path]).sha256
    ]
    if changed:
        raise ArtifactError(
            f"{target / changed[0]}: not the {changed[0]} of {source}; copy that, or rename this one"
        )
    originals = _originals(listing, manifest.listing)
    names = {old: new for new, old in originals.items()}
    makers = {new: maker_of(old, manifest.records) for new, old in originals.items()}
    kept = {
        job: _renamed(manifest.records[job], names) for job in upstream_of(makers.values(), manifest.records)
    }
    for new, job in makers.items():
        if job and not any(item.get("path") == new for item in kept[job]["outputs"]):
            kept[job]["outputs"].append(
                {"path": new, "bytes": listing[new].bytes, "sha256": listing[new].sha256}
            )
    kept[WRITER] = dict(manifest.records[WRITER])
    renamed = {new: old for new, old in originals.items() if new != old}
    _store(target, Manifest(manifest.name, manifest.experiment, kept, listing), renamed)
    return [path for path in listing if not makers.get(path)]


def _originals(listing: Mapping[str, Entry], source: Mapping[str, Entry]) -> dict[str, str]:
    """Find each file among the source's by content; of equal ones that of the same name, else the first."""
    by_hash: dict[str, list[str]] = {}
    for path, entry in source.items():
        by_hash.setdefault(entry.sha256, []).append(path)
    return {
        path: path if path in by_hash[entry.sha256] else by_hash[entry.sha256][0]
        for path, entry in listing.items()
        if entry.sha256 in by_hash
    }


def _renamed(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    def items(kind: str) -> list[dict[str, Any]]:
        return [{**i, "path": names.get(i["path"], i["path"])} if "path" in i else i for i in record[kind]]

    return {**record, "inputs": items("inputs"), "outputs": items("outputs")}
