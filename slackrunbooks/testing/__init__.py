"""Tests without Slack: a stateful workspace that answers as Slack's documentation says.

Rule of this file: names only. The fake, and with it slack_sdk, is loaded when a name is first used, because the pytest
plugin of this package is loaded by every test session of every project that has the library installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._calls import FakeCall
    from ._clock import VirtualClock
    from ._fake import FakeSlack
    from ._faults import Fault
    from ._http import FakeServer
    from ._oauth import FakeApp, FakeInstallation
    from ._state import (
        FakeCanvas,
        FakeChannel,
        FakeEphemeral,
        FakeFile,
        FakeMessage,
        FakeScheduled,
        FakeUser,
        FakeUsergroup,
        Notification,
    )

__all__ = [
    "FakeApp",
    "FakeCall",
    "FakeCanvas",
    "FakeChannel",
    "FakeEphemeral",
    "FakeFile",
    "FakeInstallation",
    "FakeMessage",
    "FakeScheduled",
    "FakeServer",
    "FakeSlack",
    "FakeUser",
    "FakeUsergroup",
    "Fault",
    "Notification",
    "VirtualClock",
]

_HOMES = {
    "FakeApp": "_oauth",
    "FakeCall": "_calls",
    "FakeCanvas": "_state",
    "FakeChannel": "_state",
    "FakeEphemeral": "_state",
    "FakeFile": "_state",
    "FakeInstallation": "_oauth",
    "FakeMessage": "_state",
    "FakeScheduled": "_state",
    "FakeServer": "_http",
    "FakeSlack": "_fake",
    "FakeUser": "_state",
    "FakeUsergroup": "_state",
    "Fault": "_faults",
    "Notification": "_state",
    "VirtualClock": "_clock",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
