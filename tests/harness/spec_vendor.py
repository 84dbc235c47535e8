"""A vendor made of its specification, with an account: steady answers for it, and it makes the things that it is told to make.

The SDKs' own tests name files, batches and the like by ids that they made up. Sluice knows only what was made through it. So a file
is uploaded through Sluice whose name begins with `make:`, and the vendor gives it the id that follows: from then on that id is the
uploader's, and what a test asks about it reaches steady unchanged."""

import http.client
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from harness import recorder
from harness.vendors import Steady

MAKE = "make:"


class SpecVendor:
    """`url` is its root. What `also` answers, (status, JSON) of a method and path, is not asked of steady."""

    def __init__(self, folder: Path, spec: Path, also=lambda method, path: None):
        self._also = also
        self._steady = Steady(folder, spec)
        self._recorder = recorder.Recorder()
        self._recorder.answer = self._answer
        self.url = self._recorder.url

    def stop(self):
        self._recorder.stop()
        self._steady.stop()

    def _answer(self, request, connection):
        method, path, _ = request.line.split(" ")
        made = re.search(rb'filename="' + MAKE.encode() + rb'([^"]+)"', request.body)
        known = {"id": made.group(1).decode(), "object": "file"} if made else self._also(method, urlsplit(path).path)
        if known is not None:
            connection.send(recorder.ok(known if isinstance(known, bytes) else json.dumps(known).encode()))
            return
        steady = http.client.HTTPConnection(urlsplit(self._steady.url).netloc, timeout=60)
        left_out = ("host", "content-length", "transfer-encoding", "connection")
        headers = {name: ", ".join(values) for name, values in request.headers().items() if name not in left_out}
        steady.request(method, path, body=request.body or None, headers=headers)
        answer = steady.getresponse()
        body = answer.read()
        lines = [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in left_out]
        length = [] if answer.status == 204 else [f"content-length: {len(body)}"]
        head = "\r\n".join([f"HTTP/1.1 {answer.status} {answer.reason}", *lines, *length])
        connection.send(head.encode("latin-1") + b"\r\n\r\n" + body)
        steady.close()
