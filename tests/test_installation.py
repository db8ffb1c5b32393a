import subprocess

import pytest

from rsuper import installation
from rsuper.installation import checkout, processor, versions


@pytest.fixture
def repository(tmp_path):
    """A checkout with one file of code and one beside it, both committed."""
    root = tmp_path / "clone"
    (root / "rsuper").mkdir(parents=True)
    (root / "rsuper" / "a.py").write_text("A = 1\n")
    (root / "README.md").write_text("text\n")

    def git(*arguments):
        who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
        done = subprocess.run(
            ["git", "-C", str(root), *who, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "all")
    git("remote", "add", "origin", "https://user:word@example.org/repository.git")
    return root, git("rev-parse", "HEAD")


def test_a_clean_checkout(repository):
    root, head = repository
    assert checkout(root) == {"commit": head, "dirty": False, "changed": []}
    (root / "README.md").write_text("another text\n")  # runs nowhere
    assert checkout(root)["dirty"] is False


def test_changed_and_new_code_is_named(repository):
    root, head = repository
    (root / "rsuper" / "a.py").write_text("A = 2\n")
    (root / "methods" / "mine").mkdir(parents=True)
    (root / "methods" / "mine" / "method.py").write_text("")
    state = checkout(root)
    assert state == {"commit": head, "dirty": True, "changed": ["rsuper/a.py", "methods/mine/method.py"]}


def test_a_folder_below_somebody_elses_checkout_is_none(repository, monkeypatch, tmp_path):
    unknown = {"commit": "unknown", "dirty": None, "changed": []}
    assert checkout(repository[0] / "rsuper") == unknown
    assert checkout(tmp_path) == unknown
    monkeypatch.setenv("PATH", "")  # no git
    assert checkout(repository[0]) == unknown


def test_versions_and_processor(monkeypatch):
    assert {"rsuper-bench", "python", "torch", "numpy", "snakemake"} <= set(versions())
    monkeypatch.setattr(installation, "PACKAGES", ("numpy", "no-such-package"))
    assert set(versions()) == {"rsuper-bench", "python", "numpy"}
    facts = processor()
    assert facts["cpu_count"] >= 1
    assert facts["memory_mb"] > 100
    assert isinstance(facts["cpu"], str)
