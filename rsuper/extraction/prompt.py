"""Prompts as files, each with its version in its name and its hash in every answer's key."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from rsuper.errors import ConfigError

FOLDER = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """Instructions for a model."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_prompt(name: str) -> Prompt:
    """Read a prompt of ours by name, or any file by its path.

    Raises:
        ConfigError: there is none; ours are named.
    """
    path = Path(name) if name.endswith(".md") else FOLDER / f"{name}.md"
    try:
        return Prompt(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        known = sorted(file.stem for file in FOLDER.glob("*.md"))
        raise ConfigError(f"extraction.prompt '{name}': no such file; ours: {known}") from None
