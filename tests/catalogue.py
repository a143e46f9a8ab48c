"""Every action with its options, each with the workspace that it needs, for tests that judge the whole catalogue."""

from __future__ import annotations

from .test_permissions import CASES, CONTEXT, OTHERS, PRIVATE_CASES, Case, _world as world

__all__ = ["CATALOGUE", "CONTEXT", "Case", "world"]

CATALOGUE: tuple[Case, ...] = (*CASES, *PRIVATE_CASES, *OTHERS)


def table() -> str:
    """Return a table of every action: methods, scopes, what a second run does, and the tests that show it."""
    import inspect
    import re
    from pathlib import Path

    from slackrunbooks.actions import ACTIONS

    from .test_contract import do

    rows: dict[str, tuple[set[str], set[str], list[str]]] = {}
    for case in CATALOGUE:
        done = do(case)
        methods, scopes, names = rows.setdefault(type(done.action).__name__, (set(), set(), []))
        methods |= done.methods
        scopes |= case.scopes
        names.append(case.name)
    walks = {"test_permissions", "test_properties"}
    files = sorted(file for file in Path(__file__).parent.glob("test_*.py") if file.stem not in walks)
    lines = ["| action | methods | scopes | again | cases | tests |", "|---|---|---|---|---|---|"]
    for cls in ACTIONS.values():
        methods, scopes, names = rows.get(cls.__name__, (set(), set(), []))
        told = re.search(r"Again: (.*?)(?:\n\n|\Z)", inspect.cleandoc(cls.__doc__ or ""), re.DOTALL)
        used = {file.stem: len(re.findall(rf"\b{cls.__name__}\(", file.read_text(encoding="utf-8"))) for file in files}
        tested = ", ".join(sorted((name for name, times in used.items() if times), key=lambda name: -used[name])[:3])
        again = " ".join(told[1].split()) if told else ""
        cells = (", ".join(sorted(methods)), ", ".join(sorted(scopes)), again, str(len(names)), tested)
        lines.append(f"| {cls.__name__} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201
