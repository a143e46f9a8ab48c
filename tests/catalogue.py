"""Every action with its options, each with the workspace that it needs, for tests that judge the whole catalogue."""

from __future__ import annotations

from .test_permissions import CASES, CONTEXT, OTHERS, PRIVATE_CASES, Case, _world as world

__all__ = ["CATALOGUE", "CONTEXT", "Case", "world"]

CATALOGUE: tuple[Case, ...] = (*CASES, *PRIVATE_CASES, *OTHERS)
