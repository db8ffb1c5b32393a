"""Clinical records of the KiTS data sets: age and sex by case."""

from pathlib import Path
from typing import Any

from rsuper.artifacts import read_json
from rsuper.data.sources.tables import sex
from rsuper.errors import DataError


def records(path: Path) -> dict[str, dict[str, Any]]:
    """Read `age` in years and `sex` by case id; nothing where the file is not there.

    Raises:
        ArtifactError, DataError: the file is no list of records with a case id.
    """
    if not path.is_file():
        return {}
    content = read_json(path)
    if not isinstance(content, list) or not all(
        isinstance(item, dict) and "case_id" in item for item in content
    ):
        raise DataError(f"{path}: expected a list of records with 'case_id'")
    people = {}
    for item in content:
        age = item.get("age_at_nephrectomy")
        people[str(item["case_id"])] = {
            "age": float(age) if isinstance(age, int | float) else float("nan"),
            "sex": sex(str(item.get("gender", ""))),
        }
    return people
