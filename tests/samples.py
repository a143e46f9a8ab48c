"""One small example of every action, for tests that walk all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

import slackrunbooks as sr

# What a field of this name may hold in any action that has it.
VALUES: Mapping[str, Any] = {
    "channel": "#incidents",
    "users": "ann@example.com",
    "user": "ann@example.com",
    "approvers": "ann@example.com",
    "text": "Down",
    "name": "eyes",
    "names": "eyes",
    "ts": "1767603600.000000",
    "message_ts": "1767603600.000000",
    "topic": "Down",
    "description": "Down",
    "title": "Board",
    "link": "https://example.com",
    "bookmark_id": "Bk1",
    "post_at": "{{when}}",
    "scheduled_message_id": "Q1",
    "usergroup": "@on-call",
    "key": "board",
    "path": "graph.png",
    "markdown": "# Lessons",
}

# Fields that mean something else in one action.
OWN: Mapping[str, Mapping[str, Any]] = {"LookUpMentions": {"names": {"lead": "ann@example.com"}}}

# Fields that do not go together with the others.
NOT: Mapping[str, frozenset[str]] = {"UploadFile": frozenset({"content"})}


def minimal(cls: type[sr.Action[Any]], **values: Any) -> sr.Action[Any]:
    """Make an action with the fields of the table that it has; ``values`` win."""
    fields = [field.name for field in attrs.fields(cls) if field.name not in NOT.get(cls.__name__, ())]  # type: ignore[arg-type]
    own = OWN.get(cls.__name__, {})
    return cls(**{name: value for name, value in {**VALUES, **values, **own}.items() if name in fields})
