"""Google AI as a vendor of kept things: files and batches, of one account."""

import itertools
import json
from urllib.parse import parse_qs, urlsplit

from harness import recorder

BOOK = b"It was a bright cold day in April. " * 4
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "pong"}]}, "finishReason": "STOP", "index": 0}],
          "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}, "modelVersion": "gemini-mock"}


class GoogleKeeper:
    """Google AI with its files, which come by resumable uploads, and its batches. Lists have two on a page."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.files, self.uploads, self.batches = {}, {}, {}
        self.url_of = "{root}/upload/v1beta/files?upload_id={upload}&upload_protocol=resumable"
        self.recorder = recorder.Recorder()
        self.recorder.answer = self.answer

    def answer(self, request, connection):
        url, method = urlsplit(request.path), request.line.split(" ")[0]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/upload/v1beta/files":
            connection.send(self.upload(request, query))
            return
        if url.path.endswith(":download"):
            good = query.get("alt") == "media"
            connection.send(recorder.ok(BOOK if good else b"{}", content_type="application/octet-stream"))
            return
        status, body = self.serve(request, method, url.path.removeprefix("/v1beta"), query)
        connection.send(recorder.ok(json.dumps(body).encode(), status=status))

    def upload(self, request, query):
        command = request.header("x-goog-upload-command")
        if command == "start":
            upload = f"up{next(self.numbers)}"
            self.uploads[upload] = {"bytes": b"", "title": request.json()["file"].get("displayName") or request.json()["file"].get("display_name"), "type": request.header("x-goog-upload-header-content-type")}
            here = self.url_of.format(root=self.recorder.url, upload=upload)
            return recorder.ok(b"", content_type="text/plain", headers=(f"X-Goog-Upload-URL: {here}", "X-Goog-Upload-Status: active",
                                                                        "X-Goog-Upload-Chunk-Granularity: 262144", f"X-Goog-Upload-Control-URL: {here}"))
        begun = self.uploads[query["upload_id"]]
        assert int(request.header("x-goog-upload-offset")) == len(begun["bytes"])
        begun["bytes"] += request.body
        if "finalize" not in command:
            return recorder.ok(b"", content_type="text/plain", headers=("X-Goog-Upload-Status: active", ))
        name = f"files/f{next(self.numbers):02}"
        self.files[name] = {"name": name, "uri": f"https://generativelanguage.googleapis.com/v1beta/{name}", "mimeType": begun["type"],
                            "sizeBytes": str(len(begun["bytes"])), "state": "ACTIVE", "downloadUri": f"{self.recorder.url}/v1beta/{name}:download?alt=media", "source": "GENERATED",
                            "displayName": begun["title"],
                            "expirationTime": "2096-11-27T01:00:00.5Z"}
        return recorder.ok(json.dumps({"file": self.files[name]}).encode(), headers=("X-Goog-Upload-Status: final", ))

    def serve(self, request, method, path, query):
        if path.endswith((":batchGenerateContent", ":asyncBatchEmbedContent")):
            return "200 OK", self.make_batch(request.json()["batch"], path)
        if path.startswith("/batches"):
            return self.serve_batches(method, path.removeprefix("/"), query)
        if path.endswith(":generateContent"):
            text = json.dumps(request.json())
            known = [name for name in self.files if f"/{name}\"" in text]
            answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": f"read {known}"}]}, "finishReason": "STOP", "index": 0}],
                      "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}, "modelVersion": "gemini-mock"}
            return "200 OK", answer
        if path == "/files":
            first = int(query.get("pageToken", "at-0").removeprefix("at-"))
            page = list(self.files.values())[first:first + 2]
            more = {"nextPageToken": f"at-{first + 2}"} if first + 2 < len(self.files) else {}
            return "200 OK", {**({"files": page} if page else {}), **more}
        name = path.removeprefix("/")
        if name not in self.files:
            return "403 Forbidden", {"error": {"code": 403, "message": "no permission", "status": "PERMISSION_DENIED"}}
        if method == "DELETE":
            del self.files[name]
            return "200 OK", {}
        return "200 OK", self.files[name]

    def make_batch(self, asked, path):
        """It is done at once: the answers stand in it, or in a file."""
        name = f"batches/b{next(self.numbers):02}"
        source = asked["inputConfig"]
        if "fileName" in source:
            results = f"files/batch-{name.removeprefix('batches/')}"
            self.files[results] = {"name": results, "mimeType": "application/jsonl", "downloadUri": f"{self.recorder.url}/v1beta/{results}:download?alt=media"}
            output = {"responsesFile": results}
        else:
            answers = [{"metadata": one.get("metadata", {}), "response": ANSWER} for one in source["requests"]["requests"]]
            output = {"inlinedResponses": {"inlinedResponses": answers}}
        metadata = {"@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch", "name": name, "displayName": asked.get("displayName", ""),
                    "model": path.removeprefix("/").split(":")[0], "state": "BATCH_STATE_SUCCEEDED", "createTime": "2026-11-28T00:00:00Z", "output": output}
        self.batches[name] = {"name": name, "metadata": metadata, "done": True, "response": output}
        return self.batches[name]

    def serve_batches(self, method, path, query):
        if path == "batches":
            first = int(query.get("pageToken", "at-0").removeprefix("at-"))
            page = list(self.batches.values())[first:first + 2]
            more = {"nextPageToken": f"at-{first + 2}"} if first + 2 < len(self.batches) else {}
            return "200 OK", {**({"operations": page} if page else {}), **more}
        name, _, verb = path.partition(":")
        if name not in self.batches:
            return "404 Not Found", {"error": {"code": 404, "message": "no such batch", "status": "NOT_FOUND"}}
        if verb == "cancel":
            self.batches[name]["metadata"]["state"] = "BATCH_STATE_CANCELLED"
            return "200 OK", {}
        return "200 OK", self.batches.pop(name) and {} if method == "DELETE" else self.batches[name]
