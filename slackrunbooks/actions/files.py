"""Steps that bring a file to Slack.

Rule of this file: a file is read where it is sent, piece by piece; here it is known only by its name and its size.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol, cast, runtime_checkable

import attrs

from .. import blocks as block_kit
from .._effects import NO_ADDRESS, HostCall, Partial, Repeat, Upload
from ..errors import RunbookError, SlackError
from ..slack_methods import call
from ..text import LIMITS
from . import _base as base
from ._base import Action, Fault, Need, Placeholder
from ._find import bad_channel, bad_ts, channel_id, channel_needs

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from os import PathLike

    from .._effects import Content, Effect, Flow

__all__ = ["FileUploaded", "UploadFile"]

# "Description for the image is longer than the limit of 1000 character", and snippets "are limited to 1MB":
# https://docs.slack.dev/reference/methods/files.getUploadURLExternal#errors
_LONGEST_ALT = 1000
_LARGEST_SNIPPET = 1_000_000

# How it ends with an address that is not known any more, or that takes no more bytes. What one says to bytes that it
# has already is not documented: after a lost answer it may refuse what arrived (HTTP 4xx), or fail each time.
_SPENT = (NO_ADDRESS, "no_answer", "http_4")

# The name and the icon of the message that shows the file.
_LOOKS = ("username", "icon_emoji", "icon_url")

# "Files up to 1 GB": https://slack.com/help/articles/201330736-Add-files-to-Slack
_LARGEST = 1_073_741_824


@runtime_checkable
class _Figure(Protocol):
    """What draws itself into a file, as a matplotlib figure does."""

    def savefig(self, fname: Any, /, *, format: str) -> object:  # noqa: A002 - matplotlib's own word
        """Write the picture."""
        ...


@attrs.frozen(kw_only=True)
class FileUploaded:
    """A file that stands in Slack.

    Attributes:
        file_id: Its ID.
        title: Its title.
        channel: ID of the channel it was shared in; ``None`` where it is in none, so that only the app sees it. Of a
            step that failed, the file whose bytes Slack has and that was not shared, or not certainly.
        size: Its size in bytes.
    """

    file_id: str
    title: str
    channel: str | None
    size: int


class _Piecewise(io.RawIOBase):
    """Bytes that are read in pieces, and never copied as a whole."""

    def __init__(self, view: memoryview) -> None:
        super().__init__()
        self._rest = view

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class _Bounded(io.RawIOBase):
    """A file of which no more and no less is sent than was announced, even where it changes meanwhile."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self._rest = size

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        data = self._file.read(min(len(buffer), self._rest))
        if not data and self._rest:
            raise OSError(f"the file became {self._rest} bytes shorter while it was sent")
        buffer[: len(data)] = data
        self._rest -= len(data)
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@attrs.frozen
class _InMemory:
    """Bytes that the program holds."""

    view: memoryview = attrs.field(repr=False, eq=False)

    @property
    def size(self) -> int:
        return len(self.view)

    def open(self) -> BinaryIO:
        return cast("BinaryIO", _Piecewise(self.view))


@attrs.frozen
class _OnDisk:
    """A file on the machine that runs the runbook."""

    path: Path
    size: int

    def open(self) -> BinaryIO:
        return cast("BinaryIO", _Bounded(self.path.open("rb"), self.size))


def _as_path(value: str | PathLike[str] | None) -> str | None:
    """Take a path object as its text, so that the action is plain data."""
    if value is None or isinstance(value, str):
        return value
    named = getattr(value, "__fspath__", None)
    # What names no file is left for the validator to refuse.
    return cast("str", value if named is None else named())


def _size_of(path: Path) -> int:
    """Return the size of a file that can be sent, as far as that can be told without sending it."""
    place, wrong, size = "UploadFile.path", "", 0
    try:
        if path.is_file():
            # Whether it may be read is known only by opening it, and must be known before it is announced.
            path.open("rb").close()
            size = path.stat().st_size
        else:
            wrong = "is a folder" if path.is_dir() else "is no plain file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        wrong = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    if wrong:
        raise RunbookError(f"{str(path)!r} {wrong} on the machine that runs this.", place=place)
    return _checked(size, place)


def _found(path: str) -> dict[str, Any]:
    """Return the size of a file, or what is wrong with it: as plain data, which a journal gives back as it was."""
    try:
        return {"size": _size_of(Path(path))}
    except RunbookError as error:
        return {"wrong": error.reason}


def _checked(size: int, place: str) -> int:
    if size == 0:
        raise RunbookError("is empty, and Slack takes no empty file.", place=place)
    if size > _LARGEST:
        raise RunbookError(f"has {size} bytes; Slack takes 1 GB. Compress it, or share a link.", place=place)
    return size


@attrs.frozen(kw_only=True)
class UploadFile(Action[FileUploaded]):
    """Upload a file and share it in a channel or a thread: from a path, from bytes, from text or from a figure.

    The file is sent piece by piece, so that its size does not show in the memory of the program.

    Slack: https://docs.slack.dev/reference/methods/files.getUploadURLExternal and
    https://docs.slack.dev/reference/methods/files.completeUploadExternal

    Scopes: ``files:write``; a channel given by name also needs ``channels:read`` or ``groups:read``; ``username`` and
    the icons need ``chat:write.customize``.

    Attributes:
        path: The file on the machine that runs the runbook, as text or a path object, at most 1 GB. Either this or
            ``content``. What is read is its size at the beginning of the step; in a report's ``calls`` that is
            ``file_size``. A run that is kept stands by it, whatever becomes of the file afterwards.
        content: The file itself: bytes, text (sent as UTF-8), anything with ``savefig(buffer, format=…)`` such as a
            matplotlib figure, or a template that is one tag whose value is one of these. At most 1 GB. Half of a
            character (a lone surrogate) in a text becomes ``?``, as in a message. An open file is refused, because it
            can be read only once and may have to be sent again: give its path. A figure is drawn in the thread of the
            executor, so that the asynchronous one holds up its loop meanwhile: matplotlib is not made for threads
            (https://matplotlib.org/stable/users/faq.html#work-with-threads), and only the program knows who else
            draws. Where that takes long, draw in a :class:`Function` of your own and give its bytes.
        filename: The name it has in Slack, whose ending tells its type; of a path and a figure it may be left out.
        title: What Slack shows above it; its name if left out.
        channel: The channel to share it in: an earlier step's ``channel``, an ID, ``#name`` or a link. Left out, only
            the app sees the file. The app must be a member.
        thread_ts: ``ts`` of the message that starts the thread to share it in.
        initial_comment: The message above the file, in Slack's mrkdwn, at most 4,000 characters.
        blocks: The message above the file as Block Kit; not beside ``initial_comment``, for which Slack drops them.
        alt_txt: What a screen reader says of a picture, at most 1,000 characters.
        snippet_type: The language of a text that is shown as a snippet (``python``), of at most 1 MB.
        username: Another name for the bot in the message.
        icon_emoji: An emoji for its icon (``:chart:``).
        icon_url: An image for its icon.

    Returns:
        A :class:`FileUploaded`.

    Raises:
        RunbookError: There is no such file, it cannot be read, it is empty or it is too large; nothing was sent. Or it
            became shorter while it was sent; nothing was shared.
        NotInChannel: Invite the app to the channel first.
        ChannelNotFound: The app sees no such channel.
        NotPermitted: The workspace takes no such files (``file_type_not_allowed``, ``file_uploads_disabled``).
        InvalidBlocks: Slack refuses the blocks.
        SlackUnavailable: The bytes did not arrive, at a second address neither; nobody sees anything of the file.
        AmbiguousOutcome: The last answer was lost, and whether the file stands in the channel cannot be looked up. The
            step's output names the file.

    Again: a second run uploads and shares a second file. Within one run the bytes may be sent again, because nothing of
    them shows until the last request.
    """

    output: ClassVar[type[Any]] = FileUploaded

    path: str | None = attrs.field(default=None, converter=_as_path, validator=base.is_text, metadata=base.LITERAL)
    content: Any = attrs.field(default=None, metadata=base.DATA, repr=base.hidden)
    filename: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.LITERAL)
    title: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.LITERAL)
    channel: str | None = attrs.field(
        default=None, converter=base.as_channel, validator=base.is_text, metadata=base.CHANNEL
    )
    thread_ts: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    initial_comment: str | None = attrs.field(
        default=None, validator=base.is_text, metadata=base.MRKDWN, repr=base.hidden
    )
    blocks: Any = attrs.field(default=None, converter=base.as_blocks, metadata=base.BLOCKS, repr=base.hidden)
    alt_txt: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.LITERAL)
    snippet_type: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    username: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.PLAIN)
    icon_emoji: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.IDENTIFIER)
    icon_url: str | None = attrs.field(default=None, validator=base.is_text, metadata=base.URL)

    def __attrs_post_init__(self) -> None:
        if (self.path is None) == (self.content is None):
            raise RunbookError("takes a path or content, one of them.", place="UploadFile")
        figure = isinstance(self.content, _Figure)
        if self.content is not None and not figure and not isinstance(self.content, (str, bytes, bytearray)):
            raise RunbookError(
                "must be bytes, text or a figure; of an open file give the path.", place="UploadFile.content"
            )
        if self.path is None and not figure and self.filename is None:
            raise RunbookError("needs a filename, whose ending tells Slack what it is.", place="UploadFile")
        for option in ("thread_ts", "initial_comment", "blocks", *_LOOKS):
            if getattr(self, option) is not None and self.channel is None:
                raise RunbookError(
                    "is set, but there is no channel: a private file stands in none.", place=f"UploadFile.{option}"
                )
        if self.blocks is not None and self.initial_comment is not None:
            raise RunbookError("has blocks beside initial_comment, and Slack drops them: give one.", place="UploadFile")

    def needs(self) -> Iterator[Need]:
        if self.channel is not None:
            yield from channel_needs(self.channel)
        yield Need("files.getUploadURLExternal", "announce the file")
        yield Need("files.completeUploadExternal", "share the file")
        if any(getattr(self, name) is not None for name in _LOOKS):
            yield Need(
                "files.completeUploadExternal", "share it under another name or icon", scopes=("chat:write.customize",)
            )

    def faults(self) -> Iterator[Fault]:
        if self.path is not None and not self.path.strip():
            yield Fault("path", "is empty.", "Give the file's path.")
        elif self.path is not None and not Placeholder.is_in(self.path):
            try:
                _size_of(Path(self.path))
            except RunbookError as error:
                # An earlier step may still make it, so that it is no error before the step itself begins.
                remedy = "The step fails unless that changes before it."
                yield Fault("path", error.reason, remedy, severity="warning")
        if isinstance(self.content, (str, bytes, bytearray)) and not self.content:
            yield Fault("content", "is empty, and Slack takes no empty file.")
        if self.filename is not None and not self.filename.strip():
            yield Fault("filename", "is empty.", "Give a name with an ending, such as graph.png.")
        if self.channel is not None:
            yield from bad_channel(self.channel)
        yield from bad_ts("thread_ts", self.thread_ts)
        if self.blocks is not None:
            for pointer, message in block_kit.block_problems(self.blocks):
                yield Fault(pointer.removeprefix("/"), message)
        for field, most in (("initial_comment", LIMITS["text"].most), ("alt_txt", _LONGEST_ALT)):
            said = getattr(self, field)
            if said is not None and len(said) > most and not Placeholder.is_in(said):
                yield Fault(field, f"has {len(said)} characters; Slack takes {most}.", "Shorten it.")
        size = len(self.content) if isinstance(self.content, (str, bytes, bytearray)) else 0
        if self.snippet_type and size > _LARGEST_SNIPPET:
            yield Fault("content", f"is too long for a snippet ({size}).", "Leave snippet_type out.")

    def flow(self) -> Flow[FileUploaded]:
        content = yield from self._content()
        name = self._name()
        title = self.title or name
        channel = (yield from channel_id(self.channel)) if self.channel is not None else None
        file_id = yield from self._arrived(name, content)
        done = FileUploaded(file_id=file_id, title=title, channel=None, size=content.size)
        yield Partial(done)
        yield call(
            "files.completeUploadExternal",
            files=[{"id": file_id, "title": title}],
            channel_id=channel,
            thread_ts=self.thread_ts or None,
            initial_comment=self.initial_comment or None,
            blocks=list(self.blocks) if self.blocks else None,
            **{name: getattr(self, name) for name in _LOOKS},
        )
        return attrs.evolve(done, channel=channel)

    def _arrived(self, name: str, content: Content) -> Generator[Effect, Any, str]:
        """Get the bytes to Slack, at another address if the first one takes no more, and return the file's ID."""
        refused = 0
        while True:
            try:
                return (yield from self._at_new_address(name, content))
            except SlackError as error:
                # What was sent to an address never shows, so that sending it to another one doubles nothing.
                refused += error.code != NO_ADDRESS
                if error.method != Upload.method or not error.code.startswith(_SPENT) or refused > 1:
                    raise

    def _at_new_address(self, name: str, content: Content) -> Generator[Effect, Any, str]:
        """Announce the file, send its bytes, and return the ID that it will have."""
        announced = yield call(
            "files.getUploadURLExternal",
            filename=name,
            length=content.size,
            alt_txt=self.alt_txt or None,
            snippet_type=self.snippet_type or None,
        )
        try:
            yield Upload(str(announced["upload_url"]), content)
        except OSError as error:
            raise RunbookError(
                f"{self.path!r} could not be read to its end: {error.strerror or error}. Nothing of it was shared.",
                place="UploadFile.path",
            ) from None
        return str(announced["file_id"])

    def _name(self) -> str:
        if self.filename is not None:
            return self.filename
        return Path(self.path).name if self.path is not None else "figure.png"

    def _content(self) -> Generator[Effect, Any, Content]:
        """Return the bytes, or refuse what cannot be sent before anything is."""
        if self.path is not None:
            # Not looked at here: a run that is gone on with stands by what it found, whatever became of the file.
            found = yield HostCall("file_size", _found, {"path": self.path}, Repeat.READS)
            if "wrong" in found:
                raise RunbookError(found["wrong"], place="UploadFile.path")
            return _OnDisk(Path(self.path), found["size"])
        if isinstance(self.content, _Figure):
            buffer = io.BytesIO()
            ending = Path(self._name()).suffix.removeprefix(".").lower()
            self.content.savefig(buffer, format=ending or "png")
            view = buffer.getbuffer()
        else:
            # A lone surrogate has no UTF-8 form; as in the body of a form, it is no reason to send nothing.
            text = isinstance(self.content, str)
            view = memoryview(self.content.encode("utf-8", "replace") if text else self.content)
        _checked(len(view), "UploadFile.content")
        return _InMemory(view)
