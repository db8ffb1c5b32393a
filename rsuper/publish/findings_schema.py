"""docs/findings.schema.json: the form of a line of findings.jsonl. `make docs` writes it."""

import json
from pathlib import Path

from rsuper.artifacts import write_atomically
from rsuper.reports.findings import ReportFindings

FILE = Path(__file__).resolve().parent.parent.parent / "docs" / "findings.schema.json"


def findings_schema() -> str:
    """Write the JSON Schema of `ReportFindings`; what it cannot say is checked on reading."""
    return json.dumps(ReportFindings.model_json_schema(), indent=2) + "\n"


def main() -> None:
    """Write docs/findings.schema.json anew."""
    write_atomically(FILE, lambda path: path.write_text(findings_schema(), encoding="utf-8"))


if __name__ == "__main__":
    main()
