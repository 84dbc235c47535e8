"""Failover: the next candidate answers while nothing has reached the client yet, and never afterwards."""

from decimal import Decimal

import openai
import pytest

from harness.clients import anthropic_client, openai_client
from harness.mock_config import cost_pico

TEXT = "Hello from the mock, in more than one chunk"
SAID = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("fault", ["busy", "broken", "overloaded", "garbled", "hangup", "refused"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_second_candidate_answers_when_the_first_one_fails(gateway, key, fault, stream):
    raw = openai_client(gateway, key).chat.completions.with_raw_response.create(
        model=f"after-{fault}", messages=SAID, stream=stream)
    answer = raw.parse()
    text = "".join(chunk.choices[0].delta.content or "" for chunk in answer) if stream else answer.choices[0].message.content
    assert text == TEXT
    assert (raw.headers["x-sluice-provider"], raw.headers["x-sluice-model"]) == ("mockai", "gpt-mock")
    # The busy one asks to be left alone for seven seconds, so the second time it is.
    assert int(raw.headers["x-sluice-attempts"]) >= (1 if fault == "busy" else 2)
    if not stream:
        cost = Decimal(raw.headers["x-sluice-cost-usd"]) * 10**12
        assert cost == cost_pico(7, 5), "the failed attempt was billed"


def test_failover_crosses_dialects_for_both_clients(gateway, key):
    raw = openai_client(gateway, key).chat.completions.with_raw_response.create(model="across-dialects", messages=SAID)
    assert raw.parse().choices[0].message.content == TEXT
    assert raw.headers["x-sluice-provider"] == "mockant"
    raw = anthropic_client(gateway, key).messages.with_raw_response.create(model="across-dialects-back", max_tokens=64, messages=SAID)
    assert raw.parse().content[0].text == TEXT
    assert raw.headers["x-sluice-provider"] == "mockai"


def test_there_is_no_failover_after_the_first_token(gateway, key, aimock):
    text = "cut, and nobody else"
    raw = openai_client(gateway, key).chat.completions.with_raw_response.create(
        model="after-cut", messages=[{"role": "user", "content": text}], stream=True)
    with pytest.raises(openai.APIError):
        list(raw.parse())
    assert raw.headers["x-sluice-model"] == "cut"
    assert [entry["body"]["model"] for entry in aimock.requests(containing=text)] == ["cut"]
