"""Every exception of the library, and the problems one of them lists. A new one goes here, and into this tree.

Rule of this file: an error says what was asked, what came back and the next move, and carries the same facts as
attributes. None holds a token or the body of a message; all of them pickle.

::

    SlackRunbooksError
    ├── TemplateError               a template that cannot be parsed or rendered
    │   └── MissingVariable         it names something the context does not have
    ├── RunbookError                an action, step or runbook that is wrong in itself
    ├── CheckFailed                 problems found before the first effect
    ├── StepFailed                  a step of a run failed; the cause is chained
    ├── PolicyViolation             a bound of the executor's policy was met
    ├── ApprovalRefused             a person said no, or nobody said yes in time
    ├── RunConflict                 the run ID belongs to another runbook
    ├── RunHeld                     another worker is at work on this run
    ├── JournalError                the journal cannot be read or written
    ├── ConnectFailed               the app could not be connected to a workspace
    │   ├── StateRefused            nobody here asked for this answer: forged, used or too late
    │   ├── ConsentDenied           somebody clicked "Cancel"
    │   ├── ScopesWithheld          connected, but without scopes that the runbooks need
    │   └── NotInstalled            the store has no installation for the workspace
    ├── Unsupported                 part of the contract that this version does not have
    ├── AmbiguousOutcome            Slack may or may not have done it; nothing was sent again
    └── SlackError                  Slack refused, and said why
        ├── AuthenticationFailed    the token is missing, wrong, revoked or expired
        ├── MissingScope            the token lacks an OAuth scope
        ├── ChannelNotFound         no such channel, or none that the app can see
        ├── IsArchived              the channel is archived
        ├── NameTaken               a channel of that name exists
        ├── InvalidChannelName      Slack does not take that channel name
        ├── NotInChannel            the app is not a member
        ├── UserNotFound            no such person, or none that the app can see
        ├── MessageNotFound         no such message
        ├── InvalidBlocks           Block Kit that Slack refuses
        ├── NotPermitted            an administrator's setting forbids it
        ├── RateLimited             asked to wait longer than the retry policy allows
        └── SlackUnavailable        Slack could not be reached; certainly nothing was done
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "AmbiguousOutcome",
    "ApprovalRefused",
    "AuthenticationFailed",
    "ChannelNotFound",
    "CheckFailed",
    "ConnectFailed",
    "ConsentDenied",
    "InvalidBlocks",
    "InvalidChannelName",
    "IsArchived",
    "JournalError",
    "MessageNotFound",
    "MissingScope",
    "MissingVariable",
    "NameTaken",
    "NotInChannel",
    "NotInstalled",
    "NotPermitted",
    "PolicyViolation",
    "Problem",
    "RateLimited",
    "RunConflict",
    "RunHeld",
    "RunbookError",
    "ScopesWithheld",
    "SlackError",
    "SlackRunbooksError",
    "SlackUnavailable",
    "StateRefused",
    "StepFailed",
    "TemplateError",
    "Unsupported",
    "UserNotFound",
]

_E = TypeVar("_E", bound="SlackRunbooksError")
_T = TypeVar("_T", bound="TemplateError")


def _rebuild(cls: type[_E], args: tuple[Any, ...], state: dict[str, Any]) -> _E:
    """Make an error again from its pickle without calling its ``__init__``, whose arguments differ from ``args``."""
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    if isinstance(state.get("error"), BaseException):
        # A pickle has no causes; of a StepFailed the cause is an attribute too.
        error.__cause__ = state["error"]
    return error


def _portable(value: Any) -> Any:
    """Return a value that comes out of its pickle again; a foreign error that would not becomes its text.

    An error whose ``__init__`` takes other arguments than it hands on can be pickled, but not read again, and breaks
    the pool of processes that it should travel through.
    """
    if isinstance(value, BaseException) and not isinstance(value, SlackRunbooksError):
        import pickle

        try:
            pickle.loads(pickle.dumps(value))  # noqa: S301 - what was pickled a moment ago, here
        except Exception:  # noqa: BLE001 - whatever keeps it from being read again
            return SlackRunbooksError(f"{type(value).__name__}: {value}")
    return value


class SlackRunbooksError(Exception):
    """The root of every error that this library raises.

    Attributes:
        remedy: The next move, as a sentence; empty where the message says it all.
        output: What an action had achieved before it failed (the channel that does exist), or ``None``.
    """

    remedy: str = ""
    output: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: _portable(value) for key, value in self.__dict__.items() if not key.startswith("__")}
        return _rebuild, (type(self), self.args, state)


class TemplateError(SlackRunbooksError, ValueError):
    """A template cannot be parsed, or cannot be rendered with this context.

    Attributes:
        reason: What is wrong, without the place.
        line: Line of the template, from 1.
        column: Column in that line, from 1, counted in characters.
        place: Where the template stands (``steps.announce.text``); empty for a template of its own.
    """

    def __init__(self, reason: str, *, line: int, column: int, place: str = "") -> None:
        self.reason = reason
        self.line = line
        self.column = column
        self.place = place
        super().__init__(self._message())

    def _message(self) -> str:
        position = f"line {self.line}, column {self.column}"
        return f"{self.place}, {position}: {self.reason}" if self.place else f"{position}: {self.reason}"

    def at(self: _T, place: str) -> _T:  # noqa: PYI019 - Self needs Python 3.11
        """Return the same error with the place where the template stands.

        Args:
            place: A dotted place such as ``steps.announce.text``.
        """
        error = _rebuild(type(self), self.args, {**self.__dict__, "place": place})
        error.args = (TemplateError._message(error),)
        return error


class MissingVariable(TemplateError):
    """A template prints a name that the context does not have.

    Attributes:
        name: The whole dotted name, as the template has it.
        nearest: Existing names that come closest, best first; may be empty.
    """

    def __init__(self, name: str, *, line: int, column: int, nearest: Sequence[str] = (), place: str = "") -> None:
        self.name = name
        self.nearest = tuple(nearest)
        hint = f" Did you mean {_either(self.nearest)}?" if self.nearest else ""
        super().__init__(
            f"the context has no {name!r}.{hint} To print it only when it is there, "
            f"write {{{{#{name}}}}}{{{{{name}}}}}{{{{/{name}}}}}.",
            line=line,
            column=column,
            place=place,
        )


class RunbookError(SlackRunbooksError, ValueError):
    """An action, a step or a whole runbook is wrong in itself, whatever the context.

    Attributes:
        reason: What is wrong and what to write instead, without the place.
        place: Where: ``steps.room.name``, or ``SendMessage.text`` for an action built in Python.
        file: The file, if it came from one.
        line: Line in that file, from 1, or ``None``.
        column: Column in that line, from 1, or ``None``.
    """

    def __init__(
        self,
        reason: str,
        *,
        place: str = "",
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.reason = reason
        self.place = place
        self.file = file
        self.line = line
        self.column = column
        where = file or ""
        if line is not None:
            where = f"{where}, line {line}" if where else f"line {line}"
            where += f", column {column}" if column is not None else ""
        super().__init__(": ".join(part for part in (where, place, reason) if part))


@attrs.frozen
class Problem:
    """One thing that is wrong, found by looking only. It prints as one line.

    Attributes:
        place: Where: ``steps.announce.text``; with line and column where it stands in a template.
        message: What is wrong.
        remedy: What to do about it; may be empty where the message says it.
        severity: ``"error"``, or ``"warning"`` for what cannot stop a run.
        error: The typed error behind it, where there is one.
    """

    place: str
    message: str
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"
    error: SlackRunbooksError | None = attrs.field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text} {self.remedy}" if self.remedy else text


class CheckFailed(SlackRunbooksError, ValueError):
    """Problems were found before anything was sent to Slack, so nothing was sent.

    Attributes:
        problems: All of them, each with its place and its remedy.
    """

    def __init__(self, problems: Sequence[Problem], *, subject: str = "") -> None:
        self.problems = tuple(problems)
        self.subject = subject
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        head = f"{subject}: {count}; nothing was sent to Slack." if subject else f"{count}; nothing was sent to Slack."
        super().__init__("\n".join([head, *(f"- {problem}" for problem in self.problems)]))


class StepFailed(SlackRunbooksError):
    """A step of a run failed. ``__cause__`` is the error itself.

    Attributes:
        run_id: The run.
        step: Name of the first step that failed.
        error: What went wrong there.
        output: What the step had achieved before (the channel that does exist), or ``None``.
    """

    def __init__(self, step: str, error: BaseException, *, run_id: str = "", output: object = None) -> None:
        self.step = step
        self.error = error
        self.run_id = run_id
        self.output = output
        self.remedy = getattr(error, "remedy", "")
        achieved = f" Done before that: {output!r}." if output is not None else ""
        super().__init__(f"Step {step!r} failed: {error}{achieved}")


class PolicyViolation(SlackRunbooksError):
    """A request would cross a bound of the executor's policy, so it was not sent.

    Attributes:
        bound: The attribute of :class:`Policy` that was met (``"channels"``); empty where it could not be found out.
        method: The method of the request; empty for what was refused before there was one.
    """

    def __init__(self, message: str, *, bound: str, method: str = "") -> None:
        self.bound = bound
        self.method = method
        super().__init__(message)


_AFTER_REFUSAL = {
    "rejected": "What was asked for was not done. Talk to whoever refused; run it again to ask again.",
    "expired": "What was asked for was not done. Run it again to ask again, or name more people who may approve.",
    "withdrawn": "What was asked for was not done. Run it again to ask again.",
}


class ApprovalRefused(SlackRunbooksError):
    """A person refused, or nobody allowed to approve did so in time.

    Attributes:
        code: ``rejected``, ``expired`` (nobody answered in time) or ``withdrawn`` (the request was deleted).
        reason: The same in words.
        by: User ID of whoever refused, or ``None``.
        channel: ID of the channel in which it was asked for, or ``""``.
        ts: The request's ID there, Slack's string, or ``""``.
    """

    def __init__(self, code: str, reason: str, *, by: str | None = None, channel: str = "", ts: str = "") -> None:
        self.code = code
        self.reason = reason
        self.by = by
        self.channel = channel
        self.ts = ts
        self.remedy = _AFTER_REFUSAL[code]
        super().__init__(f"Not approved ({code}): {reason}. {self.remedy}")


class RunConflict(SlackRunbooksError):
    """The run ID belongs to a run of another runbook.

    Attributes:
        run_id: The run ID.
    """

    def __init__(self, run_id: str, reason: str) -> None:
        self.run_id = run_id
        super().__init__(f"Run {run_id!r}: {reason}")


class RunHeld(SlackRunbooksError):
    """Another worker is at work on this run.

    Attributes:
        run_id: The run ID.
    """

    def __init__(self, run_id: str, reason: str) -> None:
        self.run_id = run_id
        super().__init__(f"Run {run_id!r}: {reason}")


class JournalError(SlackRunbooksError):
    """The journal cannot be read or written; nothing further was sent."""


class ConnectFailed(SlackRunbooksError):
    """The app could not be connected to a workspace, or is not. It holds no code, state or token.

    Attributes:
        code: What failed: Slack's error code where Slack refused, else ``no_code``, ``repeated_argument``,
            ``no_token``, ``answer_lost``, ``store_failed``, ``timed_out`` or the code of an heir.
        reason: The same in words.
    """

    def __init__(self, code: str, reason: str, remedy: str = "") -> None:
        self.code = code
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"Not connected ({code}): {reason}" + (f" {remedy}" if remedy else ""))


class StateRefused(ConnectFailed):
    """The ``state`` that came back was not issued here, was used before, is too old, or is another browser's."""


class ConsentDenied(ConnectFailed):
    """Somebody was asked to allow the app, and did not."""


class ScopesWithheld(ConnectFailed):
    """The app was connected and its token is kept, but it lacks scopes that were asked for.

    Attributes:
        scopes: The scopes that it lacks, sorted.
    """

    def __init__(self, code: str, reason: str, remedy: str = "", *, scopes: Sequence[str] = ()) -> None:
        super().__init__(code, reason, remedy)
        self.scopes = tuple(scopes)


class NotInstalled(ConnectFailed):
    """The store has no installation for that workspace."""


class Unsupported(SlackRunbooksError, NotImplementedError):
    """Part of the contract that this version does not have. Nothing was done.

    Attributes:
        feature: What was asked for.
    """

    def __init__(self, feature: str, instead: str) -> None:
        self.feature = feature
        self.remedy = instead
        super().__init__(f"This version does not support {feature}. {instead}")


class AmbiguousOutcome(SlackRunbooksError):
    """A request left, and no answer tells whether Slack acted on it. It was not sent again.

    Attributes:
        method: The Web API method.
        reason: What happened to the answer.
        step: The step, or ``""`` for a single action.
        run_id: The run.
        sent_at: When the request left, in seconds since 1970 (UTC).
        call: Which call of the step it is, from 1, as in ``StepReport.calls``.
        doubles: Whether sending the same request again could do it twice.
        kept: Whether a journal keeps the run, so that it can go on when a person has looked.
        function: Whether it is a function of the host; then ``method`` is its name.
        workspace: Team ID of the other workspace to which it was sent; ``""`` for the run's own.
    """

    def __init__(
        self,
        method: str,
        reason: str,
        *,
        sent_at: float,
        step: str = "",
        run_id: str = "",
        call: int = 0,
        doubles: bool = True,
        kept: bool = False,
        function: bool = False,
        workspace: str = "",
    ) -> None:
        self.method = method
        self.function = function
        self.workspace = workspace
        self.reason = reason
        self.call = call
        self.kept = kept
        self.step = step
        self.run_id = run_id
        self.sent_at = sent_at
        self.doubles = doubles
        there = f" (workspace {workspace})" if workspace else ""
        look = "Look whether it has done its work" if function else f"Look in Slack{there} whether it happened"
        if kept:
            reply = ", reply=what it returned" if function else ""
            self.remedy = f"{look}, and tell: resolve({run_id!r}, {step!r}, call={call}, applied=…{reply})."
        elif doubles:
            self.remedy = f"{look} before you run it again: a second {method} could do it twice."
        else:
            self.remedy = f"{look}, or run it again: a second {method} cannot do it twice."
        where = f"Step {step!r}: " if step else ""
        lost = "was called, and what became of it is not known" if function else "was sent, but its answer was lost"
        super().__init__(f"{where}{method} {lost} ({reason}). {self.remedy}")


class SlackError(SlackRunbooksError):
    """Slack refused a request and said why.

    Attributes:
        code: Slack's error code (``channel_not_found``).
        method: The Web API method.
        remedy: What to do about it.
        detail: What Slack added in ``response_metadata.messages``, ``errors`` or the like; never the request.
        errors: The entries that Slack gave for each person of an invitation, if it did.
    """

    errors: tuple[Mapping[str, Any], ...] = ()

    def __init__(self, code: str, *, method: str, remedy: str = "", detail: str = "") -> None:
        self.code = code
        self.method = method
        self.remedy = remedy
        self.detail = detail
        super().__init__(" ".join(part for part in (self._head(), remedy) if part))

    @property
    def docs(self) -> str:
        """Where the code is explained, below ``docs/``: ``slack-errors.md#name_taken``; empty for an unknown code."""
        from ._slack_errors import anchor

        found = anchor(self.method, self.code)
        return f"slack-errors.md#{found}" if found else ""

    def _head(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"Slack refused {self.method}: {self.code}{detail}."

    def _found_out(self) -> str:
        """Say what this library found out without a refusal by Slack."""
        return f"{self.detail[:1].upper()}{self.detail[1:]} ({self.code})."


class AuthenticationFailed(SlackError):
    """The token is missing, wrong, revoked, expired or of the wrong kind. ``method`` is empty if nothing was sent."""

    def _head(self) -> str:
        return super()._head() if self.method else self._found_out()


class MissingScope(SlackError):
    """The token lacks an OAuth scope.

    Attributes:
        needed: The scopes of which any one is enough, as far as known.
        granted: The scopes that the token has.
    """

    def __init__(
        self,
        code: str = "missing_scope",
        *,
        method: str,
        needed: Sequence[str] = (),
        granted: Sequence[str] = (),
        remedy: str = "",
        detail: str = "",
    ) -> None:
        self.needed = tuple(needed)
        self.granted = tuple(granted)
        if needed and not remedy:
            remedy = f"Add the scope {_either(self.needed)} to the Slack app and install it again."
        if not detail:
            detail = f"the token has {', '.join(self.granted) or 'no scopes'}"
        super().__init__(code, method=method, remedy=remedy, detail=detail)


class ChannelNotFound(SlackError):
    """No such channel, or none that the app can see."""

    def _head(self) -> str:
        # A list that lacks the channel is no refusal.
        return self._found_out() if self.method == "conversations.list" else super()._head()


class IsArchived(SlackError):
    """The channel is archived."""


class NameTaken(SlackError):
    """A channel of that name exists, perhaps archived or private."""


class InvalidChannelName(SlackError):
    """Slack does not take that channel name."""


class NotInChannel(SlackError):
    """The app is not a member of the channel."""


class UserNotFound(SlackError):
    """No such person, or none that the app can see."""


class MessageNotFound(SlackError):
    """No such message in that channel."""


class InvalidBlocks(SlackError):
    """Slack refuses the blocks; ``detail`` has the JSON pointer it names."""


class NotPermitted(SlackError):
    """A setting of the workspace, or the app's role in it, forbids the request."""


class RateLimited(SlackError):
    """Slack asks to wait longer than the retry policy allows.

    Attributes:
        retry_after: Seconds to wait before the next request of this method.
    """

    def __init__(
        self, code: str = "ratelimited", *, method: str, retry_after: float, remedy: str = "", detail: str = ""
    ) -> None:
        self.retry_after = retry_after
        remedy = remedy or (
            f"Send it again after {retry_after:g} seconds, or raise max_wait of the RetryPolicy. Nothing was done."
        )
        super().__init__(code, method=method, remedy=remedy, detail=detail)


class SlackUnavailable(SlackError):
    """Slack could not be reached, and certainly nothing was done (or the request only reads)."""

    def __init__(self, code: str = "unreachable", *, method: str, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, method=method, remedy=remedy, detail=detail)

    def _head(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        return f"{self.method} could not reach Slack{detail}."


def _either(names: Sequence[str]) -> str:
    """Join names for a sentence: ``'a'``, ``'a' or 'b'``, ``'a', 'b' or 'c'``."""
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
