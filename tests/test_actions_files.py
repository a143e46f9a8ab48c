"""Uploads and canvases: what stands in the workspace afterwards, and what is sent on the way."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
import responses
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.file_upload_v2_result import FileUploadV2Result

import slackrunbooks as sr
from slackrunbooks._effects import Reply
from slackrunbooks.client import PooledWebClient
from slackrunbooks.testing import FakeSlack

from .ways import WAYS, Way, open_way
from .wire.server import Server, answer, hang_up, reset


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
    ("half a character", {"content": "a\ud800b", "filename": "log.txt"}, "log.txt", b"a?b"),
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
    way.fake.inject("upload", "server_error_before", times=10)
    with pytest.raises(sr.SlackUnavailable, match="changed nothing that shows"):
        way.do(sr.UploadFile(channel="#incidents", content=b"x", filename="x.bin"))
    assert len(way.fake.calls_to("files.getUploadURLExternal")) == 2
    assert not way.fake.channel("incidents").messages


@pytest.mark.parametrize("fault", ["applied_then_reset", "server_error_after", "truncated"])
def test_bytes_that_arrived_unnoticed_are_sent_to_a_new_address(way: Way, fault: str) -> None:
    """Whatever the first address says of bytes that it has already, one file is shared, and the other never shows."""
    way.fake.inject("upload", fault)
    done = way.do(sr.UploadFile(channel="#incidents", content=b"x", filename="x.bin"))
    assert [(file.id == done.file_id, file.is_complete) for file in way.fake.files] == [(False, False), (True, True)]
    assert len(way.fake.channel("incidents").messages) == 1


def test_a_service_that_cannot_be_reached_is_given_up(fake_slack: FakeSlack) -> None:
    """A new address is of no use where nothing leaves."""
    fake_slack.inject("upload", "refused", times=5)
    with fake_slack.executor() as executor, pytest.raises(sr.SlackUnavailable, match="Nothing was sent"):
        executor.do(sr.UploadFile(content=b"x", filename="x.bin"))
    assert len(fake_slack.calls_to("files.getUploadURLExternal")) == 1


def test_a_file_that_was_not_shared_is_named(way: Way) -> None:
    """When Slack refuses the last request, the failure carries the file whose bytes Slack has."""
    way.fake.fail_next("files.completeUploadExternal", "not_in_channel")
    with pytest.raises(sr.NotInChannel) as caught:
        way.do(sr.UploadFile(channel="#incidents", content=b"x", filename="x.bin"))
    [file] = way.fake.files
    assert caught.value.output == sr.FileUploaded(file_id=file.id, title="x.bin", channel=None, size=1)


def test_a_file_comes_with_blocks_under_another_name(way: Way) -> None:
    """The message above the file may be Block Kit, in which values stay inert, and the bot may have another name."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*{{title}}*"}}]
    action = sr.UploadFile(
        channel="#incidents", content=b"x", filename="x.bin", blocks=blocks, username="Graphs", icon_emoji=":chart:"
    )
    way.do(action, {"title": "<!channel>"})
    [message] = way.fake.channel("incidents").messages
    assert message.blocks[0]["text"]["text"] == "*&lt;!channel&gt;*"
    assert message.username == "Graphs"


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
    ({"path": "/dev/null"}, "is no plain file"),
    ({"path": "long" * 2000}, r"cannot be read \(File name too long\)"),
    ({"content": b"", "filename": "x"}, "content: is empty"),
    ({"content": b"x", "filename": " "}, "filename: is empty"),
    ({"content": b"x", "filename": "x", "channel": "Not One!"}, "channel: "),
    ({"content": b"x", "filename": "x", "channel": "#a", "thread_ts": "1"}, "thread_ts: '1' is no ts"),
    ({"content": b"x", "filename": "x", "alt_txt": "a" * 1001}, "alt_txt: has 1001 characters; Slack takes 1000"),
    ({"content": "a" * 1_000_001, "filename": "x", "snippet_type": "text"}, "content: is too long for a snippet"),
    ({"path": "nul\0"}, "path: 'nul\\\\x00' "),
    ({"content": b"x", "filename": "x", "channel": "#a", "blocks": [{"type": "section"}]}, "blocks/0"),
    ({"content": bytearray(), "filename": "x"}, "content: is empty"),
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
    ({"content": b"x", "filename": "x", "icon_emoji": ":fire:"}, "icon_emoji: is set, but there is no channel"),
    (
        {"content": b"x", "filename": "x", "channel": "#a", "initial_comment": "hi", "blocks": [{"type": "divider"}]},
        "has blocks beside initial_comment",
    ),
    ({"content": io.BytesIO(b"x"), "filename": "x"}, "content: must be bytes, text or a figure; of an open file"),
    ({"path": 5}, "path"),
]


@pytest.mark.parametrize(("options", "says"), MISBUILT)
def test_an_upload_that_makes_no_sense_is_not_built(options: dict[str, Any], says: str) -> None:
    """What belongs together, and what a file can be made of, is checked when the action is built."""
    with pytest.raises(sr.RunbookError, match=says):
        sr.UploadFile(**options)


@pytest.mark.parametrize(("size", "says"), [(0, "is empty"), (2**30 + 1, "has 1073741825 bytes; Slack takes 1 GB")])
def test_a_file_of_a_size_that_slack_does_not_take_is_refused(
    tmp_path: Path, fake_slack: FakeSlack, size: int, says: str
) -> None:
    """Nothing is read or sent of a file that is empty or too large."""
    path = tmp_path / "core.bin"
    with path.open("wb") as file:
        file.truncate(size)
    with fake_slack.executor() as executor, pytest.raises(sr.RunbookError, match=says):
        executor.do(sr.UploadFile(path=path))
    assert fake_slack.calls == []


def test_a_missing_file_is_a_warning_before_the_run(tmp_path: Path, fake_slack: FakeSlack) -> None:
    """An earlier step may make it still, so that the check warns; only the step itself fails."""
    path = tmp_path / "graph.png"

    def draw() -> str:
        path.write_bytes(b"png")
        return str(path)

    steps = {
        "draw": sr.Function(draw, {}, "same"),
        "show": sr.UploadFile(path="{{folder}}/graph.png"),
        "again": sr.UploadFile(path="{{steps.draw.value}}"),
    }
    book, context = sr.Runbook("graph", steps), {"folder": str(tmp_path)}
    with fake_slack.executor() as executor:
        found = executor.check(book, context)
        assert found.ok
        assert [warning.place for warning in found.warnings] == ["steps.show.path"]
        assert "does not exist" in found.warnings[0].message
        executor.run(book, context).raise_for_failure()
        assert not executor.check(book, context).warnings


def test_a_path_is_anything_that_names_a_file(tmp_path: Path) -> None:
    """A path object becomes text, so that the action is plain data."""

    class Named:
        def __fspath__(self) -> str:
            return "graph.png"

    assert sr.UploadFile(path=Named()).path == "graph.png"
    assert sr.UploadFile(path=tmp_path).path == str(tmp_path)


class Heir(WebClient):
    """Somebody's own client, which slack_sdk's way of sending a file serves."""

    sent: ClassVar[list[bytes]] = []

    def api_call(self, api_method: str, **_: Any) -> Any:
        return {"ok": True, "upload_url": "https://files.example.com/1", "file_id": "F1", "files": []}

    def _upload_file(self, *, url: str, data: bytes, **_: Any) -> FileUploadV2Result:
        self.sent.append(data)
        return FileUploadV2Result(status=200, body="OK")


class PooledHeir(PooledWebClient):
    """An heir of ours with its own way to send a file."""

    api_call = Heir.api_call
    _upload_file = Heir._upload_file
    sent: ClassVar[list[bytes]] = []


@pytest.mark.parametrize("kind", [Heir, PooledHeir])
def test_another_client_sends_a_file_its_own_way(kind: type[Any]) -> None:
    """What an heir of slack_sdk's client overrides is what is used."""
    kind.sent.clear()
    with sr.Executor(kind("xoxb-fake", retry_handlers=[])) as executor:
        executor.do(sr.UploadFile(content=b"abc", filename="x.bin"))
    assert kind.sent == [b"abc"]


class AsyncHeir(AsyncWebClient):
    """The same, asynchronous."""

    sent: ClassVar[list[bytes]] = []

    async def api_call(self, api_method: str, **_: Any) -> Any:
        return {"ok": True, "upload_url": "https://files.example.com/1", "file_id": "F1", "files": []}

    async def _upload_file(self, *, url: str, data: bytes, **_: Any) -> FileUploadV2Result:
        self.sent.append(data)
        return FileUploadV2Result(status=200, body="OK")


def test_the_loop_does_not_wait_for_a_file_that_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a client that needs all of it at once, another thread reads it."""
    threads: list[int] = []

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            threads.append(threading.get_ident())
            return super().read(size)

    monkeypatch.setattr("slackrunbooks.actions.files._InMemory.open", lambda content: Slow(bytes(content.view)))
    AsyncHeir.sent.clear()

    async def go() -> None:
        client = AsyncHeir("xoxb-fake", retry_handlers=[])
        await sr.AsyncExecutor(client).do(sr.UploadFile(content=b"abc", filename="x.bin"))

    asyncio.run(go())
    assert AsyncHeir.sent == [b"abc"]
    assert threads and threading.get_ident() not in threads


def test_a_figure_is_drawn_in_the_thread_of_the_executor() -> None:
    """Matplotlib is not made for threads, so that no library may choose one for it."""
    threads: list[int] = []

    class Drawn:
        def savefig(self, fname: Any, *, format: str) -> None:  # noqa: A002
            threads.append(threading.get_ident())
            fname.write(b"x")

    async def go() -> None:
        async with FakeSlack().async_executor() as executor:
            await executor.do(sr.UploadFile(content=Drawn()))

    asyncio.run(go())
    assert threads == [threading.get_ident()]


def test_a_stand_in_that_sends_no_files_is_named() -> None:
    """A client with nothing but ``api_call`` can do everything but this, and the error says so."""

    class Stub:
        def api_call(self, api_method: str, **_: Any) -> Any:
            return {"ok": True, "upload_url": "https://files.example.com/1", "file_id": "F1"}

    with (
        sr.Executor(Stub()) as executor,  # type: ignore[arg-type]
        pytest.raises(sr.RunbookError, match="Stub cannot send the bytes of a file"),
    ):
        executor.do(sr.UploadFile(content=b"abc", filename="x.bin"))


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


def _upload(kind: str, server: Server, action: sr.UploadFile, context: Any = None, **options: Any) -> Any:
    if kind == "sync":
        with PooledWebClient("xoxb-fake", base_url=server.url) as client:
            return sr.Executor(client, **options).do(action, context)

    async def go() -> Any:
        async with sr.PooledAsyncWebClient("xoxb-fake", base_url=server.url) as client:
            return await sr.AsyncExecutor(client, **options).do(action, context)

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
def test_bytes_are_never_twice_in_memory(kind: str) -> None:
    """What the program holds already is sent from where it is, also where it comes out of the context."""
    raw = bytes(64 * 2**20)
    with Server(keep_bodies=False) as server:
        _script(server)
        _upload(kind, server, sr.UploadFile(content=b"warm", filename="x.bin"))
        _script(server)
        tracemalloc.start()
        try:
            _upload(kind, server, sr.UploadFile(content="{{graph.raw}}", filename="x.bin"), {"graph": {"raw": raw}})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert server.requests[4].size == len(raw)
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
@pytest.mark.parametrize("loss", [hang_up, reset, answer(status=503, body=b"later")], ids=["closed", "reset", "503"])
def test_a_cut_upload_is_sent_again_from_its_first_byte(kind: str, loss: Any, tmp_path: Path) -> None:
    """The second request carries the whole file, to the same address."""
    path = tmp_path / "log"
    path.write_bytes(b"0123456789" * 50_000)
    with Server() as server:
        _script(server)
        server.script.insert(1, loss)
        _upload(kind, server, sr.UploadFile(path=path), retry=sr.RetryPolicy(first_wait=0))
        first, second = server.requests[1:3]
    assert first.target == second.target
    assert second.body == path.read_bytes()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_spent_address_is_replaced_once(kind: str) -> None:
    """An address that refuses the bytes is given up for another; a second refusal fails the step."""
    gone = answer(status=410, body=b"gone")
    with Server() as server:
        _script(server)
        server.script.insert(1, gone)
        server.script.insert(2, answer({"ok": True, "upload_url": f"{server.url}second", "file_id": "F2"}))
        done = _upload(kind, server, sr.UploadFile(content=b"abc", filename="x.bin"))
        assert (done.file_id, server.requests[3].target) == ("F2", "/api/second")
        assert "F2" in server.requests[4].form["files"]
        server.script.extend(
            act
            for spot in ("third", "fourth")
            for act in (answer({"ok": True, "upload_url": f"{server.url}{spot}", "file_id": "F3"}), gone)
        )
        with pytest.raises(sr.SlackError, match="http_410"):
            _upload(kind, server, sr.UploadFile(content=b"abc", filename="x.bin"))


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("size", [10, 0, 200])
def test_a_file_that_changes_is_sent_as_announced_or_not_at_all(kind: str, size: int, tmp_path: Path) -> None:
    """Fewer bytes than announced fail the step, and are sent once only; more are left out."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100)

    def change(sock: Any, request: Any) -> None:
        path.write_bytes(b"y" * size)
        answer({"ok": True, "upload_url": f"{server.url}upload", "file_id": "F1"})(sock, request)

    with Server() as server:
        server.script.append(change)
        if size > 100:
            _upload(kind, server, sr.UploadFile(path=path))
            assert server.requests[1].body == b"y" * 100
        else:
            with pytest.raises(sr.RunbookError, match=f"became {100 - size} bytes shorter while it was sent"):
                _upload(kind, server, sr.UploadFile(path=path))
            assert "files.completeUploadExternal" not in server.requests[-1].target


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_file_that_vanishes_fails_the_step(kind: str, tmp_path: Path) -> None:
    """What cannot be opened any more is told as such, and not as a failure of Slack."""
    path = tmp_path / "log"
    path.write_bytes(b"x")

    def vanish(sock: Any, request: Any) -> None:
        path.unlink()
        answer({"ok": True, "upload_url": f"{server.url}upload", "file_id": "F1"})(sock, request)

    with Server() as server:
        server.script.append(vanish)
        with pytest.raises(sr.RunbookError, match="could not be read to its end: No such file"):
            _upload(kind, server, sr.UploadFile(path=path))
        assert len(server.requests) == 1


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
