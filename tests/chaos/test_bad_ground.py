"""A machine that does not play along: port taken, data directory unwritable or in use, disk full, model file damaged."""

import os
import resource
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.places import model_file
from harness.recorder import Recorder
from harness.sluice import Sluice, first_key_in
from harness.wait import eventually

CHAT = "/v1/chat/completions"


def refuses(server, *words, **options):
    """The server ends by itself with a non-zero status and a short message that holds the words."""
    done = subprocess.run(server.command(), env=server.env, capture_output=True, text=True, timeout=60, cwd=server.folder, **options)
    assert done.returncode > 0, f"status {done.returncode}: {done.stderr}"
    assert len(done.stderr.strip().splitlines()) <= 3, done.stderr
    for word in words:
        assert word in done.stderr, f"{word!r} is not in {done.stderr!r}"
    return done


def test_a_taken_port_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        refuses(Sluice(tmp_path, listen=address), address, "in use")


def test_a_port_that_another_sluice_has_is_taken_too(serve, tmp_path):
    first = serve()
    refuses(Sluice(tmp_path / "second", listen=first.url.removeprefix("http://")), "in use")
    assert first.is_ready()


def test_an_address_that_this_machine_has_not_is_one_clear_line(tmp_path):
    refuses(Sluice(tmp_path, listen="192.0.2.1:8080"), "192.0.2.1:8080", "no such address")


def test_a_data_directory_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    refuses(Sluice(tmp_path / "home", data=tmp_path / "file" / "data"), str(tmp_path / "file"))


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere and setpriv is missing")
def test_a_data_directory_that_cannot_be_written_is_one_clear_line():
    # Not pytest's folder, which only its owner may enter: root asks as an ordinary user.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        data = Path(folder) / "read-only"
        data.mkdir(mode=0o555)
        server = Sluice(Path(folder) / "home", data=data)
        command = server.command()
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        done = subprocess.run(command, env=server.env, capture_output=True, text=True, timeout=60)
        if done.returncode == 126 or "setpriv: failed to execute" in done.stderr:
            pytest.skip("an ordinary user may not run the binary where it lies")
        assert done.returncode > 0 and str(data) in done.stderr and len(done.stderr.strip().splitlines()) <= 3, done.stderr


def test_a_second_server_on_one_data_directory_is_refused_and_the_first_lives_on(serve, tmp_path):
    first = serve()
    refuses(Sluice(tmp_path / "second", data=first.data), str(first.data))
    assert first.is_ready()


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 2 MB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    """Writes until nothing fits any more; returns the file."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    return ballast


def test_a_full_disk_degrades_visibly_and_never_corrupts_the_ledger(tmp_path, small_disk):
    provider = Recorder()
    server = Sluice(tmp_path / "home", {"providers": {"oai": openai_vendor(provider.url)}}, data=small_disk / "data").start()
    key = server.create_key("full")
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == 200
        eventually(lambda: server.usage_of("full")["requests"] == 1, "the first entry")
        ballast = fill(small_disk)
        statuses = {client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code for _ in range(200)}
        # Either it goes on and says that it is degraded, or it refuses; it neither crashes nor hides it.
        assert statuses <= {200, 503} and server.is_running()
        eventually(lambda: 503 in statuses or not server.is_ready() or "space" in server.log().lower() or "full" in server.log().lower(),
                   "the full disk to be visible")
        ballast.unlink()
        eventually(lambda: client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == 200, "it to recover")
        before = server.usage_of("full")["requests"]
        client.post(CHAT, json=chat_body("oai/gpt-mock"))
        eventually(lambda: server.usage_of("full")["requests"] > before, "new entries after the disk has room again")
    assert server.stop() == 0
    server.start()
    assert server.usage_of("full")["requests"] > before
    server.stop()
    provider.stop()


def test_a_disk_that_is_full_from_the_start_is_one_clear_line(tmp_path, small_disk):
    fill(small_disk)
    refuses(Sluice(tmp_path / "home", data=small_disk / "data"))


def test_a_file_size_limit_does_not_kill_the_server(tmp_path):
    # Writing past RLIMIT_FSIZE raises SIGXFSZ, which ends a process that is not prepared for it.
    provider = Recorder()
    server = Sluice(tmp_path, {"providers": {"oai": openai_vendor(provider.url)}})
    key = None
    server.start()
    key = server.create_key("limited")
    server.stop()
    limit = 256 * 1024
    server.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    with http_client(server, key) as client:
        statuses = {client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code for _ in range(1500)}
    assert statuses <= {200, 503} and server.is_running()
    server.stop()
    server.start()
    assert server.usage_of("limited")["requests"] > 0
    server.stop()
    provider.stop()


@pytest.mark.engine
@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_model_file_is_refused_by_its_digest_with_the_way_to_mend_it(serve, tmp_path, needs_engine, damage):
    model = tmp_path / model_file().name
    shutil.copyfile(model_file(), model)
    with open(model, "r+b") as file:
        if damage == "truncated":
            file.truncate(model.stat().st_size // 2)
        else:
            file.seek(5_000_000)
            file.write(b"\0" * 16)
    server = serve({"engines": {"local": {"path": str(model), "sha256": DEFAULT_MODEL_SHA256}}}, engine="auto", ready=False)
    eventually(lambda: "sha256" in server.log() and str(model) in server.log(), "the refusal in the log")
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("local/smollm2-135m-instruct"))
    assert answer.status_code == 503 and "./dev setup" in answer.json()["error"]["message"] + server.log()


DEFAULT_MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def test_a_start_without_any_configuration_shows_a_first_key_once(serve):
    server = serve()
    shown = first_key_in(server.log())
    assert shown and len(set(shown)) == 1
    assert server.url in server.log() and server.log().count("curl ") >= 3
    with http_client(server, shown[0]) as client:
        assert client.get("/v1/models").status_code == 200
    server.stop()
    length = len(server.log())
    server.start()
    assert first_key_in(server.log()[length:]) == [], "the key was shown again"
    with http_client(server, shown[0]) as client:
        assert client.get("/v1/models").status_code == 200
