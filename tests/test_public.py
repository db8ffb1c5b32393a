import json
from pathlib import Path

import pytest

from rsuper.public import LEFT_OUT, public


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/hospital/cases", ".../cases"),
        ("/data", ".../data"),
        ("~/cts/a.nii.gz", ".../a.nii.gz"),
        ("C:\\Users\\somebody\\cts", ".../cts"),
        ("--weights=/opt/model/w.pt", "--weights=.../w.pt"),
        ("run '/opt/my model.sh' {ct}", "run '.../my model.sh' {ct}"),
        ("http://user:word@server.example:8000/v1?key=1", "http://..."),
        ("git@host:/srv/repo", "git@host:/srv/repo"),  # no address that we know of: nobody writes it here
        ("config/micro.yaml", "config/micro.yaml"),
        ("../data", "../data"),
        ("1/2, n/a and/or 5 / 2", "1/2, n/a and/or 5 / 2"),
    ],
)
def test_folders_and_addresses(text, shown):
    assert public(text) == shown


def test_what_sounds_like_a_secret_is_left_out_at_any_depth():
    settings = {"environment": {"API_KEY": "abc", "HF_TOKEN": "def", "THREADS": "4"}, "password": ["x", "y"]}
    assert public(settings) == {
        "environment": {"API_KEY": LEFT_OUT, "HF_TOKEN": LEFT_OUT, "THREADS": "4"},
        "password": [LEFT_OUT, LEFT_OUT],
    }
    assert public({"max_tokens": 2000, "key_variable": "RSUPER_LLM_KEY"}) == {
        "max_tokens": 2000,
        "key_variable": "RSUPER_LLM_KEY",
    }


def test_plain_json_comes_out():
    value = {1: (1, 2.5, None, True), "path": Path("/a/b"), "set": {"b", "a"}}
    assert public(value) == {"1": [1, 2.5, None, True], "path": ".../b", "set": ["a", "b"]}
    assert json.loads(json.dumps(public(value))) == public(value)
