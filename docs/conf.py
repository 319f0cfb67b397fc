"""The documentation as a site: `make docs` builds it, without a network, and every warning is an error."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

from vicinal import __version__

project, author = "vicinal", "the vicinal developers"
version = release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["tutorials"]  # the gallery makes pages of them in learn/
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
default_role = "py:obj"  # `name` in a docstring is a link where the reference has the name
autodoc_typehints = "none"  # docstrings give types, with shapes and ranges
autodoc_default_options = {
    "members": True,
    "inherited-members": True,
    "member-order": "bysource",
    "exclude-members": "get_metadata_routing, set_fit_request, set_partial_fit_request, set_score_request",
}
autosummary_ignore_module_all = False
napoleon_google_docstring = False
napoleon_use_ivar = True
sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "learn",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
}
html_theme = "furo"
html_title = f"vicinal {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_math_renderer = "mathml"  # browsers draw it themselves: no script from outside


def latex_of(node: nodes.Node) -> str:
    """Return a formula in the commands that docutils knows."""
    return re.sub(r"\\Big[lr]?", "", node.astext()).replace(r"\dots", r"\ldots")


def visit_math(translator: Any, node: nodes.Node) -> None:
    """Write a formula within a line."""
    translator.body.append(tex2mathml(latex_of(node)))
    raise nodes.SkipNode


def visit_displaymath(translator: Any, node: nodes.Node) -> None:
    """Write a formula of its own."""
    translator.body.append(tex2mathml(latex_of(node), as_block=True))
    raise nodes.SkipNode


def escape_stars(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keep the star of a shape such as ``(n, *event_shape_)`` from being read as the start of an emphasis."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split("(`+[^`]+`+)", line)  # every second one is between backticks
            parts[::2] = [re.sub(r"(?<=[\s(])\*(?=\w+[^\w*])", r"\\*", part) for part in parts[::2]]
            parts[::2] = [re.sub(r"\bevent_shape_(?!\w)", r"event_shape\\_", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def setup(app: Any) -> None:
    """Tell Sphinx how formulas and shapes are written."""
    app.connect("autodoc-process-docstring", escape_stars, priority=900)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
