"""Holds that importing is cheap: nothing is loaded before somebody uses it (design rule 6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunPython

HEAVY = (
    "slack_sdk", "requests", "urllib3", "aiohttp", "cattrs", "yaml", "chevron", "anyascii", "asyncio", "click",
)  # fmt: skip

# Modules that are there before the measured import: pytest has loaded itself when it loads a plugin.
IMPORTS = {"slackrunbooks": (), "slackrunbooks.testing.plugin": ("pytest",)}

# Notes, for each heavy module, who first asked for it: the modules on the stack, the nearest first.
WATCH = """
import importlib, json, sys
heavy, before, module = json.loads(sys.argv[1])
for name in before:
    importlib.import_module(name)
there, askers = set(sys.modules), {}
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in heavy and name not in askers:
            frame, stack = sys._getframe(1), []
            while frame is not None:
                asker = frame.f_globals.get("__name__", "")
                if not asker.startswith(("importlib", "__main__")) and asker not in stack:
                    stack.append(asker)
                frame = frame.f_back
            askers[name] = stack
sys.meta_path.insert(0, Watch())
importlib.import_module(module)
print(json.dumps({name: askers.get(name, []) for name in heavy if name in set(sys.modules) - there}))
"""


def _loaded(run_python: RunPython, module: str, before: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Import a module in a fresh Python; return the heavy modules that came with it, with who asked for each."""
    # A measured subprocess would load what coverage itself needs.
    result = run_python("-c", WATCH, json.dumps([HEAVY, before, module]), COVERAGE_PROCESS_CONFIG="")
    assert result.returncode == 0, result.stderr
    loaded: dict[str, list[str]] = json.loads(result.stdout)
    return loaded


@pytest.mark.parametrize("module", IMPORTS)
def test_import_loads_nothing_heavy(run_python: RunPython, module: str) -> None:
    """Importing the package or its pytest plugin loads no client, no parser and no event loop."""
    loaded = _loaded(run_python, module, IMPORTS[module])
    told = [f"{name}, imported by {' < '.join(askers)}" for name, askers in loaded.items()]
    assert not told, f"import {module} loads:\n" + "\n".join(told)


@pytest.mark.parametrize("module", ["asyncio", "requests", "slack_sdk.web"])
def test_heavy_import_is_seen(run_python: RunPython, module: str) -> None:
    """The measurement sees a heavy module, whether asked for itself or by another."""
    assert module.partition(".")[0] in _loaded(run_python, module)


def test_heavy_import_names_who_asked(run_python: RunPython) -> None:
    """The measurement tells which module asked for a heavy one."""
    assert _loaded(run_python, "requests")["urllib3"][0] == "requests"
