"""Uploads and canvases: what stands in the workspace afterwards, and what is sent on the way."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import responses

import slackrunbooks as sr
from slackrunbooks._effects import Reply
from slackrunbooks.client import PooledWebClient
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, Way, open_way
from .wire.server import Server, answer, hang_up


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """A workspace with a channel of the app, reached each of the four ways."""
    with open_way(request.param) as way:
        way.fake.add_channel("incidents")
        yield way


class Figure:
    """What draws itself, as a matplotlib figure does."""

    def savefig(self, fname: Any, *, format: str) -> None:  # noqa: A002
        fname.write(b"drawn as " + format.encode())


CONTENTS: list[tuple[str, dict[str, Any], str, bytes]] = [
    ("bytes", {"content": b"\x89PNG", "filename": "graph.png"}, "graph.png", b"\x89PNG"),
    ("text", {"content": "né {{id}}", "filename": "log.txt"}, "log.txt", "né 7".encode()),
    ("figure", {"content": Figure()}, "figure.png", b"drawn as png"),
    ("figure by name", {"content": Figure(), "filename": "g.SVG"}, "g.SVG", b"drawn as svg"),
    ("bytes of the context", {"content": "{{raw}}", "filename": "g-{{id}}.bin"}, "g-7.bin", b"\x00\xff" * 9),
]


@pytest.mark.parametrize(
    ("options", "name", "content"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS]
)
def test_a_file_is_shared_with_its_bytes(way: Way, options: dict[str, Any], name: str, content: bytes) -> None:
    """Whatever it is made of, the file stands in the channel with its name, title, comment and every byte."""
    action = sr.UploadFile(channel="#incidents", title="Errors", initial_comment="See {{id}} & <more>", **options)
    done = way.do(action, {"id": "7", "raw": b"\x00\xff" * 9})
    [file] = way.fake.files
    assert (file.content, file.name, file.title) == (content, name, "Errors")
    assert done == sr.FileUploaded(
        file_id=file.id, title="Errors", channel=way.fake.channel("incidents").id, size=len(content)
    )
    assert way.fake.channel("incidents").messages[-1].text == "See 7 & <more>"
    assert way.sent(but=("conversations.list",)) == [
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
    ]


def test_a_file_is_read_from_its_path_into_a_thread(way: Way, tmp_path: Path) -> None:
    """The name comes from the path, and the file stands in the thread."""
    path = tmp_path / "trace.log"
    path.write_bytes(b"line\n" * 1000)
    first = way.do(sr.SendMessage(channel="#incidents", text="Down"))
    done = way.do(sr.UploadFile(path=path, channel=first.channel, thread_ts=first.ts, alt_txt="a log"))
    assert (done.title, done.size) == ("trace.log", 5000)
    assert way.fake.files[0].content == path.read_bytes()
    assert way.fake.files[0].alt_txt == "a log"
    assert list(way.fake.channel("incidents").log.values())[-1].thread_ts == first.ts


def test_a_file_without_a_channel_is_private(way: Way) -> None:
    """It is uploaded, and no message shows it."""
    done = way.do(sr.UploadFile(content=b"x", filename="x.bin"))
    assert done.channel is None
    assert way.fake.files[0].is_complete
    assert not way.fake.channel("incidents").messages


@pytest.mark.parametrize("fault", ["reset_before", "server_error_before", "ratelimited"])
def test_bytes_that_did_not_arrive_are_sent_again(way: Way, fault: str) -> None:
    """Nothing of them shows before the upload is completed, so a lost answer costs another request only."""
    way.fake.inject("upload", fault)
    way.do(sr.UploadFile(channel="#incidents", content=b"x", filename="x.bin"))
    assert len(way.fake.channel("incidents").messages) == 1
    assert len(way.fake.calls_to("upload")) == 2


def test_bytes_that_never_arrive_fail_the_step(way: Way) -> None:
    """After the last attempt the step fails with a typed error, and nothing was shared."""
    way.fake.inject("upload", "server_error_before", times=5)
    with pytest.raises(sr.SlackUnavailable, match="changed nothing that shows"):
        way.do(sr.UploadFile(channel="#incidents", content=b"x", filename="x.bin"))
    assert not way.fake.channel("incidents").messages


def test_a_lost_completion_is_ambiguous_and_not_repeated(way: Way) -> None:
    """The file may stand in the channel, so it is not shared a second time."""
    way.fake.lose_reply("files.completeUploadExternal")
    with pytest.raises(sr.AmbiguousOutcome):
        way.do(sr.UploadFile(channel="#incidents", content=b"x", filename="x.bin"), on_ambiguous="fail")
    assert len(way.fake.channel("incidents").messages) == 1


def test_what_one_step_draws_the_next_one_uploads(way: Way) -> None:
    """The bytes that a host's function returns go to Slack as they are, and not into the report."""

    def draw(panel: str) -> bytes:
        return b"\x89PNG" + panel.encode()

    book = sr.Runbook(
        "graph",
        {
            "draw": sr.Function(draw, {"panel": "{{panel}}"}, "reads"),
            "show": sr.UploadFile(content="{{steps.draw.value}}", filename="{{panel}}.png", channel="#incidents"),
        },
    )
    report = way.run(book, {"panel": "errors"})
    report.raise_for_failure()
    assert way.fake.files[0].content == b"\x89PNGerrors"
    assert report.to_dict()["steps"][0]["output"] == "10 bytes"
    assert "PNG" not in report._repr_html_()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"path": "no/such.file"}, "UploadFile.path: 'no/such.file' does not exist on the machine"),
    ({"path": "."}, "is a folder"),
    ({"content": b"", "filename": "x"}, "content: is empty"),
    ({"content": b"x", "filename": " "}, "filename: is empty"),
    ({"content": b"x", "filename": "x", "channel": "Not One!"}, "channel: "),
    ({"content": b"x", "filename": "x", "channel": "#a", "thread_ts": "1"}, "thread_ts: '1' is no ts"),
    ({"content": b"x", "filename": "x", "alt_txt": "a" * 1001}, "alt_txt: has 1001 characters; Slack takes 1000"),
    ({"content": "a" * 1_000_001, "filename": "x", "snippet_type": "text"}, "content: is too long for a snippet"),
]


@pytest.mark.parametrize(("options", "says"), WRONG, ids=[row[1][:30] for row in WRONG])
def test_what_cannot_be_uploaded_is_refused_before_any_call(options: dict[str, Any], says: str) -> None:
    """Each mistake has its place, and Slack hears nothing of it."""
    fake = FakeSlack()
    with fake.executor() as executor, pytest.raises(sr.SlackRunbooksError, match=says):
        executor.do(sr.UploadFile(**options))
    assert fake.calls == []


MISBUILT: list[tuple[dict[str, Any], str]] = [
    ({}, "takes a path or content, one of them"),
    ({"path": "x", "content": b"x"}, "takes a path or content, one of them"),
    ({"content": b"x"}, "needs a filename"),
    ({"content": 5, "filename": "x"}, "content: must be bytes, text or a figure; of an open file give the path"),
    ({"content": b"x", "filename": "x", "initial_comment": "hi"}, "initial_comment: is set, but there is no channel"),
]


@pytest.mark.parametrize(("options", "says"), MISBUILT)
def test_an_upload_that_makes_no_sense_is_not_built(options: dict[str, Any], says: str) -> None:
    """What belongs together, and what a file can be made of, is checked when the action is built."""
    with pytest.raises(sr.RunbookError, match=says):
        sr.UploadFile(**options)


def test_bytes_stay_in_python_and_out_of_sight() -> None:
    """``to_dict`` names what plain data cannot hold, and no repr shows the content."""
    action = sr.UploadFile(content=b"secret", filename="x.bin")
    assert "secret" not in repr(action)
    with pytest.raises(sr.RunbookError, match="steps.up.content"):
        sr.Runbook("b", {"up": action}).to_dict()


def test_an_upload_over_responses(tmp_path: Path) -> None:
    """A host that mocks requests itself can mount the fake below it."""
    fake = FakeSlack()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        fake.mount(mock)
        with sr.Executor(PooledWebClient(fake.token)) as executor:
            executor.do(sr.UploadFile(content=b"abc", filename="x.bin"))
    assert fake.files[0].content == b"abc"


# --- the wire --------------------------------------------------------------------------------------------------------


def _script(server: Server) -> None:
    server.script.extend(
        [
            answer({"ok": True, "upload_url": f"{server.url}upload/v1/ticket?secret=1", "file_id": "F1"}),
            answer(body=b"OK"),
            answer({"ok": True, "files": [{"id": "F1"}]}),
        ]
    )


def _upload(kind: str, server: Server, action: sr.UploadFile) -> Any:
    if kind == "sync":
        with PooledWebClient("xoxb-fake", base_url=server.url) as client:
            return sr.Executor(client).do(action)

    async def go() -> Any:
        async with sr.PooledAsyncWebClient("xoxb-fake", base_url=server.url) as client:
            return await sr.AsyncExecutor(client).do(action)

    return asyncio.run(go())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_token_does_not_go_where_the_bytes_go(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The upload has no Authorization header, its length is announced, and its address stands in no log of ours."""
    with Server() as server, caplog.at_level(logging.DEBUG):
        _script(server)
        _upload(kind, server, sr.UploadFile(content=b"abc", filename="x.bin"))
        upload = server.requests[1]
    assert "authorization" not in {name.lower() for name in upload.headers}
    assert (upload.body, upload.method) == (b"abc", "POST")
    headers = {name.lower(): value for name, value in upload.headers.items()}
    assert (headers["content-length"], headers["content-type"]) == ("3", "application/octet-stream")
    assert "transfer-encoding" not in headers
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert ours and not any("ticket" in message for message in ours)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_large_file_is_sent_piece_by_piece(kind: str, tmp_path: Path) -> None:
    """Sixty-four megabytes leave through less than eight of the program's memory."""
    path = tmp_path / "core.bin"
    with path.open("wb") as file:
        file.truncate(64 * 2**20)
    with Server(keep_bodies=False) as server:
        _script(server)
        _upload(kind, server, sr.UploadFile(content=b"warm", filename="x.bin"))
        _script(server)
        tracemalloc.start()
        try:
            done = _upload(kind, server, sr.UploadFile(path=path))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert server.requests[4].size == 64 * 2**20
    assert done.size == 64 * 2**20
    assert peak < 8 * 2**20


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_redirect_of_the_bytes_is_not_followed(kind: str) -> None:
    """The bytes go nowhere but where Slack said."""
    with Server() as server:
        _script(server)
        server.script[1] = answer(status=302, headers={"Location": f"{server.url}elsewhere"}, body=b"")
        with pytest.raises(sr.SlackError, match="http_302"):
            _upload(kind, server, sr.UploadFile(content=b"abc", filename="x.bin"))
        assert len(server.requests) == 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_file_that_shrinks_while_it_is_sent_fails_the_step(kind: str, tmp_path: Path) -> None:
    """Fewer bytes than announced are never taken for the whole file."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100)

    def shrink(sock: Any, request: Any) -> None:
        path.write_bytes(b"x" * 10)
        answer({"ok": True, "upload_url": f"{server.url}upload", "file_id": "F1"})(sock, request)

    with Server() as server:
        server.script.extend([shrink, hang_up, hang_up])
        retry = sr.RetryPolicy(attempts=1)
        client = PooledWebClient("xoxb-fake", base_url=server.url, timeout=2)
        with sr.Executor(client, retry=retry) as executor, pytest.raises(sr.SlackUnavailable):
            executor.do(sr.UploadFile(path=path))


# --- canvases --------------------------------------------------------------------------------------------------------


def test_a_channel_gets_its_canvas(way: Way) -> None:
    """The content is Markdown in which values are inert, and the canvas is the channel's own."""
    action = sr.CreateCanvas(channel="#incidents", title="Lessons of {{id}}", markdown="# {{title}}\n* one")
    done = way.do(action, {"id": "7", "title": "a_b"})
    [canvas] = way.fake.canvases
    assert (canvas.title, canvas.is_channel_canvas, canvas.id) == ("Lessons of 7", True, done.canvas_id)
    assert canvas.markdown.startswith("# a") and done.channel == way.fake.channel("incidents").id
    with pytest.raises(sr.SlackError, match="channel_canvas_already_exists"):
        way.do(action, {"id": "7", "title": "a_b"})


def test_a_second_run_appends_where_it_may(way: Way) -> None:
    """With ``if_exists="append"`` the content is put at the end of the channel's canvas."""
    action = sr.CreateCanvas(channel="#incidents", markdown="* one", if_exists="append")
    first = way.do(action)
    second = way.do(attrs.evolve(action, markdown="* two"))
    assert (second.canvas_id, first.appended, second.appended) == (first.canvas_id, False, True)
    assert way.fake.canvases[0].markdown == "* one\n* two"


def test_a_free_plan_has_one_canvas_to_append_to(way: Way) -> None:
    """The free plan's own error for a canvas that exists leads to the same place."""
    action = sr.CreateCanvas(channel="#incidents", markdown="* one", if_exists="append")
    first = way.do(action)
    way.fake.fail_next("conversations.canvases.create", "free_team_canvas_tab_already_exists")
    assert way.do(action) == attrs.evolve(first, appended=True)


def test_a_free_plans_canvas_after_a_lost_answer_is_in_doubt(way: Way) -> None:
    """It may be the one that was made unnoticed, or somebody else's, so a person is asked."""
    way.fake.inject("conversations.canvases.create", "reset_before")
    way.fake.fail_next("conversations.canvases.create", "free_team_canvas_tab_already_exists")
    with pytest.raises(sr.AmbiguousOutcome, match="leaves it open"):
        way.do(sr.CreateCanvas(channel="#incidents", markdown="x", if_exists="append"))


def test_a_canvas_that_somebody_edits_is_tried_again(way: Way) -> None:
    """Slack asks to retry after a short delay, and so it is done."""
    action = sr.CreateCanvas(channel="#incidents", markdown="* one", if_exists="append")
    way.do(action)
    way.fake.fail_next("canvases.edit", "canvas_editing_locked", times=2)
    assert way.do(action).appended
    assert way.fake.canvases[0].markdown == "* one\n* one"


@pytest.mark.parametrize(
    ("properties", "canvas_id"),
    [
        ({"canvas": {"file_id": "F1", "is_empty": False}}, "F1"),
        ({"tabs": [{"type": "files"}, {"type": "channel_canvas", "data": {"file_id": "F1"}}]}, "F1"),
        ({"canvas": {}, "tabs": [{"type": "canvas", "data": {"file_id": "F2"}}, {"type": "channel_canvas"}]}, ""),
        ({}, ""),
    ],
)
def test_where_a_channels_own_canvas_is_found(properties: dict[str, Any], canvas_id: str) -> None:
    """Slack shows it by itself or as a tab; another tab is not taken for it, and without any the refusal stands."""
    flow = sr.CreateCanvas(channel="C0FAKE0001", markdown="x", if_exists="append").flow()
    refusal = sr.SlackError("channel_canvas_already_exists", method="conversations.canvases.create")
    assert next(flow).method == "conversations.canvases.create"  # type: ignore[union-attr]
    assert flow.throw(refusal).method == "conversations.info"  # type: ignore[union-attr]
    reply = Reply({"ok": True, "channel": {"properties": properties}})
    if canvas_id:
        assert flow.send(reply).arguments["canvas_id"] == canvas_id  # type: ignore[union-attr]
    else:
        with pytest.raises(sr.SlackError, match="channel_canvas_already_exists"):
            flow.send(reply)


def test_canvases_that_stand_elsewhere(way: Way) -> None:
    """One by itself is the app's own, a tab stands in the channel, a shared one is opened to its members."""
    channel = way.fake.channel("incidents").id
    own = way.do(sr.CreateCanvas(markdown="x"))
    tab = way.do(sr.CreateCanvas(markdown="x", channel="#incidents", kind="tab"))
    assert (own.channel, tab.channel) == (None, channel)
    assert [canvas.channel for canvas in way.fake.canvases] == [None, channel]
    assert not any(canvas.is_channel_canvas for canvas in way.fake.canvases)
    shared = way.do(sr.CreateCanvas(markdown="x", channel="#incidents", kind="shared", access="write"))
    assert shared.channel == channel
    assert way.fake.canvases[-1].access == {channel: "write"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "tab"}, "CreateCanvas.kind: is 'tab', but there is no channel"),
        ({"if_exists": "append"}, 'CreateCanvas.if_exists: is "append", which only the one canvas of a channel'),
        ({"access": "write"}, "CreateCanvas.access: is for kind="),
        ({"kind": "other", "channel": "#a"}, "must be one of 'channel', 'tab', 'shared', not 'other'"),
    ],
)
def test_a_canvas_that_makes_no_sense_is_not_built(options: dict[str, Any], says: str) -> None:
    """Options that contradict one another are refused when the action is built."""
    with pytest.raises(sr.RunbookError, match=says):
        sr.CreateCanvas(markdown="x", **options)


def test_a_canvas_needs_content_within_the_limit(fake_slack: FakeSlack) -> None:
    """Empty and too long are refused before any call."""
    with fake_slack.executor() as executor:
        for markdown, says in ((" ", "markdown: is empty"), ("x" * 1_048_577, "a canvas takes 1048576")):
            with pytest.raises(sr.CheckFailed, match=says):
                executor.do(sr.CreateCanvas(markdown=markdown))
    assert fake_slack.calls == []
