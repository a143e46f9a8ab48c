"""The mark by which the app finds a message of its own again: an opaque key in the message's metadata.

Rule of this file: pure; what a mark looks like, and nothing of how messages are read. Any app in the workspace can read
metadata, so a mark tells nothing: it is a hash. https://docs.slack.dev/messaging/message-metadata
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_stampable", "key_of", "mark", "marked", "stamped", "step_of"]

# "Letters, digits, _ and -": of an event type with a dot Slack drops the metadata and only warns.
_EVENT_TYPE: Final = "slackrunbooks"
_FIELD: Final = "slackrunbooks_key"
_STEP: Final = "slackrunbooks_step"


def mark(*parts: str) -> str:
    """Make an opaque key of what identifies a message; the same parts give the same key."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def marked(metadata: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """Join a key with the metadata that the author wants on the message.

    Args:
        metadata: ``event_type`` and ``event_payload``, or ``None``.
        key: From :func:`mark`.
    """
    return _joined(metadata, _FIELD, key)


def stamped(metadata: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """Join the key of one request with what stands in the metadata; as :func:`marked`, in a field of its own."""
    return _joined(metadata, _STEP, key)


def _joined(metadata: Mapping[str, Any] | None, field: str, key: str) -> dict[str, Any]:
    given = metadata or {"event_type": _EVENT_TYPE, "event_payload": {}}
    return {**given, "event_payload": {**given["event_payload"], field: key}}


def is_stampable(metadata: object) -> bool:
    """Tell whether a key can be joined with it."""
    return isinstance(metadata, Mapping) and isinstance(metadata.get("event_payload"), Mapping)


def key_of(message: Mapping[str, Any]) -> str | None:
    """Return the key on a message as ``conversations.history`` gives it with ``include_all_metadata``.

    Args:
        message: The message.
    """
    return _read(message, _FIELD)


def step_of(message: Mapping[str, Any]) -> str | None:
    """Return the key of the request that posted a message; as :func:`key_of`."""
    return _read(message, _STEP)


def _read(message: Mapping[str, Any], field: str) -> str | None:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    key = payload.get(field) if isinstance(payload, Mapping) else None
    return key if isinstance(key, str) else None
