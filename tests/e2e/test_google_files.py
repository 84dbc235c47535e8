"""Google's Files API: files are uploaded in pieces, used, listed and deleted by their tenant alone."""

import io
import json
from urllib.parse import urlsplit

import httpx
import pytest
from google.genai import errors, types

from harness.clients import google_client, http_client
from harness.google_keeper import BOOK, GoogleKeeper
from harness.mock_config import PRICES, gemini_vendor, openai_vendor
from harness.node import run_node
from harness.wait import eventually


@pytest.fixture
def google():
    side = GoogleKeeper()
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
