import re

import numpy as np
import pytest

from rsuper.data.phantom.reports import CaseFacts, CystFact, ReportStyle, TumorFact, write_report
from rsuper.extraction_report.phantom_sets import WORDINGS, random_facts, written_reports
from rsuper.reports.accuracy import compare, compare_cases
from rsuper.reports.extract import extract
from rsuper.reports.findings import STRUCTURES, TARGETS


def facts(*tumors, cysts=(), dilated_duct=False):
    return CaseFacts("a", "venous", 55, "M", tuple(tumors), tuple(cysts), dilated_duct)


HEAD = TumorFact("pancreas", "pancreas_head", (30.0, 20.0, 25.0), "hypo")
LEFT = TumorFact("kidney", "kidney_left", (40.0, 35.0, 38.0), "hyper")


@pytest.fixture(scope="module")
def reports():
    rng = np.random.default_rng(11)
    cases = [random_facts(i, rng) for i in range(500)]
    return cases, [write_report(c, rng) for c in cases]


def test_the_extractor_reads_500_reports_as_they_are_stated(reports):
    _, written = reports
    truth = [w.stated for w in written]
    read = [extract(w.stated.case_id, w.text) for w in written]
    wrong = [c for c in compare_cases(truth, read) if not c.presence or False in (c.segments, c.diameters)]
    for target, result in compare(truth, read).items():
        assert result["n_segments"] > 100
        assert result["presence"] >= 0.98, (target, wrong[:5])
        assert result["segments"] >= 0.95, (target, wrong[:5])
        assert result["diameters"] >= 0.95, (target, wrong[:5])
        assert result["count"] >= 0.95, (target, wrong[:5])


@pytest.mark.parametrize("words", sorted(WORDINGS))
def test_the_extractor_reads_wordings_of_other_hospitals(words):
    written = written_reports(300, WORDINGS[words])
    read = [extract(w.stated.case_id, w.text) for w in written]
    for target, result in compare([w.stated for w in written], read).items():
        assert result["n_segments"] > 100
        assert min(result[aspect] for aspect in ("presence", "segments", "diameters", "count")) >= 0.96, (
            target
        )


def test_what_is_stated_comes_from_the_facts(reports):
    for case, written in zip(*reports, strict=True):
        assert len(written.stated.findings) == len(case.tumors)
        for tumor, finding in zip(case.tumors, written.stated.findings, strict=True):
            assert finding.organ == tumor.target
            assert tumor.structure in finding.structures
            # eight percent of noise: five standard deviations are a factor of 1.5
            assert all(d <= max(tumor.diameters_mm) * 1.5 + 1 for d in finding.diameters_mm)
        assert set(written.stated.absent) == set(TARGETS) - {t.target for t in case.tumors}


def test_shares_are_those_of_the_style(reports):
    findings = [f for w in reports[1] for f in w.stated.findings]
    sized = [f for f in findings if f.diameters_mm]
    in_pancreas = [f for f in findings if f.organ == "pancreas"]

    def near(count, n, share):
        # within four standard errors of a binomial share
        return abs(count / n - share) < 4 * np.sqrt(share * (1 - share) / n)

    assert near(len(findings) - len(sized), len(findings), 0.10)
    assert near(sum(not f.segments for f in in_pancreas), len(in_pancreas), 0.08)
    for number, share in ((1, 0.4), (2, 0.4), (3, 0.2)):
        assert near(sum(len(f.diameters_mm) == number for f in sized), len(sized), share)


def test_spans_hold_the_sentence_that_states_the_tumor(reports):
    for written in reports[1][:50]:
        for finding in written.stated.findings:
            sentence = written.text[slice(*finding.span)]
            assert re.search(
                "renal|kidney" if finding.organ == "kidney" else "pancrea|uncinate", sentence, re.I
            )


def test_wordings_vary(reports):
    assert len({w.text for w in reports[1]}) == 500


def test_noise_is_log_normal_with_the_styles_width():
    rng = np.random.default_rng(0)
    style = ReportStyle(diameter_shares=(1.0, 0.0, 0.0), unsized=0.0, diameter_noise=0.08)
    big = TumorFact("kidney", "kidney_left", (200.0, 150.0, 180.0), "hypo")
    found = [write_report(facts(big), rng, style).stated.findings[0].diameters_mm[0] for _ in range(800)]
    logs = np.log(np.array(found) / 200)
    # standard error of the mean 0.08 / sqrt(800) = 0.0028, of the deviation 0.08 / sqrt(1600) = 0.0020
    assert abs(logs.mean()) < 0.012
    assert abs(logs.std() - 0.08) < 0.009


def test_without_noise_the_diameters_are_rounded_to_mm():
    style = ReportStyle(diameter_shares=(0.0, 0.0, 1.0), unsized=0.0, diameter_noise=0.0)
    tumor = TumorFact("kidney", "kidney_right", (23.4, 18.6, 0.2), "hypo")
    written = write_report(facts(tumor), np.random.default_rng(0), style)
    # 0.2 mm would round to 0, which no report states
    assert written.stated.findings[0].diameters_mm == (23.0, 19.0, 1.0)


def test_one_diameter_is_the_longest_axial_and_two_are_axial():
    tumor = TumorFact("kidney", "kidney_right", (30.0, 20.0, 50.0), "hypo")
    for shares, expected in (((1.0, 0.0, 0.0), (30.0,)), ((0.0, 1.0, 0.0), (30.0, 20.0))):
        style = ReportStyle(diameter_shares=shares, unsized=0.0, diameter_noise=0.0)
        assert (
            write_report(facts(tumor), np.random.default_rng(1), style).stated.findings[0].diameters_mm
            == expected
        )


def test_a_case_without_tumor_is_free_whatever_else_it_has():
    rng = np.random.default_rng(2)
    case = facts(cysts=[CystFact("kidney_left", 20.0), CystFact("pancreas_tail", 9.0)], dilated_duct=True)
    for _ in range(50):
        written = write_report(case, rng)
        assert written.stated.absent == TARGETS
        read = extract("a", written.text)
        assert read.findings == ()
        assert read.absent == TARGETS
        assert "duct" in written.text
        assert "cyst" in written.text


@pytest.mark.parametrize(
    ("examined", "other", "words"),
    [
        ("pancreas", "kidney", r"\b(renal|kidney|calculus)|hydronephrosis|nonobstructing"),
        ("kidney", "pancreas", r"pancrea|uncinate|duct|gland is"),
    ],
)
def test_an_organ_outside_the_field_of_view_is_not_mentioned(examined, other, words):
    rng = np.random.default_rng(4)
    cysts = tuple(CystFact(STRUCTURES[target][0], 12.0) for target in TARGETS)
    for number in range(200):
        tumors = tuple(t for t in (HEAD, LEFT) if t.target == examined and number % 2)
        case = CaseFacts("a", "venous", 55, "M", tumors, cysts, True, examined=(examined,))
        written = write_report(case, rng)
        assert not re.search(words, written.text, re.I), written.text
        assert written.stated.unmentioned == (other,)
        assert written.stated.absent == (() if tumors else (examined,))
        read = extract("a", written.text)
        assert (read.unmentioned, read.absent) == (written.stated.unmentioned, written.stated.absent)
        assert len(read.findings) == len(tumors)


def test_by_default_both_organs_are_examined():
    both = CaseFacts("a", "venous", 55, "M", (HEAD,), (), False, examined=TARGETS)
    first, second = (write_report(case, np.random.default_rng(5)) for case in (facts(HEAD), both))
    assert first == second
    assert first.stated.unmentioned == ()


@pytest.mark.parametrize("examined", [(), ("liver",), ("kidney",)])
def test_a_tumor_outside_the_field_of_view_is_refused(examined):
    with pytest.raises(ValueError, match="examined must be among"):
        CaseFacts("a", "venous", 55, "M", (HEAD,), (), False, examined=examined)


def test_style_extremes():
    rng = np.random.default_rng(3)
    none = write_report(facts(HEAD, LEFT), rng, ReportStyle(unsized=1.0, without_segment=1.0, in_cm=0.0))
    assert [(f.segments, f.diameters_mm) for f in none.stated.findings] == [((), ()), (("left",), ())]
    prior = write_report(facts(HEAD), rng, ReportStyle(unsized=0.0, with_prior=1.0, in_cm=1.0))
    (finding,) = extract("a", prior.text).findings
    assert finding.prior_mm == prior.stated.findings[0].prior_mm != ()
    assert " mm" not in prior.text.split("FINDINGS:")[1].split("pancrea")[0]


def test_same_generator_state_same_report():
    first, second = (write_report(facts(HEAD, LEFT), np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_impossible_tumors_are_named():
    with pytest.raises(ValueError, match="kidney_left"):
        TumorFact("pancreas", "kidney_left", (1.0, 1.0, 1.0), "hypo")
    with pytest.raises(ValueError, match="diameters_mm"):
        TumorFact("kidney", "kidney_left", (1.0, 0.0, 1.0), "hypo")
