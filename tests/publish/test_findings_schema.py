import json

from rsuper.publish.findings_schema import FILE, findings_schema


def test_the_committed_schema_is_the_records():
    assert FILE.read_text(encoding="utf-8") == findings_schema(), "stale: run `make docs`"


def test_it_names_every_key_and_refuses_others():
    schema = json.loads(findings_schema())
    assert {"case_id", "report_sha256", "findings", "absent", "unmentioned"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Finding"]["properties"]["organ"]["enum"] == ["pancreas", "kidney"]
