"""A results folder as RO-Crate 1.1, profile Process Run Crate 0.5: each job an action on files.

Not a Workflow Run Crate: that wants the workflow in the crate, and the workflow is a repository of its own.
Written as plain JSON: there are few kinds of entities, and no file is copied. A file that is not there is
named by its hash alone.

Source: https://w3id.org/ro/crate/1.1, https://w3id.org/ro/wfrun/process/0.5
"""

import hashlib
import json
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from rsuper.provenance.listing import MANIFEST, TABLE, Entry, is_seal

CRATE, PROFILE = "https://w3id.org/ro/crate/1.1", "https://w3id.org/ro/wfrun/process/0.5"
CONTEXT = [f"{CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
UNITS = {
    "seconds": "https://qudt.org/vocab/unit/SEC",
    "peak_memory_mb": "https://qudt.org/vocab/unit/MegaBYTE",
}
WRITER = "provenance"  # the job that writes the manifest: its versions and commit are the manifest's
FACTS = ("commit", "dirty", "changed", "hardware", "run")  # of an action, as additionalProperty
EXPERIMENT = "#experiment"
LICENSE = "Not stated here: whoever publishes these results says so. The suite is under Apache-2.0."
TYPES = {".jsonl": "application/jsonl", ".md": "text/markdown", ".tex": "application/x-tex"}
# Folders whose files no rule declares: the folder, the name of its jobs' logs, the rules that fill it.
_FILLED = tuple(
    (re.compile(pattern), rules)
    for pattern, rules in (
        (r"(raw/([^/]+)/)", ("phantom", "real_anatomy")),
        (r"(data/([^/]+)/(?:volumes|withheld)/)", ("preprocess",)),
        (r"(data/([^/]+)/organs/)", ("organs",)),
        (r"(data/([^/]+)/)answers\.sqlite", ("findings",)),  # of a language model
        (r"(audit/facts/)([^/]+)\.jsonl", ("audit_facts",)),  # what a killed job had measured
        (r"(extraction_report/)()answers\.sqlite", ("extraction_report",)),
        (r"(runs/([^/]+/[^/]+/[^/]+)/predictions/[^/]+/)", ("predict",)),
        (r"(runs/([^/]+/[^/]+/[^/]+)/)", ("fit",)),
        (r"([^/]+/)()", ()),
    )
)

Record = Mapping[str, Any]  # as rsuper.provenance.jobs writes it


class Graph:
    """Entities of a crate, each once."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}

    def add(self, identifier: str, kind: str, **properties: Any) -> dict[str, str]:
        """Add an entity unless it is there, and return a reference to it."""
        self.entities.setdefault(identifier, {"@id": identifier, "@type": kind, **properties})
        return {"@id": identifier}

    def value(self, kind: str, name: str, value: object) -> dict[str, str]:
        """Add a named value, as JSON text: equal ones are one entity."""
        text = json.dumps(value, sort_keys=True)
        identifier = f"#{kind}-{name}-{_short(text)}"
        return self.add(identifier, "PropertyValue", propertyID=kind, name=name, value=text)


def crate_of(
    name: str,
    experiment: Mapping[str, Any],
    records: Mapping[str, Record],
    listing: Mapping[str, Entry],
    *,
    table: Entry,
    originals: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Describe a results folder.

    Args:
        name: of the experiment.
        experiment: the resolved experiment file, as it may be published.
        records: of the jobs, by name, with that of `WRITER`.
        listing: the files that are there.
        table: of the listing as a file.
        originals: names that files had before they were copied and renamed.
    """
    graph, originals = Graph(), originals or {}
    made = {item["path"] for record in records.values() for item in record["outputs"] if "path" in item}
    described = [path for path in listing if not is_seal(path)]
    folders = _folders([path for path in described if path not in made and "/" in path], listing, records)
    in_folders = {path for folder in folders.values() for path in folder["files"]}
    parts = [_file(graph, TABLE, table, description="every file with size and SHA-256")]
    for path in described:
        if path not in in_folders:
            original = {"alternateName": originals[path]} if path in originals else {}
            parts.append(_file(graph, path, listing[path], **original))
    parts += [_folder(graph, identifier, folder) for identifier, folder in folders.items()]
    filled: dict[str, list[dict[str, str]]] = {WRITER: [{"@id": TABLE}]}
    for identifier, folder in folders.items():
        filled.setdefault(folder["job"], []).append({"@id": quote(identifier)})
    actions = [
        _action(graph, job, record, listing, filled.get(job, [])) for job, record in sorted(records.items())
    ]
    resolved = graph.add(
        EXPERIMENT, "PropertyValue", name="resolved experiment", value=json.dumps(experiment)
    )
    ended = max(record["ended"] for record in records.values())
    head = _head(name, str(experiment.get("about", "")), ended, parts, [*actions, resolved])
    return {"@context": CONTEXT, "@graph": [*head, *graph.entities.values()]}


def _head(
    name: str, about: str, date: str, parts: Sequence[object], mentions: Sequence[object]
) -> list[dict[str, Any]]:
    return [
        {
            "@id": MANIFEST,
            "@type": "CreativeWork",
            "conformsTo": {"@id": CRATE},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Results of the experiment '{name}' of rsuper-bench",
            "description": about or f"What the experiment {name} made.",
            "datePublished": date,
            "license": LICENSE,
            "conformsTo": {"@id": PROFILE},
            "hasPart": list(parts),
            "mentions": list(mentions),
        },
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
    ]


def _file(graph: Graph, path: str, entry: Entry, **more: str) -> dict[str, str]:
    suffix = path[path.rfind(".") :]
    return graph.add(
        quote(path),
        "File",
        name=path,
        contentSize=str(entry.bytes),
        sha256=entry.sha256,
        encodingFormat=TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream",
        **more,
    )


def _folders(
    paths: Iterable[str], listing: Mapping[str, Entry], records: Mapping[str, Record]
) -> dict[str, dict[str, Any]]:
    """Group files that no job declares by folder, each with the job that fills it."""
    folders: dict[str, dict[str, Any]] = {}
    for path in paths:
        identifier, job = filling_job(path, records)
        folder = folders.setdefault(identifier, {"files": [], "bytes": 0, "job": job})
        folder["files"].append(path)
        folder["bytes"] += listing[path].bytes
    return folders


def filling_job(path: str, records: Mapping[str, Record]) -> tuple[str, str]:
    """Folder of a file that no job declares, and the job that filled it; blank where there is none."""
    for pattern, rules in _FILLED:
        if match := pattern.match(path):
            jobs = [job for rule in rules if (job := f"{rule}/{match[2]}".rstrip("/")) in records]
            return match[1], jobs[0] if jobs else ""
    return "", ""


def _folder(graph: Graph, identifier: str, folder: Mapping[str, Any]) -> dict[str, str]:
    text = f"{len(folder['files'])} files, {folder['bytes']} bytes; each with its SHA-256 in {TABLE}"
    return graph.add(quote(identifier), "Dataset", name=identifier, description=text)


def _action(
    graph: Graph, job: str, record: Record, listing: Mapping[str, Entry], folders: Sequence[dict[str, str]]
) -> dict[str, str]:
    objects = [_item(graph, item, listing) for item in record["inputs"]]
    for kind in ("wildcards", "settings"):
        objects += [graph.value(kind, name, value) for name, value in record[kind].items()]
    said = ", ".join(f"{name} {value}" for name, value in record["wildcards"].items())
    return graph.add(
        f"#{quote(job)}",
        "CreateAction",
        name=job,
        description=f"Rule {record['rule']} of rsuper-bench" + (f" for {said}." if said else "."),
        startTime=record["started"],
        endTime=record["ended"],
        actionStatus="http://schema.org/CompletedActionStatus",
        instrument=_instrument(graph, record),
        object=_one(objects),
        result=_one([*(_item(graph, item, listing) for item in record["outputs"]), *folders]),
        resourceUsage=[
            graph.add(
                f"#{quote(job)}-{name}",
                "PropertyValue",
                name=name,
                propertyID=f"#{name}",
                value=record[name],
                unitCode=unit,
            )
            for name, unit in UNITS.items()
        ],
        additionalProperty=[graph.value("fact", name, record[name]) for name in FACTS if name in record],
    )


def _instrument(graph: Graph, record: Record) -> dict[str, str]:
    """A rule's code: its version is the commit; the setting `code` tells whether the same runs elsewhere."""
    packages = [
        graph.add(f"#{name}-{version}", "SoftwareApplication", name=name, softwareVersion=version)
        for name, version in record["versions"].items()
    ]
    state = [record["commit"], record["dirty"], record["changed"], record["settings"].get("code")]
    return graph.add(
        f"#rule-{record['rule']}-{_short(json.dumps([state, record['versions']]))}",
        "SoftwareSourceCode",
        name=f"rsuper-bench, rule {record['rule']}",
        version=record["commit"] + ("+changes" if record["dirty"] else ""),
        programmingLanguage="Python",
        softwareRequirements=packages,
    )


def _item(graph: Graph, item: Mapping[str, Any], listing: Mapping[str, Entry]) -> dict[str, str]:
    """A file that a job read or made: one of the crate, else no more than its name, size and hash."""
    if item.get("path") in listing:
        return {"@id": quote(item["path"])}
    kind = "path" if "path" in item else "outside"
    return graph.add(
        f"#{kind}-{quote(item[kind])}-{item['sha256'][:12]}",
        "CreativeWork",
        name=item[kind],
        contentSize=str(item["bytes"]),
        sha256=item["sha256"],
        description="not kept in this folder" if kind == "path" else "from outside the results",
    )


def _one(values: list[dict[str, str]]) -> object:
    """Return a list of one as that one, which is how a crate writes it."""
    return values[0] if len(values) == 1 else values


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def records_from(crate: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Read the jobs' records back from a crate."""
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    return {
        entity["name"]: _record_from(entity, entities)
        for entity in entities.values()
        if entity["@type"] == "CreateAction"
    }


def _record_from(action: Mapping[str, Any], entities: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    def behind(name: str) -> list[Mapping[str, Any]]:
        values = action[name] if isinstance(action[name], list) else [action[name]]
        return [entities[value["@id"]] for value in values]

    instrument = entities[action["instrument"]["@id"]]
    packages = [entities[reference["@id"]] for reference in instrument["softwareRequirements"]]
    values = [entity for entity in behind("object") if entity["@type"] == "PropertyValue"]
    return {
        "rule": instrument["name"].removeprefix("rsuper-bench, rule "),
        **{
            kind: {v["name"]: json.loads(v["value"]) for v in values if v["propertyID"] == kind}
            for kind in ("wildcards", "settings")
        },
        **{fact["name"]: json.loads(fact["value"]) for fact in behind("additionalProperty")},
        "versions": {package["name"]: package["softwareVersion"] for package in packages},
        "started": action["startTime"],
        "ended": action["endTime"],
        **{usage["name"]: usage["value"] for usage in behind("resourceUsage")},
        "inputs": [_plain(e) for e in behind("object") if e["@type"] != "PropertyValue"],
        "outputs": [_plain(e) for e in behind("result") if e["@type"] != "Dataset"],
    }


def _plain(entity: Mapping[str, Any]) -> dict[str, Any]:
    outside = entity["@id"].startswith("#outside-")
    return {
        "outside" if outside else "path": entity["name"],
        "bytes": int(entity["contentSize"]),
        "sha256": entity["sha256"],
    }
