"""Errors as the official SDKs see them: the right exception class, with a message that helps, in the client's dialect."""

import anthropic
import openai
import pytest

from harness.clients import anthropic_client, openai_client

SAID = [{"role": "user", "content": "Hello"}]


def openai_error(server, key, model="mockai/gpt-mock", **request):
    """The error that the OpenAI SDK raises for this request."""
    with pytest.raises(openai.APIError) as raised:
        openai_client(server, key).chat.completions.create(model=model, messages=SAID, **request)
    return raised.value


def anthropic_error(server, key, model="mockant/claude-mock", **request):
    """The error that the Anthropic SDK raises for this request."""
    with pytest.raises(anthropic.APIError) as raised:
        anthropic_client(server, key).messages.create(**{"model": model, "max_tokens": 64, "messages": SAID, **request})
    return raised.value


def assert_shapes(openai_one, anthropic_one):
    """Both carry all that their dialect's error body has."""
    assert set(openai_one.response.json()["error"]) == {"message", "type", "param", "code"}
    body = anthropic_one.response.json()
    assert body["type"] == "error" and set(body["error"]) >= {"type", "message"}
    for error in (openai_one, anthropic_one):
        assert error.response.headers["x-sluice-request-id"].startswith("req_")


def test_an_unknown_key_is_an_authentication_error(gateway):
    ours, theirs = openai_error(gateway, "sk-sluice-never-made"), anthropic_error(gateway, "sk-sluice-never-made")
    assert type(ours) is openai.AuthenticationError and ours.status_code == 401
    assert type(theirs) is anthropic.AuthenticationError and theirs.body["error"]["type"] == "authentication_error"
    assert_shapes(ours, theirs)


def test_an_unknown_model_is_not_found_and_named(gateway, key):
    ours, theirs = openai_error(gateway, key, "no-such-model"), anthropic_error(gateway, key, "no-such-model")
    assert type(ours) is openai.NotFoundError and ours.code == "model_not_found" and "no-such-model" in ours.message
    assert type(theirs) is anthropic.NotFoundError and theirs.body["error"]["type"] == "not_found_error"
    assert "no-such-model" in theirs.message
    assert_shapes(ours, theirs)


def test_a_field_of_the_wrong_type_is_a_bad_request_that_names_the_field(gateway, key):
    ours = openai_error(gateway, key, extra_body={"messages": "not a list"})
    theirs = anthropic_error(gateway, key, extra_body={"messages": "not a list"})
    assert type(ours) is openai.BadRequestError and "messages" in ours.message
    assert type(theirs) is anthropic.BadRequestError and theirs.body["error"]["type"] == "invalid_request_error"
    assert "messages" in theirs.message
    assert_shapes(ours, theirs)


def test_too_many_requests_is_a_rate_limit_error_with_retry_after(gateway):
    key = gateway.create_key("one a minute", rpm=1)
    openai_client(gateway, key).chat.completions.create(model="mockai/gpt-mock", messages=SAID)
    ours, theirs = openai_error(gateway, key), anthropic_error(gateway, key)
    assert type(ours) is openai.RateLimitError and type(theirs) is anthropic.RateLimitError
    assert theirs.body["error"]["type"] == "rate_limit_error"
    for error in (ours, theirs):
        assert 0 < float(error.response.headers["retry-after"]) <= 60
    assert_shapes(ours, theirs)


def test_a_spent_budget_says_so_and_asks_for_no_retry(gateway):
    # One answer of the mock costs 160,000,000 picodollars; the worst case that is reserved for it costs more.
    key = gateway.create_key("poor", budget="0.000000001")
    ours, theirs = openai_error(gateway, key, max_tokens=64), anthropic_error(gateway, key)
    assert ours.status_code == 429 and ours.code == "insufficient_quota"
    assert theirs.status_code == 402
    for error in (ours, theirs):
        assert "budget" in error.message
        assert error.response.headers.get("x-should-retry") == "false"
        assert "retry-after" not in error.response.headers


def test_the_vendors_own_rate_limit_passes_with_its_retry_after(gateway, key):
    ours, theirs = openai_error(gateway, key, "mockai/busy"), anthropic_error(gateway, key, "mockant/busy")
    assert type(ours) is openai.RateLimitError and "Slow down, says the vendor" in ours.message
    assert type(theirs) is anthropic.RateLimitError and "Slow down, says the vendor" in theirs.message
    for error in (ours, theirs):
        assert error.response.headers["retry-after"] == "7"


def test_the_vendors_rate_limit_is_translated_for_a_client_of_the_other_dialect(gateway, key):
    ours, theirs = openai_error(gateway, key, "mockant/busy"), anthropic_error(gateway, key, "mockai/busy")
    assert type(ours) is openai.RateLimitError and type(theirs) is anthropic.RateLimitError
    assert_shapes(ours, theirs)
    for error in (ours, theirs):
        assert float(error.response.headers["retry-after"]) == 7


def test_an_overloaded_vendor_keeps_its_529_in_its_own_dialect(gateway, key):
    error = anthropic_error(gateway, key, "mockant/overloaded")
    assert error.status_code == 529 and error.body["error"]["type"] == "overloaded_error"
    assert openai_error(gateway, key, "mockant/overloaded").status_code in (503, 529)


def test_a_vendors_400_is_not_retried_and_reaches_the_client(gateway, key, aimock):
    before = len(aimock.requests(containing='"model": "picky"'))
    ours, theirs = openai_error(gateway, key, "after-picky"), anthropic_error(gateway, key, "mockant/picky")
    assert type(ours) is openai.BadRequestError and "does not like this request" in ours.message
    assert type(theirs) is anthropic.BadRequestError and "does not like this request" in theirs.message
    assert len(aimock.requests(containing='"model": "picky"')) == before + 2


@pytest.mark.parametrize("fault", ["garbled", "hangup"])
def test_an_answer_that_is_no_answer_becomes_a_502_in_the_clients_dialect(gateway, key, fault):
    for provider in ("mockai", "mockant"):
        ours, theirs = openai_error(gateway, key, f"{provider}/{fault}"), anthropic_error(gateway, key, f"{provider}/{fault}")
        assert type(ours) is openai.InternalServerError and ours.status_code == 502
        assert isinstance(theirs, anthropic.APIStatusError) and theirs.status_code == 502
        assert "<<<chaos>>>" not in ours.response.text + theirs.response.text, "the provider's garbage reached the client"
        assert_shapes(ours, theirs)


def test_a_provider_that_refuses_connections_is_a_502(gateway, key):
    assert openai_error(gateway, key, "refused/any").status_code == 502
    assert anthropic_error(gateway, key, "refused/any").status_code == 502


def test_streaming_requests_that_fail_before_the_first_token_get_the_real_status(gateway, key):
    ours, theirs = openai_error(gateway, key, "mockai/busy", stream=True), anthropic_error(gateway, key, "mockant/overloaded", stream=True)
    assert ours.status_code == 429
    assert theirs.status_code == 529


def test_a_stream_that_breaks_ends_in_an_error_and_not_in_success(gateway, key):
    for provider in ("mockai", "mockant"):
        texts = []
        with pytest.raises(openai.APIError):
            for chunk in openai_client(gateway, key).chat.completions.create(model=f"{provider}/cut", messages=SAID, stream=True):
                texts.append(chunk.choices[0].delta.content or "")
        assert "".join(texts).startswith("long enough")
        texts = []
        with pytest.raises(anthropic.APIError):
            with anthropic_client(gateway, key).messages.stream(model=f"{provider}/cut", max_tokens=64, messages=SAID) as stream:
                for text in stream.text_stream:
                    texts.append(text)
        assert "".join(texts).startswith("long enough")
