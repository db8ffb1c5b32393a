from long_forms import Card, make_experiment, metric, metrics_of

from rsuper.publish.rows import PAPER_ROWS, label_of, table_rows


def test_the_papers_rows_come_first_and_are_never_dropped(experiment, cards):
    rows = table_rows(metrics_of([]), experiment, cards)
    assert [(row.block, row.budget, row.method) for row in rows[:11]] == list(PAPER_ROWS)
    assert [(row.block, row.method) for row in rows[11:]] == [
        ("other", "mine"),
        ("controls", "oracle"),
        ("controls", "silent"),
    ]


def test_status_says_why_a_row_is_blank(cards):
    experiment = make_experiment(budgets={"full": {"methods": ["segmentation", "r_super"]}})
    metrics = metrics_of([metric("full", "r_super", "auc", 0.8), metric("full", "oracle", "auc", 1.0)])
    status = {(row.budget, row.method): row.status for row in table_rows(metrics, experiment, cards)}
    assert status["full", "r_super"] == "run"
    assert status["full", "segmentation"] == "no result"
    assert status["few", "r_super"] == "not run in this experiment"
    assert status["full", "r_super-volume_only"] == "not run in this experiment"
    assert status["full", "r_super-ball_only"] == "not implemented"  # the card has no such variant
    assert status["full", "nnunet"] == "not implemented"  # no folder
    assert status["full", "oracle"] == "run"
    assert status["full", "silent"] == "no result"


def test_a_control_stands_once_per_budget_it_was_run_at(experiment, cards):
    metrics = metrics_of([metric(budget, "silent", "auc", 0.5) for budget in ("few", "full")])
    rows = table_rows(metrics, experiment, cards)
    assert [row.budget for row in rows if row.method == "silent"] == ["few", "full"]
    assert [row.budget for row in rows if row.method == "oracle"] == ["full"]


def test_trained_controls_stand_at_their_budget_before_the_untrained_ones(cards):
    budgets = {
        "few": {"methods": ["segmentation"], "controls": ["all_masks", "silent-x"]},
        "full": {"methods": []},
    }
    experiment = make_experiment(budgets=budgets)
    metrics = metrics_of([metric("few", "all_masks", "auc", 0.9)])
    rows = [row for row in table_rows(metrics, experiment, cards) if row.block == "controls"]
    assert [(row.budget, row.method) for row in rows] == [
        ("few", "all_masks"),
        ("few", "silent-x"),
        ("full", "oracle"),
        ("full", "silent"),
    ]
    assert rows[0].status == "run"
    assert experiment.all_controls == {"all_masks", "silent-x", "oracle", "silent"}


def test_labels():
    cards = [Card("r_super", "R-Super", variant_labels={"ball_only": "Ball Loss"})]
    assert label_of("r_super", cards) == "R-Super"
    assert label_of("r_super-volume_only", cards) == "R-Super, volume only"
    assert label_of("r_super-ball_only", cards) == "Ball Loss"
    assert label_of("nnunet", cards) == "nnU-Net"
    assert label_of("unheard_of", cards) == "unheard_of"
