"""How Sphinx makes a site of docs/: `make site`. Nothing on a page comes from another host."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pygments.lexers.python import PythonLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import rsuper  # noqa: E402
from docs.site import generated  # noqa: E402

project = "rsuper-bench"
author = "the authors of rsuper-bench"
version = release = rsuper.__version__
html_title = "rsuper-bench"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["site", "figures/*.py", "deviations_head.md"]
source_suffix = {".md": "markdown"}

# Anchors as GitHub makes them, so that a link holds in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "attrs_inline"]
# Doctests in a Markdown fence are Python sessions.
highlight_language = "text"
smartquotes = False  # -- of an option would become a dash

# Single backticks in our docstrings are code.
default_role = "code"
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"exclude-members": "model_config"}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options: dict[str, Any] = {"top_of_page_buttons": []}


def setup(app: Sphinx) -> None:
    """Fill the pages that say `<!-- generated: ... -->`; leave out what is told elsewhere; mend Napoleon.

    Napoleon takes what stands before a colon in a property's first line for its type.
    """
    app.add_lexer("snakemake", PythonLexer)
    app.connect("source-read", generated.fill)
    app.connect("autodoc-process-signature", _without_keys)
    kept: dict[str, list[str]] = {}
    app.connect("autodoc-process-docstring", partial(_keep, kept), priority=400)
    app.connect("autodoc-process-docstring", partial(_restore, kept), priority=600)


def _without_keys(app: Sphinx, what: str, name: str, thing: object, *rest: Any) -> tuple[str, None] | None:
    """Sections of an experiment file have their keys on a page of their own."""
    return ("", None) if isinstance(thing, type) and issubclass(thing, BaseModel) else None


def _keep(kept: dict[str, list[str]], app: Sphinx, what: str, name: str, *rest: Any) -> None:
    if what in {"property", "attribute"}:
        kept[name] = list(rest[-1])


def _restore(kept: dict[str, list[str]], app: Sphinx, what: str, name: str, *rest: Any) -> None:
    if name in kept:
        rest[-1][:] = kept.pop(name)
