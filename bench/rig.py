"""The processes of ./dev bench: a provider, the gateways that stand before it, and the load. All end with their Rig.

The gateway under test has core 0 for itself; provider and load share core 1. nginx is the cheapest relay that it can
be: proxy_pass, no buffering, kept connections, no access log.
"""
import contextlib
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build/release"
GATEWAY_CORE, LOAD_CORE = 0, 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def family(pid):
    """A process and its children."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *map(int, children)]


def memory_kb(pids, field="Pss"):
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total


def relay_conf(folder, port, provider_port):
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    temp = "\n".join(f"  {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""{user}
worker_processes 1;
worker_rlimit_nofile 65536;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections 32768; }}
http {{
{temp}
  access_log off;
  keepalive_requests 100000000;
  client_body_buffer_size 256k;
  upstream provider {{ server 127.0.0.1:{provider_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Gateway:
    """How to reach one: its port, its processes, and what a request to a provider's answer looks like there."""

    def __init__(self, name, port, pids, path, headers, model):
        self.name, self.port, self.pids = name, port, pids
        self.path, self.headers, self.model = path, headers, model

    def request(self, answer, body, path="/v1/chat/completions"):
        """The bytes of a request whose provider gives that answer; `body` is an object without its model."""
        text = json.dumps({"model": self.model(answer), **body})
        head = [f"POST {self.path(answer, path)} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *self.headers(answer),
                "Content-Type: application/json", "Accept: */*", "User-Agent: bench/1.0", f"Content-Length: {len(text)}"]
        return ("\r\n".join(head) + "\r\n\r\n" + text).encode()


class Rig:
    def __init__(self, stack, answers):
        """`answers`: what the provider gives, by name; text is a whole answer, (pace_us, events) a stream."""
        self.stack = stack
        most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a connection is one
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        folder = self.folder / "answers"
        folder.mkdir()
        for name, answer in answers.items():
            if isinstance(answer, str):
                (folder / f"{name}.json").write_text(answer)
            else:
                (folder / f"{name}.events").write_text("\n".join([str(answer[0]), *answer[1]]) + "\n")
        self.provider_port = free_port()
        self.start("provider", LOAD_CORE, [BUILD / "bench_provider", self.provider_port, folder], self.provider_port)

    def start(self, name, core, command, port, path="/", env=None):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env={**os.environ, **(env or {})})
        self.stack.callback(self.stop, process)
        deadline = time.monotonic() + 300  # under valgrind, on a busy machine
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
                return process.pid
            except urllib.error.HTTPError:
                return process.pid
            except OSError:
                time.sleep(0.002)
        raise SystemExit(f"bench: {name} did not start:\n" + (self.folder / f"{name}.log").read_text(errors="replace")[-2000:])

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def direct(self):
        """No gateway: the provider itself."""
        return Gateway("direct", self.provider_port, [], lambda answer, _: f"/{answer}/chat/completions", lambda _: [],
                       lambda answer: f"{answer}/m")

    def nginx(self):
        port, folder = free_port(), self.folder / "nginx"
        folder.mkdir()
        (folder / "nginx.conf").write_text(relay_conf(folder, port, self.provider_port))
        pid = self.start("relay", GATEWAY_CORE, ["nginx", "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "start.log"], port)
        return Gateway("nginx", port, family(pid), lambda answer, _: f"/{answer}/chat/completions", lambda _: [],
                       lambda answer: f"{answer}/m")

    def sluice(self, kinds, wrapper=(), binary=None, settings=""):
        """With a price, a budget, a rate limit; one provider for each of `kinds`: answer -> its dialect's kind."""
        binary, data, config = binary or BUILD / "sluice", self.folder / "data", self.folder / "sluice.yaml"
        url = f"http://127.0.0.1:{self.provider_port}"
        config.write_text(settings + "providers:\n" + "".join(
            f'  {answer}: {{ kind: {kind}, base_url: "{url}/{answer}", api_key: x,\n'
            f'           prices: {{ m: {{ input: 1.0, output: 2.0 }} }} }}\n' for answer, kind in kinds.items()))
        run = subprocess.run([binary, "keys", "create", "--name", "bench", "--budget", "1000000", "--rpm", "100000000",
                              "--data", data, "-o", "json"], capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"bench: sluice keys create: {run.stderr}")
        key = json.loads(run.stdout)["key"]
        port = free_port()
        begin = time.monotonic()
        pid = self.start("sluice", GATEWAY_CORE, [*wrapper, binary, "serve", "--config", config, "--listen", f"127.0.0.1:{port}",
                                                  "--data", data, "--engine", "none"], port, "/health/ready")
        gateway = Gateway("sluice", port, [pid], lambda _, path: path, lambda _: [f"Authorization: Bearer {key}"],
                          lambda answer: f"{answer}/m")
        gateway.ready_ms = (time.monotonic() - begin) * 1000
        return gateway

    def portkey(self, folder):
        """The npm package in `folder`, as it comes."""
        port = free_port()
        pid = self.start("portkey", GATEWAY_CORE, ["node", folder / "node_modules/@portkey-ai/gateway/build/start-server.js",
                                                   f"--port={port}", "--headless"], port, "/v1/health",
                         {"NODE_ENV": "production"})
        return Gateway("portkey", port, family(pid), lambda _, path: path,
                       lambda answer: ["Authorization: Bearer x", "x-portkey-provider: openai",
                                       f"x-portkey-custom-host: http://127.0.0.1:{self.provider_port}/{answer}"],
                       lambda answer: "m")

    def load(self, gateway, request, connections, seconds, warm=0.5, rate=None):
        """What bench_load prints. With `rate` requests come at it, else each connection sends again when it is answered."""
        path = self.folder / "request"
        path.write_bytes(request)
        mode = ["open", str(rate)] if rate else ["closed"]
        run = subprocess.run(["taskset", "-c", str(LOAD_CORE), BUILD / "bench_load", *mode, str(gateway.port), str(connections),
                              str(warm), str(seconds), path, *map(str, gateway.pids)], capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"bench: {gateway.name}: {run.stderr}")
        result = json.loads(run.stdout)
        if result["errors"] or not (result["answers"] or result["events"]):
            raise SystemExit(f"bench: {gateway.name}: {result['answers']} answers, {result['errors']} not 200\n{run.stderr}")
        return result

    def open_streams(self, gateway, request, connections):
        """A load that holds so many streams open until it is ended, and a function that says what has gone wrong with it."""
        path, log = self.folder / "request", self.folder / "load.log"
        path.write_bytes(request)
        with open(log, "wb") as problems:
            load = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), BUILD / "bench_load", "closed", str(gateway.port), str(connections),
                                     "0", "3600", path], stdout=subprocess.DEVNULL, stderr=problems)
        self.stack.callback(load.kill)
        return load, lambda: log.read_text(errors="replace")


@contextlib.contextmanager
def rig(answers):
    with contextlib.ExitStack() as stack:
        yield Rig(stack, answers)
