"""Steps that are done once for each item of a list."""

from __future__ import annotations

from typing import Any

import pytest

import slackrunbooks as sr
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, open_way


def _book(action: sr.Action[Any] | None = None, **options: Any) -> sr.Runbook:
    message = sr.SendMessage(channel="{{item.room}}", text="{{item_number}}: {{item.name}}, {{Activity.title}}")
    return sr.Runbook("tell", {"tell": sr.Step(action or message, **{"foreach": "Activity.teams", **options})})


def _context(*rooms: str) -> dict[str, Any]:
    return {"Activity": {"title": "down", "teams": [{"room": room, "name": room.upper()} for room in rooms]}}


@pytest.mark.parametrize("name", WAYS)
def test_an_action_is_done_for_each_item_in_order(name: str) -> None:
    """Each item fills the action with its own values, and the output lists what each gave."""
    with open_way(name) as way:
        for room in ("db", "web"):
            way.fake.add_channel(room)
        report = way.run(_book(), _context("db", "web"))
        done = report.output("tell", sr.ItemsDone)
        assert [item.channel for item in done.items] == [way.fake.channel(room).id for room in ("db", "web")]
        assert done.failed == ()
        assert way.fake.channel("db").messages[-1].text == "1: DB, down"
        assert way.fake.channel("web").messages[-1].text == "2: WEB, down"
        assert report["tell"].calls == ("chat.postMessage", "chat.postMessage")


@pytest.mark.parametrize("name", WAYS)
def test_the_first_failure_ends_a_loop_and_says_what_was_done(name: str) -> None:
    """With ``on_error="stop"`` the items behind a failure are not tried, and the output has those before."""
    with open_way(name) as way:
        way.fake.add_channel("db")
        way.fake.add_channel("last")
        report = way.run(_book(), _context("db", "nowhere", "last"))
        done = report.output("tell", sr.ItemsDone)
        assert (report.state, len(done.items)) == ("failed", 1)
        assert [(failed.number, failed.code) for failed in done.failed] == [(2, "channel_not_found")]
        assert not way.fake.channel("last").messages
        assert isinstance(report["tell"].error, sr.ChannelNotFound)


@pytest.mark.parametrize("name", WAYS)
def test_a_loop_that_may_fail_tries_every_item(name: str) -> None:
    """With ``on_error="continue"`` one bad item does not keep the others from being done."""
    with open_way(name) as way:
        way.fake.add_channel("db")
        way.fake.add_channel("last")
        report = way.run(_book(on_error="continue"), _context("db", "nowhere", "last"))
        done = report.output("tell", sr.ItemsDone)
        assert (report.state, report["tell"].outcome) == ("succeeded", "failed")
        assert (len(done.items), [failed.number for failed in done.failed]) == (2, [2])
        assert way.fake.channel("last").messages[-1].text == "3: LAST, down"


@pytest.mark.parametrize("name", WAYS)
def test_a_lost_answer_in_a_loop_is_named_and_not_hidden(name: str) -> None:
    """The step is ambiguous, the item is told, and the others are done where the step may fail."""
    with open_way(name) as way:
        for room in ("db", "web"):
            way.fake.add_channel(room)
        way.fake.lose_reply("chat.postMessage")
        report = way.run(_book(on_error="continue"), _context("db", "web"), on_ambiguous="fail")
        done = report.output("tell", sr.ItemsDone)
        assert report["tell"].outcome == "ambiguous"
        assert isinstance(report["tell"].error, sr.AmbiguousOutcome)
        assert [failed.code for failed in done.failed] == ["AmbiguousOutcome"]
        assert [len(way.fake.channel(room).messages) for room in ("db", "web")] == [1, 1]


def test_later_steps_read_what_a_loop_gave(fake_slack: FakeSlack) -> None:
    """The items of the output are a list for sections."""
    for room in ("db", "web", "all"):
        fake_slack.add_channel(room)
    book = sr.Runbook(
        "tell",
        {
            "rooms": sr.Step(sr.SendMessage(channel="{{item}}", text="look"), foreach=["#db", "#{{second}}"]),
            "sum": sr.SendMessage(channel="#all", text="{{#steps.rooms.items}}{{channel}} {{/steps.rooms.items}}"),
        },
    )
    assert book.variables == ("second",)
    with fake_slack.executor() as executor:
        executor.run(book, {"second": "web"}).raise_for_failure()
    ids = [fake_slack.channel(room).id for room in ("db", "web")]
    assert fake_slack.channel("all").messages[-1].text.split() == ids


def test_a_list_may_come_from_an_earlier_step(fake_slack: FakeSlack) -> None:
    """The members that one step lists are greeted one by one by the next."""
    ann, bob = fake_slack.add_user("ann"), fake_slack.add_user("bob")
    fake_slack.add_channel("db", members=[ann, bob])
    book = sr.Runbook(
        "greet",
        {
            "who": sr.ListMembers(channel="#db"),
            "greet": sr.Step(
                sr.SendEphemeral(channel="#db", user="{{item}}", text="hello"),
                foreach="{{steps.who.members}}",
                on_error="continue",
            ),
        },
    )
    with fake_slack.executor() as executor:
        plan = executor.plan(book, {})
        assert plan["greet"].times is None and not plan.problems
        report = executor.run(book, {})
    assert len(report.output("greet", sr.ItemsDone).items) == 3


def test_an_empty_list_skips_the_step(fake_slack: FakeSlack) -> None:
    """Nothing to do is no failure, in the plan and in the run."""
    with fake_slack.executor() as executor:
        report = executor.run(_book(), _context())
        plan = executor.plan(_book(), _context())
    assert (report["tell"].outcome, report["tell"].reason) == ("skipped", plan["tell"].skipped)
    assert plan["tell"].skipped == "there is nothing to do: the list of foreach is empty"
    assert fake_slack.calls == []


def test_every_item_is_checked_before_the_first_is_done(fake_slack: FakeSlack) -> None:
    """A fault of a later item is found by the plan, with its number, and nothing is sent."""
    context = _context("db", "web")
    context["Activity"]["teams"][1] = {"room": "Not A Channel!", "name": "x"}
    with fake_slack.executor() as executor:
        plan = executor.plan(_book(), context)
        assert (plan["tell"].times, plan["tell"].title) == (2, "send_message, 2 times")
        assert [problem.place for problem in plan.problems] == ["steps.tell[2].channel"]
        with pytest.raises(sr.CheckFailed):
            executor.run(_book(), context)
    assert fake_slack.calls == []


@pytest.mark.parametrize(
    ("context", "place", "says"),
    [
        (
            {"Activity": {"title": "x", "teams": "db, web"}},
            "steps.tell.foreach",
            "'Activity.teams' is text, not a list",
        ),
        ({"Activity": {"title": "x", "teams": {"a": 1}}}, "steps.tell.foreach", "is a mapping, not a list"),
        ({"Activity": {"title": "x"}}, "steps.tell.foreach", "the context has no 'Activity.teams'"),
    ],
)
def test_what_is_no_list_is_refused(context: dict[str, Any], place: str, says: str, fake_slack: FakeSlack) -> None:
    """Text with commas, a mapping and a missing name are named before anything is sent."""
    with fake_slack.executor() as executor:
        found = executor.plan(_book(), context).problems
        assert [problem.place.split(",")[0] for problem in found] == [place]
        assert says in str(found[0])
        with pytest.raises(sr.SlackRunbooksError):
            executor.run(_book(), context)
    assert fake_slack.calls == []


@pytest.mark.parametrize(
    ("foreach", "says"),
    [
        ([], "is an empty list"),
        ("a b", "is no context path"),
        ("{{#a}}{{/a}}", "is no context path"),
        (3, "must be a context path such as Activity.responders, or a list, not a number"),
        ("steps.later.items", "no step of that name comes before"),
    ],
)
def test_a_loop_that_can_never_work_is_refused_when_it_is_written(foreach: Any, says: str) -> None:
    """The runbook is not built, and the error says what to write."""
    with pytest.raises(sr.RunbookError, match=says):
        _book(foreach=foreach)


def test_a_loop_survives_plain_data_and_yaml() -> None:
    """A path and a list come back as they were."""
    for foreach in ("Activity.teams", ["#db", {"room": "#web"}]):
        book = _book(foreach=foreach)
        assert sr.Runbook.from_dict(book.to_dict()) == book
        assert sr.Runbook.from_yaml(book.to_yaml()) == book


def test_a_loop_saves_its_list(fake_slack: FakeSlack) -> None:
    """``save_as`` writes the items; a field that no loop gives is refused by name."""
    fake_slack.add_channel("db")
    book = _book(save_as={"Activity.told": "items"})
    with fake_slack.executor() as executor:
        report = executor.run(book, _context("db"))
    assert [item["channel"] for item in report.saved["Activity.told"]] == [fake_slack.channel("db").id]
    with pytest.raises(sr.RunbookError, match="A step with foreach gives no 'channel'; it gives items, failed"):
        _book(save_as={"x": "channel"})


def test_an_interrupted_loop_tells_what_was_done(fake_slack: FakeSlack) -> None:
    """Ctrl-C in the second item leaves the first in the report."""
    fake_slack.add_channel("db")
    calls: list[str] = []

    def tell(room: str) -> str:
        calls.append(room)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return room

    book = _book(sr.Function(tell, {"room": "{{item.room}}"}, "reads"))
    with fake_slack.executor() as executor:
        with pytest.raises(KeyboardInterrupt):
            executor.run(book, _context("db", "web", "last"), run_id="r")
        report = executor.report("r")
    assert (report["tell"].outcome, report.output("tell", sr.ItemsDone).items) == ("cancelled", ("db",))
    assert calls == ["db", "web"]


def test_a_long_list_does_not_exhaust_the_stack(fake_slack: FakeSlack) -> None:
    """Three thousand items that need no request are no deeper than one."""

    class _Nothing(sr.Action[int]):
        output = int

        def flow(self) -> sr.Flow[int]:
            yield sr.Partial(0)
            return 1

    import attrs

    nothing = attrs.frozen(kw_only=True)(_Nothing)
    book = _book(nothing(), foreach=list(range(3000)))
    with fake_slack.executor() as executor:
        assert len(executor.run(book, {}).output("tell", sr.ItemsDone).items) == 3000
