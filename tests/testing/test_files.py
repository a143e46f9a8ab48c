"""Files in three steps over every wire, canvases, and what the workspace remembers of both."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from slackrunbooks.client import PooledWebClient
from slackrunbooks.testing import FakeSlack
from slackrunbooks.testing._wire import Answer, HttpRequest

Upload = Callable[..., Any]


def over_sync(slack: FakeSlack) -> Any:
    """Upload in process."""
    return slack.client.files_upload_v2


def over_async(slack: FakeSlack) -> Any:
    """Upload in process, asynchronously."""
    return lambda **arguments: asyncio.run(slack.async_client.files_upload_v2(**arguments))


@pytest.fixture(params=["sync", "async", "http sync", "http async", "http pooled", "responses"])
def upload(request: pytest.FixtureRequest, slack: FakeSlack) -> Any:
    """Yield files_upload_v2 over each wire."""
    wire: str = request.param
    if wire == "responses":
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            slack.mount(mock)
            yield over_requests(slack.token)
    elif wire.startswith("http"):
        with slack.serve() as server:
            if wire == "http async":
                client = AsyncWebClient(server.token, base_url=server.url, retry_handlers=[])
                yield lambda **arguments: asyncio.run(client.files_upload_v2(**arguments))
            else:
                kind: Any = PooledWebClient if wire == "http pooled" else WebClient
                options = {} if kind is PooledWebClient else {"retry_handlers": []}
                yield kind(server.token, base_url=server.url, **options).files_upload_v2
    else:
        yield over_sync(slack) if wire == "sync" else over_async(slack)


def over_requests(token: str) -> Upload:
    """Upload with requests alone, the bytes as a multipart form."""
    headers = {"Authorization": f"Bearer {token}"}

    def ask(method: str, **arguments: Any) -> Any:
        return requests.post(f"https://slack.com/api/{method}", data=arguments, headers=headers, timeout=9).json()

    def upload(*, content: str | bytes, filename: str, title: str, **arguments: Any) -> Any:
        data = content.encode() if isinstance(content, str) else content
        ticket = ask("files.getUploadURLExternal", filename=filename, length=len(data))
        sent = requests.post(ticket["upload_url"], files={"filename": (filename, data)}, timeout=9)
        assert (sent.status_code, sent.text) == (200, f"OK - {len(data)}")
        arguments["channel_id"] = arguments.pop("channel")
        files = f'[{{"id": "{ticket["file_id"]}", "title": "{title}"}}]'
        return ask("files.completeUploadExternal", files=files, **arguments)

    return upload


def test_a_file_is_uploaded_over_every_wire(slack, upload) -> None:
    """The bytes arrive as they were, and one message shows the file with its comment."""
    channel = slack.channel("incidents")
    answer = upload(
        channel=channel.id, content=b"\x00\xffPNG\r\n", filename="cpu.png", title="CPU", initial_comment="Look"
    )
    assert answer["files"] == [{"id": "F0FAKE0001", "title": "CPU"}]
    [file], [message] = slack.files, channel.messages
    assert (file.content, file.title, file.shares) == (b"\x00\xffPNG\r\n", "CPU", {channel.id: message.ts})
    assert (message.text, message.files) == ("Look", [file])
    assert [(call.method, call.ok, call.token) for call in slack.calls] == [
        ("files.getUploadURLExternal", True, "bot"),
        ("upload", True, "none"),
        ("files.completeUploadExternal", True, "bot"),
    ]


def test_several_files_share_a_message(slack) -> None:
    """Files completed together stand in one message, below its thread if one is named."""
    channel = slack.channel("incidents")
    parent = slack.user("alice").post(channel, "Down").ts
    uploads = [{"content": "a", "filename": "a.txt"}, {"content": "bb", "filename": "b.txt", "title": "Log"}]
    slack.client.files_upload_v2(file_uploads=uploads, channel=channel.id, thread_ts=parent)
    assert slack.transcript("incidents").splitlines()[-3:] == [
        "      2026-01-05 09:00:00Z @runbooks:",
        "          [file: a.txt, 1 byte]",
        "          [file: Log (b.txt), 2 bytes]",
    ]


def test_a_file_goes_to_several_channels_and_people(slack) -> None:
    """Each gets a message of its own, with its pings; without any the file stays private."""
    alice = slack.user("alice")
    channels = [slack.channel("incidents").id, slack.channel("secret").id, alice.id]
    slack.client.files_upload_v2(content="x", filename="x.txt", channels=channels, initial_comment=f"<@{alice.id}>")
    slack.client.files_upload_v2(content="x", filename="y.txt")
    shared, private = slack.files
    assert list(shared.shares) == [*channels[:2], slack.direct_message("alice").id]
    assert (private.shares, private.is_complete) == ({}, True)
    assert [ping.by for ping in slack.notified] == [f"<@{alice.id}>", f"<@{alice.id}>", "dm", f"<@{alice.id}>"]
    shown = slack.client.files_info(file=shared.id)["file"]
    assert (shown["channels"], shown["groups"], shown["ims"]) == ([channels[0]], [channels[1]], list(shared.shares)[2:])
    assert set(shown["shares"]) == {"public", "private"}


def test_files_info_describes_a_file(slack) -> None:
    """Name, title, size and types are there, and history shows the same object in the message."""
    channel = slack.channel("incidents").id
    slack.client.files_upload_v2(
        content="print()", filename="fix.py", snippet_type="python", channel=channel, alt_txt="The fix"
    )
    slack.client.files_upload_v2(content="x", filename="core", channel=channel)
    shown = slack.client.files_info(file="F0FAKE0001")["file"]
    assert (shown["name"], shown["title"], shown["size"], shown["mode"]) == ("fix.py", "fix.py", 7, "snippet")
    assert (shown["mimetype"], shown["filetype"], shown["alt_txt"]) == ("text/plain", "python", "The fix")
    assert (shown["user"], shown["is_public"]) == (slack.bot.id, True)
    other = slack.client.files_info(file="F0FAKE0002")["file"]
    assert (other["mimetype"], other["filetype"], other["mode"]) == ("application/octet-stream", "binary", "hosted")
    history = slack.client.conversations_history(channel=channel)["messages"]
    assert [message["files"] for message in history] == [[other], [shown]]


def test_own_files_are_listed_page_by_page(slack) -> None:
    """What nobody completed is not listed; a channel and a time narrow it down."""
    channel, bot = slack.channel("incidents").id, slack.bot.id
    for number in range(5):
        slack.client.files_upload_v2(content="x", filename=f"{number}.txt", channel=channel if number % 2 else None)
        slack.advance(60)
    slack.client.files_getUploadURLExternal(filename="never.txt", length=1)
    whole = slack.client.files_list(user=bot)
    assert [file["name"] for file in whole["files"]] == [f"{number}.txt" for number in range(5)]
    assert whole["paging"] == {"count": 100, "total": 5, "page": 1, "pages": 1}
    last = slack.client.files_list(user=bot, count=2, page=3)
    assert ([file["name"] for file in last["files"]], last["paging"]["pages"]) == (["4.txt"], 3)
    assert [file["name"] for file in slack.client.files_list(user=bot, channel=channel)["files"]] == ["1.txt", "3.txt"]
    late = slack.client.files_list(user=bot, ts_from=whole["files"][3]["created"])
    assert [file["name"] for file in late["files"]] == ["3.txt", "4.txt"]


def test_blocks_count_without_a_comment_only(slack) -> None:
    """With initial_comment the blocks are ignored, as the page says; another name needs its scope."""
    channel = slack.channel("incidents")
    for comment in (None, "Look"):
        ticket = slack.client.files_getUploadURLExternal(filename="x", length=1)
        slack.handle(HttpRequest("POST", ticket["upload_url"].removeprefix("https://files.slack.com"), "", {}, b"x"))
        arguments = {"channel_id": channel.id, "initial_comment": comment, "blocks": '[{"type": "divider"}]'}
        files: Any = [{"id": ticket["file_id"]}]
        slack.client.files_completeUploadExternal(files=files, username="Commander", **arguments)
    assert [(message.text, message.blocks, message.username) for message in channel.messages] == [
        ("", [{"type": "divider"}], "Commander"),
        ("Look", [], "Commander"),
    ]
    slack.scopes.remove("chat:write.customize")
    with pytest.raises(SlackApiError, match="missing_scope"):
        slack.client.files_upload_v2(content="x", filename="x", channel=channel.id, username="Commander")


def test_an_upload_is_not_completed_twice(slack) -> None:
    """No page says what that would do, so the fake does not either."""
    slack.client.files_upload_v2(content="x", filename="x")
    with pytest.raises(SlackApiError, match="not_modelled"):
        slack.client.files_completeUploadExternal(files=[{"id": "F0FAKE0001"}])


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "text"),
    [
        ("POST", "/upload/v1/nothing", b"abc", 404, "there is no such upload"),
        ("POST", "/upload/v1/F0FAKE0001-ticket", b"abcd", 501, "4 bytes came and 3 were announced"),
        ("GET", "/upload/v1/F0FAKE0001-ticket", b"", 501, "only POST"),
        ("POST", "/upload/v1/F0FAKE0002-ticket", b"abc", 501, "a second upload"),
    ],
)
def test_an_upload_that_fails_says_why(slack, verb: str, path: str, body: bytes, status: int, text: str) -> None:
    """Every status but 200 is a failure; what no page describes is 501 and changes nothing."""
    for name in ("a", "b"):
        slack.client.files_getUploadURLExternal(filename=name, length=3)
    slack.files[1].content = b"xyz"
    answer = slack.handle(HttpRequest(verb, path, "", {}, body))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert text in answer.body.decode()
    assert [file.content for file in slack.files] == [None, b"xyz"]
    assert (slack.calls[-1].method, slack.calls[-1].ok, slack.calls[-1].error) == ("upload", False, "upload_failed")


def test_a_form_without_a_file_has_no_bytes(slack) -> None:
    """A multipart body that holds nothing is an upload of nothing."""
    slack.client.files_getUploadURLExternal(filename="a", length=3)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = slack.handle(HttpRequest("POST", "/upload/v1/F0FAKE0001-ticket", "", headers, b"abc"))
    assert isinstance(answer, Answer)
    assert b"0 bytes came" in answer.body


SYNC_LOSSES = [
    ("refused", urllib.error.URLError, False),
    ("applied_then_reset", ConnectionResetError, True),
    ("reset_before", ConnectionResetError, False),
]


@pytest.mark.parametrize(("fault", "error", "applied"), SYNC_LOSSES)
def test_an_upload_can_be_lost(slack, fault: str, error: type[Exception], applied: bool) -> None:
    """Faults of the wire hit the sending of bytes as they hit a method, under the name upload."""
    slack.inject("upload", fault)
    with pytest.raises(error):
        slack.client.files_upload_v2(content="abc", filename="a")
    assert (slack.files[0].content == b"abc", slack.unfired) == (applied, [])


def test_an_upload_can_be_refused(slack) -> None:
    """An ordered failure has a status that says failure, for both clients."""
    slack.fail_next("upload", "storage_down", times=2)
    with pytest.raises(urllib.error.HTTPError) as caught:
        slack.client.files_upload_v2(content="abc", filename="a")
    assert (caught.value.code, caught.value.read()) == (500, b"storage_down")
    with pytest.raises(SlackRequestError, match="status: 500"):
        asyncio.run(slack.async_client.files_upload_v2(content="abc", filename="a"))
    slack.fail_next("upload", "ratelimited", retry_after=7)
    with pytest.raises(urllib.error.HTTPError) as limited:
        slack.client.files_upload_v2(content="abc", filename="a")
    assert (limited.value.code, limited.value.headers["retry-after"]) == (429, "7")
    for fault in ("server_error_before", "internal_error_after", "not_json"):
        slack.inject("upload", fault)
        with pytest.raises(urllib.error.HTTPError):
            slack.client.files_upload_v2(content="abc", filename="a")
    slack.inject("upload", "truncated")
    with pytest.raises(http.client.IncompleteRead):
        slack.client.files_upload_v2(content="abc", filename="a")


def test_a_path_is_uploaded(slack, tmp_path: Path) -> None:
    """files_upload_v2 reads a file from the disk as well."""
    (tmp_path / "run.log").write_bytes(b"done\n")
    slack.client.files_upload_v2(file=str(tmp_path / "run.log"), channel=slack.channel("incidents").id)
    assert (slack.files[0].name, slack.files[0].content) == ("run.log", b"done\n")


def test_a_channel_has_one_canvas(slack) -> None:
    """conversations.canvases.create gives it, and conversations.info names it from then on."""
    channel = slack.channel("incidents")
    content = {"type": "markdown", "markdown": "# Notes"}
    created = slack.client.conversations_canvases_create(channel_id=channel.id, document_content=content)
    [canvas] = slack.canvases
    assert (canvas.id, canvas.markdown, canvas.channel) == (created["canvas_id"], "# Notes", channel.id)
    shown = slack.client.conversations_info(channel=channel.id)["channel"]
    assert shown["properties"]["canvas"] == {"file_id": canvas.id, "is_empty": False}
    other = slack.client.canvases_create(title="Retro", channel_id=channel.id)
    assert other["canvas_id"] != canvas.id


def test_a_canvas_is_edited(slack) -> None:
    """One change at a time adds at either end, replaces everything or renames."""
    canvas_id = slack.client.canvases_create(title="Notes")["canvas_id"]

    def change(operation: str, markdown: str, key: str = "document_content") -> None:
        content = {"type": "markdown", "markdown": markdown}
        slack.client.canvases_edit(canvas_id=canvas_id, changes=[{"operation": operation, key: content}])

    change("insert_at_end", "middle")
    change("insert_at_end", "end")
    change("insert_at_start", "start")
    change("rename", "Retro", "title_content")
    [canvas] = slack.canvases
    assert (canvas.title, canvas.markdown, canvas.channel) == ("Retro", "start\nmiddle\nend", None)
    change("replace", "all new")
    assert canvas.markdown == "all new"


def test_the_transcript_shows_the_canvases(slack) -> None:
    """They stand below the head of their channel, with what is in them."""
    content = {"type": "markdown", "markdown": "# Notes\n- one"}
    channel = slack.channel("incidents").id
    slack.client.conversations_canvases_create(channel_id=channel, document_content=content)
    slack.client.canvases_create(title="Retro", channel_id=channel)
    assert slack.transcript("incidents").splitlines()[2:] == [
        "  canvas: untitled",
        "    | # Notes",
        "    | - one",
        "  canvas: Retro",
    ]
