"""Responses in the background are settled when a client is told that they are done: once, by what they have used."""

import json
import threading
from decimal import Decimal

import openai
import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import PRICES, cost_pico
from harness.wait import eventually

USAGE = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
COST = Decimal(cost_pico(7, 5)) / 10**12


class Vendor:
    """A vendor whose responses in the background go on until they are told to end."""

    def __init__(self):
        self.recorder = recorder.Recorder()
        self.recorder.answer = self.answer
        self.responses = {}
        self.end = ("completed", USAGE)
        self.go_on = threading.Event()

    def answer(self, request, connection):
        method, path = request.line.split(" ")[:2]
        if method == "POST" and path == "/v1/responses":
            number = f"resp_{len(self.responses) + 1}"
            begun = {"id": number, "object": "response", "created_at": 1790000000, "status": "queued", "background": True, "model": "m", "error": None,
                     "incomplete_details": None, "output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": None}
            self.responses[number] = begun
            if request.json().get("stream"):
                return self.begin_stream(begun, connection)
            return connection.send(recorder.ok(json.dumps(begun).encode()))
        one = self.responses[path.split("?")[0].removeprefix("/v1/responses/").split("/")[0]]
        if path.endswith("/cancel"):
            one["status"], one["usage"] = "cancelled", USAGE
        if "stream=true" in path:
            self.done(one)
            event = {"type": f"response.{one['status']}", "sequence_number": 9, "response": one}
            return connection.send(recorder.sse_head() + recorder.chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()) + recorder.LAST_CHUNK)
        return connection.send(recorder.ok(json.dumps(one).encode()))

    def begin_stream(self, begun, connection):
        events = [{"type": "response.queued", "sequence_number": 0, "response": begun},
                  {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "i", "output_index": 0, "content_index": 0, "delta": "Hel", "logprobs": []}]
        recorder.interrupted([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events], self.go_on)(None, connection)

    def done(self, one):
        one["status"], one["usage"] = self.end


@pytest.fixture
def vendor():
    side = Vendor()
    yield side
    side.go_on.set()
    side.recorder.stop()


def config(vendor, prices=True):
    priced = {"prices": {"*": PRICES}} if prices else {}
    return {"providers": {"openai": {"base_url": f"{vendor.recorder.url}/v1", "api_key": "k", **priced}}}


@pytest.fixture
def server(serve, vendor):
    return serve(config(vendor))


def client_of(server, key):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def begin(client, **more):
    return client.responses.create(model="openai/m", input="Hello", background=True, **more).id


def used(server, name, **wanted):
    def row():
        now = server.usage_of(name)
        return all(now[member] == value for member, value in wanted.items()) and now
    return eventually(row, f"the usage of {name} to be {wanted}")


def test_a_polled_response_is_settled_once_by_its_usage(server, vendor):
    client = client_of(server, server.create_key("own"))
    one = begin(client)
    assert client.responses.retrieve(one).status == "queued"
    before = used(server, "own", requests=2, unpriced=1)
    assert (before["input_tokens"], before["output_tokens"], before["cost_usd"]) == (0, 0, 0)
    vendor.done(vendor.responses[one])
    for _ in range(3):
        assert client.responses.retrieve(one).usage.output_tokens == 5
    after = used(server, "own", requests=5, unpriced=0)
    assert (after["input_tokens"], after["output_tokens"], after["cost_usd"]) == (7, 5, COST)
    assert "ledger          sound" in server.run("doctor", check=False).stdout


@pytest.mark.parametrize("end", ["incomplete", "failed"])
def test_whatever_end_it_comes_to(server, vendor, end):
    client = client_of(server, server.create_key("own"))
    one = begin(client)
    vendor.end = (end, USAGE)
    vendor.done(vendor.responses[one])
    client.responses.retrieve(one)
    used(server, "own", unpriced=0, cost_usd=COST)


def test_a_cancelled_one_costs_what_it_has_used(server, vendor):
    client = client_of(server, server.create_key("own"))
    one = begin(client)
    assert client.responses.cancel(one).status == "cancelled"
    used(server, "own", unpriced=0, cost_usd=COST)


def test_one_that_does_not_say_what_it_has_used_stays_without_a_price(server, vendor):
    client = client_of(server, server.create_key("own"))
    one, other = begin(client), begin(client)
    vendor.end = ("failed", None)
    vendor.done(vendor.responses[one])
    vendor.responses[other]["usage"] = USAGE  # of one that goes on it is not the last word
    client.responses.retrieve(one)
    client.responses.retrieve(other)
    assert used(server, "own", requests=4)["unpriced"] == 2


def test_a_colleague_may_poll_and_the_key_that_began_it_pays(server, vendor):
    maker, colleague, stranger = (server.create_key(name, tenant=tenant) for name, tenant in (("maker", "a"), ("colleague", "a"), ("stranger", "b")))
    one = begin(client_of(server, maker))
    vendor.done(vendor.responses[one])
    with pytest.raises(openai.NotFoundError):
        client_of(server, stranger).responses.retrieve(one)
    assert used(server, "maker", requests=1)["unpriced"] == 1
    client_of(server, colleague).responses.retrieve(one)
    used(server, "maker", requests=1, unpriced=0, cost_usd=COST)
    assert used(server, "colleague", requests=1)["cost_usd"] == 0


def test_it_survives_a_kill_before_and_behind_its_settlement(server, vendor):
    key = server.create_key("own")
    one = begin(client_of(server, key))  # whoever has the answer can be sure of it
    server.kill()
    server.start()
    vendor.done(vendor.responses[one])
    client_of(server, key).responses.retrieve(one)
    server.kill()
    server.start()
    client_of(server, key).responses.retrieve(one)
    used(server, "own", unpriced=0, cost_usd=COST, output_tokens=5)


def test_a_stream_that_is_left_and_read_on_later_is_settled(server, vendor):
    key = server.create_key("own")
    with http_client(server, key) as client:
        with client.stream("POST", "/v1/responses", json={"model": "openai/m", "input": "Hello", "background": True, "stream": True}) as answer:
            assert next(answer.iter_lines())
        used(server, "own", requests=1, unpriced=1, input_tokens=0)
        with client.stream("GET", "/v1/responses/resp_1?stream=true&starting_after=1") as answer:
            assert "response.completed" in "".join(answer.iter_text())
        after = used(server, "own", requests=2, unpriced=0, cost_usd=COST)
        assert (after["input_tokens"], after["output_tokens"]) == (7, 5)
        client.get("/v1/responses/resp_1")
    used(server, "own", requests=3, unpriced=0, cost_usd=COST)


def test_without_a_price_it_waits_for_one(serve, vendor):
    server = serve(config(vendor, prices=False))
    key = server.create_key("own")
    one = begin(client_of(server, key))
    vendor.done(vendor.responses[one])
    client_of(server, key).responses.retrieve(one)
    assert used(server, "own", requests=2)["unpriced"] == 1
    server.stop()
    server.write_config(config(vendor))
    server.start()
    client_of(server, key).responses.retrieve(one)
    used(server, "own", unpriced=0, cost_usd=COST)


def test_its_cost_counts_for_a_limit_that_was_set_meanwhile(server, vendor):
    key = server.create_key("own")
    client = client_of(server, key)
    one = begin(client)
    used(server, "own", requests=1)
    assert server.run("budgets", "set", "--key", "own", "--usd", str(COST)).returncode == 0
    vendor.done(vendor.responses[one])
    client.responses.retrieve(one)

    def refused():
        with http_client(server, key) as plain:
            return plain.post("/v1/responses", json={"model": "openai/m", "input": "Hello"}).status_code == 429
    eventually(refused, "the limit to be reached by what the response has cost")


def test_requests_in_the_background_count_against_the_tokens_of_a_minute(server):
    key = server.create_key("steady", tpm=4_000)
    with http_client(server, key) as client:
        body = {"model": "openai/m", "input": "a word " * 1_000, "max_output_tokens": 16, "background": True}
        statuses = [client.post("/v1/responses", json=body).status_code for _ in range(6)]
    assert statuses[0] == 200 and statuses[-1] == 429, statuses
