"""Bounds that no runbook can cross: attempts to get round each, and rehearsals."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import slackrunbooks as sr
from slackrunbooks.slack_methods import call
from slackrunbooks.testing import FakeSlack
from tests.ways import WAYS, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

CONTEXT = {"title": "<!channel> down", "mention": "<!here>", "name": "Evil Room", "private": "maybe", "id": "42"}


def world() -> FakeSlack:
    """Two channels that are allowed, two that are not, a group of thirty and one of two."""
    fake = FakeSlack()
    people = [fake.add_user(f"p{number}", id=f"U0P{number:07}") for number in range(30)]
    fake.add_channel("inc-1", members=people[:3], creator=fake.bot)
    fake.add_channel("ops", members=people[:3])
    fake.add_channel("general", members=people)
    fake.add_channel("board", is_private=True, members=people[:1])
    fake.add_channel("drill", members=people)
    fake.add_usergroup("sre", users=people[:2])
    fake.add_usergroup("everyone-in-eng", users=people)
    return fake


@contextlib.contextmanager
def opened(name: str) -> Iterator[Way]:
    """Open that world, and a way to it."""
    fake = world()
    if "HTTP" not in name:
        yield Way(name, fake)
        return
    with fake.serve() as server:
        yield Way(name, fake, server)


# The fake gives the same IDs each time.
_IDS = {name: world().channel(name).id for name in ("inc-1", "ops", "general", "board", "drill")}
INC, OPS, GENERAL, BOARD, DRILL = _IDS.values()
SRE, ENG = (group["id"] for group in world().client.usergroups_list()["usergroups"])

TIGHT = sr.Policy(channels=["#inc-*", OPS], mentions=["users", "@sre"], raw=False)


@attrs.frozen(kw_only=True)
class Own(sr.Action[Any]):
    """An action of the host that asks for whatever it likes."""

    output = object

    method: str
    arguments: Any
    repeat: Any = sr.Repeat.DOUBLES
    hidden: bool = False

    def needs(self) -> tuple[sr.Need, ...]:
        return ()

    def flow(self) -> Any:
        asked = sr.Call(self.method, self.arguments, self.repeat)
        if self.hidden:
            return (yield sr.Find(("mine",), lambda: self._behind(asked)))
        return (yield asked)

    @staticmethod
    def _behind(asked: sr.Call) -> Any:
        return (yield asked)


@attrs.frozen(kw_only=True)
class Swallows(sr.Action[Any]):
    """An action of the host that does not take no for an answer, and lies about a channel."""

    output = object

    def needs(self) -> tuple[sr.Need, ...]:
        return ()

    def flow(self) -> Any:
        yield sr.Find(("id", GENERAL), self._lie)
        yield sr.Find(("policy", "id", GENERAL), self._lie)
        with contextlib.suppress(sr.PolicyViolation):
            yield call("chat.postMessage", channel=GENERAL, text="x")
        return (yield call("chat.postMessage", channel=GENERAL, text="y"))

    @staticmethod
    def _lie() -> Any:
        yield call("auth.test")
        return {"id": GENERAL, "name": "inc-1", "is_private": False}


def own(method: str, _repeat: Any = sr.Repeat.DOUBLES, _hidden: bool = False, **arguments: Any) -> Own:
    """Make an action of the host."""
    return Own(method=method, arguments=arguments, repeat=_repeat, hidden=_hidden)


def post(**arguments: Any) -> Own:
    """Post as an action of the host may."""
    return own("chat.postMessage", **arguments)


def upload(**options: Any) -> sr.UploadFile:
    """Share a file."""
    return sr.UploadFile(content="x", filename="x.txt", **options)


def invite(*numbers: int) -> sr.InviteToChannel:
    """Invite people."""
    return sr.InviteToChannel(channel="#inc-1", users=[f"U0P{number:07}" for number in numbers])


def say(text: str = "x", channel: str = "#inc-1", **more: Any) -> sr.SendMessage:
    """Say something."""
    return sr.SendMessage(channel=channel, text=text, **more)


def rich(element: dict[str, Any]) -> list[dict[str, Any]]:
    """Put an element into rich text."""
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]}]


def section(text: str, kind: str = "mrkdwn") -> list[dict[str, Any]]:
    """Put a text into a section."""
    return [{"type": "section", "text": {"type": kind, "text": text}}]


TWO = f"{INC},{GENERAL}"
LINK = "https://example.com"
PRIVATE = sr.Policy(private=True)
NAMED = sr.Policy(channel_names="inc-{{id}}*")
OWN_ONLY = sr.Policy(archive_only_own=True)
FEW = sr.Policy(most_pinged=5, most_invited=4)
PUBLIC = sr.Policy(kinds=["public"])


class Lies(str):
    """Reads in two ways."""

    __slots__ = ("shown",)

    def __new__(cls, shown: str, real: str) -> Self:
        made = super().__new__(cls, real)
        made.shown = shown  # type: ignore[attr-defined]
        return made

    def __str__(self) -> str:
        return str(self.shown)  # type: ignore[attr-defined]


ONE_BY_ONE = sr.Runbook(
    "b",
    {
        "all": sr.Step(
            sr.InviteToChannel(channel="#inc-1", users="{{item}}"),
            foreach=[f"U0P{number:07}" for number in range(5, 12)],
        )
    },
)

ATTEMPTS: dict[str, tuple[sr.Policy, Any, str]] = {
    # Another channel.
    "a name": (TIGHT, say(channel="#general"), "channels"),
    "a name without #": (TIGHT, say(channel="general"), "channels"),
    "a name in capitals": (TIGHT, say(channel="#GENERAL"), "channels"),
    "an ID": (TIGHT, say(channel=GENERAL), "channels"),
    "a link": (TIGHT, say(channel=f"https://acme.slack.com/archives/{GENERAL}"), "channels"),
    "a token": (TIGHT, say(channel=f"<#{GENERAL}|inc-1>"), "channels"),
    "a template": (TIGHT, say(channel="{{channel}}"), "channels"),
    "a private ID": (TIGHT, say(channel=BOARD), "channels"),
    "a person": (TIGHT, sr.SendDirectMessage(users="U0P0000001", text="x"), "channels"),
    "a person's ID as the channel": (TIGHT, post(channel="U0P0000001", text="x"), "channels"),
    "another argument": (
        TIGHT,
        own("bookmarks.add", channel_id=GENERAL, title="x", type="link", link=LINK),
        "channels",
    ),
    "a file": (TIGHT, upload(channel="#general"), "channels"),
    "several channels in one text": (
        TIGHT,
        own("usergroups.update", usergroup=SRE, channels=TWO),
        "channels",
    ),
    "reading": (TIGHT, sr.ReadHistory(channel=GENERAL), "channels"),
    "said to be reading": (
        TIGHT,
        post(channel="#general", text="x", _repeat=sr.Repeat.READS),
        "channels",
    ),
    "behind a look-up": (TIGHT, post(channel="#general", text="x", _hidden=True), "channels"),
    "a lie about the channel": (TIGHT, Swallows(), "channels"),
    "a new channel": (TIGHT, sr.CreateChannel(name="general-2"), "channels"),
    "a private channel": (PUBLIC, say(channel="#board"), "kinds"),
    "a private channel's ID": (PUBLIC, sr.PinMessage(channel=BOARD, ts="1.000001"), "kinds"),
    "a direct message": (PUBLIC, sr.SendDirectMessage(users=["U0P0000001"], text="x"), "kinds"),
    # Mentions.
    "a written tag": (TIGHT, say("<!channel> down"), "mentions"),
    "a labelled tag": (TIGHT, say("<!here|here>"), "mentions"),
    "an old tag": (TIGHT, say("<!group>"), "mentions"),
    "a raw value": (TIGHT, say("{{{mention}}}"), "raw"),
    "a raw value with &": (TIGHT, say("{{&mention}}"), "raw"),
    "a raw value with other delimiters": (TIGHT, say("{{=<% %>=}}<%&mention%>"), "raw"),
    "a raw value by default": (sr.Policy(mentions=["users"]), say("{{{mention}}}"), "mentions"),
    "a group": (TIGHT, say(f"<!subteam^{ENG}>"), "mentions"),
    "a group's false label": (TIGHT, say(f"<!subteam^{ENG}|@sre>"), "mentions"),
    "blocks": (TIGHT, say(blocks=section("<!everyone>")), "mentions"),
    "an attachment that says it is plain text": (
        TIGHT,
        post(channel="#inc-1", attachments=[{"type": "plain_text", "text": "x", "pretext": "<!channel>"}]),
        "mentions",
    ),
    "an attachment that says it is a link": (
        TIGHT,
        post(channel="#inc-1", attachments=[{"type": "link", "title": "<!channel>"}]),
        "mentions",
    ),
    "an attachment that says it is text": (
        TIGHT,
        post(channel="#inc-1", attachments=[{"type": "plain_text", "text": "<!channel>"}]),
        "mentions",
    ),
    "a bare handle in blocks": (TIGHT, post(channel="#inc-1", blocks=section("@everyone-in-eng look")), "mentions"),
    "a bare handle of a large group": (FEW, post(channel="#inc-1", blocks=section("@everyone-in-eng")), "most_pinged"),
    "parse in capitals": (TIGHT, post(channel="#inc-1", text="@channel", parse="FULL"), "mentions"),
    "a group that gets an allowed handle": (
        TIGHT,
        own("usergroups.update", usergroup=ENG, handle="sre"),
        "mentions",
    ),
    "a public channel where only private ones are allowed": (
        sr.Policy(kinds=["private"]),
        sr.CreateChannel(name="pub"),
        "kinds",
    ),
    "a text that reads in two ways": (TIGHT, post(channel=Lies("#inc-1", "#general"), text="x"), "channels"),
    "a bare word in blocks": (TIGHT, post(channel="#inc-1", blocks=section("@channel down")), "mentions"),
    "rich text": (TIGHT, say(blocks=rich({"type": "broadcast", "range": "channel"})), "mentions"),
    "rich text's group": (TIGHT, say(blocks=rich({"type": "usergroup", "usergroup_id": ENG})), "mentions"),
    "blocks as JSON": (
        TIGHT,
        post(channel="#inc-1", blocks=json.dumps(section("<!here>"))),
        "mentions",
    ),
    "blocks that are no JSON": (TIGHT, post(channel="#inc-1", blocks="[{<!here>"), "mentions"),
    "attachments": (TIGHT, post(channel="#inc-1", attachments=[{"text": "<!here>"}]), "mentions"),
    "link_names": (
        TIGHT,
        post(channel="#inc-1", text="@everyone-in-eng", link_names=True),
        "mentions",
    ),
    "parse": (TIGHT, post(channel="#inc-1", text="@channel", parse="full"), "mentions"),
    "an edit": (TIGHT, own("chat.update", channel=INC, ts="1.000001", text="<!here>"), "mentions"),
    "a comment of a file": (
        TIGHT,
        upload(channel="#inc-1", initial_comment="<!here>"),
        "mentions",
    ),
    "later": (TIGHT, sr.ScheduleMessage(channel="#inc-1", text="<!here>", post_at=1767690000), "mentions"),
    "too many at once": (FEW, say("<!channel>", channel="#general"), "most_pinged"),
    "a large group": (FEW, say(f"<!subteam^{ENG}>"), "most_pinged"),
    "many by name": (FEW, say(" ".join(f"<@U0P{number:07}>" for number in range(6))), "most_pinged"),
    # Invitations.
    "too many invited": (FEW, invite(*range(5, 12)), "most_invited"),
    "a group invited": (FEW, sr.InviteToChannel(channel="#inc-1", users="@everyone-in-eng"), "most_invited"),
    "one by one": (FEW, ONE_BY_ONE, "most_invited"),
    # Channels.
    "archiving others' channel": (OWN_ONLY, sr.ArchiveChannel(channel="#ops"), "archive_only_own"),
    "archiving by ID": (OWN_ONLY, sr.ArchiveChannel(channel=OPS), "archive_only_own"),
    "a public channel": (PRIVATE, sr.CreateChannel(name="inc-9"), "private"),
    "nearly private": (PRIVATE, own("conversations.create", name="inc-9", is_private="true"), "private"),
    "a name against the rule": (NAMED, sr.CreateChannel(name="{{name}}"), "channel_names"),
    "another incident's name": (NAMED, sr.CreateChannel(name="inc-43"), "channel_names"),
    "a new name": (NAMED, sr.RenameChannel(channel="#inc-1", name="war-room"), "channel_names"),
    # Methods.
    "an unknown method": (sr.Policy(), own("admin.conversations.delete", channel_id=GENERAL), "methods"),
}


def _forbidden(way: Way, policy: sr.Policy, what: Any) -> sr.PolicyViolation:
    """Try it, and return what forbade it."""
    context = {**CONTEXT, "channel": GENERAL}
    wraps = (sr.PolicyViolation, sr.StepFailed, sr.CheckFailed)

    def attempt() -> None:
        if isinstance(what, sr.Runbook):
            way.run(what, context, policy=policy).raise_for_failure()
        else:
            way.do(what, context, policy=policy)

    with pytest.raises(wraps) as refused:
        attempt()
    found = refused.value if isinstance(refused.value, sr.PolicyViolation) else refused.value.__cause__
    assert isinstance(found, sr.PolicyViolation), refused.value
    return found


@pytest.mark.parametrize("name", WAYS[:2])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_attempt_gets_round_the_policy(attempt: str, name: str) -> None:
    """Nothing that changes anything leaves, and the error names the bound."""
    policy, what, bound = ATTEMPTS[attempt]
    with opened(name) as way:
        before = way.fake.transcript()
        violation = _forbidden(way, policy, what)
    assert violation.bound == bound
    assert f"Policy.{bound}" in str(violation)
    assert "one by one" in attempt or way.fake.transcript() == before


def test_there_are_forty_attempts() -> None:
    """And each bound is met by several."""
    assert len(ATTEMPTS) >= 40


ALLOWED: dict[str, tuple[sr.Policy, Any]] = {
    "a channel by its pattern": (TIGHT, say()),
    "a channel by its ID": (TIGHT, say(channel=OPS)),
    "a pattern's channel by its ID": (TIGHT, say(channel=INC)),
    "a person": (TIGHT, say("<@U0P0000001>")),
    "a group by its handle": (TIGHT, say(f"<!subteam^{SRE}>")),
    "a title that looks like a mention": (TIGHT, say("{{title}} {{mention}}")),
    "a header that looks like a mention": (TIGHT, say(blocks=section("<!channel> down", "plain_text"))),
    "a date": (TIGHT, say("<!date^1767603600^{date}|today>")),
    "a small group": (FEW, say(f"<!subteam^{SRE}>")),
    "few people": (FEW, say("<!here>", channel=BOARD)),
    "few invited": (FEW, invite(*range(5, 9))),
    "its own channel": (OWN_ONLY, sr.ArchiveChannel(channel="#inc-1")),
    "a private channel": (PRIVATE, sr.CreateChannel(name="inc-9", is_private=True)),
    "this incident's name": (NAMED, sr.CreateChannel(name="inc-{{id}}-db")),
    "a direct message": (sr.Policy(channels=["@*"], kinds=["im"]), sr.SendDirectMessage(users="U0P0000001", text="x")),
    "one person": (sr.Policy(channels=["U0P0000001"]), sr.SendDirectMessage(users="U0P0000001", text="x")),
    "a method that is named": (sr.Policy(methods=["api.test"]), own("api.test")),
}


@pytest.mark.parametrize("name", WAYS[:2])
@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_allowed_goes(what: str, name: str) -> None:
    """A policy that refuses too much helps nobody."""
    policy, action = ALLOWED[what]
    with opened(name) as way:
        way.do(action, CONTEXT, policy=policy)
        assert way.fake.calls[-1].ok


# --- rehearsals ------------------------------------------------------------------------------------------------------

DRILL_ONLY = sr.Policy(redirect="#drill")


TOLD = [
    "Rehearsal, meant for #general: @\u2060channel new",
    "Rehearsal, meant for #drill: thread",
    "Rehearsal, meant for #general: b",
    "Rehearsal, meant for #general:\n\n**@\u2060everyone**",
    "Rehearsal, meant for U0P0000003: @\u2060U0P0000003 look",
    "Rehearsal, meant for #general: @channel by name",
    "Rehearsal, meant for #general: @\u2060here",
    "Rehearsal, meant for #general: @\u2060here later",
]


def _drilled(way: Way, *actions: sr.Action[Any], **options: Any) -> sr.Report:
    book = sr.Runbook("b", {f"s{number}": action for number, action in enumerate(actions)})
    return way.run(book, {**CONTEXT, "channel": GENERAL}, policy=sr.Policy(redirect="#drill", **options))


@pytest.mark.parametrize("name", WAYS)
def test_in_a_rehearsal_every_message_goes_to_the_sandbox_and_pings_nobody(name: str) -> None:
    """Each says for whom it was, whatever it is made of; what is done to it afterwards is done there."""
    with opened(name) as way:
        fake = way.fake
        report = _drilled(
            way,
            say("<!channel> {{title}} <@U0P0000001|Ada>", channel="#general"),
            say("thread", channel="{{steps.s0.channel}}", thread_ts="{{steps.s0.ts}}"),
            say("b", channel=GENERAL, blocks=[*section("<!here>"), *rich({"type": "user", "user_id": "U0P0000002"})]),
            sr.SendMessage(channel="#general", markdown_text="**<!everyone>**"),
            sr.SendDirectMessage(users=["U0P0000003"], text="<@U0P0000003> look"),
            post(channel="#general", text="@channel by name", parse="full", link_names=True),
            upload(channel="#general", initial_comment="<!here>"),
            sr.PinMessage(channel="#general", ts="{{steps.s0.ts}}"),
            sr.UpdateMessage(channel="#general", ts="{{steps.s0.ts}}", text="<!channel> new"),
            sr.ScheduleMessage(channel="#general", text="<!here> later", post_at=int(fake.now) + 600),
        )
        assert report.ok, report
        fake.advance(601)
        drill = fake.channel("drill")
        assert [message.text for message in drill.log.values() if not message.is_system] == TOLD
        assert fake.notified == []
        assert len(drill.pins) == 1
        others = [channel for channel in fake.channels if channel.id != DRILL]
        assert not [message for channel in others for message in channel.messages if not message.is_system]


FORBIDDEN_IN_A_DRILL: dict[str, Any] = {
    "an invitation": sr.InviteToChannel(channel="#drill", users="U0P0000001"),
    "an ephemeral message": sr.SendEphemeral(channel="#general", user="U0P0000001", text="x"),
    "archiving": sr.ArchiveChannel(channel="#ops"),
    "a topic": sr.SetTopic(channel="#ops", topic="x"),
    "a user group": sr.UpdateUserGroup(usergroup="@sre", users=["U0P0000001"]),
    "the sandbox itself": sr.ArchiveChannel(channel="#drill"),
    "a canvas in another channel": own("canvases.create", title="t", channel_id=GENERAL),
    "a user group beside the sandbox": own("usergroups.users.update", usergroup=SRE, users="U0P0000001", channel=DRILL),
    "a method that is not known to be harmless": own("views.open", trigger_id="1", view={}, channel=DRILL),
    "an old message": own("chat.update", channel=OPS, ts="1.000001", text="x"),
    "a bookmark": sr.AddBookmark(channel="#ops", title="x", link="https://example.com"),
}


@pytest.mark.parametrize("what", FORBIDDEN_IN_A_DRILL)
def test_what_a_rehearsal_leaves_alone(what: str) -> None:
    """What would reach people, or change a channel of others."""
    with opened("sync") as way:
        before = way.fake.transcript()
        assert _forbidden(way, DRILL_ONLY, FORBIDDEN_IN_A_DRILL[what]).bound == "redirect"
        assert way.fake.transcript() == before


def test_a_rehearsal_may_make_a_channel_of_its_own() -> None:
    """And do with it what it likes."""
    with opened("sync") as way:
        report = _drilled(
            way,
            sr.CreateChannel(name="drill-42"),
            sr.SetTopic(channel="{{steps.s0.channel}}", topic="x"),
            say("hello", channel="{{steps.s0.channel}}"),
            sr.ArchiveChannel(channel="{{steps.s0.channel}}"),
            channel_names="drill-*",
        )
        assert report.ok, report
        assert way.fake.channel("drill-42").is_archived
        assert way.fake.channel("drill").messages[-1].text == "Rehearsal, meant for #drill-42: hello"


# --- what it costs, and where it holds --------------------------------------------------------------------------------


def test_what_is_asked_is_asked_once() -> None:
    """A channel by name costs nothing, one by ID one look-up in a run."""
    with opened("sync") as way:
        book = sr.Runbook("b", {f"s{number}": say(channel=INC) for number in range(5)})
        assert way.run(book, {}, policy=TIGHT).ok
        assert way.sent() == ["conversations.info", *["chat.postMessage"] * 5]
        way.fake.calls.clear()
        assert way.run(sr.Runbook("b", {"a": say()}), {}, policy=TIGHT).ok
        assert way.sent() == ["chat.postMessage"]


def test_what_cannot_be_found_out_is_refused() -> None:
    """The scope for the look-up is missing: nothing is sent, and check says which one."""
    with opened("sync") as way:
        way.fake.scopes = {"chat:write"}
        violation = _forbidden(way, TIGHT, say(channel=INC))
        assert "could not be found out" in str(violation) and "channels:read" in str(violation)
        assert way.fake.calls_to("chat.postMessage") == []
        report = way.check(sr.Runbook("b", {"a": say(channel=INC)}), {}, policy=TIGHT)
        assert ["channels:read" in str(problem) for problem in report.problems] == [True]


@pytest.mark.parametrize("what", ["a name", "a written tag", "a raw value", "a new channel", "a public channel"])
def test_what_is_known_before_is_told_by_check_and_plan(what: str) -> None:
    """With its place, and without asking Slack for what is out of bounds."""
    policy, action, bound = ATTEMPTS[what]
    with opened("sync") as way:
        report = way.check(sr.Runbook("b", {"a": action}), CONTEXT, policy=policy)
        found = [problem for problem in report.problems if isinstance(problem.error, sr.PolicyViolation)]
        assert {problem.error.bound for problem in found} >= {bound}  # type: ignore[union-attr]
        assert found[0].place.startswith("steps.a.")
        looked_for = ["conversations.list"] if what in ("a written tag", "a raw value") else []
        assert way.sent() == ["auth.test", *looked_for]


def test_a_run_that_is_kept_keeps_its_policy() -> None:
    """A worker that has none holds it; one that has another one refuses the run."""
    fake = world()
    journal = sr.MemoryJournal()
    book = sr.Runbook("b", {"a": say(channel=INC), "b": sr.Step(say(channel=GENERAL), after="1h")})
    with fake.executor(journal=journal, policy=TIGHT) as executor:
        assert executor.run(book, {}, run_id="r").state == "waiting"
    with fake.executor(journal=journal, policy=OWN_ONLY) as executor, pytest.raises(sr.RunConflict, match="policy"):
        executor.run(book, {}, run_id="r")
    fake.advance(3600)
    with fake.executor(journal=journal) as executor:
        report = executor.resume("r")
        assert isinstance(report["b"].error, sr.PolicyViolation)
        assert executor.report("r").to_dict() == report.to_dict()
    assert len(fake.channel("inc-1").messages) == 1 and not fake.channel("general").messages


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"channels": ["incidents"]}, "Policy.channels"),
        ({"channels": ["@ada"]}, "Policy.channels"),
        ({"channels": [""]}, "Policy.channels"),
        ({"kinds": ["secret"]}, "Policy.kinds"),
        ({"mentions": ["all"]}, "Policy.mentions"),
        ({"most_pinged": "5"}, "Policy.most_pinged"),
        ({"most_invited": -1}, "Policy.most_invited"),
        ({"private": "maybe"}, "Policy.private"),
        ({"raw": 1}, "Policy.raw"),
        ({"redirect": "U0ADA00001"}, "Policy.redirect"),
        ({"redirect": "no channel!"}, "Policy.redirect"),
        ({"channel_names": 5}, "Policy.channel_names"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(options: Any, place: str) -> None:
    """Where it is made."""
    with pytest.raises(sr.RunbookError, match=place):
        sr.Policy(**options)


def test_an_executor_takes_nothing_else_for_a_policy() -> None:
    """Nor a pattern of names that the context does not fill."""
    fake = world()
    with pytest.raises(sr.RunbookError, match=r"Executor\.policy: must be a Policy"):
        fake.executor(policy={"channels": []})
    with fake.executor(policy=NAMED) as executor, pytest.raises(sr.RunbookError, match=r"Policy\.channel_names.*'id'"):
        executor.run(sr.Runbook("b", {"a": say()}), {})


# --- what a second look found ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoy", [{"channel_id": DRILL}, {"channels": DRILL}, {"channel_ids": [DRILL]}])
def test_a_rehearsal_is_deceived_by_no_second_channel(decoy: dict[str, Any]) -> None:
    """A message goes to the sandbox and nowhere else."""
    with opened("sync") as way:
        way.do(post(channel=GENERAL, text="<!channel> hi", **decoy), CONTEXT, policy=DRILL_ONLY)
        assert not way.fake.channel("general").messages and way.fake.notified == []
        assert "meant for #general" in way.fake.channel("drill").messages[-1].text


@pytest.mark.parametrize("method", ["conversations.invite", "conversations.kick", "usergroups.users.update"])
def test_the_stamp_of_a_rehearsed_message_opens_nothing(method: str) -> None:
    """Only what is done to a message follows it."""
    more = {"users": "U0P0000009", "user": "U0P0000009", "usergroup": SRE, "channel": GENERAL}
    book = sr.Runbook(
        "b",
        {"s": say(channel="#general"), "then": own(method, ts="{{steps.s.ts}}", timestamp="{{steps.s.ts}}", **more)},
    )
    with opened("sync") as way:
        report = way.run(book, {}, policy=DRILL_ONLY)
        assert isinstance(report["then"].error, sr.PolicyViolation)
        assert not way.fake.calls_to(method)


def test_making_a_mention_inert_makes_no_other() -> None:
    """A text that becomes a mention when another one in it is taken out."""
    with opened("sync") as way:
        way.do(say("<![a<b](@U0P0000003)> look", channel="#general"), policy=DRILL_ONLY)
        assert way.fake.notified == []


def test_a_message_of_a_rehearsal_is_known_again_after_a_lost_answer() -> None:
    """What is done to it afterwards follows it; also to a scheduled one."""
    with opened("sync") as way:
        way.fake.lose_reply("chat.postMessage")
        report = _drilled(
            way,
            say("x", channel="#general"),
            sr.PinMessage(channel="#general", ts="{{steps.s0.ts}}"),
            sr.ScheduleMessage(channel="#general", text="later", post_at=int(way.fake.now) + 600),
            sr.CancelScheduledMessage(
                channel="{{steps.s2.channel}}", scheduled_message_id="{{steps.s2.scheduled_message_id}}"
            ),
        )
        assert report.ok, report
        assert len(way.fake.channel("drill").pins) == 1


def test_a_policy_can_be_rehearsed() -> None:
    """Its bounds hold for the channel that was meant, and the sandbox is always within them; nothing pings."""
    rehearsal = attrs.evolve(TIGHT, redirect="#drill", mentions=())
    with opened("sync") as way:
        assert way.check(sr.Runbook("b", {"a": say("<!channel>")}), CONTEXT, policy=rehearsal).problems == ()
        way.do(say("<!channel> hi"), CONTEXT, policy=rehearsal)
        way.do(say("hi", channel="#drill"), CONTEXT, policy=rehearsal)
        assert [message.text[:10] for message in way.fake.channel("drill").messages] == ["Rehearsal,"] * 2
        assert way.fake.notified == []
        assert _forbidden(way, rehearsal, say(channel="#general")).bound == "channels"


def test_what_has_no_text_says_for_whom_it_was() -> None:
    """A message of attachments, and a file without a comment."""
    with opened("sync") as way:
        way.do(post(channel=GENERAL, attachments=[{"text": "x"}]), policy=DRILL_ONLY)
        way.do(upload(channel="#general"), policy=DRILL_ONLY)
        texts = [message.text for message in way.fake.channel("drill").messages]
        assert texts == ["Rehearsal, meant for #general:"] * 2


def test_who_is_pinged_is_counted_anew_for_each_message() -> None:
    """A step between may have put people into the group, or into the channel."""
    crowd = [f"U0P{number:07}" for number in range(30)]
    grown = sr.Runbook(
        "b",
        {
            "one": say(f"<!subteam^{SRE}>"),
            "more": sr.UpdateUserGroup(usergroup=SRE, users=crowd),
            "two": say(f"<!subteam^{SRE}>"),
        },
    )
    filled = sr.Runbook(
        "b", {"one": say("<!channel>"), "in": sr.InviteToChannel(channel=INC, users=crowd), "two": say("<!here>")}
    )
    few = sr.Policy(most_pinged=5)
    for book in (grown, filled):
        with opened("sync") as way:
            report = way.run(book, {}, policy=few)
            assert [step.outcome for step in report.steps] == ["succeeded", "succeeded", "failed"]
            assert isinstance(report["two"].error, sr.PolicyViolation)


@pytest.mark.parametrize("policy", [sr.Policy(kinds=["public"]), OWN_ONLY, DRILL_ONLY, TIGHT, FEW])
@pytest.mark.parametrize(
    "arguments",
    [
        {"channel": ["C1"]}, {"channel": {"a": 1}}, {"channel": "C1,C2"}, {"channel": "@ada"}, {"channel": 5},
        {"channel": INC, "blocks": 5}, {"channel": INC, "blocks": "NaN"}, {"channel": INC, "thread_ts": ["a"]},
        {"channel": INC, "attachments": "{"}, {"channel": INC, "text": None}, {"channel": None},
    ],
)  # fmt: skip
def test_odd_arguments_never_raise_anything_else(policy: sr.Policy, arguments: dict[str, Any]) -> None:
    """They are refused, or left for Slack to refuse."""
    with opened("sync") as way:
        for method in ("chat.postMessage", "conversations.archive"):
            with contextlib.suppress(sr.PolicyViolation, sr.SlackError):
                way.do(own(method, **arguments), policy=policy)


def test_check_names_what_the_bounds_take() -> None:
    """The scope of the count of members, where people may be pinged."""
    with opened("sync") as way:
        way.fake.scopes = {"chat:write"}
        report = way.check(sr.Runbook("b", {"a": say("<!here>")}), {}, policy=sr.Policy(most_pinged=50))
        assert "channels:read" in "".join(map(str, report.problems))


def test_opening_a_known_direct_message_names_nobody() -> None:
    """By its ID, no person has to be given."""
    with opened("sync") as way:
        direct = way.fake.client.conversations_open(users="U0P0000001")["channel"]["id"]
        way.do(own("conversations.open", channel=direct), policy=sr.Policy(kinds=["im"]))
