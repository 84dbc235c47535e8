"""A vendor of kept things: files, batches, jobs, responses and so on, of one account."""

import itertools
import json
import re
from urllib.parse import parse_qs, urlsplit

from harness import recorder

SUB_COLLECTIONS = ("files", "file_batches", "items", "parts")


class Keeper:
    """A provider with files, batches, responses and so on, all in one account; Anthropic's files are listed by cursors."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.numbers = itertools.count(1)
        self.kept = {}  # collection -> id -> object
        self.bytes = {}
        self.results = b'{"custom_id":"1","result":{"type":"canceled"}}\n'  # of a batch
        self.recorder = recorder.Recorder()
        self.recorder.answer = self.answer

    def answer(self, request, connection):
        if request.path.split("?")[0] == "/v1/messages":
            self.answer_message(request.json(), connection)
            return
        status, body, kind = self.serve(request)
        connection.send(recorder.ok(body if isinstance(body, bytes) else json.dumps(body).encode(), content_type=kind, status=status))

    def answer_message(self, asked, connection):
        """What ran in a container, a new one unless the request names one, has made a file there."""
        number = next(self.numbers)
        named = asked.get("container")
        container = (named.get("id") if isinstance(named, dict) else named) or f"container_{self.prefix}{number:02}"
        file = f"file_{self.prefix}{number:02}"
        self.kept.setdefault("files", {})[file] = {"id": file, "type": "file", "created_at": "2026-11-27T00:00:00Z", "filename": "plot.png",
                                                   "mime_type": "image/png", "size_bytes": 4, "downloadable": True}
        self.bytes[file] = b"plot"
        message = {"id": f"msg_{self.prefix}{number:02}", "type": "message", "role": "assistant", "model": asked["model"], "content": code_run(file),
                   "stop_reason": "end_turn", "stop_sequence": None, "container": {"id": container, "expires_at": "2026-11-28T00:00:00Z"},
                   "usage": {"input_tokens": 7, "output_tokens": 5}}
        if not asked.get("stream"):
            connection.send(recorder.ok(json.dumps(message).encode()))
            return
        start = {**message, "content": [], "stop_reason": None, "container": None}
        events = [recorder.anthropic_event("message_start", message=start)]
        for index, block in enumerate(message["content"]):
            events += [recorder.anthropic_event("content_block_start", index=index, content_block=block),
                       recorder.anthropic_event("content_block_stop", index=index)]
        delta = {name: message[name] for name in ("stop_reason", "stop_sequence", "container")}
        events += [recorder.anthropic_event("message_delta", delta=delta, usage={"output_tokens": 5}), recorder.anthropic_event("message_stop")]
        connection.send(recorder.sse_head() + b"".join(recorder.chunk(event) for event in events) + recorder.LAST_CHUNK)

    def serve(self, request):
        url = urlsplit(request.path)
        method = request.line.split(" ")[0]
        collection, _, rest = re.fullmatch(r"/v1/((?:fine_tuning/|messages/|chat/)?\w+)(/(.*))?", url.path).groups()
        things = self.kept.setdefault(collection, {})
        if not rest and method == "POST":
            number = next(self.numbers)
            made = {"id": f"{collection[:4]}-{self.prefix}{number:02}", "object": collection, "created_at": number, "status": "completed"}
            if collection == "responses":
                body = request.json()
                made = response_object(f"resp_{self.prefix}{number:02}", json.dumps(body["input"]), store=body.get("store", True))
            if collection == "messages/batches":
                made = batch_object(made["id"])
            things[made["id"]] = made
            self.bytes[made["id"]] = request.body
            return "200 OK", made, "application/json"
        if not rest:
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            ids = sorted(things)
            if collection == "files" and request.header("anthropic-version"):
                first, size = int(query.get("page", "cursor-0").removeprefix("cursor-")), int(query.get("limit", 20))
                return "200 OK", {"data": [things[one] for one in ids[first:first + size]],
                                  "next_page": f"cursor-{first + size}" if first + size < len(ids) else None}, "application/json"
            if after := query.get("after"):
                ids = ids[ids.index(after) + 1:]
            page = ids[:int(query.get("limit", 20))]
            return "200 OK", {"object": "list", "data": [things[one] for one in page], "has_more": len(page) < len(ids),
                              "first_id": page[0] if page else None, "last_id": page[-1] if page else None}, "application/json"
        one, _, what = rest.partition("/")
        if one not in things:
            return "404 Not Found", {"error": {"message": f"no such thing: {one}", "type": "invalid_request_error"}}, "application/json"
        if what.split("/")[0] in SUB_COLLECTIONS:
            return self.serve_within(request, method, f"{collection}/{one}/{what.split('/')[0]}", what.partition("/")[2])
        if what == "complete":
            file = {"id": f"file-{self.prefix}{next(self.numbers):02}", "object": "file"}
            self.kept.setdefault("files", {})[file["id"]] = file
            return "200 OK", {**things[one], "status": "completed", "file": file}, "application/json"
        if what == "results":
            return "200 OK", self.results, "application/x-jsonl"
        if method == "DELETE":
            del things[one]
            return "200 OK", {"id": one, "object": collection, "deleted": True}, "application/json"
        if what == "content":
            return "200 OK", self.bytes[one], "application/octet-stream"
        if what == "cancel":
            things[one]["status"] = "cancelled"
            things[one]["output_file_id"] = f"file-{self.prefix}out"
            self.kept.setdefault("files", {})[f"file-{self.prefix}out"] = {"id": f"file-{self.prefix}out", "object": "file"}
            self.bytes[f"file-{self.prefix}out"] = b"results"
        return "200 OK", things[one], "application/json"


    def serve_within(self, request, method, collection, rest):
        """Files of a container, items of a conversation, parts of an upload: things within a thing."""
        things = self.kept.setdefault(collection, {})
        one, _, what = rest.partition("/")
        if method == "POST" and not rest:
            made = {"id": f"{collection.split('/')[-1][:4]}-{self.prefix}{next(self.numbers):02}", "object": collection.split("/")[-1], "status": "completed"}
            things[made["id"]] = made
            self.bytes[made["id"]] = request.body
            return "200 OK", {"object": "list", "data": [made]} if collection.endswith("/items") else made, "application/json"
        if not rest:
            return "200 OK", {"object": "list", "data": list(things.values()), "has_more": False}, "application/json"
        if one not in things:
            return "404 Not Found", {"error": {"message": f"no such thing: {one}", "type": "invalid_request_error"}}, "application/json"
        if what == "content":
            return "200 OK", self.bytes[one], "application/octet-stream"
        return "200 OK", things.pop(one) if method == "DELETE" else things[one], "application/json"


def batch_object(batch_id):
    """Of Anthropic's Message Batches, ended; its results are where no test can reach."""
    counts = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 1, "expired": 0}
    return {"id": batch_id, "type": "message_batch", "processing_status": "ended", "request_counts": counts, "created_at": "2026-11-27T00:00:00Z",
            "ended_at": "2026-11-27T00:00:01Z", "expires_at": "2026-11-28T00:00:00Z", "archived_at": None, "cancel_initiated_at": None,
            "results_url": f"https://api.anthropic.invalid/v1/messages/batches/{batch_id}/results"}


def code_run(file):
    """The content of an answer in whose course code ran and left a file behind."""
    result = {"type": "bash_code_execution_result", "stdout": "", "stderr": "", "return_code": 0,
              "content": [{"type": "bash_code_execution_output", "file_id": file}]}
    return [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "bash_code_execution", "input": {"command": "plot"}},
            {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": result},
            {"type": "text", "text": "done"}]


def response_object(response_id, text, store=True):
    return {"id": response_id, "object": "response", "created_at": 1790000000, "status": "completed", "error": None, "incomplete_details": None,
            "model": "m", "store": store, "previous_response_id": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "output": [{"id": response_id.replace("resp_", "msg_"), "type": "message", "role": "assistant", "status": "completed",
                        "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 0},
                      "output_tokens_details": {"reasoning_tokens": 0}}}
