import pytest

from rsuper.errors import MethodError
from rsuper.fingerprint import fingerprint
from rsuper.installation import ROOT
from rsuper.provenance.code import rule_code


def test_a_rule_with_nothing_but_its_script(experiment):
    assert rule_code("table1", experiment) == fingerprint([ROOT / "workflow" / "scripts" / "table1.py"], ROOT)


def test_the_reader_of_a_data_set_counts(experiment):
    source = experiment.datasets["tiny"].model_copy(update={"source": "pants"})
    other = experiment.model_copy(update={"datasets": {"tiny": source}})
    for rule in ("cohort", "findings", "organs"):
        assert rule_code(rule, experiment, "tiny") != rule_code(rule, other, "tiny")
    assert rule_code("table1", experiment) == rule_code("table1", other)


def test_a_prompt_of_the_users_counts_where_reports_are_read(experiment, tmp_path):
    prompt = tmp_path / "mine.md"
    prompt.write_text("Read this.")
    extraction = experiment.extraction.model_copy(update={"prompt": str(prompt)})
    other = experiment.model_copy(update={"extraction": extraction})
    for rule, counts in (("findings", True), ("extraction_report", True), ("cohort", False)):
        assert (rule_code(rule, experiment, "tiny") != rule_code(rule, other, "tiny")) is counts


def test_a_rule_that_is_no_more(experiment):
    with pytest.raises(MethodError, match=r"no_such_rule\.py: no such file"):
        rule_code("no_such_rule", experiment)
