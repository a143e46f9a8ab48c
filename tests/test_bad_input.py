"""Bad input: one clear message each, and no call of Slack."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

CONTEXT = {"Activity": {"id": "INC-42", "title": "API down", "severity": "SEV1"}}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}

ACTIONS = [
    (
        "unknown variable",
        lambda: sr.SendMessage(channel="#incidents", text="*{{Activity.titel}}*"),
        sr.MissingVariable,
        "text, line 1, column 2: the context has no 'Activity.titel'. Did you mean 'Activity.title'",
    ),
    (
        "unknown variable on the second line of a block",
        lambda: sr.SendMessage(
            channel="#incidents", blocks=[{**SECTION, "text": {"type": "mrkdwn", "text": "a\n {{Activity.sevrity}}"}}]
        ),
        sr.MissingVariable,
        "blocks/0/text/text, line 2, column 2: the context has no 'Activity.sevrity'. Did you mean 'Activity.severity'",
    ),
    (
        "unclosed tag",
        lambda: sr.SendMessage(channel="#incidents", text="hello {{Activity.title"),
        sr.TemplateError,
        "text, line 1, column 7: ",
    ),
    (
        "bad channel name",
        lambda: sr.SendMessage(channel="#bad name!", text="x"),
        sr.CheckFailed,
        "SendMessage.channel: '#bad name!' is no channel: ",
    ),
    (
        "a channel name with nothing in it",
        lambda: sr.CreateChannel(name="!!!"),
        sr.CheckFailed,
        "CreateChannel.name: no letter or digit is left of '!!!' under Slack's naming rules.",
    ),
    (
        "51 blocks",
        lambda: sr.SendMessage(channel="#incidents", blocks=[SECTION] * 51),
        sr.CheckFailed,
        "SendMessage.blocks: ",
    ),
    (
        "251 characters of topic",
        lambda: sr.SetTopic(channel="C0123ABCD", topic="{{Activity.title}}" + "x" * 243),
        sr.CheckFailed,
        "SetTopic.topic: has 251 characters; Slack takes 250. Shorten it.",
    ),
    (
        "empty message",
        lambda: sr.SendMessage(channel="#incidents", text="{{#Activity.note}}{{Activity.note}}{{/Activity.note}} "),
        sr.CheckFailed,
        "SendMessage.text: is empty, and Slack refuses an empty message (no_text). Say something.",
    ),
    (
        "a message that Slack would split",
        lambda: sr.SendMessage(channel="#incidents", text="x" * 4001),
        sr.CheckFailed,
        "SendMessage.text: has 4001 characters; over 4000 Slack cuts or splits a message.",
    ),
    (
        "a flag that is neither true nor false",
        lambda: sr.CreateChannel(name="x", is_private="{{Activity.severity}}"),
        sr.CheckFailed,
        "is_private: must be true or false, not 'SEV1'.",
    ),
    (
        "people who are no people",
        lambda: sr.InviteToChannel(channel="C0123ABCD", users="{{Activity.title}}"),
        sr.CheckFailed,
        "InviteToChannel.users: 'API' is",
    ),
    (
        "nobody",
        lambda: sr.SendDirectMessage(users=[], text="x"),
        sr.CheckFailed,
        "SendDirectMessage.users: names nobody. Give user IDs or e-mail addresses.",
    ),
    (
        "a group that is too large",
        lambda: sr.SendDirectMessage(users=[f"U00000000{number}" for number in range(9)], text="x"),
        sr.CheckFailed,
        "SendDirectMessage.users: names 9 people; a group message takes 8.",
    ),
    (
        "a ts that is none",
        lambda: sr.UpdateMessage(channel="C0123ABCD", ts="1503435956.00024", text="x"),
        sr.CheckFailed,
        "UpdateMessage.ts: '1503435956.00024' is no ts. Slack's ts has six digits behind the point: 1503435956.000247.",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), [row[1:] for row in ACTIONS], ids=[row[0] for row in ACTIONS])
def test_a_filled_action_that_is_wrong_is_not_sent(make: Any, error: type[Exception], message: str) -> None:
    """``do`` and ``run`` refuse it with the message, ``check`` and ``plan`` tell it, and Slack is not called."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.executor() as executor:
        with pytest.raises(error) as refused:
            executor.do(make(), CONTEXT)
        assert message in str(refused.value)
        assert fake.calls == []
        if error is sr.TemplateError:
            # A template that cannot be parsed never becomes a runbook.
            with pytest.raises(sr.TemplateError, match="steps.step.text, line 1, column 7"):
                sr.Runbook("book", {"step": make()})
            return
        runbook = sr.Runbook("book", {"step": make()})
        with pytest.raises(sr.CheckFailed) as checked:
            executor.run(runbook, CONTEXT)
        assert "book: 1 problem; nothing was sent to Slack.\n- steps.step." in str(checked.value)
        assert fake.calls == []
        assert len(executor.plan(runbook, CONTEXT).problems) == 1


def test_all_problems_are_reported_together() -> None:
    """A run with several faults names each with its place before anything is sent."""
    fake = FakeSlack()
    runbook = sr.Runbook(
        "book",
        {
            "room": sr.CreateChannel(name="!!!", topic="x" * 251),
            "say": sr.SendMessage(channel="#incidents", text="{{Activity.titel}} {{Activty.id}}"),
            "nice": sr.Step(sr.SendMessage(channel="#incidents", text="{{Activity.owner}}"), on_error="continue"),
        },
    )
    with fake.executor() as executor, pytest.raises(sr.CheckFailed) as refused:
        executor.run(runbook, CONTEXT)
    assert [problem.place for problem in refused.value.problems] == [
        "steps.room.name",
        "steps.room.topic",
        "steps.say.text, line 1, column 1",
        "steps.say.text, line 1, column 20",
    ]
    assert fake.calls == []


def test_a_cosmetic_step_stops_no_incident() -> None:
    """What is wrong with an ``on_error="continue"`` step is a warning; the run goes on without it."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    runbook = sr.Runbook(
        "book",
        {
            "nice": sr.Step(sr.SendMessage(channel="#incidents", text="{{Activity.owner}}"), on_error="continue"),
            "room": sr.CreateChannel(name="inc-{{Activity.id}}"),
        },
    )
    with fake.executor() as executor:
        found = executor.check(runbook, CONTEXT)
        report = executor.run(runbook, CONTEXT)
    assert found.ok and [problem.place for problem in found.warnings] == ["steps.nice.text, line 1, column 1"]
    assert report.ok and [step.outcome for step in report.steps] == ["failed", "succeeded"]
    assert isinstance(report["nice"].error, sr.MissingVariable)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sr.SendMessage(channel="#c"), "SendMessage: has nothing to say: give text, markdown_text or blocks."),
        (lambda: sr.SendMessage(channel=5, text="x"), "SendMessage.channel: must be text, not a value of type int."),
        (
            lambda: sr.SendMessage(channel="#c", text="x", markdown_text="y"),
            "SendMessage: has markdown_text beside text or blocks, which Slack refuses (markdown_text_conflict)",
        ),
        (
            lambda: sr.SendMessage(channel="#c", text="x", reply_broadcast=True),
            "SendMessage.reply_broadcast: is set, but there is no thread_ts: only a reply can be broadcast.",
        ),
        (
            lambda: sr.SendMessage(channel="#c", text="x", thread_ts=1503435956.000247),
            "SendMessage.thread_ts: must be text, not a value of type float. Slack's ts is text, and a number loses ",
        ),
        (
            lambda: sr.SendMessage(channel="#c", text="x", metadata={"id": 1}),
            "SendMessage.metadata: must have event_type and event_payload (https://docs.slack.dev/messaging/",
        ),
        (
            lambda: sr.SendMessage(channel="#c", text="x", metadata={"event_type": "a", "event_payload": "x"}),
            "SendMessage.metadata.event_payload: must be a mapping, as Slack wants an object (https://docs.slack.dev/",
        ),
        (
            lambda: sr.PostOrUpdateMessage(
                channel="#c", key="x", text="x", metadata={"event_type": "a", "event_payload": None}
            ),
            "PostOrUpdateMessage.metadata.event_payload: must be a mapping, as Slack wants an object (https://docs.",
        ),
        (
            lambda: sr.CreateChannel(name="x", is_private="yes"),
            "CreateChannel.is_private: must be true or false, not 'yes'.",
        ),
        (
            lambda: sr.CreateChannel(name="x", if_taken="adopt"),
            'CreateChannel.marker: if_taken="adopt" needs a marker, such as marker="{{Activity.id}}": it proves that ',
        ),
        (
            lambda: sr.CreateChannel(name="x", if_taken="retry"),
            "CreateChannel.if_taken: must be one of 'fail', 'adopt', 'suffix', not 'retry'.",
        ),
        (
            lambda: sr.InviteToChannel(channel="C1", users=[1]),
            "InviteToChannel.users: must be text or a list of texts (user IDs, e-mail addresses), not a value of type",
        ),
        (lambda: sr.SendMessage(channel="#c", blocks=5), "blocks: must be a list, not "),
        (
            lambda: sr.SendMessage(channel="#c", blocks="{{Activity.blocks}}"),
            "blocks: cannot be made by a template: a value could then add blocks or mentions.",
        ),
    ],
)
def test_an_action_that_is_wrong_is_refused_when_it_is_built(make: Any, message: str) -> None:
    """What is wrong whatever the context is refused at once, with the class, the field and what to do."""
    with pytest.raises(sr.RunbookError) as refused:
        make()
    assert str(refused.value).startswith(message)


def test_without_a_token_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No token is one clear error, raised by do and run, told by check, and no concern of plan."""
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    runbook = sr.Runbook("book", {"say": sr.SendMessage(channel="#incidents", text="x")})
    with sr.Executor() as executor:
        with pytest.raises(sr.AuthenticationFailed, match="SLACK_BOT_TOKEN"):
            executor.run(runbook, CONTEXT, run_id="r")
        with pytest.raises(sr.AuthenticationFailed):
            executor.do(sr.SetTopic(channel="C0123ABCD", topic="x"))
        assert [problem.place for problem in executor.check(runbook, CONTEXT).problems] == ["token"]
        assert not executor.plan(runbook, CONTEXT).problems
        with pytest.raises(KeyError):
            executor.report("r")


def test_a_wrong_token_is_refused_by_its_code() -> None:
    """A token that Slack does not know is a typed error, and is not printed."""
    fake = FakeSlack()
    fake.add_channel("incidents")
    with fake.serve() as server:
        client = sr.PooledWebClient("xoxb-not-this-one", base_url=server.url)
        with sr.Executor(client=client) as executor, pytest.raises(sr.AuthenticationFailed) as refused:
            executor.do(sr.SendMessage(channel="#incidents", text="x"))
        client.close()
    assert refused.value.code == "invalid_auth"
    assert "xoxb" not in str(refused.value) and refused.value.remedy
    assert fake.channel("incidents").messages == []


@pytest.mark.parametrize("asynchronous", [False, True])
def test_without_a_network_it_says_so(asynchronous: bool) -> None:
    """A connection that is refused was tried as often as the policy allows, and certainly nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api/"
        retry = sr.RetryPolicy(attempts=2, first_wait=0)
        action = sr.SendMessage(channel="#incidents", text="x")

        async def send_async() -> None:
            client = sr.PooledAsyncWebClient("xoxb-fake", base_url=url)
            try:
                await sr.AsyncExecutor(client=client, retry=retry).do(action)
            finally:
                await client.close()

        def send() -> None:
            with sr.PooledWebClient("xoxb-fake", base_url=url) as client:
                sr.Executor(client=client, retry=retry).do(action)

        with pytest.raises(sr.SlackUnavailable) as refused:
            asyncio.run(send_async()) if asynchronous else send()
    assert "could not reach Slack: " in str(refused.value)
    assert "Nothing was sent. Check the network, the proxy and the base URL." in str(refused.value)


def test_twenty_calls_use_one_connection() -> None:
    """A run over HTTP keeps its connection, sync and async."""
    for kind in ("executor", "async_executor"):
        fake = FakeSlack()
        fake.add_channel("incidents")
        steps = {f"s{number}": sr.SendMessage(channel="#incidents", text="x") for number in range(20)}
        runbook = sr.Runbook("twenty", steps)
        with fake.serve() as server:
            if kind == "executor":
                with server.executor() as executor:
                    assert executor.run(runbook).ok
            else:

                async def run(server: Any = server, runbook: sr.Runbook = runbook) -> bool:
                    async with server.async_executor() as executor:
                        return bool((await executor.run(runbook)).ok)

                assert asyncio.run(run())
            assert (server.connections, len(fake.calls)) == (1, 20)


LATER: list[tuple[str, Any]] = [
    (
        "submit without a journal",
        lambda: sr.Executor().submit(sr.Runbook("b", {"s": sr.SetTopic(channel="C1", topic="x")})),
    ),
    ("resume without a journal", lambda: sr.Executor().resume("r")),
    ("retry without a journal", lambda: sr.Executor().retry("r")),
    ("cancel without a journal", lambda: sr.Executor().cancel("r")),
    ("signal without a journal", lambda: sr.Executor().signal("r", "go")),
    ("resolve without a journal", lambda: sr.Executor().resolve("r", "s", call=1, applied=True)),
    *(
        (
            f"the step option '{option}'",
            lambda option=option: sr.Step(sr.SetTopic(channel="C1", topic="x"), **{option: 1}),
        )
        for option in ("concurrency",)
    ),
]


@pytest.mark.parametrize(("feature", "use"), LATER, ids=[row[0] for row in LATER])
def test_what_is_not_built_yet_is_refused_by_name(feature: str, use: Any) -> None:
    """No part of the contract is silently ignored."""
    with pytest.raises(sr.Unsupported) as refused:
        use()
    assert refused.value.feature == feature
    assert str(refused.value).startswith(f"This version does not support {feature}. ")
    assert refused.value.remedy


def test_wrong_subjects_are_named() -> None:
    """A runbook given to do, a context that is no mapping, a client beside a token: each says what to do."""
    runbook = sr.Runbook("book", {"say": sr.SendMessage(channel="#incidents", text="x")})
    fake = FakeSlack()
    with fake.executor() as executor:
        with pytest.raises(sr.RunbookError, match="Use run for a runbook"):
            executor.do(runbook)
        with pytest.raises(sr.RunbookError, match="context: must be a mapping of plain data"):
            executor.run(runbook, ["x"])
        with pytest.raises(sr.RunbookError, match="run_id: must be text that is not empty"):
            executor.run(runbook, run_id="")
        with pytest.raises(sr.CheckFailed, match="the context's 'steps' is the run's own"):
            executor.run(runbook, {"steps": {}})
    with pytest.raises(sr.RunbookError, match="Executor.pacing: must be a Pacing, not int"):
        sr.AsyncExecutor(pacing=3)  # type: ignore[arg-type]
    with pytest.raises(sr.RunbookError, match="takes a client or a token, not both"):
        sr.Executor(client=fake.client, token="xoxb-fake")
    assert fake.calls == []


def test_names_that_are_not_there_say_so() -> None:
    """A typing error in Python; a command of a later version is told from one."""
    from slackrunbooks.cli import main

    with pytest.raises(AttributeError, match="no attribute 'SendMesage'$"):
        _ = sr.SendMesage  # type: ignore[attr-defined]
    assert main(["serve-fake"]) == 2


def test_nothing_is_tried_more_often_than_the_policy_says() -> None:
    """Without a network the attempts are those of the policy, and the report counts them."""
    fake = FakeSlack()
    fake.inject("chat.postMessage", "refused", times=9)
    runbook = sr.Runbook("down", {"say": sr.SendMessage(channel="#incidents", text="x")})
    with fake.executor(retry=sr.RetryPolicy(attempts=3)) as executor:
        report = executor.run(runbook)
    assert (report["say"].outcome, report["say"].attempts, fake.naps) == ("failed", 3, [0.5, 1.0])
    assert isinstance(report["say"].error, sr.SlackUnavailable)
    assert fake.unfired


@pytest.mark.parametrize("payload", ["text", "{{b}}", None, [1], 5])
@pytest.mark.parametrize(
    "make",
    [
        lambda **metadata: sr.SendMessage(channel="#c", text="x", **metadata),
        lambda **metadata: sr.PostOrUpdateMessage(channel="#c", key="x", text="x", **metadata),
        lambda **metadata: sr.UpdateMessage(channel="C0123ABCD", ts="1503435956.000247", text="x", **metadata),
        lambda **metadata: sr.RequestApproval(channel="#c", approvers="U0ANN00001", text="x", **metadata),
    ],
)
def test_metadata_that_a_template_makes_no_object_of_is_refused(make: Any, payload: object) -> None:
    """Before the run where the context tells, and in its step, with a report, where only an earlier step does."""
    fake = FakeSlack()
    fake.add_channel("c")
    action = make(metadata={"event_type": "a", "event_payload": "{{p}}"})
    with fake.executor() as executor:
        with pytest.raises(sr.SlackRunbooksError, match=r"metadata\.event_payload: must be a mapping"):
            executor.do(action, {"p": payload})
        with pytest.raises(sr.CheckFailed, match=r"metadata\.event_payload: must be a mapping"):
            executor.do(action)
        late = make(metadata={"event_type": "a", "event_payload": "{{steps.own.payload}}"})
        book = sr.Runbook("b", {"own": sr.Function(lambda: {"payload": payload}), "say": late})
        report = executor.run(book, {})
    assert report["say"].outcome == "failed"
    assert "must be a mapping" in str(report["say"].error)
    assert fake.channel("c").messages == []
