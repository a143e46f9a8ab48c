"""Runs every example that a reader can copy: in docstrings, in the documentation, and whole programs.

Rule of this file: an example runs as it is printed. It finds ``sr`` (the package) and ``fake_slack`` (a fresh fake
workspace) and nothing else that it has not imported itself; the examples of one page run on from one another.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import slackrunbooks as sr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import RunPython

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,}|:{3,}).*")
OPTIONS = doctest.ELLIPSIS

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROGRAMS = sorted((ROOT / "docs" / "examples").glob("*.py"))


def _has_examples(path: Path) -> bool:
    return ">>> " in path.read_text(encoding="utf-8")


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _named(paths: Iterable[Path]) -> list[Any]:
    return [pytest.param(path, id=_relative(path)) for path in paths]


def _modules() -> dict[str, Path]:
    """Return the modules of the package that have examples, by name."""
    found = {}
    for path in sorted((ROOT / "slackrunbooks").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if _has_examples(path):
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _names() -> dict[str, Any]:
    """Return what every example may use without importing it."""
    from slackrunbooks.testing import FakeSlack

    return {"sr": sr, "fake_slack": FakeSlack()}


def parse_page(source: str, name: str, names: dict[str, Any]) -> doctest.DocTest:
    """Make one test of all examples of a page, at their own line numbers.

    A fence ends an expected output, as a blank line does; doctest knows only of the blank line.
    """
    lines = ["" if FENCE.fullmatch(line) else line for line in source.splitlines()]
    return doctest.DocTestParser().get_doctest("\n".join(lines) + "\n", names, name, name, 0)


def run(test: doctest.DocTest) -> str:
    """Run the examples of a test and return what went wrong, as doctest tells it."""
    told: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.append)
    return "".join(told)


@pytest.mark.parametrize("page", _named(page for page in PAGES if _has_examples(page)))
def test_examples_of_page(page: Path) -> None:
    """Every example on the page prints what the page says."""
    told = run(parse_page(page.read_text(encoding="utf-8"), _relative(page), _names()))
    assert not told, told


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str) -> None:
    """Every example in the module's docstrings prints what it says."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "slackrunbooks").partition(".")[0] == "slackrunbooks":
            raise
        pytest.skip(f"{name} needs {error.name}, which is not installed")
    tests = [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    assert len(tests) >= 1, f"doctest finds no example in {name}, but its source has '>>> '"
    for test in tests:
        test.globs.update(_names())
        told = run(test)
        assert not told, told


@pytest.mark.parametrize("program", _named(PROGRAMS))
def test_program_runs(run_python: RunPython, program: Path) -> None:
    """The example program ends well, without a token and without a warning."""
    result = run_python("-W", "error", program)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("program", _named(PROGRAMS))
def test_program_explains_itself(program: Path) -> None:
    """The example program begins with a docstring that says what it shows, and the list of examples names it."""
    assert ast.get_docstring(ast.parse(program.read_text(encoding="utf-8")))
    assert f"`{program.name}`" in (program.parent / "README.md").read_text(encoding="utf-8")


def test_page_is_read_as_printed() -> None:
    """Examples of a page share their names, keep their line numbers, and end at a fence."""
    page = "Text\n\n```python\n>>> x = 1\n>>> x\n1\n```\nMore text, no output\n\n~~~pycon\n>>> x + 1\n2\n~~~\n"
    test = parse_page(page, "page.md", {})
    assert [example.lineno + 1 for example in test.examples] == [4, 5, 11]
    assert run(test) == ""


@pytest.mark.parametrize("output", ["3", "", "Traceback (most recent call last):\n    ...\nValueError: no"])
def test_wrong_output_is_found(output: str) -> None:
    """An example that does not print what the page says is told with the page's name and line."""
    told = run(parse_page(f"\n```python\n>>> 1 + 1\n{output}\n```\n", "page.md", {}))
    assert 'File "page.md", line 3' in told
    assert "Got:\n    2" in told
