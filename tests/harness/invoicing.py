"""A vendor that writes its own invoices, and requests that end in every way; for tests of money."""

import json
import threading
from decimal import Decimal

import httpx

from harness import recorder
from harness.clients import chat_body
from harness.mock_config import cost_pico

CHAT = "/v1/chat/completions"
PICO = Decimal(10) ** 12


class Invoicing:
    """A vendor that writes its own invoices: what it is told to do stands in the request's text as `do=...`."""

    def __init__(self, vendor, completion):
        self.completion = completion
        self.invoices = []
        self._lock = threading.Lock()
        self._count = 0
        vendor.answer = self.answer

    def bill(self, prompt, completion):
        with self._lock:
            self.invoices.append(cost_pico(prompt, completion))

    def answer(self, request, connection):
        text = request.json()["messages"][0]["content"]
        with self._lock:
            self._count += 1
            prompt, completion = 5 + self._count % 7, self.completion + self._count % 11
        if "do=fail" in text:
            return connection.send(recorder.ok(b'{"error":{"message":"no"}}', status="500 Internal Server Error"))
        if "do=whole" in text:
            self.bill(prompt, completion)
            return connection.send(recorder.ok(recorder.openai_answer(prompt=prompt, completion=completion)))
        self.bill(prompt, completion)
        connection.send(recorder.sse_head())
        # Usage comes with the first text, as servers with continuous usage send it: whoever leaves then is billed that.
        first = json.loads(recorder.openai_event({"content": "po"})[6:])
        first["usage"] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        connection.send(recorder.chunk(b"data: " + json.dumps(first).encode() + b"\n\n"))
        if "do=leave" in text:
            return connection.wait_until_peer_leaves()
        if "do=break" in text:
            return connection.close()
        for event in (recorder.openai_event({"content": "ng"}), recorder.openai_event({}, "stop"), recorder.openai_event({}, usage=(prompt, completion)), b"data: [DONE]\n\n"):
            connection.send(recorder.chunk(event))
        connection.send(recorder.LAST_CHUNK)

    def total(self):
        return sum(self.invoices)


WAYS = ["whole", "stream", "fail", "leave", "break"]


async def one_request(client, key, way, model="acme/m"):
    """The status; a stream is read to its end, or left after its first piece."""
    body = chat_body(model, f"do={way}", max_tokens=1000, stream=way != "whole")
    async with client.stream("POST", CHAT, json=body, headers={"authorization": f"Bearer {key}"}) as answer:
        try:
            async for _ in answer.aiter_bytes():
                if way == "leave" and answer.status_code == 200:
                    break
        except httpx.RemoteProtocolError:
            assert way == "break"
        return answer.status_code


def ledger_total(server):
    return int(Decimal(server.run_json("usage")["total"]["cost_usd"]) * PICO)
