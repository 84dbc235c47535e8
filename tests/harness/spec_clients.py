"""The client dialects as their specifications describe them: for each a walk over its request, and how to ask with one."""

import copy
from dataclasses import dataclass

from harness import spec_schemas
from harness.spec_walk import Walk

FUNCTION = "fillfill"
SCHEMA = {"type": "object", "properties": {"MARK": {"type": "string"}}}
PNG = "data:image/png;base64,MARK"


@dataclass
class Client:
    walk: Walk
    path: str  # where MODEL stands for the model's name
    embeds: bool = False
    name: str = ""

    @property
    def model_in_body(self):
        return "MODEL" not in self.path


def _walk_with(complete):
    """A `complete` that leaves alone what it is given."""
    def completed(body, like):
        made = copy.deepcopy(body)
        complete(made, like)
        return made
    return completed


def _names_in(choice):
    """Every name that a choice of tools has."""
    if isinstance(choice, dict):
        return [name for key, value in choice.items() for name in ([value] if key == "name" else _names_in(value))]
    return [name for value in choice for name in _names_in(value)] if isinstance(choice, list) else []


def _add_tools(body, like, make, name_of):
    """What a choice of tools chooses from."""
    if "tool_choice" not in like and "parallel_tool_calls" not in like:
        return
    custom = "custom" in str(like.get("tool_choice"))
    known = {name_of(tool) for tool in body.get("tools", ())}
    for name in dict.fromkeys([*_names_in(like.get("tool_choice")), FUNCTION]):
        if name not in known:
            body.setdefault("tools", []).append(make(name, custom))


# --- OpenAI Chat Completions

def _chat_tool(name, custom):
    kind = "custom" if custom else "function"
    return {"type": kind, kind: {"name": name, **({} if custom else {"parameters": {"type": "object", "properties": {}}})}}


def _complete_chat(body, like):
    _add_tools(body, like, _chat_tool, lambda tool: tool.get(tool.get("type"), {}).get("name"))
    if "top_logprobs" in like:
        body.setdefault("logprobs", True)
    if "stream_options" in like:
        body["stream"] = True
    for message in body.get("messages", ()):
        if isinstance(message.get("content"), list) and message["role"] != "tool":
            message["content"].append({"type": "text", "text": "beside"})
    messages = [{"role": "user", "content": "before"}]
    for message in body.get("messages", ()):
        if message["role"] == "tool":
            call = {"id": message["tool_call_id"], "type": "function", "function": {"name": FUNCTION, "arguments": "{}"}}
            messages.append({"role": "assistant", "tool_calls": [call]})
        elif message["role"] == "assistant" and not message.get("content") and "tool_calls" not in message:
            message["content"] = "said"
        messages.append(message)
        for call in message.get("tool_calls", ()):
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "done"})
    body["messages"] = [*messages, {"role": "user", "content": "after"}]


_CHAT_CHOICE = {"type": "function", "function": {"name": "MARK"}}
CHAT_HINTS = [
    (r"image_url\]\.image_url\.url$", PNG), (r"\.file_data$", "data:application/pdf;base64,MARK"), (r"\[file\]\.file$", {"file_data": "MARK", "filename": "a.pdf"}),
    (r"function\.arguments$", '{"x":"MARK"}'), (r"(parameters|json_schema\.schema)$", SCHEMA), (r"\.json_schema$", {"name": "MARK", "schema": SCHEMA}),
    (r"allowed_tools\.tools\[\]$", _CHAT_CHOICE), (r"\.allowed_tools$", {"mode": "auto", "tools": [_CHAT_CHOICE]}), (r"^n$", 3),
    (r"^max_(completion_)?tokens$", 3037)]


def chat(specs):
    schemas = spec_schemas.of_openapi(specs / "openai/openapi.yaml")
    return {
        "chat": Client(Walk(schemas, {"$ref": "CreateChatCompletionRequest"}, {"messages": []}, CHAT_HINTS, _walk_with(_complete_chat), ("model",)),
                       "/v1/chat/completions"),
        "responses": Client(Walk(schemas, {"$ref": "CreateResponse"}, {"input": []}, RESPONSES_HINTS, _walk_with(_complete_responses), ("model",)),
                            "/v1/responses"),
        "embeddings": Client(Walk(schemas, {"$ref": "CreateEmbeddingRequest"}, {"input": "before"}, left_out=("model",)), "/v1/embeddings", True)}


# --- OpenAI Responses

def _responses_tool(name, custom):
    return {"type": "custom", "name": name} if custom else {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}}


def as_list(value):
    return value if isinstance(value, list) else []


def _complete_responses(body, like):
    _add_tools(body, like, _responses_tool, lambda tool: tool.get("name"))
    if "stream_options" in like:
        body["stream"] = True
    given = body.get("input")
    if isinstance(given, str):
        return
    items = [{"role": "user", "content": "before"}]
    for item in given or ():
        kind = item.get("type", "message")
        if isinstance(item.get("content"), list) and kind == "message":
            said = "output_text" if item.get("role") == "assistant" else "input_text"
            item["content"].append({"type": said, "text": "beside", **({"annotations": []} if said == "output_text" else {})})
        if kind in ("function_call_output", "custom_tool_call_output"):
            called = {"type": "function_call", "arguments": "{}"} if kind == "function_call_output" else {"type": "custom_tool_call", "input": "i"}
            items.append({**called, "call_id": item["call_id"], "name": FUNCTION})
        for part in [*as_list(item.get("content")), *as_list(item.get("output"))]:
            if "file_url" in part or "file_id" in part:
                part.pop("file_data", None)
            if "file_id" in part:
                part.pop("image_url", None)
        items.append(item)
        if kind in ("function_call", "custom_tool_call"):
            items.append({"type": f"{kind}_output", "call_id": item["call_id"], "output": "done"})
    body["input"] = [*items, {"role": "user", "content": "after"}]


_RESPONSES_CHOICE = {"type": "function", "name": "MARK"}
RESPONSES_HINTS = [
    (r"image_url$", PNG), (r"file_url$", "https://example.com/MARK.pdf"), (r"\.file_data$", "data:application/pdf;base64,MARK"),
    (r"\[function_call\]\.arguments$", '{"x":"MARK"}'), (r"(parameters|format\[json_schema\]\.schema)$", SCHEMA),
    (r"\[input_file\]$", {"type": "input_file", "file_data": "MARK", "filename": "a.pdf"}),
    (r"\[input_image\]$", {"type": "input_image", "image_url": PNG, "detail": "auto"}),
    (r"^tool_choice\[allowed_tools\]\.tools\[\]$", _RESPONSES_CHOICE),
    (r"^tool_choice\[allowed_tools\]$", {"type": "allowed_tools", "mode": "auto", "tools": [_RESPONSES_CHOICE]}), (r"^max_output_tokens$", 3037)]


# --- Anthropic Messages

def _anthropic_tool(name, _):
    return {"name": name, "input_schema": {"type": "object", "properties": {}}}


_OF_THE_MODEL = {"tool_use", "thinking", "redacted_thinking", "server_tool_use"}


def _complete_messages(body, like):
    _add_tools(body, like, _anthropic_tool, lambda tool: tool.get("name"))
    body.setdefault("max_tokens", 4096)
    messages = [{"role": "user", "content": "before"}]
    for message in body.get("messages", ()):
        content = message.get("content")
        content = content if isinstance(content, list) else []
        kinds = [block.get("type") for block in content if isinstance(block, dict)]
        if _OF_THE_MODEL.intersection(kinds):
            message["role"] = "assistant"
        for block in content:
            if isinstance(block, dict) and block.get("type") == "tool_result":
                messages.append({"role": "assistant", "content": [{"type": "tool_use", "id": block["tool_use_id"], "name": FUNCTION, "input": {}}]})
        if isinstance(message.get("content"), list):
            content.append({"type": "text", "text": "beside"})
        messages.append(message)
        for block in content:
            if isinstance(block, dict) and block.get("type") == "tool_use":
                messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": block["id"], "content": "done"}]})
    body["messages"] = [*messages, {"role": "user", "content": "after"}]


MESSAGES_HINTS = [
    (r"source\[base64\]\.data$", "MARK"), (r"\[tool_use\]\.input$", {"x": "MARK"}), (r"(input_schema|format\.schema|format\[json_schema\]\.schema)$", SCHEMA),
    (r"image\]\.source\[url\]\.url$", "https://example.com/MARK.png"), (r"source\[url\]\.url$", "https://example.com/MARK.pdf"),
    (r"budget_tokens$", 1637), (r"^max_tokens$", 3037)]


def messages(specs):
    from anthropic.types import message_create_params

    schemas = spec_schemas.of_typed_dict(message_create_params.MessageCreateParamsBase)
    root = next(schema for name, schema in schemas.items() if name.endswith(".MessageCreateParamsBase"))
    # The SDK does not say how the answer is sampled; the other published description of this API does.
    other = spec_schemas.of_openapi(specs / "openrouter/openapi.yaml")["MessagesRequest"]["properties"]
    for name in ("temperature", "top_p", "top_k", "stream"):
        root["properties"].setdefault(name, other[name])
    return {"messages": Client(Walk(schemas, root, {"messages": []}, MESSAGES_HINTS, _walk_with(_complete_messages), ("model",)),
                               "/v1/messages")}


# --- Gemini

def _complete_gemini(body, like):
    calling = like.get("toolConfig", {}).get("functionCallingConfig")
    if calling is not None:
        names = [*calling.get("allowedFunctionNames", ()), FUNCTION]
        body.setdefault("tools", [{"functionDeclarations": [{"name": name} for name in dict.fromkeys(names)]}])
    config, wanted = body.get("generationConfig", {}), like.get("generationConfig", {})
    if "logprobs" in wanted:
        config.setdefault("responseLogprobs", True)
    if {"responseSchema", "responseJsonSchema"}.intersection(wanted):
        config.setdefault("responseMimeType", "application/json")
    contents = [{"role": "user", "parts": [{"text": "before"}]}]
    for content in body.get("contents", ()):
        parts = content.setdefault("parts", [])
        if any(set(part).intersection(("functionCall", "thought", "thoughtSignature", "executableCode", "codeExecutionResult")) for part in parts):
            content["role"] = "model"
        for part in parts:
            if "functionResponse" in part:
                response = part["functionResponse"]
                contents.append({"role": "model", "parts": [{"functionCall": {key: response[key] for key in ("id", "name") if key in response}}]})
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        parts.append({"text": "beside"})
        contents.append(content)
        for call in calls:
            contents.append({"role": "user", "parts": [{"functionResponse": {**{key: call[key] for key in ("id", "name") if key in call}, "response": {}}}]})
    body["contents"] = [*contents, {"role": "user", "parts": [{"text": "after"}]}]


def _complete_embedding(body, _):
    body.setdefault("content", {}).setdefault("parts", []).append({"text": "beside"})


GEMINI_HINTS = [
    (r"inlineData\.mimeType$", "image/png"), (r"\.data$", "MARK"), (r"fileData\.fileUri$", "https://example.com/MARK.png"), (r"fileData\.mimeType$", "image/png"),
    (r"functionCall\.args$", {"x": "MARK"}), (r"functionCall\.name$", "MARK"), (r"\.role$", "model"), (r"(parametersJsonSchema|responseJsonSchema)$", SCHEMA),
    (r"(parameters|responseSchema)\.properties$", {"MARK": {"type": "STRING"}}), (r"functionResponse\.response$", {"x": "MARK"}), (r"generationConfig\.candidateCount$", 3),
    (r"generationConfig\.logprobs$", 7), (r"responseMimeType$", "application/json"), (r"thinkingBudget$", 1637), (r"maxOutputTokens$", 3037)]


def gemini(specs):
    schemas = spec_schemas.of_protos(sorted((specs / "gemini").glob("*.proto")))
    # Newer than the protocol buffers at hand.
    schemas["ThinkingConfig"]["properties"]["thinkingLevel"] = {"enum": ["MINIMAL", "LOW", "MEDIUM", "HIGH"]}
    schemas["GenerateContentRequest"]["properties"]["serviceTier"] = {"enum": ["flex", "standard", "priority"]}
    walk = Walk(schemas, {"$ref": "GenerateContentRequest"}, {"contents": []}, GEMINI_HINTS, _walk_with(_complete_gemini), ("model",))
    embedding = Walk(schemas, {"$ref": "EmbedContentRequest"}, {"content": {"parts": [{"text": "before"}]}}, GEMINI_HINTS, _walk_with(_complete_embedding),
                     ("model",))
    return {"gemini": Client(walk, "/v1beta/models/MODEL:generateContent"),
            "gemini embeddings": Client(embedding, "/v1beta/models/MODEL:embedContent", True)}


def all_clients(specs):
    clients = {**chat(specs), **messages(specs), **gemini(specs)}
    for name, client in clients.items():
        client.name = name
    return clients
