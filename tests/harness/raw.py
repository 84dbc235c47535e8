"""HTTP by hand: requests that no library would send, and answers as the bytes they were."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.wait import DEADLINE_S


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes      # with the chunks put together
    closed: bool     # the server closed the connection after this answer, or said that it will

    def header(self, name):
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return None


class Wire:
    """One plain connection to a server."""

    def __init__(self, url, timeout_s=DEADLINE_S):
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout_s)
        self._reader = self.socket.makefile("rb")
        self.trailers = {}  # of the last chunked body that was read to its end

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._reader.close()
        self.socket.close()

    def send(self, data: bytes):
        self.socket.sendall(data)

    def post(self, path, body: bytes, headers=(), version="1.1"):
        """Sends a POST with Content-Length. `headers` are ready lines."""
        lines = [f"POST {path} HTTP/{version}", f"Host: {self.host}", "Content-Type: application/json",
                 f"Content-Length: {len(body)}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def read_head(self):
        """Status and head of the next answer; the body stays unread."""
        lines = []
        while (line := self._reader.readline()) not in (b"\r\n", b""):
            lines.append(line.rstrip(b"\r\n"))
        assert lines, "the server closed the connection without an answer"
        return Answer(int(lines[0].split(b" ")[1]), b"\r\n".join(lines), b"", False)

    def read(self, head_only=False):
        """The next whole answer. `head_only` for answers to HEAD, which have no body whatever their head says."""
        answer = self.read_head()
        if not head_only and answer.status not in (204, 304):
            if (answer.header("transfer-encoding") or "").lower() == "chunked":
                while piece := self.read_chunk():
                    answer.body += piece
            elif answer.header("content-length") is not None:
                length = int(answer.header("content-length"))
                answer.body = self._reader.read(length)
                assert len(answer.body) == length, "the body ended early"
            else:
                answer.body = self._reader.read()
                answer.closed = True
        answer.closed = answer.closed or (answer.header("connection") or "").lower() == "close"
        return answer

    def read_chunk(self):
        """The next chunk of a chunked body; empty at its end, with `trailers` set. ConnectionError when the body breaks off."""
        line = self._reader.readline()
        if not line:
            raise ConnectionError("the chunked body broke off")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            self.trailers = {}
            while (field := self._reader.readline()) not in (b"\r\n", b""):
                name, _, value = field.decode("latin-1").partition(":")
                self.trailers[name.strip().lower()] = value.strip()
            return b""
        data = self._reader.read(size)
        self._reader.readline()
        return data

    def is_closed_by_server(self):
        """Waits for the server to close; false when bytes come instead."""
        return self._reader.read(1) == b""
