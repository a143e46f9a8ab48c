"""How Sphinx builds these pages: MyST pages and the docstrings, in the furo theme, with no network.

Rule of this file: no list of names stands here. A group in reference.md names modules, and its entries are the public
names of those modules, so that a new action shows up by itself, and a name without a group is a warning.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from typing import TYPE_CHECKING

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import slackrunbooks
from slackrunbooks._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

project = "slackrunbooks"
author = "The slackrunbooks authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Each action has its own flow, needs and faults, and says nothing on them that the base class does not; its output is
# the parameter of its base.
autodoc_default_options = {"members": True, "exclude-members": "output"}
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True

napoleon_numpy_docstring = False
# An attrs class lists its fields under "Attributes"; as a list in the text they do not clash with autodoc's members.
napoleon_custom_sections = [("Attributes", "params_style")]

html_theme = "furo"
html_title = f"slackrunbooks {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}

REFERENCE = "reference"
GROUP = re.compile(r"^<!-- names of: (?P<modules>[\w., ]+) -->$", re.MULTILINE)
TOP = slackrunbooks.__name__
TOP_NAMES = {*slackrunbooks.__all__}


def _entries(module_name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the public names of a module, each with its entry: under the name that a reader imports it by."""
    if importlib.util.find_spec(module_name) is None:
        return
    module = importlib.import_module(module_name)
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        at_top = name in TOP_NAMES and getattr(slackrunbooks, name) is value
        # Public is what the package gives at its top, and the fake workspace; the rest is the library's own.
        if at_top or module_name == f"{TOP}.testing":
            full_name = f"{TOP}.{name}" if at_top else f"{module_name}.{name}"
            yield name, [*_entry(full_name, value, module_name), ""]


def _entry(full_name: str, value: object, module_name: str) -> list[str]:
    if isinstance(value, type):
        directive = f".. auto{'exception' if issubclass(value, BaseException) else 'class'}:: {full_name}"
        return [directive] if value.__bases__ == (object,) else [directive, "   :show-inheritance:"]
    if inspect.isroutine(value):
        return [f".. autofunction:: {full_name}"]
    # A constant has its docstring in the source of its module; its value may be a long table, so it is not shown.
    documented = ModuleAnalyzer.for_module(module_name).find_attr_docs()
    lines = documented.get(("", full_name.rpartition(".")[2]), [])
    return [f".. py:data:: {full_name}", "", *(f"   {line}" for line in lines)]


def _fill_groups(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the entries of each group where reference.md names its modules."""
    if docname != REFERENCE:
        return
    shown: set[str] = set()

    def fill(group: re.Match[str]) -> str:
        lines = ["```{eval-rst}"]
        for module in re.split(r"[, ]+", group["modules"]):
            for name, entry in _entries(f"{TOP}.{module}"):
                lines += entry if name not in shown else []
                shown.add(name)
        return "\n".join([*lines, "```"])

    source[0] = GROUP.sub(fill, source[0])
    for name in sorted(TOP_NAMES - shown - {"__version__"}):
        logging.getLogger(__name__).warning("%s is public, and no group of %s.md has it", name, REFERENCE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what this file adds to Sphinx."""
    app.connect("source-read", _fill_groups)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
