"""Check a results folder against its manifest, wherever it is: `python -m rsuper.provenance.verify FOLDER`.

Every file is read once more, those too whose hash the manifest took from whoever wrote them.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsuper.artifacts import Layout
from rsuper.config.experiment import Experiment
from rsuper.config.load import load_experiment
from rsuper.errors import ArtifactError, RsuperError, VerificationError
from rsuper.installation import checkout
from rsuper.methods import find
from rsuper.progress import tracked
from rsuper.provenance.code import rule_code
from rsuper.provenance.crate import WRITER, Record
from rsuper.provenance.listing import Entry, files_of, hash_of, size_of
from rsuper.provenance.manifest import Manifest, contradictions, load, made_by_nobody
from rsuper.public import public

SECTIONS = ("settings", "shown", "spec")  # parameters of a rule that are sections of the experiment


@dataclass
class Findings:
    """What does not match, by kind, and what is worth saying though it does."""

    files: int = 0
    bytes: int = 0
    problems: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, text: str) -> None:
        """Note something that does not match."""
        self.problems.setdefault(kind, []).append(text)


def verify(root: Path, experiment: Experiment | None = None) -> Findings:
    """Compare a folder with its manifest.

    Args:
        root: the folder.
        experiment: where given, the settings and the code of this checkout are compared too.

    Raises:
        ArtifactError: there is no manifest, or it is damaged.
    """
    manifest, findings = load(root), Findings()
    if manifest.listing_problem:
        findings.add("contradicting", manifest.listing_problem)
    _compare_files(root, manifest.listing, findings)
    for text in contradictions(manifest.records, manifest.listing):
        findings.add("contradicting", text)
    unmade = made_by_nobody(manifest.listing, manifest.records)
    if unmade:
        findings.notes.append(
            f"made by no job: {unmade[0]}" + (f" (and {len(unmade) - 1} more)" * (len(unmade) > 1))
        )
    _compare_settings(manifest, findings)
    _compare_versions(manifest, findings)
    if experiment is not None:
        now = public(experiment.model_dump(mode="json"))
        for text in differences(manifest.experiment, now):
            findings.add("of another config", text)
        _compare_code(manifest, experiment, findings)
    return findings


def _compare_files(root: Path, listing: Mapping[str, Entry], findings: Findings) -> None:
    names, left_out = files_of(root)
    findings.notes += [f"not looked into: {item}" for item in left_out]
    for name in sorted(set(names) - set(listing)):
        findings.add("extra", name)
    present = set(names)
    for name, entry in tracked(listing.items(), "results", unit="files"):
        if name not in present:
            findings.add("missing", name)
            continue
        try:
            text = _difference(root / name, entry)
        except (ArtifactError, OSError) as error:
            findings.add("unreadable", str(error))
            continue
        findings.files, findings.bytes = findings.files + 1, findings.bytes + entry.bytes
        if text:
            findings.add("changed", f"{name} ({text})")


def _difference(path: Path, entry: Entry) -> str:
    size = size_of(path)
    if size != entry.bytes:
        return f"{size} bytes, the manifest says {entry.bytes}"
    found = hash_of(path)
    return "" if found == entry.sha256 else f"sha256 {found[:12]}, the manifest says {entry.sha256[:12]}"


def _compare_settings(manifest: Manifest, findings: Findings) -> None:
    """Find jobs that ran under other settings than those of the manifest."""
    for job, record in manifest.records.items():
        for name in SECTIONS:
            sections = record["settings"].get(name, {})
            known = {key: manifest.experiment[key] for key in sections if key in manifest.experiment}
            found = list(differences({key: sections[key] for key in known}, known))
            if found:
                findings.add("of another config", f"{_made(job, record)}: {found[0]}")


def _compare_versions(manifest: Manifest, findings: Findings) -> None:
    """Find jobs that ran with other packages, or another commit, than the one that wrote the manifest."""
    writer = manifest.records[WRITER]
    for job, record in manifest.records.items():
        found = list(differences(record["versions"], writer["versions"]))
        if found:
            findings.add("of other versions", f"{_made(job, record)}: {found[0]}")
    commits = sorted({record["commit"] for record in manifest.records.values()} - {writer["commit"]})
    dirty = sum(record["dirty"] is True for record in manifest.records.values())
    if commits:
        findings.notes.append(f"made at more than one commit: {', '.join([writer['commit'], *commits])}")
    if dirty:
        findings.notes.append(
            f"{dirty} of {len(manifest.records)} jobs ran code that differs from its commit"
        )
    if writer["commit"] == "unknown":
        findings.notes.append("the commit is not known: the code was in no checkout")


def _compare_code(manifest: Manifest, experiment: Experiment, findings: Findings) -> None:
    """Find jobs whose code is not what it is in this checkout."""
    here, stale = checkout(), 0
    for job, record in manifest.records.items():
        if job == WRITER:
            continue
        texts = list(_other_code(record, experiment))
        stale += bool(texts)
        for text in texts:
            findings.add("of other code", f"{_made(job, record)}: {text}")
    made = manifest.records[WRITER]["commit"]
    if here["commit"] != made and not stale:
        findings.notes.append(f"this checkout is at {here['commit']}, and the code of every job is the same")


def _other_code(record: Record, experiment: Experiment) -> Iterator[str]:
    rule, names = record["rule"], record["wildcards"]
    where = f"made at commit {record['commit'][:12]}" + (" with changes" if record["dirty"] else "")
    try:
        if rule_code(rule, experiment, names.get("dataset", "")) != record["settings"].get("code"):
            yield f"rule {rule} is another now ({where})"
        method = names.get("method", "")
        if "method" in record["settings"] and find(method).fingerprint() != record["settings"]["method"]:
            yield f"method {method} is another now ({where})"
    except (RsuperError, KeyError) as error:  # a rule, a method or a data set that is no more
        yield f"its code cannot be compared: {error}"


def _made(job: str, record: Record) -> str:
    """What a job is known by: the first file that it made."""
    paths = [item["path"] for item in record["outputs"] if "path" in item]
    return paths[0] if paths else job


def differences(then: Any, now: Any, key: str = "") -> Iterator[str]:
    """Yield what differs between two settings: the key with dots, and both values."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name in sorted({*then, *now}, key=str):
            below = f"{key}.{name}" if key else str(name)
            if name not in then or name not in now:
                yield f"{below} {'was not there' if name not in then else 'is no more'}"
            else:
                yield from differences(then[name], now[name], below)
    elif then != now:
        yield f"{key} was {then!r:.60}, is {now!r:.60}"


def report(root: Path, findings: Findings, *, everything: bool = False) -> str:
    """Say what was found: a paragraph, then a line per kind, its first named and the rest counted."""
    counts = [f"{len(texts)} {kind}" for kind, texts in findings.problems.items()]
    read = f"{findings.files} files, {findings.bytes / 2**20:.1f} MB, read"
    verdict = "does not match its manifest: " + ", ".join(counts) if counts else "matches its manifest"
    lines = [f"{root} {verdict} ({read})."]
    for kind, texts in findings.problems.items():
        shown = texts if everything else texts[:1]
        more = f" (and {len(texts) - len(shown)} more)" if len(texts) > len(shown) else ""
        lines += [f"  {kind}: {text}{more}" for text in shown]
    return "\n".join([*lines, *(f"  note: {note}" for note in findings.notes)])


def main(arguments: list[str]) -> None:
    """Check a folder; an exit code of 1 says that it does not match, or has no manifest."""
    parser = argparse.ArgumentParser("python -m rsuper.provenance.verify", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="of the results; else that of the config")
    parser.add_argument("--config", type=Path, help="experiment file, to compare settings and code with")
    parser.add_argument("--all", action="store_true", help="name everything that does not match")
    options = parser.parse_args(arguments)
    try:
        experiment = None if options.config is None else load_experiment(options.config)
        if experiment is None and options.folder is None:
            parser.error("name a folder, or an experiment file by --config")
        root = options.folder or Layout.of("" if experiment is None else experiment.name).root
        findings = verify(root, experiment)
        text = report(root, findings, everything=options.all)
        if findings.problems:
            paragraph, _, lines = text.partition("\n")  # an error is a paragraph, and what differs a list
            raise VerificationError(paragraph)
    except RsuperError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        if isinstance(error, VerificationError):
            sys.stderr.write(f"{lines}\n")
        raise SystemExit(1) from None
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
