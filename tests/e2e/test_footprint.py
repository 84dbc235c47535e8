"""What an idle server takes of its machine."""

import subprocess
from pathlib import Path

import pytest

from harness.sluice import Sluice

MOST_IDLE_MB = 25


@pytest.fixture
def server(tmp_path):
    started = Sluice(tmp_path, {"server": {"threads": 2}}).start()
    yield started
    started.stop()


def of_process(server, file):
    return Path(f"/proc/{server.process.pid}/{file}").read_text()


def test_an_idle_server_takes_at_most_25_mb(server):
    if "libmimalloc" not in of_process(server, "maps"):
        pytest.skip("this build has another allocator (the sanitizers bring their own)")
    (rss,) = [line.split()[1] for line in of_process(server, "smaps_rollup").splitlines() if line.startswith("Rss:")]
    assert int(rss) <= MOST_IDLE_MB * 1024, f"{rss} kB"


def test_a_server_on_sqlite_does_not_load_postgresqls_client(server):
    assert "libpq" not in of_process(server, "maps")


def test_where_postgresqls_client_is_missing_the_error_says_what_to_install(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpq.so.5").write_bytes(b"")  # found first, and no library
    server = Sluice(tmp_path, {"store": {"backend": "postgres", "url": "postgresql://sluice@127.0.0.1:1/none"}},
                    env={"LD_LIBRARY_PATH": str(tmp_path / "lib")})
    done = subprocess.run(server.command(), env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "libpq.so.5" in done.stderr and "apt install libpq5" in done.stderr, done.stderr
