from long_forms import make_experiment

from rsuper.publish.columns import further_columns, groups, headline_nsd, paper_columns

INTERNAL_ONLY = {"internal": {"role": "a", "label": "a", "paper": "UCSF-Test"}}


def test_the_papers_columns_in_its_order(experiment):
    names = [column.name for column in paper_columns(experiment)]
    assert names == [
        "pancreas_external_dsc",
        "pancreas_external_nsd",
        "pancreas_external_f1",
        "pancreas_external_auc",
        "pancreas_external_sensitivity",
        "pancreas_external_specificity",
        "pancreas_internal_f1",
        "pancreas_internal_auc",
        "pancreas_internal_sensitivity",
        "pancreas_internal_specificity",
        "kidney_internal_f1",
        "kidney_internal_auc",
        "kidney_internal_sensitivity",
        "kidney_internal_specificity",
    ]


def test_everything_else_follows_without_repeats(experiment):
    further = [column.name for column in further_columns(experiment)]
    assert further[:2] == ["pancreas_external_dsc_tumor", "pancreas_external_nsd_tumor"]
    # 4 pairs of target and test set with 8 metrics each; the paper has 14 of these.
    assert len(set(further)) == len(further) == 4 * 10 - 14
    assert groups(experiment)[-1] == ("kidney", "external")


def test_without_an_external_set_or_a_target_the_papers_columns_stay():
    small = make_experiment(targets=["kidney"], test_sets=INTERNAL_ONLY)
    assert paper_columns(small) == paper_columns(make_experiment())
    assert groups(small) == [("pancreas", "external"), ("pancreas", "internal"), ("kidney", "internal")]


def test_the_papers_set_is_found_under_any_name():
    named = {"pdac": {"role": "a", "label": "a", "paper": "JHH-Test"}}
    assert paper_columns(make_experiment(test_sets=named))[0].name == "pancreas_pdac_dsc"


def test_headline_nsd_is_the_first_tolerance():
    experiment = make_experiment(evaluation={"nsd_tolerances_mm": [4.5, 2.0]})
    assert headline_nsd(experiment.evaluation) == "nsd_surfel_4.5mm"
