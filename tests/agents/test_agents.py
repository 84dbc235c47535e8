"""Real agents, unmodified, on a ground that is not their vendor's: each reads a file by a tool call and answers from it."""

import json
from urllib.parse import urlsplit

import pytest

from harness.agents import QUESTION, SECRET, agent_binary, node_path
from harness.passage import Passage


def rows(server):
    return [json.loads(line) for line in server.run("logs", "tail", "-o", "json").stdout.splitlines()]


@pytest.mark.parametrize("provider", ["oai", "ant", "resp", "gem", "bed"])
def test_claude_code(agent_server, job, provider):
    server, key, vendor = agent_server("claude")
    model = f"{provider}/agent-model"
    out = job.run(
        agent_binary("claude"), "-p", QUESTION, "--allowedTools", "Read", "--output-format", "json",
        ANTHROPIC_BASE_URL=server.url, ANTHROPIC_AUTH_TOKEN=key, ANTHROPIC_MODEL=model, ANTHROPIC_DEFAULT_HAIKU_MODEL="side-model",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", DISABLE_TELEMETRY="1", DISABLE_AUTOUPDATER="1", DISABLE_ERROR_REPORTING="1")
    answer = json.loads(out)
    assert not answer["is_error"] and SECRET in answer["result"], out
    sent = vendor.requests(containing=SECRET)
    assert sent, "the tool's result did not reach the vendor"
    used = [row for row in rows(server) if row["model"] == "agent-model"]
    assert len(used) >= 2 and {row["outcome"] for row in used} == {"ok"}, used
    assert all(row["usage"]["reported"] for row in used)


@pytest.mark.parametrize("client, provider", [
    ("chat", "oai"), ("chat", "ant"), ("anthropic", "oai"), ("anthropic", "ant"), ("openai", "gem"), ("openai", "bed"), ("google", "oai"), ("google", "ant")])
def test_opencode(agent_server, job, client, provider):
    server, key, vendor = agent_server("opencode")
    options = {"baseURL": f"{server.url}/v1", "apiKey": key}
    model = f"{provider}/agent-model"
    if client == "google":  # this client takes a name with a slash for a whole path
        options["baseURL"] = f"{server.url}/v1beta"
        model = f"models/{model}"
    models = {model: {"name": "agent"}, "side-model": {"name": "side"}}
    (job.folder / "opencode.json").write_text(json.dumps({
        "$schema": "https://opencode.ai/config.json", "autoupdate": False, "share": "disabled",
        "permission": {"bash": "allow", "edit": "allow"}, "small_model": f"{client}/side-model",
        "provider": {
            "chat": {"npm": "@ai-sdk/openai-compatible", "name": "Sluice", "options": options, "models": models},
            **{name: {"options": options, "models": models} for name in ("openai", "anthropic", "google")}}}))
    out = job.run(
        agent_binary("opencode"), "run", "-m", f"{client}/{model}", "--format", "json", QUESTION,
        OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_MODELS_FETCH="1", npm_config_offline="true")
    assert SECRET in out, out
    assert vendor.requests(containing=SECRET), "the tool's result did not reach the vendor"
    assert {row["outcome"] for row in rows(server)} == {"ok"}


def run_codex(job, url, key, provider, **settings):
    """What Codex printed; `settings` are more of its provider's."""
    config = job.home / ".codex" / "config.toml"
    config.parent.mkdir()
    provider_settings = {"name": "Sluice", "base_url": f"{url}/v1", "env_key": "SLUICE_API_KEY", "wire_api": "responses", **settings}
    config.write_text(
        f'model = "{provider}/agent-model"\nmodel_provider = "sluice"\n[model_providers.sluice]\n'
        + "".join(f"{name} = {json.dumps(value)}\n" for name, value in provider_settings.items()))
    return job.run(
        agent_binary("codex"), "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", QUESTION,
        SLUICE_API_KEY=key, CODEX_HOME=str(config.parent), PATH=node_path())


def assert_codex_is_done(out, server, vendor):
    assert f"DONE: the word is {SECRET}" in out, out
    assert vendor.requests(containing=SECRET), "the tool's result did not reach the vendor"
    used = [row for row in rows(server) if row["model"] == "agent-model"]
    assert len(used) >= 2 and {row["outcome"] for row in used} == {"ok"}, used


@pytest.mark.parametrize("provider", ["oai", "ant", "resp", "gem", "bed"])
def test_codex(agent_server, job, provider):
    server, key, vendor = agent_server("codex")
    assert_codex_is_done(run_codex(job, server.url, key, provider), server, vendor)


@pytest.mark.parametrize("provider", ["oai", "ant", "resp", "gem", "bed"])
def test_codex_over_its_websocket(agent_server, job, provider):
    server, key, vendor = agent_server("codex")
    with Passage(urlsplit(server.url).port) as passage:
        out = run_codex(job, passage.url, key, provider, supports_websockets=True, request_max_retries=0, stream_max_retries=0)
    assert_codex_is_done(out, server, vendor)
    asked = [line for line in passage.request_lines() if "/v1/responses" in line]
    assert asked and all(line.startswith("GET ") for line in asked), f"it went on over HTTP: {asked}"


@pytest.mark.parametrize("provider", ["oai", "ant", "resp", "gem", "bed"])
def test_gemini_cli(agent_server, job, provider):
    server, key, vendor = agent_server("gemini")
    settings = job.home / ".gemini" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({
        "security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}))
    out = job.run(
        agent_binary("gemini"), "-p", QUESTION, "-m", f"{provider}/agent-model", "-o", "json", "--skip-trust",
        GEMINI_API_KEY=key, GOOGLE_GEMINI_BASE_URL=server.url, PATH=node_path())
    assert f"DONE: the word is {SECRET}" in json.loads(out)["response"], out
    assert vendor.requests(containing=SECRET), "the tool's result did not reach the vendor"
    used = [row for row in rows(server) if row["model"] == "agent-model"]
    assert len(used) >= 2 and {row["outcome"] for row in used} == {"ok"}, used
