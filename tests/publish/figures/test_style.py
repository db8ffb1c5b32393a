from long_forms import BASE, make_experiment

from rsuper.publish.figures.style import in_order, look, measured_groups

MANY = [f"extra{index}" for index in range(8)]


def test_no_two_methods_look_alike_even_in_grayscale():
    budgets = {"full": {"methods": ["r_super", "segmentation", "r_super-volume_only", "r_super-more", *MANY]}}
    experiment = make_experiment(budgets=budgets)
    methods = ["r_super", "segmentation", "clip_like", "nnunet", "r_super-volume_only", "r_super-more", *MANY]
    looks = [look(method, experiment) for method in methods]
    assert len({(each.color, each.marker, each.hollow) for each in looks}) == len(methods)
    assert len({(each.marker, each.hollow) for each in looks}) == len(methods)


def test_a_method_looks_the_same_whatever_else_is_run():
    alone = make_experiment(budgets={"full": {"methods": ["r_super"]}})
    for method in ("r_super", "segmentation", "nnunet", "r_super-ball_only"):
        assert look(method, alone) == look(method, make_experiment())


def test_paper_order_then_the_experiment_then_the_rest():
    methods = ["zeta", "mine", "r_super-volume_only", "segmentation", "r_super", "nnunet"]
    wanted = ["r_super", "segmentation", "nnunet", "r_super-volume_only", "mine", "zeta"]
    assert in_order(methods, make_experiment()) == wanted


def test_groups_that_the_experiment_has():
    external = {"external": BASE["test_sets"]["external"]}
    experiment = make_experiment(targets=["kidney"], test_sets=external)
    assert measured_groups(experiment) == [("kidney", "external")]
    assert measured_groups(make_experiment())[0] == ("pancreas", "external")  # the paper's first
