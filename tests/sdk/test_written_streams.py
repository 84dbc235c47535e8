"""The streams that Sluice writes, read by the official SDKs' own parsers: the expected answers of the golden cases, and every recorded
stream of real vendors, written again in each dialect by the golden test's program."""

import os
import subprocess
from pathlib import Path

import anthropic
import httpx
import httpx2  # what this SDK of Anthropic is made with
import openai
import pytest
from google import genai
from google.genai import types

from harness.node import run_node
from harness.places import REPO, shared_data

GOLDEN = REPO / "tests" / "golden"
WRITER = REPO / "build" / "dev" / "golden_test"
PROMPT = [{"role": "user", "content": "x"}]


class Canned:
    """A transport whose answer is the stream of the day, so that one client reads them all."""

    def __init__(self, library):
        self.data = b""
        headers = {"content-type": "text/event-stream"}
        self.transport = library.MockTransport(lambda request: library.Response(200, headers=headers, content=self.data))


def chat_reader():
    canned = Canned(httpx)
    options = {"api_key": "k", "base_url": "http://sluice/v1", "max_retries": 0, "http_client": httpx.Client(transport=canned.transport)}
    strict, lax = openai.OpenAI(**options, _strict_response_validation=True), openai.OpenAI(**options)

    def read(data):
        canned.data = data
        # Calls of custom tools are in whole answers' schema and not in that of chunks.
        client = lax if b'"type":"custom"' in data else strict
        ids, reasons = [], []
        with client.chat.completions.create(model="m", messages=PROMPT, stream=True) as stream:
            for chunk in stream:
                for choice in chunk.choices:
                    ids += [call.id for call in choice.delta.tool_calls or [] if call.id]
                    reasons += [choice.finish_reason] if choice.finish_reason else []
        assert len(reasons) == 1
        return ids
    return read


def responses_reader():
    canned = Canned(httpx)
    client = openai.OpenAI(
        api_key="k", base_url="http://sluice/v1", max_retries=0, http_client=httpx.Client(transport=canned.transport), _strict_response_validation=True)

    def read(data):
        canned.data = data
        numbers, last = [], None
        with client.responses.create(model="m", input="x", stream=True) as stream:
            for last in stream:
                numbers.append(last.sequence_number)
        assert numbers == list(range(len(numbers)))
        assert last.type in ("response.completed", "response.incomplete") and last.response.usage
        return [item.call_id for item in last.response.output if item.type in ("function_call", "custom_tool_call")]
    return read


def messages_reader():
    canned = Canned(httpx2)
    client = anthropic.Anthropic(
        api_key="k", base_url="http://sluice", max_retries=0, http_client=httpx2.Client(transport=canned.transport))

    def read(data):
        canned.data = data
        with client.messages.stream(model="m", max_tokens=9, messages=PROMPT) as stream:
            answer = stream.get_final_message()
        assert answer.stop_reason and answer.usage.output_tokens is not None
        return [block.id for block in answer.content if block.type == "tool_use"]
    return read


def gemini_reader():
    canned = Canned(httpx)
    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url="http://sluice", client_args={"transport": canned.transport}))

    def read(data):
        canned.data = data
        chunks = list(client.models.generate_content_stream(model="m", contents="x"))
        candidates = [candidate for chunk in chunks for candidate in chunk.candidates or []]
        assert chunks[-1].usage_metadata or candidates[-1].finish_reason
        parts = [part for candidate in candidates for part in (candidate.content and candidate.content.parts) or []]
        return [part.function_call.id for part in parts if part.function_call and part.function_call.id]
    return read


READERS = {"openai_chat": chat_reader, "openai_responses": responses_reader, "anthropic_messages": messages_reader, "gemini": gemini_reader}


def written_by_cases(dialect):
    """The streams that Sluice itself writes, whole ones: a broken one ends in an error, which the SDKs raise."""
    return sorted(
        path for path in GOLDEN.glob(f"{dialect}__*/*/answer.sse")
        if path.parent.parent.name != f"{dialect}__{dialect}" and '"error": {' not in (path.parent / "report.json").read_text())


def read_all(read, files):
    faults = []
    for path in files:
        try:
            ids = read(path.read_bytes())
            assert len(ids) == len(set(ids)), f"two calls have one id: {ids}"
        except Exception as fault:  # each of them is a finding; all are shown together
            faults.append(f"{path.parent.parent.name}/{path.parent.name}/{path.name}: {type(fault).__name__}: {fault}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("dialect", READERS)
def test_the_golden_cases_streams_are_read_by_the_official_sdk(dialect):
    files = written_by_cases(dialect)
    assert len(files) > 5
    read_all(READERS[dialect](), files)


@pytest.fixture(scope="module")
def written(folder):
    if not (shared_data() / "streams").is_dir():
        pytest.skip(f"no recorded streams in {shared_data()} (SLUICE_SHARED_DATA names the folder)")
    if not WRITER.is_file():
        pytest.skip(f"{WRITER.relative_to(REPO)} does not exist: ./dev build dev golden_test")
    into = folder("written-streams")
    subprocess.run(
        [WRITER, "--gtest_filter=RecordedStreams.*"], check=True, capture_output=True, timeout=110,
        env={**os.environ, "SLUICE_SHARED_DATA": str(shared_data()), "SLUICE_WRITTEN_STREAMS": str(into)})
    return Path(into)


@pytest.mark.parametrize("dialect", READERS)
def test_recorded_streams_of_vendors_are_read_by_the_official_sdk_in_every_dialect(written, dialect):
    files = sorted((written / dialect).glob("*.sse"))
    assert len(files) > 20
    read_all(READERS[dialect](), files)


def test_recorded_streams_of_vendors_are_read_by_the_official_node_sdks_in_every_dialect(written, tmp_path):
    run_node("written_streams.test.mjs", tmp_path, SLUICE_STREAMS=str(written))
