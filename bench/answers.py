"""What the bench's provider answers, and what its clients ask."""
import json

EVENTS = 100  # of one stream
WORDS = ("The harbour master opens the gate when the water on both sides stands level, \"and not before\".\n"
         "Ships wait in the order in which they came; nobody's anchor is heavier than the lock's patience.\n")
TEXT = "The harbour master opens the gate when the water on both sides stands level. " * 9
SENT = "@" * 19  # bench_provider puts the time there


def answer_json():
    """An OpenAI chat answer of about 1.2 KB."""
    return json.dumps({
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1700000000, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None},
                     "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 210, "completion_tokens": 150, "total_tokens": 360,
                  "prompt_tokens_details": {"cached_tokens": 0}}})


def answer_message():
    """The same as an Anthropic message."""
    return json.dumps({
        "id": "msg_bench", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 210, "output_tokens": 150, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}})


def stream_events(count=EVENTS):
    """The events of one stream, about 300 bytes each; the last but one carries the usage."""
    head = {"sent": SENT, "id": "chatcmpl-bench-0123456789abcdef", "object": "chat.completion.chunk", "created": 1700000000,
            "model": "m", "service_tier": "default", "system_fingerprint": "fp_0123456789"}
    delta = {"index": 0, "delta": {"content": " level"}, "logprobs": None, "finish_reason": None}
    events = [json.dumps({**head, "choices": [delta], "obfuscation": "x" * 8, "usage": None})] * (count - 1)
    usage = {"prompt_tokens": 210, "completion_tokens": count, "total_tokens": 210 + count}
    return [*events, json.dumps({**head, "choices": [], "usage": usage}), "[DONE]"]


# Whole answers, and streams with the microseconds between two events.
ANSWERS = {
    "chat": answer_json(),
    "messages": answer_message(),
    "paced": (5_000, stream_events()),       # each event reaches the gateway alone
    "burst": (0, stream_events()),           # back to back
    "steady": (20_000, stream_events()),     # 50 a second
    "slow": (1_000_000, stream_events()),    # streams that stay open
}
KINDS = {answer: "anthropic_compatible" if answer == "messages" else "openai_compatible" for answer in ANSWERS}


def short_body(body_bytes, stream, model):
    """Two messages, in a body that has that size when it names the model."""
    body = {"messages": [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": ""}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    missing = max(0, body_bytes - len(json.dumps({"model": model, **body})))
    body["messages"][1]["content"] = (TEXT * (missing // len(TEXT) + 1))[:missing]
    return body


def conversation(path, body_bytes):
    """A body of about that size: two turns in OpenAI's dialect, an agent's tools and tool results in Anthropic's."""
    if path == "/v1/chat/completions":
        messages = [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": WORDS},
                    {"role": "assistant", "content": WORDS}, {"role": "user", "content": ""}]
        body = {"max_tokens": 512, "temperature": 0.7, "messages": messages}
        messages[-1]["content"] = (WORDS * 20)[:max(0, body_bytes - len(json.dumps(body)))]
        return body
    tools = [{"name": f"tool_{i}", "description": WORDS * 4,
              "input_schema": {"type": "object", "required": ["path"], "properties": {
                  "path": {"type": "string", "description": WORDS}, "limit": {"type": "integer", "description": WORDS}}}}
             for i in range(20)]
    messages = [{"role": "user", "content": [{"type": "text", "text": WORDS}]}]
    body = {"max_tokens": 32000, "tools": tools, "messages": messages,
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
