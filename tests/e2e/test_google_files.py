"""Google's Files API: files are uploaded in pieces, used, listed and deleted by their tenant alone."""

import io
import itertools
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from google.genai import errors, types

from harness import recorder
from harness.clients import google_client, http_client
from harness.mock_config import PRICES, gemini_vendor, openai_vendor
from harness.node import run_node
from harness.wait import eventually

BOOK = b"It was a bright cold day in April. " * 4


class Google:
    """The Files API of Google AI with its resumable uploads. Lists have two on a page."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.files, self.uploads = {}, {}
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


@pytest.fixture
def google():
    side = Google()
    yield side
    side.recorder.stop()


@pytest.fixture
def server(serve, google, service_account):
    side = google.recorder
    return serve({"providers": {
        "gemini": gemini_vendor(side.url), "oai": openai_vendor(side.url),
        "vertex": {"base_url": f"{side.url}/v1/projects/p/locations/eu/publishers/google", "google_key_file": str(service_account(f"{side.url}/token")),
                   "models": ["gemini-mock"], "prices": {"*": PRICES}}},
        "models": {"any": ["oai/gpt-mock", "gemini/gemini-mock"]}})


@pytest.fixture
def client_of(server):
    made = []

    def make(key=None):
        made.append(google_client(server, key or server.create_key()))
        return made[-1]
    yield make
    for one in made:
        one.close()


def uploaded(client, content=BOOK, name="a book"):
    return client.files.upload(file=io.BytesIO(content), config=types.UploadFileConfig(mime_type="text/plain", display_name=name))


def test_a_file_is_uploaded_read_used_downloaded_and_deleted(client_of, google):
    client = client_of()
    file = uploaded(client)
    assert (file.name, file.display_name, file.size_bytes) == ("files/f02", "a book", len(BOOK))
    assert google.uploads["up1"]["bytes"] == BOOK
    for request in google.recorder.requests:
        assert request.header("x-goog-api-key") == "vendor-key-of-gemini" and "sluice" not in request.path and "sk-sluice" not in str(request.head)
    assert client.files.get(name=file.name).uri == file.uri
    answer = client.models.generate_content(model="gemini/gemini-mock", contents=[file, "What is it?"])
    assert answer.text == "read ['files/f02']"
    assert client.files.download(file=file) == BOOK
    client.files.delete(name=file.name)
    assert not google.files
    with pytest.raises(errors.ClientError) as gone:
        client.files.get(name=file.name)
    assert gone.value.code == 404


def test_a_long_file_comes_in_pieces(client_of, google):
    content = bytes(range(256)) * 4096 * 9  # 9 MB: two pieces of the SDK's 8 MB
    file = uploaded(client_of(), content)
    assert file.size_bytes == len(content) and google.uploads["up1"]["bytes"] == content
    pieces = [request for request in google.recorder.requests if request.header("x-goog-upload-command") != "start"]
    assert [request.header("x-goog-upload-command") for request in pieces] == ["upload", "upload, finalize"]


def test_a_request_that_names_a_file_goes_where_the_file_is(client_of, google):
    client = client_of()
    file = uploaded(client)
    assert client.models.generate_content(model="any", contents=[file, "What?"]).text == "read ['files/f02']"


def test_files_are_their_tenants_alone(server, client_of, google):
    mine = client_of(server.create_key(tenant="a"))
    same, other = client_of(server.create_key(tenant="a")), client_of(server.create_key(tenant="b"))
    files = [uploaded(client, name=str(n)) for n, client in enumerate([mine, other, mine, other, mine])]
    assert [file.name for file in same.files.list()] == [files[n].name for n in (0, 2, 4)]
    assert [file.name for file in other.files.list()] == [files[n].name for n in (1, 3)]
    before = len(google.recorder.requests)
    for attempt in (lambda: other.files.get(name=files[0].name), lambda: other.files.delete(name=files[0].name), lambda: other.files.download(file=files[0]),
                    lambda: other.models.generate_content(model="gemini/gemini-mock", contents=[files[0], "x"]),
                    lambda: other.models.count_tokens(model="gemini/gemini-mock", contents=[files[0], "x"]),
                    lambda: other.caches.create(model="gemini/gemini-mock", config=types.CreateCachedContentConfig(contents=[files[0]]))):
        with pytest.raises(errors.ClientError) as refused:
            attempt()
        assert refused.value.code == 404, refused.value
    assert len(google.recorder.requests) == before, "nothing of this reached Google"
    assert same.models.generate_content(model="gemini/gemini-mock", contents=[files[0], "x"]).text.startswith("read ")


def begin(server, key, **headers):
    with http_client(server) as client:
        answer = client.post("/upload/v1beta/files", json={"file": {"display_name": "x"}}, headers={
            "x-goog-api-key": key, "x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": "4", "x-goog-upload-header-content-type": "text/plain", **headers})
    assert answer.status_code == 200, answer.text
    return answer


PIECE = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}


def test_the_pieces_url_is_of_this_server_and_of_one_upload(server, google):
    key = server.create_key()
    answer = begin(server, key, **{"x-forwarded-proto": "https"})
    url = urlsplit(answer.headers["x-goog-upload-url"])
    assert (url.scheme, url.netloc, url.path) == ("https", urlsplit(server.url).netloc, "/upload/v1beta/files")
    assert answer.headers["x-goog-upload-control-url"] == answer.headers["x-goog-upload-url"]
    assert key not in url.query and "upload_id=up1" in url.query and answer.headers["x-goog-upload-status"] == "active"
    begin(server, key)
    good = f"{server.url}{url.path}?{url.query}"
    for wrong in (good.replace("up1", "up2"), good.replace("sluice-upload=", "sluice-upload=A"), f"{server.url}{url.path}?upload_id=up1"):
        refused = httpx.post(wrong, content=b"abcd", headers=PIECE)
        assert refused.status_code == 401 and refused.json()["error"]["status"] == "UNAUTHENTICATED", refused.text
    other = httpx.post(good, content=b"abcd", headers={**PIECE, "x-goog-api-key": server.create_key()})
    assert other.status_code == 401
    taken = httpx.put(good, content=b"abcd", headers={**PIECE, "content-type": "application/x-www-form-urlencoded"})
    assert taken.status_code == 200 and taken.json()["file"]["sizeBytes"] == "4"


def test_a_key_is_no_ticket_for_the_uploads_of_others(server, google):
    url = urlsplit(begin(server, server.create_key()).headers["x-goog-upload-url"])
    begin(server, server.create_key())
    before = len(google.recorder.requests)
    with http_client(server, server.create_key()) as other:
        refused = other.post(f"{url.path}?upload_id=up1&upload_protocol=resumable", content=b"evil", headers=PIECE)
    assert refused.status_code == 401, refused.text
    for more in ("&upload_id=up2", "&%75pload_id=up2", "&upload%5Fid=up2"):
        odd = httpx.post(f"{server.url}{url.path}?{url.query}{more}", content=b"evil", headers=PIECE)
        assert odd.status_code == 400 and "one upload" in odd.json()["error"]["message"], odd.text
    assert len(google.recorder.requests) == before


def test_googles_own_key_is_not_told_with_the_url(server, google):
    google.url_of = "{root}/upload/v1beta/files?key=vendor-key-of-gemini&upload_id={upload}&k%65y=vendor-key-of-gemini"
    answer = begin(server, server.create_key())
    assert "vendor-key" not in str(answer.headers)
    assert httpx.post(answer.headers["x-goog-upload-url"], content=b"abcd", headers=PIECE).status_code == 200


def test_an_upload_that_has_no_id_is_the_providers_failure_and_on_record(server, google):
    google.url_of = "{root}/upload/v1beta/files?protocol=resumable"
    with http_client(server, server.create_key()) as client:
        answer = client.post("/upload/v1beta/files", json={"file": {}}, headers={"x-goog-upload-command": "start"})
    assert answer.status_code == 502, answer.text

    def row():
        rows = [json.loads(line) for line in server.run("logs", "tail", "-o", "json").stdout.splitlines()]
        return next((one for one in rows if one["request_id"] == answer.headers["x-sluice-request-id"]), None)
    assert eventually(row, "the row in the ledger")["outcome"] == "provider_failed"


def test_a_revoked_keys_upload_ends(server, google):
    key, name = server.create_key("brief"), "brief"
    url = begin(server, key).headers["x-goog-upload-url"]
    assert server.run("keys", "revoke", name).returncode == 0

    def refused():  # until the server has heard of it, pieces are taken
        piece = {"x-goog-upload-command": "upload", "x-goog-upload-offset": str(len(google.uploads["up1"]["bytes"]))}
        return httpx.post(url, content=b"abcd", headers=piece).status_code == 401
    eventually(refused, "the ticket's end")


def test_google_cloud_has_no_such_files(server):
    with http_client(server, server.create_key()) as client:
        answer = client.get("/v1beta/files", headers={"x-sluice-provider": "vertex"})
    assert answer.status_code == 400 and "has no such API" in answer.json()["error"]["message"]


def test_a_key_for_restricted_data_uploads_nothing(server, google):
    with http_client(server, server.create_key(data_class="restricted")) as client:
        answer = client.post("/upload/v1beta/files", content=b"x", headers={"x-goog-upload-protocol": "raw"})
    assert answer.status_code == 403 and not google.recorder.requests


def test_the_sdk_for_node_does_all_of_it(server, google, tmp_path):
    path = tmp_path / "book.txt"
    path.write_bytes(BOOK)
    run_node("files.test.mjs", tmp_path, SLUICE_URL=server.url, SLUICE_KEY=server.create_key(), SLUICE_OTHER_KEY=server.create_key(), BOOK=str(path))
    assert google.uploads["up1"]["bytes"] == BOOK and not google.files
