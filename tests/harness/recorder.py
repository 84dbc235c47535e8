"""A provider made of a bare socket: it keeps every byte that Sluice sends and answers with exactly the bytes it is told.

It speaks just enough HTTP/1.1 to find where a request ends. What it answers is a function of the test's own:
`provider.answer = lambda request, connection: connection.send(b"HTTP/1.1 200 OK...")`.
"""

import json
import select
import socket
import ssl
import struct
import threading
import zlib
from dataclasses import dataclass, field

from harness.wait import DEADLINE_S


@dataclass
class Recorded:
    """One request as it came over the wire."""

    head: bytes
    body: bytes
    connection: int  # counts the accepted connections from 0
    gone: threading.Event = field(default_factory=threading.Event)  # set when the peer closed before the answer ended

    @property
    def line(self):
        return self.head.split(b"\r\n", 1)[0].decode()

    @property
    def path(self):
        return self.line.split(" ")[1]

    def headers(self):
        """Lower-case name -> list of values."""
        found = {}
        for line in self.head.split(b"\r\n")[1:]:
            name, _, value = line.decode("latin-1").partition(":")
            found.setdefault(name.strip().lower(), []).append(value.strip())
        return found

    def header(self, name):
        return (self.headers().get(name.lower()) or [None])[0]

    def json(self):
        return json.loads(self.body)


class Connection:
    """The answering side of one accepted connection."""

    def __init__(self, sock, number):
        self._sock = sock
        self.number = number
        self.request = None

    def send(self, data: bytes):
        try:
            self._sock.sendall(data)
        except OSError:
            self.request.gone.set()
            raise PeerGone from None

    def wait_until_peer_leaves(self, timeout_s=DEADLINE_S):
        """Blocks until the peer closes or resets; sets request.gone. False when it did not within the time."""
        readable, _, _ = select.select([self._sock], [], [], timeout_s)
        if not readable:
            return False
        try:
            more = self._sock.recv(1)
        except OSError:
            more = b""
        if more == b"":
            self.request.gone.set()
        return more == b""

    def close(self):
        """An orderly end of the connection in the middle of whatever was sent."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        raise PeerGone

    def reset(self):
        """Ends the connection with RST instead of FIN."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()
        raise PeerGone


class PeerGone(Exception):
    """Ends the serving of one connection."""


class Recorder:
    """Listens on an ephemeral port of `host`. With `tls` (an ssl.SSLContext) it speaks TLS."""

    def __init__(self, host="127.0.0.1", tls=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=128)
        self._tls = tls
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._lock = threading.Lock()
        self._open = set()
        self._stopping = False
        self.handshake_failures = []
        self.forget()
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self):
        """Back to the state of a new one: no requests, the standard answer."""
        with self._lock:
            self.requests = []
            self.answer = lambda request, connection: connection.send(ok(openai_answer()))

    def stop(self):
        self._stopping = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept(); closed alone, it would go on taking connections
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        number = 0
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()
            number += 1

    def _serve(self, sock, number):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
        except (ssl.SSLError, OSError) as error:
            self.handshake_failures.append(str(error))
            sock.close()
            return
        with self._lock:
            self._open.add(sock)
        connection = Connection(sock, number)
        try:
            reader = sock.makefile("rb")
            while request := self._read(reader, number):
                connection.request = request
                with self._lock:
                    self.requests.append(request)
                    answer = self.answer
                answer(request, connection)
        except (PeerGone, OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    @staticmethod
    def _read(reader, number):
        lines = []
        while (line := reader.readline()) not in (b"\r\n", b""):
            lines.append(line.rstrip(b"\r\n"))
        if not lines:
            return None
        request = Recorded(b"\r\n".join(lines), b"", number)
        if (request.header("transfer-encoding") or "").lower() == "chunked":
            while size := int(reader.readline().split(b";")[0], 16):
                request.body += reader.read(size)
                reader.readline()
            reader.readline()
        else:
            request.body = reader.read(int(request.header("content-length") or 0))
        return request


# --- answers

def ok(body: bytes, content_type="application/json", status="200 OK", headers=()):
    """A whole answer with Content-Length. `headers` are ready lines."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def sse_head(headers=(), content_type="text/event-stream"):
    """The head of a chunked event stream."""
    lines = ["HTTP/1.1 200 OK", f"content-type: {content_type}", "transfer-encoding: chunked", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def chunk(data: bytes):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"


def openai_answer(text="pong", prompt=7, completion=5, model="gpt-mock"):
    return json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}}).encode()


def openai_event(delta, finish=None, usage=None, model="gpt-mock"):
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1790000000, "model": model, "choices": choices}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def openai_stream(texts=("po", "ng"), usage=(7, 5)):
    """The events of a whole OpenAI stream, the usage event and [DONE] included."""
    events = [openai_event({"role": "assistant", "content": ""})]
    events += [openai_event({"content": text}) for text in texts]
    return [*events, openai_event({}, "stop"), openai_event({}, usage=usage), b"data: [DONE]\n\n"]


def responses_answer(text="pong", input_tokens=7, output_tokens=5):
    said = {"type": "output_text", "text": text, "annotations": []}
    return json.dumps({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "output": [
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [said]}],
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": input_tokens + output_tokens}}).encode()


def responses_stream():
    """The least of a stream: its last event, which has the whole answer."""
    done = {"type": "response.completed", "sequence_number": 0, "response": json.loads(responses_answer())}
    return [f"event: response.completed\ndata: {json.dumps(done)}\n\n".encode()]


def anthropic_answer(text="pong", input_tokens=7, output_tokens=5, model="claude-mock"):
    return json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens}}).encode()


def anthropic_event(event_type, **members):
    return f"event: {event_type}\ndata: {json.dumps({'type': event_type, **members})}\n\n".encode()


def anthropic_stream(texts=("po", "ng"), usage=(7, 5), model="claude-mock"):
    """The events of a whole Anthropic stream with one text block."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
               "stop_sequence": None, "usage": {"input_tokens": usage[0], "output_tokens": 1}}
    return [
        anthropic_event("message_start", message=message),
        anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        anthropic_event("ping"),
        *[anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}) for text in texts],
        anthropic_event("content_block_stop", index=0),
        anthropic_event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": usage[1]}),
        anthropic_event("message_stop"),
    ]


def bedrock_answer(text="pong", input_tokens=7, output_tokens=5):
    return json.dumps({
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": input_tokens, "outputTokens": output_tokens, "totalTokens": input_tokens + output_tokens},
        "metrics": {"latencyMs": 3}}).encode()


def aws_message(name, payload):
    """One binary message of application/vnd.amazon.eventstream; an exception where the name says so."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = b""
    for header, value in ((f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind)):
        headers += bytes([len(header)]) + header.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def bedrock_stream(texts=("po", "ng"), usage=(7, 5)):
    """The messages of a whole ConverseStream answer with one text block."""
    return [
        aws_message("messageStart", {"role": "assistant"}),
        *[aws_message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}) for text in texts],
        aws_message("contentBlockStop", {"contentBlockIndex": 0}),
        aws_message("messageStop", {"stopReason": "end_turn"}),
        aws_message("metadata", {"usage": {"inputTokens": usage[0], "outputTokens": usage[1], "totalTokens": sum(usage)},
                                 "metrics": {"latencyMs": 3}}),
    ]


def streaming(events, headers=(), content_type="text/event-stream"):
    """An `answer` that streams the events, one chunk each."""
    def answer(request, connection):
        connection.send(sse_head(headers, content_type))
        for event in events:
            connection.send(chunk(event))
        connection.send(LAST_CHUNK)
    return answer


def interrupted(events, go_on, content_type="text/event-stream"):
    """Streams the first two events, and the others when the threading.Event is set; after a minute at the latest."""
    def answer(request, connection):
        connection.send(sse_head((), content_type) + b"".join(chunk(event) for event in events[:2]))
        go_on.wait(60)
        connection.send(b"".join(chunk(event) for event in events[2:]) + LAST_CHUNK)

    return answer


def fixed(data: bytes):
    """An `answer` that is always the same bytes."""
    return lambda request, connection: connection.send(data)
