"""The hooks call tools that `make setup` installs, and need no network."""

import re
import shlex
import tomllib

import yaml

from tests.docs.documents import ROOT

CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_hook_is_local_and_calls_a_tool_of_the_environment():
    assert [repository["repo"] for repository in CONFIG["repos"]] == ["local"]
    installed = {
        re.split(r"[<>=]", name)[0]
        for part in ("test", "dev")
        for name in PROJECT["optional-dependencies"][part]
    }
    hooks = CONFIG["repos"][0]["hooks"]
    assert len(hooks) > 3
    for hook in hooks:
        tool, *arguments = shlex.split(hook["entry"])
        name = arguments[1] if tool == ".venv/bin/python" else tool.removeprefix(".venv/bin/")
        assert hook["language"] == "system"
        assert tool.startswith(".venv/bin/")
        assert name in installed
        assert [path for path in arguments if "/" in path and not (ROOT / path).exists()] == []


def test_hooks_look_at_files_that_are_there():
    files = ["Snakefile", "workflow/rules/train.smk", "docs/why.md", "rsuper/errors.py", "Makefile"]
    for hook in CONFIG["repos"][0]["hooks"]:
        if "files" in hook:
            assert any(re.search(hook["files"], path) for path in files), hook["id"]
