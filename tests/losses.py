"""The table of lost answers: what can be lost, of which action, and how to tell what stands afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slackrunbooks as sr
from slackrunbooks._effects import Repeat
from slackrunbooks.slack_methods import METHODS
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._faults import FAULTS, Fault, Seen

from .catalogue import CATALOGUE, Case, world

__all__ = ["CHANGING", "FATES", "LOOKS", "LOSSES", "READS", "break_look_ups", "effects", "plainly", "ready", "writes"]

LOSSES = {
    "reset before": ("reset_before", False),
    "reset after": ("applied_then_reset", True),
    "HTTP 500 before": ("server_error_before", False),
    "HTTP 500 after": ("server_error_after", True),
    "timeout before": ("timeout_before", False),
    "timeout after": ("timeout_after", True),
    "cut answer": ("truncated", True),
    "no JSON": ("not_json", True),
    "internal_error before": ("internal_error", False),
    "internal_error after": ("internal_error_after", True),
}
"""The fake's fault, and whether Slack acted."""

FATES = ("works", "fails", "no scope")
"""What may become of a look-up."""

LOOKS = {
    "chat.postMessage": ("conversations.history", "conversations.replies"),
    "conversations.create": ("conversations.list",),
    "conversations.rename": ("conversations.info",),
    "chat.scheduleMessage": ("chat.scheduledMessages.list",),
    "bookmarks.add": ("bookmarks.list",),
    "files.completeUploadExternal": ("files.list",),
}
"""By which methods it is looked up what became of a request."""

READS = {name for name, method in METHODS.items() if method.repeat is Repeat.READS}


def effects(fake: FakeSlack) -> dict[str, int]:
    """Count what stands in the workspace: what a second sending would double, and what a lost one would lack."""
    messages = [message for channel in fake.channels for message in channel.log.values() if not message.is_system]
    return {
        "messages": len(messages),
        "ephemeral": sum(len(channel.ephemeral) for channel in fake.channels),
        "channels": len(fake.channels),
        "bookmarks": sum(len(channel.bookmarks) for channel in fake.channels),
        "scheduled": len(fake.scheduled),
        "shared files": sum(len(file.shares) for file in fake.files),
        "canvases": len(fake.canvases),
        "canvas lines": sum(len(canvas.markdown.splitlines()) for canvas in fake.canvases),
        "pins": sum(len(channel.pins) for channel in fake.channels),
        "reactions": sum(len(people) for message in messages for people in message.reactions.values()),
        "members": sum(len(channel.members) for channel in fake.channels),
        "archived channels": sum(channel.is_archived for channel in fake.channels),
        "topics": sum(bool(channel.topic) + bool(channel.purpose) for channel in fake.channels),
        "edits": sum(message.edited is not None for message in messages),
        "withdrawn": sum(each.state == "deleted" for each in fake.scheduled),
        "names": sum(len(channel.previous_names) for channel in fake.channels),
        "people in groups": sum(len(group.users) for group in fake._workspace.usergroups.values()),
        "grants": sum(len(canvas.access) for canvas in fake.canvases),
    }


def ready(case: Case) -> tuple[FakeSlack, sr.Action[Any]]:
    """Make the workspace of a case, and its action."""
    fake = FakeSlack()
    world(fake)
    case.before(fake)
    action = case.make(fake)
    fake.calls.clear()
    return fake, action


def writes(case: Case) -> list[str]:
    """Return the methods that a case calls and that change something, in order."""
    fake, action = ready(case)
    with fake.executor() as executor:
        executor.do(action, case.context)
    return [call.method for call in fake.calls if call.method not in READS]


def plainly(case: Case) -> dict[str, int]:
    """Return what a run without any loss leaves."""
    fake, action = ready(case)
    with fake.executor() as executor:
        executor.do(action, case.context)
    return effects(fake)


CHANGING = [case for case in CATALOGUE if writes(case)]


def break_look_ups(fake: FakeSlack, fate: str, lost: str) -> Callable[[], None]:
    """Let the look-ups of recipes fail, behind whatever the action itself reads before its call.

    Args:
        fake: The workspace.
        fate: One of :data:`FATES`.
        lost: The method whose answer is lost; from its fault on they fail.

    Returns:
        What lets them fail from now on, without a fault.
    """
    looks = LOOKS.get(lost, ())
    armed = [False]
    plan = fake._faults
    original = plan.next

    def after_the_loss(method: str) -> Any:
        found = original(method)
        if found is not None and method == lost:
            armed[0] = True
        if found is None and armed[0] and method in looks and fate != "works":
            return FAULTS["server_error_before"] if fate == "fails" else Fault("x", Seen.ANSWER, code="missing_scope")
        return found

    def arm() -> None:
        armed[0] = True

    plan.next = after_the_loss  # type: ignore[method-assign]
    return arm
