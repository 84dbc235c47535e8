"""A socket between Sluice and a mock vendor that does to the vendor's bytes what networks and dying servers do.

It relays bytes and knows just enough of HTTP/1.1 to count: the requests of a connection, the bytes of an answer after
its head, and the events of a stream (the vendor sends one chunk for each). What happens to an answer is a `Fault`,
chosen anew for each request: `proxy.fault = lambda number: RESET if number == 0 else None`.
"""

import asyncio
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field

from harness.wait import DEADLINE_S


@dataclass(frozen=True)
class Fault:
    """What becomes of one answer.

    `deed` happens when `after_events` chunks (or `after_bytes` bytes) of the answer's body have passed; with neither,
    before its first byte. Deeds: reset (RST), close (FIN), silence (nothing more comes, until the peer leaves),
    hold (nothing more comes until `proxy.release` is set), trickle (the rest comes byte by byte), half (one half of the
    next chunk's payload comes, then FIN), insert (`payload` comes as an event of its own, then the rest),
    skip_end (the last `skip` chunks are left out; the transfer ends orderly). With `when_released` the deed waits until
    `proxy.release` is set: until the client has seen what came before it.
    """

    deed: str
    after_events: int | None = None
    after_bytes: int | None = None
    payload: bytes = b""
    skip: int = 0
    when_released: bool = False


@dataclass
class Passed:
    """One request through the proxy."""

    number: int
    gone: threading.Event = field(default_factory=threading.Event)  # Sluice has closed its connection


class _Cut(Exception):
    """The deed has ended the connection."""


class FaultProxy:
    """Listens on an ephemeral port in front of `vendor_port`. With `tls` (an ssl.SSLContext) it speaks TLS to Sluice."""

    def __init__(self, vendor_port, tls=None):
        self._vendor_port = vendor_port
        self._tls = tls
        self.fault = lambda number: None
        self.release = threading.Event()
        self.passed = []  # in the order in which the requests came
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._listen())
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE_S)

    async def _listen(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def set(self, *faults):
        """The faults of the next requests, one each; the last one is everybody's after that. Forgets what has passed."""
        self.passed = []
        self.release.clear()
        self.fault = lambda number: faults[min(number, len(faults) - 1)] if faults else None

    def stop(self):
        self.release.set()

        async def close():
            self._server.close()
            mine = asyncio.current_task()
            for task in asyncio.all_tasks(self._loop):
                if task is not mine:
                    task.cancel()
        self._call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)

    async def _serve(self, reader, writer):
        self.connections += 1
        vendor_reader, vendor_writer = await asyncio.open_connection("127.0.0.1", self._vendor_port)
        try:
            while head := await _read_head(reader):
                body = await reader.readexactly(_content_length(head))
                passed = Passed(len(self.passed))
                self.passed.append(passed)
                fault = self.fault(passed.number)
                watch = asyncio.create_task(_peer_leaves(reader, passed.gone)) if fault else None
                try:
                    vendor_writer.write(head + body)
                    await vendor_writer.drain()
                    await self._answer(fault, vendor_reader, writer, passed)
                finally:
                    if watch and not watch.done():
                        watch.cancel()
                raise _Cut
        except (_Cut, OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            for one in (writer, vendor_writer):
                one.close()

    async def _answer(self, fault, vendor, out, passed):
        if fault and fault.after_events is None and fault.after_bytes is None and fault.deed not in ("trickle", "skip_end", "half"):
            await self._do(fault, out, passed)
        head = await _read_head(vendor)
        pieces = _chunks(vendor) if b"transfer-encoding: chunked" in head.lower() else _whole(vendor, _content_length(head))
        # Each request has a connection of its own, so that a fault meets the request that it is meant for.
        out.write(head.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        await out.drain()
        if not fault:
            async for piece in pieces:
                out.write(piece)
                await out.drain()
            return
        kept = []  # the last ones, of which some are left out
        sent_bytes = sent_events = 0
        async for piece in pieces:
            if fault.deed == "skip_end" and not piece.startswith(b"0\r\n"):
                kept.append(piece)
                piece = kept.pop(0) if len(kept) > fault.skip else b""
            if fault.after_events is not None and sent_events == fault.after_events:
                piece = await self._do(fault, out, passed, piece)
            if fault.after_bytes is not None and sent_bytes + len(piece) > fault.after_bytes:
                cut = max(fault.after_bytes - sent_bytes, 0)
                out.write(piece[:cut])
                await out.drain()
                piece = piece[:cut] and piece[cut:] or piece
                piece = await self._do(fault, out, passed, piece)
            if fault.deed == "half" and fault.after_events is None and fault.after_bytes is None:
                piece = await self._do(fault, out, passed, piece)
            if fault.deed == "trickle" and fault.after_events is None:
                for byte in piece:
                    out.write(bytes([byte]))
                    await out.drain()
                    await asyncio.sleep(0)
            else:
                out.write(piece)
                await out.drain()
            sent_bytes += len(piece)
            sent_events += 1

    async def _do(self, fault, out, passed, piece=b""):
        """The deed; what it leaves of the next piece."""
        if fault.when_released:
            await _set(self.release)
        if fault.deed == "reset":
            raw = out.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            out.transport.abort()
            raise _Cut
        if fault.deed == "close":
            raise _Cut
        if fault.deed == "half":
            out.write(piece[:len(piece) // 2])
            await out.drain()
            raise _Cut
        if fault.deed == "silence":
            await _set(passed.gone)
            raise _Cut
        if fault.deed == "hold":
            await _set(self.release)
            return piece
        if fault.deed == "insert":
            return b"%x\r\n%s\r\n" % (len(fault.payload), fault.payload) + piece
        raise ValueError(fault.deed)


async def _set(event):
    while not event.is_set():
        await asyncio.sleep(0.002)


async def _peer_leaves(reader, gone):
    """Sees the end of the connection while the answer is under way; a well-behaved client sends nothing then."""
    try:
        while await reader.read(1):
            pass
    except OSError:
        pass
    gone.set()


async def _read_head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return b""


def _content_length(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


async def _whole(reader, length):
    yield await reader.readexactly(length)


async def _chunks(reader):
    while True:
        size = await reader.readuntil(b"\r\n")
        yield size + await reader.readexactly(int(size, 16) + 2)
        if int(size, 16) == 0:
            return
