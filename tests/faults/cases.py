"""The fault matrix: what a provider or the network does, when, and what becomes of the request.

Each case is one fault at one moment of one kind of answer. `test_matrix.py` makes each happen and compares;
docs/reference/failures.md is made of the same cases.
"""

import json
from dataclasses import dataclass, field

from harness import recorder
from harness.fault_proxy import Fault

WHOLE, BEFORE, AFTER = "whole answer", "stream, before its first token", "stream, after its first token"
EVENTS = recorder.openai_stream(("one ", "two ", "three"))
TOKEN_AT = 2  # so many events have passed when the first text has


@dataclass(frozen=True)
class Outcome:
    """What the client gets when this provider is alone, and whether another candidate of the route answers instead."""

    status: int
    tries: int = 1  # calls of the provider, with retry.attempts: 3
    code: str | None = None  # of the error, in the client's dialect
    rescued: bool = False  # a route with another candidate answers
    billed: str = "nothing"  # of each try: nothing, the prompt (and what was generated), all
    says: str = ""  # more for the page
    in_band: bool = False  # 200 went out already: the stream ends in an error event
    blames: bool | None = None  # whether the breaker counts it, where that is not whether it has failed

    @property
    def counts(self):
        """Whether it is a failure of the target's, for its breaker."""
        return (self.status != 200 or self.in_band) if self.blames is None else self.blames

    @property
    def translated_status(self):
        """In lane 2 a provider's status is not passed on as it is."""
        return {500: 502}.get(self.status, self.status)


OK = Outcome(200, billed="all")
UNREACHABLE = Outcome(502, 3, "provider_unreachable", True)
BROKEN = Outcome(502, 3, "provider_unreachable", True, "the prompt")
SILENT = Outcome(504, 1, "provider_timeout", True, "the prompt", "left, and not asked again")
CUT = Outcome(200, 1, "provider_unreachable", False, "what was generated", "then an error event; nobody else is asked", in_band=True)
STALLED = Outcome(200, 1, "provider_timeout", False, "what was generated", "then an error event; nobody else is asked", in_band=True)


@dataclass(frozen=True)
class Case:
    fault: str
    when: str
    outcome: Outcome
    proxy: tuple = ()  # faults of the proxy, by request
    answers: tuple = ()  # of the vendor, by request; the last one stays
    place: str = "proxy"  # or refused, unknown-name, not-tls, wrong-certificate
    fallback: object = None  # the fallback's answer, when it is not a good one
    patience: dict = field(default_factory=dict)  # the provider's limits
    translated: Outcome | None = None  # in lane 2, where that is not the same
    verbatim: bytes = b""  # of the vendor, which lane 1 passes on though it is no answer

    @property
    def name(self):
        return f"{self.fault}, {self.when}"


def error(status, message="no", headers=(), **members):
    body = json.dumps({"error": {"message": message, "type": "server_error", "param": None, "code": None, **members}}).encode()
    return recorder.fixed(recorder.ok(body, status=status, headers=headers))


def stream_of(events):
    return recorder.streaming(events)


GOOD = {WHOLE: recorder.fixed(recorder.ok(recorder.openai_answer())), BEFORE: stream_of(EVENTS), AFTER: stream_of(EVENTS)}
IMPATIENT = {"first_token_timeout_ms": 300, "answer_timeout_ms": 300, "stream_idle_timeout_ms": 300}
STREAMS = (BEFORE, AFTER)


def after_token(deed, **more):
    """The client has seen the first token by then."""
    return Fault(deed, after_events=TOKEN_AT, when_released=True, **more)


def at(when, deed, **more):
    """A fault of the proxy: before the answer, or behind the first token."""
    return after_token(deed, **more) if when == AFTER else Fault(deed, **more)


def both(fault, answer, outcome, **more):
    """The vendor's answer of an error status: the same for a whole answer and for a stream."""
    return [Case(fault, when, outcome, answers=answer if isinstance(answer, tuple) else (answer,), **more) for when in (WHOLE, BEFORE)]


def connection_cases():
    cases = []
    unknown = Outcome(502, 1, "provider_unreachable", True, says="a name that is unknown stays so; a resolver that fails is asked again")
    for fault, place, outcome in (("connect refused", "refused", UNREACHABLE), ("DNS failure", "unknown-name", unknown),
                                  ("TLS failure", "not-tls", UNREACHABLE), ("certificate of a stranger", "wrong-certificate", UNREACHABLE)):
        cases += [Case(fault, when, outcome, place=place) for when in (WHOLE, BEFORE)]
    return cases


def byte_cases():
    cases = []
    for when in (WHOLE, BEFORE, AFTER):
        broken = CUT if when == AFTER else Outcome(502, 3, "provider_unreachable", True)
        cases.append(Case("reset", when, broken, proxy=(at(when, "reset"),)))
        silent = STALLED if when == AFTER else SILENT
        cases.append(Case("silence" if when != AFTER else "stall", when, silent, proxy=(at(when, "silence"),), patience=IMPATIENT))
        cases.append(Case("slow trickle", when, OK, proxy=(Fault("trickle"),)))
    cases.append(Case("reset within the body", WHOLE, BROKEN, proxy=(Fault("reset", after_bytes=40),)))
    cases.append(Case("stall within the body", WHOLE, SILENT, proxy=(Fault("silence", after_bytes=40),), patience=IMPATIENT))
    cases.append(Case("closed within the body", WHOLE, BROKEN, proxy=(Fault("close", after_bytes=40),)))
    cases.append(Case("stall", BEFORE, SILENT, proxy=(Fault("silence", after_events=1),), patience=IMPATIENT))
    cases += [Case("slow first byte", when, OK, proxy=(Fault("hold"),)) for when in (WHOLE, BEFORE)]
    cases.append(Case("half an event", BEFORE, BROKEN, proxy=(Fault("half"),)))
    cases.append(Case("half an event", AFTER, CUT, proxy=(after_token("half"),)))
    cases.append(Case("malformed event", BEFORE, Outcome(200, says="passed on as it is in lane 1; in lane 2 like half an event", billed="all"),
                      proxy=(Fault("insert", after_events=1, payload=b"data: {\"choices\": [\n\n"),), translated=BROKEN))
    cases.append(Case("malformed event", AFTER, Outcome(200, says="passed on as it is in lane 1; in lane 2 like half an event", billed="all"),
                      proxy=(after_token("insert", payload=b"data: {\"choices\": [\n\n"),), translated=CUT))
    cases.append(Case("missing end marker", BEFORE, Outcome(200, says="the end marker is added", billed="all"), proxy=(Fault("skip_end", skip=1),)))
    cases.append(Case("closed within the answer", AFTER, CUT, proxy=(after_token("close"),)))
    late = Outcome(504, 1, "provider_timeout", True, "the prompt", "its late answer reaches nobody: the connection is closed")
    cases += [Case("answers after we gave up", when, late, proxy=(Fault("hold"),), patience=IMPATIENT) for when in (WHOLE, BEFORE)]
    return cases


def answer_cases():
    busy = "429 Too Many Requests"
    soon, late = ("retry-after-ms: 20",), ("retry-after: 60",)
    limited = {"type": "rate_limit_error", "code": "rate_limit_exceeded"}
    cases = []
    in_band = json.dumps({"error": {"message": "no", "type": "server_error", "param": None, "code": None}}).encode()
    cases.append(Case("200 with an error body", WHOLE, Outcome(502, 3, "provider_error", True), answers=(recorder.fixed(recorder.ok(in_band)),)))
    cases.append(Case("200 with an error event", BEFORE, Outcome(502, 3, "provider_error", True), answers=(stream_of([b"data: " + in_band + b"\n\n"]),)))
    cases.append(Case("error event", AFTER, Outcome(200, 1, None, False, "what was generated", "the provider's own event is passed on", in_band=True),
                      answers=(stream_of([*EVENTS[:2], b"data: " + in_band + b"\n\n"]),), proxy=(after_token("hold"),)))
    unreadable = Outcome(502, 1, "provider_unreachable", True, says="tried once elsewhere, never again there; what it cost is billed where it says so")
    cases += [Case("200 that is no JSON", when, unreadable, answers=(recorder.fixed(recorder.ok(b"<html>busy</html>")),)) for when in (WHOLE, BEFORE)]
    odd = json.dumps({"object": "chat.completion", "choices": "none"}).encode()
    cases += [Case("200 with JSON of another shape", when, Outcome(200, says="passed on as it is in lane 1; in lane 2 like what is no JSON", billed="all"),
                   answers=(recorder.fixed(recorder.ok(odd)),), translated=unreadable, verbatim=odd) for when in (WHOLE, BEFORE)]
    cases += both("429 with a short Retry-After", error(busy, headers=soon, **limited), Outcome(429, 3, "rate_limit_exceeded", True, says="no earlier than it asks"))
    cases += both("429 with a long Retry-After", error(busy, headers=late, **limited), Outcome(429, 1, "rate_limit_exceeded", True, says="with its Retry-After"))
    cases += both("429 without Retry-After", error(busy, **limited), Outcome(429, 3, "rate_limit_exceeded", True))
    cases += both("429 for spent credit", error(busy, type="insufficient_quota", code="insufficient_quota"), Outcome(429, 1, "insufficient_quota", True, says="never asked again"))
    cases += both("500", error("500 Internal Server Error"), Outcome(500, 3, None, True))
    cases += both("503", error("503 Service Unavailable"), Outcome(503, 3, None, True))
    cases += both("529", error("529 Overloaded"), Outcome(529, 3, None, True))
    cases += both("401", error("401 Unauthorized"), Outcome(502, 1, None, True, says="the operator's key is at fault, and not the client's"))
    cases += both("402", error("402 Payment Required"), Outcome(502, 1, None, True, says="the operator's account has no credit; the provider's words stay here"))
    cases += both("403", error("403 Forbidden"), Outcome(502, 1, None, True, blames=False, says="the operator's account may not; perhaps only what this request names, so no breaker counts it"))
    cases += both("400, the context is too long", error("400 Bad Request", type="invalid_request_error", code="context_length_exceeded"),
                  Outcome(400, 1, "context_length_exceeded", True, blames=False, says="another model may have a larger context"))
    cases += both("400 of a content filter", error("400 Bad Request", type="invalid_request_error", code="content_filter"),
                  Outcome(400, 1, "content_filter", False, blames=False, says="never routed around"))
    cases += both("403 of a content filter", error("403 Forbidden", "This model requires moderation and your input was flagged"),
                  Outcome(403, 1, None, False, blames=False, says="never routed around"), translated=Outcome(400, 1, "content_filter", False, blames=False))
    cases += both("400, any other", error("400 Bad Request", type="invalid_request_error"), Outcome(400, 1, None, False, blames=False, says="the request is at fault"))
    cases += both("503, and the fallback rejects the request", error("503 Service Unavailable"), Outcome(503, 3, None, False, says="the client is told of the 503, not of the fallback's complaint"),
                  fallback=error("400 Bad Request", "no such parameter here", type="invalid_request_error"))
    for when in (WHOLE, BEFORE):
        cases.append(Case("flapping: every other call fails", when, Outcome(200, 2, blames=True, says="the second try answers", billed="nothing"),
                          answers=(error("503 Service Unavailable"), GOOD[when])))
    return cases


CASES = [*connection_cases(), *byte_cases(), *answer_cases()]


def page():
    """docs/reference/failures.md."""
    lines = [
        "# Failures", "",
        "What becomes of a request when a provider or the network fails. Made from the cases of `tests/faults`, which a socket between Sluice",
        "and a mock vendor makes happen (`GOLDEN_UPDATE=1 ./dev test faults` writes it anew). *Tries* are calls of the same provider when it is",
        "alone, with `retry.attempts: 3`; *alone* is what the client gets then, in its own dialect, with `x-should-retry: false` after more than",
        "one try; *fallback* says whether the next candidate of a route answers instead, at once, across dialects and grounds; *breaker*, whether",
        "the target's circuit breaker counts it. *Billed* is what the ledger has for each try that failed.", ""]
    for when in (WHOLE, BEFORE, AFTER):
        lines += [f"## {when[0].upper()}{when[1:]}", "", "| fault | tries | alone | fallback | breaker | billed | |", "|---|---:|---|---|---|---|---|"]
        for case in CASES:
            if case.when != when:
                continue
            out = case.outcome
            alone = f"{out.status}" + (f" `{out.code}`" if out.code and not out.in_band else "")
            if out.in_band:
                alone = "200, then an error event" + (f" (`{out.code}`)" if out.code else "")
            answers = "answers" if out.rescued or (out.status == 200 and out.tries > 1) else ("is not needed" if out.status == 200 and not out.in_band else "is not asked" if case.fallback is None else "has been asked")
            says = "" if out.in_band and out.code else out.says
            lines.append(f"| {case.fault} | {out.tries} | {alone} | {answers} | {'counts' if out.counts else 'does not count'} | {out.billed} | {says} |")
        lines.append("")
    return "\n".join(lines)
