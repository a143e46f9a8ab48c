"""How long one ``chat.postMessage`` takes with each client, against a server on this machine.

Run it by hand: ``python tests/benchmarks/bench_client.py [rounds [calls]]``. The server is another process. In every
round each client makes its calls in one block, forwards in even rounds and backwards in odd ones; a ratio is taken
within its round, and the median of those is printed. Quote the ratios: absolute times change with the machine.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from slackrunbooks._effects import Answered, Call, Repeat
from slackrunbooks.client import PooledAsyncWebClient, PooledWebClient, send, send_async

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

TEXT = "*SEV1* checkout is down: every second payment fails since 10:12 UTC"
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": f"{TEXT} ({number})"}} for number in range(5)]
ARGUMENTS: dict[str, Any] = {"channel": "C0000000001", "text": TEXT, "blocks": BLOCKS}
CALL = Call("chat.postMessage", ARGUMENTS, Repeat.DOUBLES)
REPLY = json.dumps({"ok": True, "channel": "C0000000001", "ts": "1.000001", "message": {"text": TEXT * 8}}).encode()
HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    f"Content-Length: {len(REPLY)}\r\nx-slack-req-id: 0123456789abcdef\r\nx-oauth-scopes: chat:write\r\n\r\n"
).encode()


def tell(line: str) -> None:
    """Write a line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(told: Connection, key_file: str | None) -> None:
    """Answer every request, and keep connections for as long as the client wants them."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
                writer.write(HEAD + REPLY)
                if b"connection: close" in head:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        writer.close()

    async def main() -> None:
        context = None
        if key_file is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(key_file)
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def candidates(base_url: str, context: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
    """Return, by name, what makes a number of calls; the last entry ends the connections."""
    settings: dict[str, Any] = {"token": "xoxb-benchmark", "base_url": base_url, "ssl": context}
    plain, pooled = WebClient(**settings), PooledWebClient(**settings)
    plain_async, pooled_async = AsyncWebClient(**settings), PooledAsyncWebClient(**settings)

    def blocking(call: Callable[[], Any]) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                call()

        return run

    def suspending(call: Callable[[], Any]) -> Callable[[int], None]:
        async def repeat(count: int) -> None:
            for _ in range(count):
                await call()

        return lambda count: loop.run_until_complete(repeat(count))

    def send_one() -> None:
        assert isinstance(send(pooled, CALL), Answered)

    async def send_one_async() -> None:
        assert isinstance(await send_async(pooled_async, CALL), Answered)

    def close() -> None:
        pooled.close()
        loop.run_until_complete(pooled_async.close())

    return {
        "WebClient": blocking(lambda: plain.chat_postMessage(**ARGUMENTS)),
        "PooledWebClient.chat_postMessage": blocking(lambda: pooled.chat_postMessage(**ARGUMENTS)),
        "send(PooledWebClient)": blocking(send_one),
        "AsyncWebClient": suspending(lambda: plain_async.chat_postMessage(**ARGUMENTS)),
        "PooledAsyncWebClient.chat_postMessage": suspending(lambda: pooled_async.chat_postMessage(**ARGUMENTS)),
        "send_async(PooledAsyncWebClient)": suspending(send_one_async),
        "": close,
    }


def measure(rounds: int, calls: int, base_url: str, context: ssl.SSLContext | None) -> None:
    """Print a table for one server."""
    loop = asyncio.new_event_loop()
    runs = candidates(base_url, context, loop)
    close = runs.pop("")
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run(3)
    for number in range(rounds):
        for name in list(runs)[:: 1 if number % 2 == 0 else -1]:
            started = time.perf_counter()
            runs[name](calls)
            times[name].append((time.perf_counter() - started) / calls)
    close()
    loop.close()
    tell(f"{'':40}{'ms a call':>10}{'WebClient / this':>20}")
    for name, taken in times.items():
        ratio = statistics.median(base / own for base, own in zip(times["WebClient"], taken, strict=True))
        tell(f"{name:40}{statistics.median(taken) * 1000:10.3f}{ratio:20.2f}")


def main(rounds: int = 20, calls: int = 50) -> None:
    """Measure over HTTP, then over TLS."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with tempfile.TemporaryDirectory() as directory:
        key_file = Path(directory, "key.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(key_file)
        for scheme, file, context in (("http", None, None), ("https", str(key_file), trusting)):
            here, there = multiprocessing.get_context("spawn").Pipe()
            server = multiprocessing.get_context("spawn").Process(target=serve, args=(there, file), daemon=True)
            server.start()
            tell(f"\n{scheme}, {rounds} rounds of {calls} calls, Python {sys.version.split()[0]}")
            measure(rounds, calls, f"{scheme}://127.0.0.1:{here.recv()}/api/", context)
            server.terminate()
            server.join()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
