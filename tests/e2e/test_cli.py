"""The command line, on the data directory of a running server and without one."""

import json
import os
import re
import resource
import socket
import subprocess
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx
import pexpect
import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import cost_pico
from harness.places import sluice_binary
from harness.sluice import Sluice, clean_environment, first_key_in
from harness.wait import eventually

TEXT = "Hello from the mock, in more than one chunk"
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def server(folder, aimock_config):
    """A server of this module's own, so that its ledger holds what these tests did and nothing else."""
    started = Sluice(folder("cli"), {**aimock_config, "models": {"auto": ["mockai/gpt-mock", "mockant/claude-mock"]}}).start()
    yield started
    started.stop()


# --- keys

def test_a_key_is_shown_once_listed_without_its_secret_and_gone_when_revoked(server):
    created = server.run("keys", "create", "--name", "shown-once", "--budget", "2.50", "--rpm", "60", "--tpm", "9000", "--data-class", "restricted")
    (key,) = first_key_in(created.stdout)
    listed = server.run("keys", "list")
    assert "shown-once" in listed.stdout and key not in listed.stdout
    as_json = server.run("keys", "list", "-o", "json").stdout
    assert key not in as_json and "2.5" in as_json and "restricted" in as_json
    json.loads(as_json)
    with http_client(server, key) as client:
        assert client.get("/v1/models").status_code == 200
        server.run("keys", "revoke", "shown-once")
        eventually(lambda: client.get("/v1/models").status_code == 401, "the revocation to take effect", timeout_s=10)


def test_a_new_key_is_good_for_the_very_next_request(server):
    for number in range(10):
        with http_client(server, server.create_key(f"at-once-{number}")) as client:
            assert client.get("/v1/models").status_code == 200, number


def test_only_a_hash_of_a_key_is_on_disk(server):
    key = server.create_key("hash-only")
    secret = key.removeprefix("sk-sluice-").encode()
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("auto")).status_code == 200
    for file in server.data.rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes(), f"{file.name} holds the key"
    assert key not in server.log()


@pytest.mark.parametrize("arguments", [
    ("keys", "create", "--budget", "lots"), ("keys", "create", "--budget", "-1"), ("keys", "create", "--rpm", "-3"),
    ("keys", "create", "--data-class", "secret"), ("keys", "revoke", "nobody-has-this-name"), ("keys", "frobnicate"), ("serv",)], ids=" ".join)
def test_a_wrong_argument_is_one_clear_message_and_a_non_zero_status(server, arguments):
    done = server.run(*arguments, check=False)
    assert done.returncode != 0
    assert done.stderr.strip() and "terminate called" not in done.stderr
    assert arguments[-1] in done.stderr or "--help" in done.stderr


# --- usage and logs

def test_usage_is_the_sum_of_the_answers_by_every_view(server):
    key = server.create_key("summed")
    with http_client(server, key) as client:
        answers = [client.post(CHAT, json=chat_body(model)) for model in ("mockai/gpt-mock", "mockai/gpt-mock", "mockant/claude-mock")]
    charged = sum(Decimal(answer.headers["x-sluice-cost-usd"]) for answer in answers)
    assert charged * 10**12 == 3 * cost_pico(7, 5)
    usage = eventually(lambda: (row := server.usage_of("summed"))["requests"] == 3 and row, "three ledger entries")
    assert (usage["input_tokens"], usage["output_tokens"], usage["cost_usd"]) == (21, 15, charged)
    whole = server.run_json("usage")
    for view in ("keys", "models", "providers", "grounds"):
        assert sum(row["requests"] for row in whole[view]) == whole["total"]["requests"], view
        assert sum(Decimal(str(row["cost_usd"])) for row in whole[view]) == Decimal(str(whole["total"]["cost_usd"])), view
    assert "summed" in server.run("usage").stdout


def test_logs_tail_shows_each_finished_request_and_never_its_text(server):
    with http_client(server, server.create_key("logged")) as client:
        answer = client.post(CHAT, json=chat_body("auto", "the-prompt-is-private"))
    request_id = answer.headers["x-sluice-request-id"]
    shown = eventually(lambda: (out := server.run("logs", "tail", "-o", "json").stdout) and request_id in out and out, "the log line")
    assert "the-prompt-is-private" not in shown and TEXT not in shown
    line = next(json.loads(line) for line in shown.splitlines() if request_id in line)
    assert "gpt-mock" in json.dumps(line)


# --- the ledger for other programs, read by one of them

@pytest.fixture(scope="module")
def exported(server):
    """Calls of two keys at two providers, whole and streamed, and one that failed."""
    for name in ("exported", "=odd, \"name\""):
        with http_client(server, server.create_key(name)) as client:
            for model in ("mockai/gpt-mock", "mockant/claude-mock"):
                assert client.post(CHAT, json=chat_body(model)).status_code == 200
                assert client.post(CHAT, json={**chat_body(model), "stream": True}).status_code == 200
    return eventually(lambda: (usage := server.run_json("usage")) and usage["total"]["requests"] >= 8 and usage, "the ledger")


def table_in(file):
    reader = {".csv": "read_csv", ".jsonl": "read_json", ".parquet": "read_parquet"}[file.suffix]
    return f"{reader}('{file}')" if reader != "read_json" else f"read_json('{file}', format='newline_delimited')"


def usd(value):
    return Decimal(str(value)).quantize(Decimal(10) ** -12)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("rows", ["requests", "focus-1.2", "focus-1.4"])
def test_an_export_adds_up_to_the_ledger(server, exported, folder, rows, form):
    file = folder("export") / f"{rows}.{form}"
    said = server.run_json("logs", "export", "--rows", rows, "--to", str(file))
    total = usd(exported["total"]["cost_usd"])
    assert usd(said["cost_usd"]) == total and not file.with_suffix(file.suffix + ".part").exists()
    ask = duckdb.connect().execute
    cost = "cost_usd" if rows == "requests" else "BilledCost"
    exact = f"cast({cost} as decimal(38, 12))"
    assert usd(ask(f"select sum({exact}) from {table_in(file)}").fetchone()[0]) == total
    if rows == "requests":
        calls, tokens, keys = ask(f"select count(*), sum(input_tokens), list(distinct \"key\") from {table_in(file)}").fetchone()
        assert tokens == exported["total"]["input_tokens"]
        assert calls == said["rows"] == exported["total"]["requests"] + exported["total"]["extra_attempts"]
        assert any("odd, \"name\"" in key for key in keys)
        assert ask(f"select typeof(started_at) from {table_in(file)} limit 1").fetchone()[0].startswith("TIMESTAMP")
        return
    columns = {name for name, *_ in ask(f"describe select * from {table_in(file)}").fetchall()}
    assert ("ProviderName" in columns) == (rows == "focus-1.2") and ("ServiceProviderName" in columns) == (rows == "focus-1.4")
    odd = ask(f"select count(*) from {table_in(file)} where abs(ContractedUnitPrice * PricingQuantity - ContractedCost) > 1e-12 "
              "or ChargePeriodEnd <= ChargePeriodStart or BillingCurrency <> 'USD' or SkuId is null").fetchone()[0]
    assert odd == 0
    tokens = ask(f"select sum(ConsumedQuantity) from {table_in(file)} where ConsumedUnit = 'Tokens'").fetchone()[0]
    assert tokens == sum(exported["total"][name] for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"))


def test_an_export_of_a_time_has_only_that_and_a_wrong_file_is_said(server, exported, folder):
    assert server.run_json("logs", "export", "--until", "2020-01-01", "--to", str(folder("export-none") / "none.csv"))["rows"] == 0
    for arguments, told in ((["--to", "/nowhere/x.csv"], "/nowhere"), (["--to", "x.doc"], "--format"), (["--since", "soon"], "soon")):
        done = server.run("logs", "export", *arguments, check=False)
        assert done.returncode != 0 and told in done.stderr


# --- models, routes

def test_models_lists_what_can_be_called(server):
    assert "auto" in server.run("models").stdout
    names = json.dumps(server.run_json("models"))
    assert "auto" in names
    everything = server.run("models", "--all").stdout
    assert len(everything.splitlines()) > len(server.run("models").stdout.splitlines())


def test_no_guide_asks_for_a_model_that_its_vendor_has_stopped(server):
    """By the data's own today, the newest day on which a fact of it was read."""
    root = Path(__file__).resolve().parents[2]
    today = max(day for file in root.glob("data/*/*.yaml") for day in re.findall(r"observed_at: (20\d\d-\d\d-\d\d)", file.read_text()))
    listed = json.loads(server.run("models", "--all", "-o", "json").stdout)["models"]
    stopped = {one["name"] for one in listed if one["retires"] and one["retires"] <= today}
    assert "groq/llama-4-scout" in stopped
    for page in [root / "README.md", *root.glob("docs/guides/*.md"), *root.glob("examples/*")]:
        text = page.read_text() if page.is_file() else ""
        named = set(re.findall(r"[a-z][a-z0-9-]*/[A-Za-z0-9][\w.:/-]*\w", text)) & stopped
        assert not named, f"{page.name} asks for {named}"


def test_route_explain_names_the_choice_and_each_rejection_and_calls_nobody(server, aimock):
    before = len(aimock.requests())
    text = server.run("route", "explain", "auto").stdout
    assert "mockai/gpt-mock" in text and "mockant/claude-mock" in text
    plan = server.run_json("route", "explain", "auto")
    assert plan["choice"] == "mockai/gpt-mock"
    restricted = server.run_json("route", "explain", "auto", "--data-class", "restricted")
    assert not restricted["choice"] and len(restricted["rejected"]) == 2
    assert len(aimock.requests()) == before


# --- run and chat

def test_run_prints_the_answer_and_takes_a_pipe(server, aimock):
    assert server.run("run", "auto", "Hello").stdout.strip() == TEXT
    assert server.run("run", "auto", stdin="Hello through a pipe").stdout.strip() == TEXT
    assert aimock.requests(containing="Hello through a pipe")


def test_run_json_is_one_object_with_text_usage_and_cost(server):
    answer = json.loads(server.run("run", "auto", "Hello", "--json").stdout)
    assert answer["text"] == TEXT
    assert Decimal(str(answer["cost_usd"])) * 10**12 == cost_pico(7, 5)


def test_run_with_an_unknown_model_fails_with_the_servers_words(server):
    done = server.run("run", "no-such-model", "Hello", check=False)
    assert done.returncode != 0 and done.stdout == "" and "no-such-model" in done.stderr


def test_chat_streams_answers_in_a_terminal_until_the_user_leaves(server):
    terminal = pexpect.spawn(
        str(sluice_binary()), ["chat", "--data", str(server.data), "--model", "auto"], env={**server.env, "TERM": "xterm"},
        encoding="utf-8", timeout=60, dimensions=(40, 160))
    terminal.expect_exact(">")
    terminal.sendline("Hello")
    terminal.expect_exact(TEXT)
    terminal.expect_exact(">")
    terminal.sendline("Hello again")
    terminal.expect_exact(TEXT)
    terminal.expect_exact(">")
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


# --- configuration

def validate(tmp_path, text):
    file = tmp_path / "sluice.yaml"
    file.write_text(text)
    return subprocess.run([str(sluice_binary()), "config", "validate", "--config", str(file)],
                          env=clean_environment(tmp_path), capture_output=True, text=True, timeout=60)


def test_a_good_configuration_is_valid(tmp_path):
    done = validate(tmp_path, 'providers:\n  acme: { kind: openai_compatible, base_url: "http://127.0.0.1:9001/v1", api_key: k }\n'
                              "models:\n  auto: [acme/their-model]\n")
    assert done.returncode == 0, done.stderr


def test_config_validate_shows_all_errors_with_place_line_and_nearest_name(tmp_path):
    done = validate(tmp_path, "server:\n  lisen: 127.0.0.1:9\nprovders: {}\nmodels:\n  auto: [nobody/at-all]\n")
    assert done.returncode != 0
    shown = done.stdout + done.stderr
    assert "sluice.yaml:2:3" in shown and "lisen: 127.0.0.1:9" in shown and "listen" in shown
    assert "sluice.yaml:3:1" in shown and "providers" in shown
    assert "sluice.yaml:5:" in shown and "nobody" in shown


@pytest.mark.parametrize("text", ["models: [", "\t- x", "a: &x [*x]", "\x00", "providers: " + "[" * 20000])
def test_a_file_that_is_no_yaml_is_an_error_with_a_place(tmp_path, text):
    done = validate(tmp_path, text)
    assert done.returncode == 1, "it crashed" if done.returncode < 0 else done.stdout
    assert "sluice.yaml:" in done.stdout + done.stderr


def test_config_schema_is_a_json_schema():
    done = subprocess.run([str(sluice_binary()), "config", "schema"], capture_output=True, text=True, timeout=60)
    schema = json.loads(done.stdout)
    assert "$schema" in schema and {"server", "providers", "models"} <= set(schema["properties"])


def test_an_invalid_configuration_stops_serve_with_its_place(tmp_path):
    server = Sluice(tmp_path, "server: { listen: 5 }\nmodles: {}\n")
    done = subprocess.run(server.command(), env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "sluice.yaml:2:1" in done.stderr


def test_a_start_that_fails_does_not_use_up_the_first_key(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Sluice(tmp_path, {}, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        done = subprocess.run(server.command(), env=server.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "cannot listen" in done.stderr and not first_key_in(done.stdout)
    server.listen = "127.0.0.1:0"
    server.start()
    try:
        eventually(lambda: first_key_in(server.log()), "the first key to be shown")
    finally:
        server.stop()


def test_a_unix_socket_can_be_served_again_after_a_stop_and_after_a_kill(tmp_path):
    path = tmp_path / "sluice.sock"
    server = Sluice(tmp_path / "one", {"server": {"max_connections": 2, "threads": 2}}, listen=f"unix:{path}")
    second = Sluice(tmp_path / "two", {}, listen=f"unix:{path}")
    for end in (server.stop, server.kill, server.stop):
        server.start(ready=False)
        kept = [httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://sluice", timeout=30) for _ in range(2)]
        for client in kept:  # both at once: one reactor has all of max_connections
            assert client.get("/health/live").status_code == 200
        refused = subprocess.run(second.command(), env=second.env, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1 and "already in use" in refused.stderr
        for client in kept:
            client.close()
        end()
    assert not path.exists()


def test_a_server_on_a_unix_socket_is_used_like_any_other(tmp_path, aimock_config):
    path = tmp_path / "a socket.sock"
    server = Sluice(tmp_path / "one", {**aimock_config, "models": {"auto": ["mockai/gpt-mock"]}}, listen=f"unix:{path}")
    server.start(ready=False)
    try:
        assert server.url == f"unix:{path}"
        assert TEXT in server.run("run", "auto", "Hello").stdout
        assert TEXT in server.run("chat", stdin="Hello\n").stdout
        assert TEXT in server.run("run", "auto", "Hello", "--url", server.url).stdout
        checks = {check["name"]: check for check in json.loads(server.run("doctor", "-o", "json", check=False).stdout)["checks"]}
        assert checks["server"]["state"] == "ok" and f"unix:{path}" in checks["server"]["detail"]
        curls = eventually(lambda: [line for line in server.log().splitlines() if line.startswith("  curl")], "the curls")
        assert len(curls) == 3
        for curl, expected in zip(curls, (TEXT, "message_stop", '"auto"')):
            done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0 and expected in done.stdout, (curl, done)
    finally:
        server.stop()
    gone = server.run("run", "auto", "Hello", "--url", f"unix:{path}", check=False)
    assert gone.returncode == 3 and f"no sluice is serving at unix:{path}" in gone.stderr


def test_what_serve_says_on_a_terminal_is_in_one_piece(tmp_path):
    engine = tmp_path / "llama-server"
    engine.write_text("#!/bin/sh\nexit 1\n")  # each of its deaths is a line of the log while serve waits for it
    engine.chmod(0o755)
    model = tmp_path / "tiny.gguf"
    model.write_bytes(b"GGUF" + bytes(64))
    server = Sluice(tmp_path / "one", {"engines": {"local": {"model": "tiny", "path": str(model), "llama_server": str(engine)}}}, engine="auto")
    command, *arguments = server.command()
    terminal = pexpect.spawn(command, arguments, env=server.env, encoding="utf-8", timeout=60, dimensions=(50, 1000))
    try:
        terminal.expect("sluice  listening.*v1/models[^\n]*\n")
        assert "engine state" not in terminal.after, terminal.after
        terminal.expect("engine state.*restarting")  # what was logged meanwhile comes after it
    finally:
        terminal.kill(15)
        terminal.expect(pexpect.EOF)


def test_a_program_gets_the_configurations_limits_for_its_temporary_key_too(serve, aimock_config):
    server = serve({**aimock_config, "models": {"auto": ["mockai/gpt-mock"]}, "keys": {"data_class": "restricted"}})
    refused = server.run("run", "auto", "Hello", check=False)
    assert refused.returncode == 1 and "restricted" in refused.stderr, refused
    for _ in range(3):
        server.run("run", "auto", "Hello", check=False)
    assert "cli-" not in server.run("keys", "list").stdout


def test_serve_says_json_what_it_says_to_people(folder, aimock_config):
    place = folder("serve-json")
    server = Sluice(place, aimock_config)
    with subprocess.Popen([*server.command(), "-o", "json"], env=server.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            said = json.loads(process.stdout.readline())
            answer = httpx.get(f"{said['url']}/v1/models", headers={"x-api-key": said["key"]}, timeout=30)
        finally:
            process.terminate()
        assert process.stdout.read() == ""
    assert answer.status_code == 200
    assert (said["data_dir"], said["pid"], said["config"]) == (str(server.data), process.pid, str(server.config_file))
    assert {"name": "mockai", "ground": "hosted_open"} in said["providers"] and said["engines"] == []


# --- doctor, completion, version

def test_doctor_reports_each_check_and_its_status_says_whether_all_is_well(server):
    done = server.run("doctor", check=False)
    assert done.returncode in (0, 1) and len(done.stdout.splitlines()) >= 3
    json.loads(server.run("doctor", "-o", "json", check=False).stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_for_a_shell_is_accepted_by_that_shell(shell):
    done = subprocess.run([str(sluice_binary()), "completion", shell], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "route" in done.stdout
    if any(os.access(os.path.join(folder, shell), os.X_OK) for folder in os.environ["PATH"].split(":")):
        checked = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stderr


def test_help_names_every_verb():
    done = subprocess.run([str(sluice_binary()), "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    for verb in ("serve", "chat", "run", "keys", "usage", "logs", "models", "route", "config", "doctor"):
        assert verb in done.stdout


def test_too_few_files_are_one_line_and_no_abort(tmp_path):
    config = tmp_path / "sluice.yaml"
    config.write_text("server: { threads: 64 }\n")  # each needs files of its own, on any machine
    failed = subprocess.run([str(sluice_binary()), "serve", "--engine", "none", "--listen", "127.0.0.1:0", "--config", str(config), "--data", str(tmp_path / "data")], capture_output=True, text=True,
                            timeout=60, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (18, 18)))
    assert failed.returncode == 1 and "ulimit -n" in failed.stderr, failed
