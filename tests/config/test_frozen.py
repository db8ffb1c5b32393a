import hashlib
import json

from rsuper.config.frozen import derived_seeds

CONTENT = {
    "name": "a",
    "about": "b",
    "data_seed": 1,
    "seeds": [0],
    "targets": ["kidney"],
    "schedule": {"steps": 3},
    "budgets": {"few": {"kidney": 4, "methods": ["r_super"], "controls": ["all_masks"]}},
    "controls": ["oracle"],
}


def test_by_hand():
    settled = {"budgets": {"few": {"kidney": 4}}, "schedule": {"steps": 3}, "targets": ["kidney"]}
    text = json.dumps(settled) + "code"
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = derived_seeds(CONTENT, "code", 2)
    assert found.data_seed == int(digest[:8], 16)
    assert found.seeds == (int(digest[8:12], 16), int(digest[12:16], 16))


def test_what_changes_the_seeds():
    usual = derived_seeds(CONTENT, "code", 3)
    assert (
        derived_seeds(CONTENT | {"name": "x", "about": "y", "data_seed": 9, "seeds": [5]}, "code", 3) == usual
    )
    more_rows = {"budgets": {"few": {"kidney": 4, "methods": ["r_super", "nnunet"]}}, "controls": ["silent"]}
    assert derived_seeds(CONTENT | more_rows, "code", 3) == usual
    more_masks = {"budgets": {"few": {"kidney": 5, "methods": ["r_super"]}}}
    assert derived_seeds(CONTENT | more_masks, "code", 3) != usual
    assert derived_seeds(CONTENT | {"targets": ["pancreas"]}, "code", 3) != usual
    assert derived_seeds(CONTENT, "other code", 3) != usual
    assert derived_seeds(CONTENT, "code", 1).seeds == usual.seeds[:1]


def test_settings_of_rows_that_no_hypothesis_names_do_not_count():
    content = CONTENT | {
        "methods": {"r_super": {"margin_mm": 4}},
        "hypotheses": [{"id": "a", "other": "multi_task-max_read_out"}],
    }
    usual = derived_seeds(content, "code", 2)

    def seeds(**methods):
        return derived_seeds(content | {"methods": {**content["methods"], **methods}}, "code", 2)

    assert seeds(nnunet={"base_features": 8}, clip_like={}) == usual
    assert seeds(r_super={"margin_mm": 5}) != usual
    assert seeds(multi_task={"presence_weight": 2}) != usual
    named = content | {"evaluation": {"reference": "nnunet"}}
    other = named | {"methods": {**content["methods"], "nnunet": {"base_features": 8}}}
    assert derived_seeds(other, "code", 2) != derived_seeds(named, "code", 2)
