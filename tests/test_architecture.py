"""Holds the layers and the house rules of the package by reading its source; nothing is imported.

Rule of this file: a rule is one function from the parsed modules to the faults it finds, and the table ``BROKEN`` has a
small piece of source that breaks it. A new module is placed in ``LAYERS``; nothing else here names single modules, but
for the exceptions, each of which gives its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "slackrunbooks"

# Lowest first. Names are relative to the package; "stores.*" is a whole subpackage, "actions._*" its private modules.
# Modules of one row may import one another, but never in a circle. The row "" is the package's own __init__.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("_slack_errors", "errors"),
    ("_effects", "_clock", "_tokens", "_version"),
    ("slack_methods",),
    ("text",),
    ("markup",),
    ("templates",),
    ("blocks",),
    ("actions._*",),
    ("actions.*",),
    ("actions",),
    ("_registry",),
    ("scopes", "policy"),
    ("_context",),
    ("_conditions",),
    ("_yaml",),
    ("manifest",),
    ("runbook",),
    ("report",),
    ("_look",),
    ("_survey",),
    ("journal",),
    ("usage",),
    ("retries", "pacing"),
    ("_settle",),
    ("_engine",),
    # --- the I/O line: LOWEST_WITH_IO names the row after it ---
    ("stores", "stores.*", "_forks"),
    ("client", "audit"),
    ("_elsewhere", "_perform", "_route"),
    ("executor", "_core", "_lease"),
    ("connect", "doctor"),
    ("",),
    ("testing", "testing.*"),
    ("_demo",),
    ("integrations", "integrations.*"),
    ("cli", "cli.*", "__main__"),
)
LOWEST_WITH_IO = "stores"

# Rows whose modules do not import one another at all, but for the listed pairs (importer, imported) with their reason.
SEPARATE = {"actions.*"}
LISTED_SIBLINGS: dict[tuple[str, str], str] = {}

# Imports inside functions that may point up, as (importer, imported), each with its reason.
LATE_IMPORTS: dict[tuple[str, str], str] = {}

# What only modules below the I/O line may import, with everything under these names.
IO_MODULES = {
    "aiohttp", "asyncio", "http", "os", "psycopg", "random", "requests", "select", "slack_sdk", "socket", "sqlite3",
    "ssl", "subprocess", "threading", "time", "urllib.request", "urllib3",
}  # fmt: skip

# Modules that may hold coroutines. _clock only declares one, in a protocol.
COROUTINES = {"executor", "_perform", "client", "testing", "testing.*", "integrations", "integrations.*"}
COROUTINE_PROTOCOLS = {"_clock"}

PRINTS = {"cli", "cli.*", "__main__"}


@dataclass(frozen=True)
class Import:
    """One imported name: where, what, out of which module; whether late in a function, or never at run time."""

    line: int
    target: str
    base: str
    late: bool
    typing_only: bool


@dataclass
class Module:
    """One module of the package, parsed; ``name`` is relative to the package, ``""`` for the package itself."""

    name: str
    source: str
    is_package: bool = False
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.source)

    @property
    def public(self) -> bool:
        """Whether no part of the name starts with an underscore."""
        return not any(part.startswith("_") for part in self.name.split("."))

    def place(self, line: int) -> str:
        """Name a line for a message."""
        file = self.name.replace(".", "/")
        path = "/".join(part for part in (PACKAGE, file, "__init__" if self.is_package else "") if part)
        return f"{path}.py:{line}"

    def nodes(self) -> Iterator[tuple[ast.AST, bool, bool]]:
        """Walk the tree; tell of each node whether it stands in a function and whether only type checkers see it."""
        stack: list[tuple[ast.AST, bool, bool]] = [(self.tree, False, False)]
        while stack:
            node, late, typing_only = stack.pop()
            yield node, late, typing_only
            inside = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for name, value in ast.iter_fields(node):
                unseen = typing_only or (name == "body" and isinstance(node, ast.If) and _is_type_checking(node.test))
                children = value if isinstance(value, list) else [value]
                stack.extend((child, inside, unseen) for child in children if isinstance(child, ast.AST))

    def imports(self) -> Iterator[Import]:
        """Give every imported name in full, however it is spelt."""
        for node, late, typing_only in self.nodes():
            for target, base in self._targets(node):
                yield Import(getattr(node, "lineno", 0), target, base, late, typing_only)

    def _targets(self, node: ast.AST) -> list[tuple[str, str]]:
        if isinstance(node, ast.Import):
            return [(alias.name, alias.name) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = [PACKAGE, *(self.name.split(".") if self.name else [])]
                kept = len(parts) - node.level + (1 if self.is_package else 0)
                base = ".".join([*parts[:kept], *([node.module] if node.module else [])])
            return [(f"{base}.{alias.name}", base) for alias in node.names]
        if isinstance(node, ast.Call) and _called(node) in {"__import__", "import_module"} and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                level = len(name.value) - len(name.value.lstrip("."))
                target = f"{PACKAGE}.{name.value.lstrip('.')}" if level else name.value
                return [(target, target)]
        return []


Modules = Mapping[str, Module]
Rule = Callable[[Modules], Iterator[str]]


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_under(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def _matches(name: str, patterns: set[str]) -> bool:
    return _pattern(name, patterns) is not None


def _pattern(name: str, patterns: set[str]) -> str | None:
    """Return the narrowest pattern that a module's name meets: itself, then ``package._*``, then ``package.*``."""
    package = name.rpartition(".")[0].partition(".")[0]
    below = name.partition(".")[2]
    candidates = [name]
    if package:
        candidates += [f"{package}._*"] if below.startswith("_") else []
        candidates += [f"{package}.*"]
    return next((candidate for candidate in candidates if candidate in patterns), None)


RANKS = {pattern: rank for rank, row in enumerate(LAYERS) for pattern in row}


def _rank(name: str) -> int | None:
    pattern = _pattern(name, set(RANKS))
    return None if pattern is None else RANKS[pattern]


def _own(modules: Modules, found: Import) -> str | None:
    """Return the module of ours that an import reaches, or ``None`` for anybody else's."""
    if not _is_under(found.target, {PACKAGE}):
        return None
    target, base = (name[len(PACKAGE) + 1 :] for name in (found.target, found.base))
    return target if target in modules or target in RANKS else base


# --- the rules -------------------------------------------------------------------------------------------------------


def every_module_is_placed(modules: Modules) -> Iterator[str]:
    """Every module stands in the table of layers."""
    for module in modules.values():
        if _rank(module.name) is None:
            yield (
                f"{module.place(1)}: the module {module.name!r} has no layer. "
                "Place it in LAYERS of tests/test_architecture.py, above all that it imports."
            )


def imports_point_down(modules: Modules) -> Iterator[str]:
    """A module imports only what stands lower in the table; families of actions do not know each other."""
    for module, found, target in _own_imports(modules):
        rank, other = _rank(module.name), _rank(target)
        if rank is None or other is None or target == module.name:
            continue
        pair = (module.name, target)
        if other > rank and not (found.late and pair in LATE_IMPORTS):
            how = "inside a function " if found.late else ""
            yield (
                f"{module.place(found.line)}: {how}imports {target or PACKAGE!r}, which stands above it. "
                "The code is in the wrong file."
            )
        elif other == rank and _pattern(module.name, set(RANKS)) in SEPARATE and pair not in LISTED_SIBLINGS:
            yield f"{module.place(found.line)}: imports its sibling {target!r}; what two share goes below both."


def no_circles(modules: Modules) -> Iterator[str]:
    """Modules of one row do not import one another in a circle."""
    edges: dict[str, set[str]] = {name: set() for name in modules}
    for module, _, target in _own_imports(modules):
        if target != module.name and _rank(target) == _rank(module.name):
            edges[module.name].add(target)
    while ends := {name for name, targets in edges.items() if not targets}:
        edges = {name: targets - ends for name, targets in edges.items() if name not in ends}
    circle = {name for name in edges if any(name in targets for targets in edges.values())}
    if circle:
        yield f"these modules import one another in a circle: {', '.join(sorted(circle))}."


def exceptions_are_needed(modules: Modules) -> Iterator[str]:
    """An exception to the order of imports that nothing uses any more is struck off."""
    used = {(module.name, target) for module, _, target in _own_imports(modules)}
    for pair in {**LATE_IMPORTS, **LISTED_SIBLINGS}:
        if pair not in used:
            yield f"nobody needs the exception {pair} any more; strike it off."


def no_io_above_the_line(modules: Modules) -> Iterator[str]:
    """Above the I/O line nobody imports what tells the time, waits, starts or connects; a type may be named."""
    for module in modules.values():
        rank = _rank(module.name)
        if rank is None or rank >= RANKS[LOWEST_WITH_IO]:
            continue
        for found in module.imports():
            if _is_under(found.target, IO_MODULES) and not found.typing_only:
                yield (
                    f"{module.place(found.line)}: imports {found.target!r} above the I/O line. "
                    "Decide here, and let a driver below the line do it."
                )


def coroutines_stay_in_drivers(modules: Modules) -> Iterator[str]:
    """Only drivers await; everything else is one text for both worlds."""
    kinds = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    for module in modules.values():
        if _matches(module.name, COROUTINES):
            continue
        declared = set(_declared_coroutines(module.tree)) if module.name in COROUTINE_PROTOCOLS else set()
        for node in ast.walk(module.tree):
            if isinstance(node, kinds) and node not in declared:
                yield f"{module.place(node.lineno)}: a coroutine outside executor, client, testing and integrations."


def public_names_are_listed(modules: Modules) -> Iterator[str]:
    """Public modules have a sorted ``__all__`` that names all that does not start with an underscore."""
    for module in modules.values():
        if not module.public:
            continue
        names, line = _all_of(module.tree)
        defined = _definitions(module.tree)
        public = sorted(name for name in defined if _is_public(name))
        if names is None:
            if not module.is_package or public:
                yield f"{module.place(line)}: a public module has an __all__ that is a plain list of strings."
            continue
        if not names:
            yield f"{module.place(line)}: __all__ is empty; a module that defines nothing public starts with '_'."
        if names != sorted(names, key=_order):
            yield f"{module.place(line)}: __all__ is not sorted."
        bound = {*defined, *(found.target.rpartition(".")[2] for found in module.imports())}
        for name in names:
            lazy = "__getattr__" in defined or f"{module.name}.{name}".lstrip(".") in modules
            if name not in bound and not lazy:
                yield f"{module.place(line)}: __all__ names {name!r}, which the module does not define."
        for name in public:
            if name not in names:
                yield f"{module.place(defined[name].lineno)}: {name!r} is neither in __all__ nor starts with '_'."


def public_names_are_documented(modules: Modules) -> Iterator[str]:
    """Public classes, functions and constants have docstrings; ruff (D102) sees to the methods."""
    for module in modules.values():
        names, _ = _all_of(module.tree)
        if not module.public or names is None:
            continue
        for node in _undocumented(module.tree, names):
            yield f"{module.place(node.lineno)}: {_name(node)!r} is public and has no docstring."


def only_the_command_line_prints(modules: Modules) -> Iterator[str]:
    """A library is silent."""
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and not _matches(module.name, PRINTS):
                yield f"{module.place(node.lineno)}: prints; only the command line does."


RULES: tuple[Rule, ...] = (
    every_module_is_placed,
    imports_point_down,
    no_circles,
    exceptions_are_needed,
    no_io_above_the_line,
    coroutines_stay_in_drivers,
    public_names_are_listed,
    public_names_are_documented,
    only_the_command_line_prints,
)


# --- what the rules read ---------------------------------------------------------------------------------------------


def _own_imports(modules: Modules) -> Iterator[tuple[Module, Import, str]]:
    """Give the imports of our own modules that happen at run time."""
    for module in modules.values():
        for found in module.imports():
            target = _own(modules, found)
            if target is not None and not found.typing_only:
                yield module, found, target


def _declared_coroutines(tree: ast.Module) -> Iterator[ast.AST]:
    """Give the coroutines that a protocol declares: a docstring and an ellipsis, and nothing that runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases):
            for child in node.body:
                if isinstance(child, ast.AsyncFunctionDef) and all(isinstance(part, ast.Expr) for part in child.body):
                    yield child


def _all_of(tree: ast.Module) -> tuple[list[str] | None, int]:
    """Return the names of ``__all__`` and its line; ``None`` where it is missing or computed."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = getattr(node, "value", None)
            items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [None]
            names = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            return (names if len(names) == len(items) else None), node.lineno
    return None, 1


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return what a module binds at its top level, imports aside, with ``if`` and ``try`` opened."""
    found: dict[str, ast.stmt] = {}
    pending = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node for target in targets if isinstance(target, ast.Name)})
        elif isinstance(node, (ast.If, ast.Try)):
            pending += [*node.body, *node.orelse]
            pending += [part for handler in getattr(node, "handlers", []) for part in handler.body]
    return found


def _is_public(name: str) -> bool:
    # pytest dictates the names of a plugin's hooks.
    return not name.startswith(("_", "pytest_"))


def _order(name: str) -> tuple[int, list[tuple[bool, int, str]]]:
    """Sort as ruff's RUF022 does: constants, classes, the rest; numbers inside names by their value."""
    group = 0 if len(name) > 1 and name.isupper() else 1 if name[:1].isupper() else 2
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return group, [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _undocumented(tree: ast.Module, names: list[str]) -> Iterator[ast.stmt]:
    defined = _definitions(tree)
    for name in names:
        node = defined.get(name)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if not ast.get_docstring(node):
                yield node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and name != "__version__":
            after = tree.body[tree.body.index(node) + 1 :][:1] if node in tree.body else []
            if not any(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in after):
                yield node


def _name(node: ast.stmt) -> str:
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    return str(getattr(node, "name", "?"))


# --- the tests -------------------------------------------------------------------------------------------------------


@cache
def _read_package() -> dict[str, Module]:
    modules = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = Module(name, path.read_text(encoding="utf-8"), is_package)
    return modules


def _sample(sources: Mapping[str, str]) -> dict[str, Module]:
    """Make modules of small sources; a name that ends in a slash is a package."""
    return {name.rstrip("/"): Module(name.rstrip("/"), source, name.endswith("/")) for name, source in sources.items()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps_the_rule(rule: Rule) -> None:
    """The package as it stands breaks no rule."""
    faults = list(dict.fromkeys(rule(_read_package())))
    assert not faults, "\n" + "\n".join(faults)


LISTED = '__all__ = ["send"]\n\n\ndef send():\n    """Send."""\n'

BROKEN: tuple[tuple[Rule, dict[str, str], str], ...] = (
    (every_module_is_placed, {"novelty": ""}, "'novelty' has no layer. Place it in LAYERS"),
    (every_module_is_placed, {"text.more": ""}, "'text.more' has no layer"),
    (imports_point_down, {"text": "from .runbook import Step", "runbook": ""}, "imports 'runbook', which stands above"),
    (imports_point_down, {"text": "from . import runbook", "runbook": ""}, "text.py:1: imports 'runbook'"),
    (imports_point_down, {"text": "import slackrunbooks.runbook", "runbook": ""}, "imports 'runbook'"),
    (imports_point_down, {"text": "from slackrunbooks import runbook", "runbook": ""}, "imports 'runbook'"),
    (imports_point_down, {"text": "from . import Step", "/": ""}, "imports 'slackrunbooks'"),
    (imports_point_down, {"text": "from .runbook import Step"}, "imports 'runbook'"),
    (imports_point_down, {"text": "def f():\n  from . import runbook", "runbook": ""}, "text.py:2: inside a function"),
    (imports_point_down, {"text": "import_module('slackrunbooks.runbook')", "runbook": ""}, "imports 'runbook'"),
    (imports_point_down, {"text": "import_module('.runbook', 'slackrunbooks')", "runbook": ""}, "imports 'runbook'"),
    (imports_point_down, {"text": "try:\n  from .runbook import a\nexcept E: pass", "runbook": ""}, "text.py:2"),
    (imports_point_down, {"text": "if not TYPE_CHECKING:\n  from . import runbook", "runbook": ""}, "text.py:2"),
    (imports_point_down, {"actions._base": "from .chat import S", "actions.chat": ""}, "imports 'actions.chat'"),
    (imports_point_down, {"actions.chat": "from . import S", "actions/": ""}, "imports 'actions'"),
    (imports_point_down, {"actions.chat": "from .pins import P", "actions.pins": ""}, "its sibling 'actions.pins'"),
    (imports_point_down, {"stores.sqlite": "from ..client import C", "client": ""}, "stores/sqlite.py:1"),
    (imports_point_down, {"stores/": "from ..client import C", "client": ""}, "stores/__init__.py:1"),
    (no_circles, {"retries": "from . import pacing", "pacing": "from . import retries"}, "circle: pacing, retries"),
    (no_circles, {"stores.a": "import slackrunbooks.stores.b", "stores.b": "from .a import x"}, "stores.a, stores.b"),
    (no_io_above_the_line, {"text": "import time"}, "text.py:1: imports 'time' above the I/O line"),
    (no_io_above_the_line, {"_engine": "def f():\n  import asyncio"}, "_engine.py:2"),
    (no_io_above_the_line, {"text": "from urllib import request"}, "'urllib.request'"),
    (no_io_above_the_line, {"text": "from slack_sdk.errors import SlackApiError"}, "slack_sdk"),
    (no_io_above_the_line, {"text": "from os import path"}, "'os.path'"),
    (no_io_above_the_line, {"text": "import_module('requests')"}, "'requests'"),
    (no_io_above_the_line, {"text": "__import__('socket')"}, "'socket'"),
    (no_io_above_the_line, {"text": "if not TYPE_CHECKING:\n  import ssl"}, "'ssl'"),
    (coroutines_stay_in_drivers, {"text": "async def f(): pass"}, "text.py:1: a coroutine"),
    (coroutines_stay_in_drivers, {"stores.sqlite": "async def f(): await g()"}, "stores/sqlite.py:1: a coroutine"),
    (coroutines_stay_in_drivers, {"_clock": "class C(Protocol):\n  async def f(self): await g()"}, "_clock.py:2"),
    (coroutines_stay_in_drivers, {"_clock": "class C:\n  async def f(self): ..."}, "_clock.py:2"),
    (public_names_are_listed, {"text": "def send(): pass"}, "has an __all__ that is a plain list"),
    (public_names_are_listed, {"text": "__all__ = [n for n in dir()]"}, "has an __all__ that is a plain list"),
    (public_names_are_listed, {"stores/": "def send(): pass"}, "has an __all__"),
    (public_names_are_listed, {"text": "__all__ = []"}, "starts with '_'"),
    (public_names_are_listed, {"text": "__all__ = ['b', 'a']\na = b = 1"}, "not sorted"),
    (public_names_are_listed, {"text": "__all__ = ['a', 'MAX']\na = MAX = 1"}, "not sorted"),
    (public_names_are_listed, {"text": "__all__ = ['gone']"}, "names 'gone'"),
    (public_names_are_listed, {"text": LISTED + "LIMIT = 3"}, "text.py:6: 'LIMIT' is neither in __all__"),
    (public_names_are_listed, {"text": LISTED + "if x:\n  class Other: pass"}, "'Other' is neither in __all__"),
    (public_names_are_documented, {"text": "__all__ = ['f']\ndef f(): pass"}, "'f' is public and has no docstring"),
    (public_names_are_documented, {"text": "__all__ = ['C']\nclass C: pass"}, "'C'"),
    (public_names_are_documented, {"text": "__all__ = ['LIMIT']\nLIMIT: int = 3"}, "'LIMIT'"),
    (only_the_command_line_prints, {"doctor": "print('hm')"}, "doctor.py:1: prints"),
)  # fmt: skip

FINE: tuple[tuple[Rule, dict[str, str]], ...] = (
    (every_module_is_placed, {"/": "", "actions/": "", "actions._base": "", "actions.chat": "", "cli": ""}),
    (imports_point_down, {"runbook": "from .text import a\nfrom .actions import chat", "text": "", "actions/": ""}),
    (imports_point_down, {"text": "if TYPE_CHECKING:\n  from .runbook import Step", "runbook": ""}),
    (imports_point_down, {"text": "if typing.TYPE_CHECKING:\n  from .runbook import Step", "runbook": ""}),
    (imports_point_down, {"actions.chat": "from ._base import Action", "actions._base": ""}),
    (imports_point_down, {"testing.fake": "from .. import Executor", "/": ""}),
    (no_circles, {"executor": "from . import _lease", "_lease": ""}),
    (no_io_above_the_line, {"text": "import urllib.parse\nif TYPE_CHECKING:\n  import os", "client": "import time"}),
    (coroutines_stay_in_drivers, {"_clock": "class C(Protocol):\n  async def f(self):\n    'Wait.'\n    ..."}),
    (coroutines_stay_in_drivers, {"testing.fake": "async def f(): await g()", "client": "async def f(): pass"}),
    (public_names_are_listed, {"_hidden": "def f(): pass", "stores/": '"""Stores."""', "text": LISTED}),
    (public_names_are_listed, {"/": "__all__ = ['Step']\ndef __getattr__(name): pass"}),
    (public_names_are_listed, {"text": "__all__ = ['A2', 'A10', 'f']\nA2 = A10 = f = 1"}),
    (public_names_are_listed, {"testing.plugin": LISTED + "def pytest_configure(config): pass"}),
    (public_names_are_documented, {"text": LISTED, "scopes": "__all__ = ['L']\nL = 3\n'Most of it.'"}),
    (only_the_command_line_prints, {"cli": "print('hm')", "text": "pprint('hm')"}),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "sources", "message"), BROKEN)
def test_rule_finds_what_breaks_it(rule: Rule, sources: dict[str, str], message: str) -> None:
    """Each rule names the place and the fault in a small source that breaks it."""
    faults = list(rule(_sample(sources)))
    assert len(faults) >= 1
    assert message in "\n".join(faults)


@pytest.mark.parametrize(("rule", "sources"), FINE)
def test_rule_leaves_good_code_alone(rule: Rule, sources: dict[str, str]) -> None:
    """No rule finds fault with what the design allows."""
    assert list(rule(_sample(sources))) == []


def test_every_rule_can_fail() -> None:
    """Each rule has a source that breaks it, in the table or in a test of its own."""
    assert {rule for rule, *_ in BROKEN} | {exceptions_are_needed} == set(RULES)


def test_listed_exceptions_are_honoured_and_struck_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listed late import or sibling is let through while it is used, and is a fault once it is not."""
    monkeypatch.setitem(LATE_IMPORTS, ("text", "runbook"), "a reason")
    monkeypatch.setitem(LISTED_SIBLINGS, ("actions.chat", "actions.pins"), "a reason")
    late = _sample({"text": "def f():\n  from . import runbook", "runbook": ""})
    siblings = _sample({"actions.chat": "from . import pins", "actions.pins": ""})
    at_once = _sample({"text": "from . import runbook", "runbook": ""})
    assert list(imports_point_down(late)) == []
    assert list(imports_point_down(siblings)) == []
    assert list(exceptions_are_needed({**late, **siblings})) == []
    assert len(list(imports_point_down(at_once))) == 1
    assert len(list(exceptions_are_needed(late))) == 1
