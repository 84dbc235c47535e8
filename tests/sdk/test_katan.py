"""A second third-party mock, llm-katan: unlike the first it refuses a wrong vendor key, and says whom it heard."""

import openai
import pytest

from harness.clients import anthropic_client, openai_client
from harness.mock_config import anthropic_vendor, openai_vendor
from harness.sluice import Sluice
from harness.vendors import Katan

SAID = [{"role": "system", "content": "Be an echo."}, {"role": "user", "content": "Hello out there"}]


@pytest.fixture(scope="module")
def server(folder, katan):
    started = Sluice(folder("katan-gateway"), {"providers": {
        "kat-openai": openai_vendor(katan.url, api_key=Katan.OPENAI_KEY),
        "kat-anthropic": anthropic_vendor(katan.url, api_key=Katan.ANTHROPIC_KEY),
        "wrong-key": openai_vendor(katan.url, api_key="not-the-vendors-key"),
    }, "models": {"after-wrong-key": ["wrong-key/echo", "kat-openai/echo"]}}).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def key(server):
    return server.create_key()


@pytest.mark.parametrize("model", ["kat-openai/echo", "kat-anthropic/echo"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_vendors_own_key_is_sent_and_both_clients_are_answered(server, key, model, stream):
    answer = openai_client(server, key).chat.completions.create(model=model, messages=SAID, stream=stream)
    text = "".join(choice.delta.content or "" for chunk in answer for choice in chunk.choices) if stream else answer.choices[0].message.content
    assert text.startswith("[echo]")
    messages = anthropic_client(server, key).messages
    request = {"model": model, "max_tokens": 64, "system": "Be an echo.", "messages": SAID[1:]}
    if stream:
        with messages.stream(**request) as answer:
            text = answer.get_final_text()
    else:
        text = messages.create(**request).content[0].text
    assert text.startswith("[echo]")


def test_a_vendor_that_refuses_our_key_is_our_fault_and_not_the_clients(server, key):
    with pytest.raises(openai.APIStatusError) as raised:
        openai_client(server, key).chat.completions.create(model="wrong-key/echo", messages=SAID)
    assert raised.value.status_code not in (401, 403), "the client would think that its own key is wrong"
    assert "not-the-vendors-key" not in raised.value.response.text


def test_a_refused_vendor_key_leads_to_the_next_candidate(server, key):
    raw = openai_client(server, key).chat.completions.with_raw_response.create(model="after-wrong-key", messages=SAID)
    assert raw.headers["x-sluice-provider"] == "kat-openai" and raw.headers["x-sluice-attempts"] == "2"
