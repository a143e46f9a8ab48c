"""What the pytest plugin costs a project that has the library installed and does not use it.

Run it by hand: ``python tests/benchmarks/bench_plugin.py``. Two figures: the time to import the plugin where pytest is
loaded already, in a fresh interpreter, and the modules that come with it; and an empty pytest session with the plugin
and without it. Rounds alternate, so that a busy machine slows both; medians are compared. The limit is 100 ms.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 11
LIMIT = 100.0
PLUGIN = "slackrunbooks.testing.plugin"

IMPORT = f"""
import sys, time
import pytest
before = set(sys.modules)
start = time.perf_counter()
import {PLUGIN}
print((time.perf_counter() - start) * 1000)
print(" ".join(sorted(set(sys.modules) - before)))
"""


def _import() -> tuple[float, list[str]]:
    told = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout
    took, modules = told.splitlines()
    return float(took), modules.split()


def _session(folder: Path, *options: str) -> float:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)]
    # Other plugins of this environment would drown the difference; only ours is named.
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ":".join(filter(None, sys.path))}
    start = time.perf_counter()
    subprocess.run(command, env=environment, cwd=folder, capture_output=True, check=True)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure and print."""
    imports = [_import() for _ in range(ROUNDS)]
    took = statistics.median(each for each, _ in imports)
    print(f"import of the plugin: {took:.1f} ms, {len(imports[0][1])} modules: {' '.join(imports[0][1])}")  # noqa: T201
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_it(): pass\n", encoding="utf-8")
        without, loaded = [], []
        for _ in range(ROUNDS):
            without.append(_session(folder))
            loaded.append(_session(folder, "-p", PLUGIN))
    cost = statistics.median(loaded) - statistics.median(without)
    print(f"a session without it: {statistics.median(without):.0f} ms; it adds {cost:.1f} ms")  # noqa: T201
    if took > LIMIT:
        sys.exit(f"the import of the plugin takes {took:.1f} ms, more than {LIMIT:g}")


if __name__ == "__main__":
    main()
