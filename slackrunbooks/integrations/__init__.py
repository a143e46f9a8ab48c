"""slackrunbooks under engines that a host runs already.

Rule of this package: one module for each engine, which imports it when it is used; nothing here keeps state, for the
journal has it all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .celery import CeleryRuns

__all__ = ["CeleryRuns"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .celery import CeleryRuns

    return CeleryRuns
