"""The error tree: what each error says and carries, that it survives a pickle, and that it keeps secrets."""

from __future__ import annotations

import asyncio
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

import slackrunbooks as sr
from slackrunbooks import errors
from slackrunbooks.testing import FakeSlack

CHANNEL = sr.ChannelCreated(channel="C0123ABCD", name="inc-1", requested_name="inc-1", is_private=False)
BODY = "the plan to move the data centre"


class Foreign(Exception):
    """A host's error whose ``__init__`` takes other arguments than it hands on, as many libraries have."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


# How to make one of each class, and the message that it has then.
EXAMPLES: dict[type[errors.SlackRunbooksError], tuple[Callable[[], errors.SlackRunbooksError], str]] = {
    sr.SlackRunbooksError: (lambda: sr.SlackRunbooksError("Something is wrong."), "Something is wrong."),
    sr.TemplateError: (
        lambda: sr.TemplateError("this {{ is never closed", line=2, column=3, place="steps.say.text"),
        "steps.say.text, line 2, column 3: this {{ is never closed",
    ),
    sr.MissingVariable: (
        lambda: sr.MissingVariable("Activity.titel", line=1, column=2, nearest=["Activity.title", "Activity.id"]),
        (
            "line 1, column 2: the context has no 'Activity.titel'. Did you mean 'Activity.title' or 'Activity.id'? "
            "To print it only when it is there, write {{#Activity.titel}}{{Activity.titel}}{{/Activity.titel}}."
        ),
    ),
    sr.RunbookError: (
        lambda: sr.RunbookError("must be text.", place="steps.say.text", file="b.yaml", line=4, column=2),
        "b.yaml, line 4, column 2: steps.say.text: must be text.",
    ),
    sr.CheckFailed: (
        lambda: sr.CheckFailed(
            [
                sr.Problem("steps.room.name", "is empty.", "Give a name.", error=sr.RunbookError("is empty.")),
                sr.Problem("", "the token is wrong."),
            ],
            subject="declare",
        ),
        (
            "declare: 2 problems; nothing was sent to Slack.\n- steps.room.name: is empty. Give a name.\n"
            "- the token is wrong."
        ),
    ),
    sr.StepFailed: (
        lambda: sr.StepFailed(
            "room", sr.NotPermitted("restricted_action", method="m", remedy="Ask."), run_id="r", output=CHANNEL
        ),
        (
            "Step 'room' failed: Slack refused m: restricted_action. Ask. Done before that: ChannelCreated("
            "channel='C0123ABCD', name='inc-1', requested_name='inc-1', is_private=False, adopted=False)."
        ),
    ),
    sr.PolicyViolation: (
        lambda: sr.PolicyViolation("#general is out of bounds.", bound="channels"),
        "#general is out of bounds.",
    ),
    sr.ApprovalRefused: (
        lambda: sr.ApprovalRefused("rejected", "U1 refused", by="U1", channel="C1", ts="1.000000"),
        (
            "Not approved (rejected): U1 refused. What was asked for was not done. Talk to whoever refused; run it "
            "again to ask again."
        ),
    ),
    sr.RunConflict: (
        lambda: sr.RunConflict("inc-1/declare", "it belongs to another runbook."),
        "Run 'inc-1/declare': it belongs to another runbook.",
    ),
    sr.RunHeld: (
        lambda: sr.RunHeld("inc-1/declare", "another thread runs it."),
        "Run 'inc-1/declare': another thread runs it.",
    ),
    sr.JournalError: (lambda: sr.JournalError("The disk is full."), "The disk is full."),
    sr.Unsupported: (
        lambda: sr.Unsupported("resume", "Run it again."),
        "This version does not support resume. Run it again.",
    ),
    sr.AmbiguousOutcome: (
        lambda: sr.AmbiguousOutcome(
            "chat.postMessage", "no answer within 30 seconds", sent_at=5.0, step="say", run_id="r"
        ),
        (
            "Step 'say': chat.postMessage was sent, but its answer was lost (no answer within 30 seconds). Look in "
            "Slack whether it happened before you run it again: a second chat.postMessage could do it twice."
        ),
    ),
    sr.SlackError: (
        lambda: sr.SlackError("fatal", method="chat.update", remedy="Wait.", detail="/blocks/0"),
        "Slack refused chat.update: fatal (/blocks/0). Wait.",
    ),
    sr.MissingScope: (
        lambda: sr.MissingScope(method="m", needed=["a:b", "c:d", "e:f"], granted=["g:h", "i:j"]),
        (
            "Slack refused m: missing_scope (the token has g:h, i:j). Add the scope 'a:b', 'c:d' or 'e:f' to the Slack "
            "app and install it again."
        ),
    ),
    sr.RateLimited: (
        lambda: sr.RateLimited(method="m", retry_after=300.0),
        (
            "Slack refused m: ratelimited. Send it again after 300 seconds, or raise max_wait of the RetryPolicy. "
            "Nothing was done."
        ),
    ),
    sr.SlackUnavailable: (
        lambda: sr.SlackUnavailable(method="m", remedy="Check the network.", detail="connection refused"),
        "m could not reach Slack: connection refused. Check the network.",
    ),
}
PLAIN_SLACK_ERRORS = (
    sr.AuthenticationFailed,
    sr.ChannelNotFound,
    sr.IsArchived,
    sr.NameTaken,
    sr.InvalidChannelName,
    sr.NotInChannel,
    sr.UserNotFound,
    sr.MessageNotFound,
    sr.InvalidBlocks,
    sr.NotPermitted,
)


def _plain(cls: type[errors.SlackError]) -> Callable[[], errors.SlackRunbooksError]:
    return lambda: cls("a_code", method="chat.update", remedy="Do this.")


EXAMPLES.update({cls: (_plain(cls), "Slack refused chat.update: a_code. Do this.") for cls in PLAIN_SLACK_ERRORS})


def tree(
    root: type[errors.SlackRunbooksError] = errors.SlackRunbooksError,
) -> Iterator[type[errors.SlackRunbooksError]]:
    """Walk down the library's own classes of error."""
    if root.__module__ == errors.__name__:
        yield root
        for heir in root.__subclasses__():
            yield from tree(heir)


def same(one: BaseException, other: BaseException) -> bool:
    """Tell whether two errors are of one class and hold the same, errors inside them included."""
    return type(one) is type(other) and str(one) == str(other) and _comparable(one) == _comparable(other)


def _comparable(error: BaseException) -> dict[str, Any]:
    return {
        name: (type(value), str(value), _comparable(value)) if isinstance(value, BaseException) else value
        for name, value in vars(error).items()
    }


def test_the_tree_has_every_class() -> None:
    """The docstring draws every class once, under its parent and in the order of the module, and all are public."""
    drawn: dict[str, str] = {}
    above: list[str] = []
    for match in re.finditer(
        r"^    ((?:│   |    )*(?:[├└]── )?)([A-Z]\w+)(?: +(\S.*))?$", errors.__doc__ or "", re.MULTILINE
    ):
        depth = len(match[1]) // 4
        del above[depth:]
        drawn[match[2]] = above[-1] if above else ""
        above.append(match[2])
        assert match[3] or depth == 0, f"{match[2]} is not explained"
    classes = list(tree())
    assert sorted(drawn) == sorted(cls.__name__ for cls in classes)
    for cls in classes:
        if cls is not sr.SlackRunbooksError:
            assert issubclass(cls, getattr(errors, drawn[cls.__name__])), cls
        assert cls.__name__ in errors.__all__
        assert getattr(sr, cls.__name__) is cls


def test_the_columns_of_the_tree_stand_below_each_other() -> None:
    """All explanations of the heirs of one class begin in the same column."""
    lines = [line for line in (errors.__doc__ or "").splitlines() if re.search(r"[├└]── \w+ +\S", line)]
    for level in ("    ├", "    └", "        ├", "        └"):
        columns = {len(re.match(r".*── \w+ +", line)[0]) for line in lines if line.startswith(level)}  # type: ignore[index]
        assert len(columns) <= 1, level


@pytest.mark.parametrize("cls", list(tree()), ids=lambda cls: cls.__name__)
def test_each_class_says_what_happened_and_what_to_do(cls: type[errors.SlackRunbooksError]) -> None:
    """A table has an example of every class, with the message as a person reads it."""
    make, message = EXAMPLES[cls]
    assert str(make()) == message
    assert isinstance(make().remedy, str)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("cls", list(tree()), ids=lambda cls: cls.__name__)
def test_each_class_survives_a_pickle(cls: type[errors.SlackRunbooksError], protocol: int) -> None:
    """An error that went through a pickle has the same class, message and attributes."""
    error = EXAMPLES[cls][0]()
    error.output = CHANNEL
    again = pickle.loads(pickle.dumps(error, protocol))
    assert same(error, again)
    assert again.output == CHANNEL


@given(cls=st.sampled_from(list(tree(errors.SlackError))), data=st.data())
def test_slack_errors_survive_a_pickle_whatever_they_hold(cls: type[errors.SlackError], data: st.DataObject) -> None:
    """For every heir of SlackError and any texts, the pickle gives back the same error."""
    options: dict[str, Any] = data.draw(
        st.fixed_dictionaries({"method": st.text()}, optional={"remedy": st.text(), "detail": st.text()})
    )
    code = data.draw(st.text())
    if cls is sr.RateLimited:
        options["retry_after"] = data.draw(st.floats(0, 1e6))
    if cls is sr.MissingScope:
        options["needed"] = data.draw(st.lists(st.text(min_size=1)))
        options["granted"] = data.draw(st.lists(st.text(min_size=1)))
    error = cls(code, **options)
    error.errors = ({"user": "U1", "error": "no_user"},)
    assert same(error, pickle.loads(pickle.dumps(error)))


@given(
    st.text(),
    st.integers(1, 99),
    st.integers(1, 99),
    st.text(),
    st.lists(st.text(min_size=1), max_size=3),
    st.one_of(st.none(), st.text()),
)
def test_errors_with_a_place_survive_a_pickle(
    reason: str, line: int, column: int, place: str, nearest: list[str], file: str | None
) -> None:
    """Template and runbook errors keep line, column, place, file and near names."""
    for error in (
        sr.TemplateError(reason, line=line, column=column, place=place),
        sr.MissingVariable(reason, line=line, column=column, place=place, nearest=nearest),
        sr.RunbookError(reason, place=place, file=file, line=line, column=column),
    ):
        assert same(error, pickle.loads(pickle.dumps(error)))


def test_a_step_failure_keeps_its_cause_through_a_pickle() -> None:
    """The error behind a StepFailed is its ``__cause__`` again after a pickle."""
    cause = sr.NotInChannel("not_in_channel", method="chat.postMessage", remedy="Invite the app.")
    again = pickle.loads(pickle.dumps(sr.StepFailed("say", cause, run_id="r")))
    assert again.__cause__ is again.error
    assert same(again.error, cause)
    assert (again.step, again.run_id, again.remedy, again.output) == ("say", "r", "Invite the app.", None)


def test_a_foreign_error_keeps_no_failure_from_travelling() -> None:
    """A host's error that cannot be read from its pickle becomes its text; one that can stays itself."""
    foreign = sr.StepFailed("own", Foreign(7, "the printer is on fire"))
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(foreign.error))
    again = pickle.loads(pickle.dumps(foreign))
    assert str(again) == str(foreign) == "Step 'own' failed: 7: the printer is on fire"
    assert str(again.error) == "Foreign: 7: the printer is on fire"
    assert again.__cause__ is again.error
    kept = pickle.loads(pickle.dumps(sr.StepFailed("own", ValueError("no"))))
    assert isinstance(kept.error, ValueError)


def test_an_error_gets_its_place_without_losing_anything() -> None:
    """``at`` gives the same error with a place, of the same class, and leaves the first as it was."""
    error = sr.MissingVariable("a.b", line=1, column=2, nearest=["a.c"])
    placed = error.at("steps.say.text")
    assert type(placed) is sr.MissingVariable
    assert str(placed).startswith("steps.say.text, line 1, column 2: the context has no 'a.b'. Did you mean 'a.c'? ")
    assert (placed.name, placed.nearest, placed.line, placed.column) == ("a.b", ("a.c",), 1, 2)
    assert (error.place, str(error).startswith("line 1, column 2: ")) == ("", True)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({}, "is wrong."),
        ({"place": "SendMessage.text"}, "SendMessage.text: is wrong."),
        ({"file": "b.yaml"}, "b.yaml: is wrong."),
        ({"line": 3}, "line 3: is wrong."),
        ({"line": 3, "column": 7}, "line 3, column 7: is wrong."),
        ({"file": "b.yaml", "line": 3}, "b.yaml, line 3: is wrong."),
        ({"file": "b.yaml", "line": 3, "column": 7, "place": "name"}, "b.yaml, line 3, column 7: name: is wrong."),
    ],
)
def test_a_runbook_error_says_all_it_knows_of_the_place(where: dict[str, Any], message: str) -> None:
    """File, line, column and place stand before the reason, as far as they are known."""
    error = sr.RunbookError("is wrong.", **where)
    assert str(error) == message
    assert error.reason == "is wrong."
    assert {name: getattr(error, name) for name in where} == where


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sr.MissingVariable("x", line=1, column=1), "the context has no 'x'. To print"),
        (lambda: sr.MissingVariable("x", line=1, column=1, nearest=["y"]), "has no 'x'. Did you mean 'y'? To print"),
        (
            lambda: sr.CheckFailed([sr.Problem("token", "is gone.")]),
            "1 problem; nothing was sent to Slack.\n- token: is gone.",
        ),
        (lambda: sr.StepFailed("s", ValueError("no")), "Step 's' failed: no"),
        (lambda: sr.AmbiguousOutcome("m", "cut off", sent_at=1.0), "m was sent, but its answer was lost (cut off). "),
        (lambda: sr.SlackError("x", method="m"), "Slack refused m: x."),
        (lambda: sr.MissingScope(method="m"), "Slack refused m: missing_scope (the token has no scopes)."),
        (
            lambda: sr.MissingScope(method="m", needed=["a:b"], detail="why"),
            "missing_scope (why). Add the scope 'a:b' to",
        ),
        (lambda: sr.MissingScope(method="m", needed=["a:b"], remedy="Ask."), "(the token has no scopes). Ask."),
        (lambda: sr.RateLimited(method="m", retry_after=1.5, remedy="Wait."), "Slack refused m: ratelimited. Wait."),
        (lambda: sr.SlackUnavailable(method="m"), "m could not reach Slack."),
    ],
)
def test_a_message_leaves_out_what_is_not_known(make: Callable[[], Exception], message: str) -> None:
    """Where a fact is missing, the sentence about it is missing too."""
    assert message in str(make())


def test_errors_can_be_caught_by_what_they_are() -> None:
    """What is wrong in the input is a ValueError too, and what is not built a NotImplementedError."""
    for cls in (sr.TemplateError, sr.RunbookError, sr.CheckFailed):
        assert issubclass(cls, ValueError)
    assert issubclass(sr.Unsupported, NotImplementedError)


def test_a_problem_is_one_line_and_equal_by_what_it_says() -> None:
    """A problem prints place, message and remedy; the error behind it does not count."""
    problem = sr.Problem("steps.room", "is wrong.", "Mend it.", error=sr.RunbookError("is wrong."))
    assert str(problem) == "steps.room: is wrong. Mend it."
    assert str(sr.Problem("", "is wrong.")) == "is wrong."
    assert problem == sr.Problem("steps.room", "is wrong.", "Mend it.")
    assert "RunbookError" not in repr(problem)


# --- secrets ---------------------------------------------------------------------------------------------------------

REFUSALS = {
    "invalid_auth": sr.AuthenticationFailed,
    "missing_scope": sr.MissingScope,
    "channel_not_found": sr.ChannelNotFound,
    "is_archived": sr.IsArchived,
    "not_in_channel": sr.NotInChannel,
    "user_not_found": sr.UserNotFound,
    "message_not_found": sr.MessageNotFound,
    "invalid_blocks": sr.InvalidBlocks,
    "restricted_action": sr.NotPermitted,
    "name_taken": sr.NameTaken,
    "invalid_name": sr.InvalidChannelName,
    "some_new_code": sr.SlackError,
}


def keeps(error: BaseException, *secrets: str) -> None:
    """Assert that an error, its attributes, its pickle and its causes hold none of the secrets."""
    shown = "".join(traceback.format_exception(type(error), error, None))
    for cause in (error, error.__cause__, error.__context__):
        if cause is not None:
            shown += f"{cause!r} {vars(cause)!r}"
            shown += pickle.dumps(cause).decode("latin-1")
    for secret in secrets:
        assert secret not in shown


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_no_refusal_holds_a_token_or_a_body(code: str, asynchronous: bool) -> None:
    """Whatever code Slack answers, neither the error nor its pickle has the token or the message's text."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    fake.fail_next("chat.postMessage", code)
    action = sr.SendMessage(channel="#incidents", text=BODY)

    def send() -> None:
        with fake.executor() as executor:
            executor.do(action)

    async def async_send() -> None:
        async with fake.async_executor() as executor:
            await executor.do(action)

    with pytest.raises(sr.SlackError) as refused:
        asyncio.run(async_send()) if asynchronous else send()
    assert type(refused.value) is REFUSALS[code]
    assert refused.value.code == code
    keeps(refused.value, fake.token, BODY)


def test_a_failed_run_holds_no_token_and_no_body() -> None:
    """Neither the report of a failed run nor the error it raises has the token or the message's text."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook("book", {"say": sr.SendMessage(channel="#incidents", text=BODY)})
    for fail in (
        lambda: fake.fail_next("chat.postMessage", "is_archived"),
        lambda: fake.lose_reply("chat.postMessage"),
    ):
        fail()
        with fake.executor(on_ambiguous="fail") as executor:
            report = executor.run(runbook)
        with pytest.raises(sr.StepFailed) as failed:
            report.raise_for_failure()
        keeps(failed.value, fake.token, BODY)
        for shown in (str(report), repr(report), str(report.to_dict()), report._repr_html_()):
            assert fake.token not in shown
            assert BODY not in shown


def test_a_refused_input_does_not_repeat_a_body() -> None:
    """An action that is wrong says so without the text of its message."""
    for make in (
        lambda: sr.SendMessage(channel="#c", text=BODY, markdown_text=BODY),
        lambda: sr.SendMessage(channel="#c", text=[BODY]),  # type: ignore[arg-type]
        lambda: sr.SendMessage(channel="#c", text=BODY + "{{a}}", metadata=BODY),  # type: ignore[arg-type]
        lambda: sr.Runbook("b", {"say": BODY}),  # type: ignore[dict-item]
        lambda: sr.Runbook.from_dict({"steps": {"say": {"send_message": BODY}}}),
        lambda: sr.Runbook.from_dict({"steps": {"say": BODY}}),
        lambda: sr.Runbook("b", {"say": sr.SendMessage(channel="#c", text=BODY + "{{")}),
    ):
        with pytest.raises(sr.SlackRunbooksError) as refused:
            make()
        keeps(refused.value, BODY)
