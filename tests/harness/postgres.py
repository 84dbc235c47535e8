"""A real PostgreSQL, and pgbouncer in front of it: of one test, in a temporary directory, on Unix sockets."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness.wait import eventually


def _program(name):
    for folder in ("/usr/lib/postgresql/15/bin", "/usr/sbin"):
        if (Path(folder) / name).exists():
            return f"{folder}/{name}"
    found = shutil.which(name)
    assert found, f"{name} is missing: ./dev test installs it (tools/dev/setup.sh)"
    return found


def _unprivileged():
    """Neither of the two runs as root: then as the user that Debian's package makes."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid}


class Postgres:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-pg-"))
        self._who = _unprivileged()
        if self._who:
            os.chown(self.folder, self._who["user"], self._who["group"])
        self._log = open(self.folder / "log", "ab")
        self._process = None
        done = self._run("initdb", "-D", str(self.folder / "data"), "-U", "sluice", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        assert done.returncode == 0, self.log()
        self.start()

    @property
    def url(self):
        return f"postgresql://sluice@/postgres?host={self.folder}"

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _run(self, name, *arguments):
        return subprocess.run([_program(name), *arguments], stdout=self._log, stderr=self._log, cwd=self.folder, **self._who)

    def start(self):
        # fsync as in earnest: the suites that stop it want to see what a stop does.
        self._process = subprocess.Popen(
            [_program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-c", "listen_addresses=",
             "-c", "max_connections=100", "-c", "shared_buffers=16MB"],
            stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL, cwd=self.folder, **self._who)
        eventually(lambda: self._run("pg_isready", "-h", str(self.folder)).returncode == 0, "PostgreSQL to start")
        return self

    def stop(self, how=signal.SIGINT):
        """SIGINT ends its clients' sessions at once, SIGQUIT does not even say so."""
        self._process.send_signal(how)
        self._process.wait(60)

    def _family(self):
        """The server and its sessions: each is a process of its own."""
        def parent(pid):
            try:
                return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                return None
        children = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [self._process.pid] + [pid for pid in children if parent(pid) == self._process.pid]

    def stand_still(self):
        """Takes connections (the kernel does) and answers nobody, as a machine without power behind a live switch."""
        for pid in self._family():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in reversed(self._family()):
            os.kill(pid, signal.SIGCONT)

    def ask(self, sql):
        """Rows of a statement, as lists of texts."""
        done = subprocess.run([_program("psql"), self.url, "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def close(self):
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pgbouncer:
    """In transaction mode: each transaction may get another session of the server."""

    def __init__(self, postgres):
        self._postgres = postgres
        self.folder = postgres.folder
        with socket.socket() as free:  # only the number: it listens on a Unix socket that is named by it
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\npostgres = host={self.folder} user=sluice\n[pgbouncer]\nlisten_addr =\nlisten_port = {self.port}\n"
            f"unix_socket_dir = {self.folder}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n")
        self._log = open(self.folder / "pgbouncer.log", "ab")
        self._process = subprocess.Popen([_program("pgbouncer"), str(settings)], stdout=self._log, stderr=self._log,
                                         stdin=subprocess.DEVNULL, cwd=self.folder, **_unprivileged())
        eventually(lambda: (self.folder / f".s.PGSQL.{self.port}").exists(), "pgbouncer to start")

    @property
    def url(self):
        return f"postgresql://sluice@/postgres?host={self.folder}&port={self.port}"

    def close(self):
        self._process.kill()
        self._process.wait()
        self._log.close()
