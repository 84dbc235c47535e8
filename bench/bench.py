"""CPU per request and per stream event of Sluice and of nginx, in the same run. Usage: ./dev bench [--json] [--rounds N] [--only relay|translation]

Sluice runs with everything on: a key with budget and rate limit, a price, the ledger, metrics, the log. nginx only relays
(proxy_pass, no buffering, kept connections, no access log): the cheapest it can be. The provider is nginx, too. The
gateway has core 0 for itself; provider and load share core 1. Rounds are interleaved, because neighbours on a shared
machine come and go: read the ratios, they hold where microseconds do not.

A second table: what translation costs over lane 1 with the same body, to two providers that differ in their dialect.
"""
import argparse
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build/release"
GATEWAY_CORE, LOAD_CORE = 0, 1
WARM_SECONDS, SECONDS = 0.5, 3
EVENTS = 100          # of one stream
PACE_SECONDS = 0.005  # between two events: each reaches the gateway alone
ECHO_MODULE = "/usr/lib/nginx/modules/ngx_http_echo_module.so"

# name, path of the provider's answer, connections, request body bytes, per event (or per request)
SCENARIOS = [
    ("request, 1 KB", "chat", 64, 1024, False),
    ("request, 20 KB", "chat", 64, 20 * 1024, False),
    ("stream event, paced", "paced", 64, 1024, True),
    ("stream event, burst", "burst", 16, 1024, True),
]
# Client's path, its body's bytes, provider of the same dialect, provider of another.
TRANSLATIONS = [
    ("chat, 2 KB, OpenAI to Anthropic", "/v1/chat/completions", 2 * 1024, "chat", "messages"),
    ("Claude Code, 200 KB, Anthropic to OpenAI", "/v1/messages", 200 * 1024, "messages", "chat"),
]
WORDS = ("The harbour master opens the gate when the water on both sides stands level, \"and not before\".\n"
         "Ships wait in the order in which they came; nobody's anchor is heavier than the lock's patience.\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answer_json():
    """An OpenAI chat answer of about 1.2 KB."""
    text = "The harbour master opens the gate when the water on both sides stands level. " * 9
    return json.dumps({
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1700000000, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": None},
                     "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 210, "completion_tokens": 150, "total_tokens": 360,
                  "prompt_tokens_details": {"cached_tokens": 0}}})


def answer_message():
    """The same as an Anthropic message."""
    text = "The harbour master opens the gate when the water on both sides stands level. " * 9
    return json.dumps({
        "id": "msg_bench", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 210, "output_tokens": 150, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}})


def conversation(path, body_bytes, model):
    """A body of about that size: two turns in OpenAI's dialect, an agent's tools and tool results in Anthropic's."""
    if path == "/v1/chat/completions":
        messages = [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": WORDS},
                    {"role": "assistant", "content": WORDS}, {"role": "user", "content": ""}]
        body = {"model": model, "max_tokens": 512, "temperature": 0.7, "messages": messages}
        messages[-1]["content"] = (WORDS * 20)[:max(0, body_bytes - len(json.dumps(body)))]
        return body
    tools = [{"name": f"tool_{i}", "description": WORDS * 4,
              "input_schema": {"type": "object", "required": ["path"], "properties": {
                  "path": {"type": "string", "description": WORDS}, "limit": {"type": "integer", "description": WORDS}}}}
             for i in range(20)]
    messages = [{"role": "user", "content": [{"type": "text", "text": WORDS}]}]
    body = {"model": model, "max_tokens": 32000, "tools": tools, "messages": messages,
            "system": [{"type": "text", "text": WORDS * 60, "cache_control": {"type": "ephemeral"}}]}
    size, turn = len(json.dumps(body)), 0
    while size < body_bytes:
        use = {"role": "assistant", "content": [
            {"type": "text", "text": "I look at the file."},
            {"type": "tool_use", "id": f"toolu_{turn}", "name": f"tool_{turn % 20}", "input": {"path": f"/harbour/{turn}", "limit": 40}}]}
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{turn}", "content": WORDS * 15}]}
        messages += [use, result]
        size, turn = size + len(json.dumps(use)) + len(json.dumps(result)), turn + 1
    return body


def stream_events():
    """The events of one stream, about 300 bytes each; the last carries the usage."""
    head = {"id": "chatcmpl-bench-0123456789abcdef", "object": "chat.completion.chunk", "created": 1700000000,
            "model": "m", "service_tier": "default", "system_fingerprint": "fp_0123456789"}
    delta = {"index": 0, "delta": {"content": " level"}, "logprobs": None, "finish_reason": None}
    events = [json.dumps({**head, "choices": [delta], "obfuscation": "x" * 40, "usage": None})] * (EVENTS - 1)
    usage = {"prompt_tokens": 210, "completion_tokens": EVENTS, "total_tokens": 210 + EVENTS}
    return events + [json.dumps({**head, "choices": [], "usage": usage})]


def request_bytes(port, path, body_bytes, stream, key, model):
    body = {"model": model, "messages": [{"role": "system", "content": "You answer briefly."},
                                             {"role": "user", "content": ""}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    body["messages"][1]["content"] = "w" * max(0, body_bytes - len(json.dumps(body)))
    return post_bytes(port, path, json.dumps(body), key)


def post_bytes(port, path, text, key):
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench/1.0\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}").encode()


def nginx_conf(folder, body):
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    temp = "\n".join(f"  {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""{user}
load_module {ECHO_MODULE};
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections 1024; }}
http {{
{temp}
  access_log off;
  keepalive_requests 100000000;
  client_body_buffer_size 256k;
{body}
}}
"""


def provider_conf(folder, port):
    quoted = lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '\\n\\n"'
    lines = [f"echo -n {quoted('data: ' + event)};" for event in stream_events()] + ['echo -n "data: [DONE]\\n\\n";']
    burst = "\n".join(f"      {line} echo_flush;" for line in lines)
    paced = "\n".join(f"      {line} echo_flush; echo_sleep {PACE_SECONDS};" for line in lines)
    def ways(prefix, content):
        return f"    location ~ ^{prefix}/(chat/completions|v1/messages|messages)$ {{\n{content}\n    }}"
    return nginx_conf(folder, f"""
  server {{
    listen 127.0.0.1:{port};
{ways("/chat", f"      default_type application/json;{chr(10)}      return 200 '{answer_json()}';")}
{ways("/messages", f"      default_type application/json;{chr(10)}      return 200 '{answer_message()}';")}
{ways("/paced", f"      default_type text/event-stream;{chr(10)}{paced}")}
{ways("/burst", f"      default_type text/event-stream;{chr(10)}{burst}")}
  }}""")


def relay_conf(folder, port, provider_port):
    return nginx_conf(folder, f"""
  upstream provider {{ server 127.0.0.1:{provider_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}""")


class Bench:
    """The processes of one run; all are ended, and their folder removed, when it is left."""

    def __init__(self, stack):
        self.stack = stack
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, name, core, command, port, path="/"):
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
        self.stack.callback(self.stop, process)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
                return process.pid
            except urllib.error.HTTPError:
                return process.pid
            except OSError:
                time.sleep(0.05)
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

    def nginx(self, name, core, conf, port):
        folder = self.folder / name
        folder.mkdir()
        (folder / "nginx.conf").write_text(conf(folder))
        return self.start(name, core, ["nginx", "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "start.log"], port)

    def sluice(self, provider_port):
        """Port, key and process of a Sluice with a price, a budget, a rate limit; one provider per scenario's path."""
        binary, data, config = BUILD / "sluice", self.folder / "data", self.folder / "sluice.yaml"
        url = f"http://127.0.0.1:{provider_port}"
        kinds = {"chat": "openai_compatible", "paced": "openai_compatible", "burst": "openai_compatible",
                 "messages": "anthropic_compatible"}
        config.write_text("providers:\n" + "".join(
            f'  {path}: {{ kind: {kind}, base_url: "{url}/{path}", api_key: x,\n'
            f'           prices: {{ m: {{ input: 1.0, output: 2.0 }} }} }}\n' for path, kind in kinds.items()))
        run = subprocess.run([binary, "keys", "create", "--name", "bench", "--budget", "1000000", "--rpm", "100000000",
                              "--data", data, "-o", "json"], capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"bench: sluice keys create: {run.stderr}")
        key = json.loads(run.stdout)
        port = free_port()
        pid = self.start("sluice", GATEWAY_CORE, [binary, "serve", "--config", config, "--listen", f"127.0.0.1:{port}",
                                                  "--data", data, "--engine", "none"], port, "/health/live")
        return port, key["key"], pid, data

    def measure(self, port, pids, connections, request):
        path = self.folder / "request"
        path.write_bytes(request)
        run = subprocess.run(["taskset", "-c", str(LOAD_CORE), BUILD / "bench_load", str(port), str(connections),
                              str(WARM_SECONDS), str(SECONDS), path, *map(str, pids)], capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"bench: {run.stderr}")
        result = json.loads(run.stdout)
        if result["errors"] or not result["answers"]:
            raise SystemExit(f"bench: {result['answers']} answers, {result['errors']} of them not 200\n{run.stderr}")
        return result


def family(pid):
    """A process and its children."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *map(int, children)]


def run(rounds, only, say):
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        provider_port, relay_port = free_port(), free_port()
        bench.nginx("provider", LOAD_CORE, lambda folder: provider_conf(folder, provider_port), provider_port)
        relay = bench.nginx("relay", GATEWAY_CORE, lambda folder: relay_conf(folder, relay_port, provider_port), relay_port)
        sluice_port, key, sluice, _ = bench.sluice(provider_port)
        gateways = {"sluice": (sluice_port, [sluice]), "nginx": (relay_port, family(relay))}
        seen = {scenario[0]: {name: [] for name in gateways} for scenario in SCENARIOS}
        translated = {row[0]: [] for row in TRANSLATIONS}
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for title, path, connections, body_bytes, per_event in SCENARIOS if only != "translation" else ():
                for name, (port, pids) in gateways.items():
                    target = "/v1/chat/completions" if name == "sluice" else f"/{path}/chat/completions"
                    request = request_bytes(port, target, body_bytes, per_event, key, f"{path}/m")
                    result = bench.measure(port, pids, connections, request)
                    unit = result["events"] if per_event else result["answers"]
                    seen[title][name].append((result["cpu_us"] / unit, unit / result["seconds"]))
            for title, path, body_bytes, *providers in TRANSLATIONS if only != "relay" else ():
                cpu = []
                for provider in providers:
                    body = json.dumps(conversation(path, body_bytes, f"{provider}/m"))
                    result = bench.measure(sluice_port, [sluice], 16, post_bytes(sluice_port, path, body, key))
                    cpu.append(result["cpu_us"] / result["answers"])
                translated[title].append(cpu)
        return seen, translated


def summary(seen):
    rows = []
    for title, by_gateway in seen.items():
        if not by_gateway["sluice"]:
            continue
        row = {"what": title}
        for name, samples in by_gateway.items():
            cpu = [sample[0] for sample in samples]
            row[name] = {"cpu_us": round(statistics.median(cpu), 2), "min": round(min(cpu), 2), "max": round(max(cpu), 2),
                         "per_second": round(statistics.median(sample[1] for sample in samples))}
        ratios = [s[0] / n[0] for s, n in zip(by_gateway["sluice"], by_gateway["nginx"])]
        row["ratio"] = {"median": round(statistics.median(ratios), 2), "min": round(min(ratios), 2), "max": round(max(ratios), 2)}
        rows.append(row)
    return rows


def translation_summary(translated):
    rows = []
    for title, samples in translated.items():
        if not samples:
            continue
        added = [other - same for same, other in samples]
        rows.append({"what": title, "lane_1_us": round(statistics.median(s[0] for s in samples), 2),
                     "lane_2_us": round(statistics.median(s[1] for s in samples), 2),
                     "added_us": {"median": round(statistics.median(added), 2), "min": round(min(added), 2), "max": round(max(added), 2)}})
    return rows


def translation_table(rows):
    lines = ["| CPU us per request and answer | same dialect | translated | added by translation |", "|---|---:|---:|---:|"]
    for row in rows:
        added = row["added_us"]
        lines.append(f"| {row['what']} | {row['lane_1_us']:.2f} | {row['lane_2_us']:.2f} "
                     f"| {added['median']:.2f} ({added['min']:.2f}-{added['max']:.2f}) |")
    return "\n".join(lines)


def table(rows):
    span = lambda v, key="cpu_us": f"{v[key]:.2f} ({v['min']:.2f}-{v['max']:.2f})"
    lines = ["| CPU us per | Sluice | nginx proxy_pass | ratio | Sluice per second, one core |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        lines.append(f"| {row['what']} | {span(row['sluice'])} | {span(row['nginx'])} | {span(row['ratio'], 'median')} "
                     f"| {row['sluice']['per_second']:,} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("relay", "translation"), help="one of the two tables")
    options = parser.parse_args()
    if os.cpu_count() < 2:
        raise SystemExit("bench: needs two cores: one for the gateway, one for provider and load")
    seen, translated = run(options.rounds, options.only, lambda text: print(f"           {text}", file=sys.stderr, flush=True))
    rows, translations = summary(seen), translation_summary(translated)
    if options.json:
        print(json.dumps({"relay": rows, "translation": translations}, indent=2))
    else:
        print("\n\n".join(made(part) for made, part in ((table, rows), (translation_table, translations)) if part))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
