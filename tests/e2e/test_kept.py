"""What is kept for clients beyond a request: it goes back to who keeps it, and nobody else's key knows of it."""

import json
import threading
from decimal import Decimal

import anthropic
import openai
import pytest

from harness import recorder
from harness.clients import http_client
from harness.keeper import Keeper, code_run, response_object
from harness.mock_config import PRICES, cost_pico, openai_vendor, responses_vendor
from harness.node import run_node
from harness.wait import eventually


@pytest.fixture
def keepers():
    both = [Keeper("a"), Keeper("b")]
    yield both
    for one in both:
        one.recorder.stop()


@pytest.fixture
def server(serve, keepers):
    first, second = keepers
    return serve({"providers": {"openai": {"base_url": f"{first.recorder.url}/v1", "api_key": "sk-first"},
                                "second": openai_vendor(second.recorder.url),
                                "anthropic": {"base_url": f"{first.recorder.url}/v1", "api_key": "sk-third"}}})


def client_of(server, key=None, **options):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key or server.create_key(), max_retries=0, **options)


# --- files and what is made of them

def test_a_file_goes_back_to_the_provider_that_keeps_it(server, keepers):
    client = client_of(server)
    here = client.files.create(file=("a.jsonl", b'{"a":1}'), purpose="batch")
    there = client.files.create(file=("b.jsonl", b'{"b":1}'), purpose="batch", extra_headers={"x-sluice-provider": "second"})
    assert (here.id[:6], there.id[:6]) == ("file-a", "file-b")
    assert b'{"b":1}' in client.files.content(there.id).read() and b'{"a":1}' in client.files.content(here.id).read()
    assert client.files.retrieve(there.id).id == there.id
    assert keepers[1].recorder.requests[-1].path == f"/v1/files/{there.id}"
    assert "sk-sluice" not in str([request.head for keeper in keepers for request in keeper.recorder.requests])
    assert client.files.delete(there.id).deleted
    with pytest.raises(openai.NotFoundError) as gone:
        client.files.retrieve(there.id)
    assert gone.value.body["code"] == "resource_not_found"


def test_another_key_knows_nothing_of_it(server, keepers):
    owner, other = client_of(server), client_of(server)
    file = owner.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    asked = len(keepers[0].recorder.requests)
    answers = set()
    for unknown in (file.id, "file-never"):
        for call in (other.files.retrieve, other.files.delete, other.files.content):
            with pytest.raises(openai.NotFoundError) as refused:
                call(unknown)
            answers.add(refused.value.message.replace(unknown, "ID"))
        with pytest.raises(openai.NotFoundError):
            other.batches.create(input_file_id=unknown, endpoint="/v1/chat/completions", completion_window="24h")
        with pytest.raises(openai.NotFoundError):
            other.files.list(after=unknown)
    assert len(answers) == 1 and len(keepers[0].recorder.requests) == asked
    assert owner.files.retrieve(file.id).id == file.id


def test_the_keys_of_a_tenant_share(server):
    ours, also_ours, theirs = (client_of(server, server.create_key(tenant=tenant)) for tenant in ("a", "a", "b"))
    file = ours.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    assert also_ours.files.retrieve(file.id).id == file.id
    with pytest.raises(openai.NotFoundError):
        theirs.files.retrieve(file.id)


def test_a_batch_and_what_it_makes_are_its_owners(server, keepers):
    owner, other = client_of(server), client_of(server)
    file = owner.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    batch = owner.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    done = owner.batches.cancel(batch.id)
    assert owner.files.content(done.output_file_id).read() == b"results"
    with pytest.raises(openai.NotFoundError):
        other.files.content(done.output_file_id)
    with pytest.raises(openai.NotFoundError):
        other.batches.retrieve(batch.id)


@pytest.mark.parametrize("line", [
    {"url": "/v1/responses", "body": {"model": "m", "input": [{"type": "message", "role": "user", "content": [{"type": "input_file", "file_id": "SECRET"}]}]}},
    {"url": "/v1/responses", "body": {"model": "m", "input": [{"id": "SECRET"}]}},
    {"url": "/v1/chat/completions", "body": {"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "SECRET"}}]}]}}])
def test_the_requests_of_a_batch_name_only_what_is_its_owners(server, keepers, line):
    owner, other = client_of(server), client_of(server)
    secret = owner.files.create(file=("a.txt", b"secret"), purpose="user_data")
    lines = b'{"url":"/v1/responses","body":{"model":"m","input":"x"}}\n' + json.dumps(line).replace("SECRET", secret.id).encode()
    asked = len(keepers[0].recorder.requests)
    with pytest.raises(openai.NotFoundError):
        other.files.create(file=("b.jsonl", lines), purpose="batch")
    assert len(keepers[0].recorder.requests) == asked
    assert owner.files.create(file=("b.jsonl", lines), purpose="batch").id


def test_a_batch_may_name_thousands_of_its_owners_things(server, keepers):
    client = client_of(server)
    conversation = client.conversations.create()
    ids = [f"msg-{number}" for number in range(2_500)]
    answer, keepers[0].recorder.answer = keepers[0].recorder.answer, recorder.fixed(recorder.ok(json.dumps(
        {"object": "list", "data": [{"id": one, "type": "message", "role": "user", "status": "completed", "content": []} for one in ids],
         "first_id": ids[0], "last_id": ids[-1], "has_more": False}).encode()))
    client.conversations.items.create(conversation.id, items=[{"role": "user", "content": "x"}])
    keepers[0].recorder.answer = answer

    def lines(names):
        return b"\n".join(json.dumps({"url": "/v1/responses", "body": {"model": "m", "input": [{"type": "item_reference", "id": one}]}}).encode() for one in names)
    assert client.files.create(file=("b.jsonl", lines(ids)), purpose="batch").id
    asked = len(keepers[0].recorder.requests)
    with pytest.raises(openai.NotFoundError):
        client.files.create(file=("b.jsonl", lines([*ids, "msg-x"])), purpose="batch")
    assert len(keepers[0].recorder.requests) == asked


@pytest.mark.parametrize("path, body", [
    ("/responses", {"model": "openai/m", "input": [{"id": "SECRET"}]}), ("/responses", {"model": "openai/m", "input": [{"id": "SECRET", "type": None}]}),
    ("/responses", {"model": "openai/m", "input": [{"type": "reasoning", "id": "SECRET", "summary": []}]}),
    ("/responses", {"model": "openai/m", "input": [{"type": "image_generation_call", "id": "SECRET"}]}),
    ("/responses", {"model": "openai/m", "prompt": {"id": "p", "variables": {"metadata": {"type": "input_file", "file_id": "SECRET"}}}}),
    ("/images/edits", {"model": "openai/m", "prompt": "x", "images": [{"file_id": "SECRET"}]}),
    ("/conversations", {"items": [{"type": "item_reference", "id": "SECRET"}]}),
    ("/chat/completions", {"model": "openai/m", "messages": [{"role": "assistant", "audio": {"id": "SECRET"}}, {"role": "user", "content": "x"}]})])
def test_whatever_names_it_a_thing_of_others_is_unknown(server, keepers, path, body):
    owner, other = client_of(server), server.create_key()
    file = owner.files.create(file=("a.txt", b"secret"), purpose="user_data")
    asked = len(keepers[0].recorder.requests)
    with http_client(server, other) as client:
        answer = client.post(f"/v1{path}", content=json.dumps(body).replace("SECRET", file.id), headers={"content-type": "application/json"})
    assert answer.status_code == 404 and file.id in answer.json()["error"]["message"], answer.text
    assert len(keepers[0].recorder.requests) == asked


def test_a_fine_tuned_model_is_its_makers(server, keepers):
    owner, colleague, other = (client_of(server, server.create_key(tenant=tenant)) for tenant in ("a", "a", "b"))
    serve = keepers[0].answer
    keepers[0].recorder.answer = lambda request, connection: (
        connection.send(recorder.ok(recorder.openai_answer())) if request.path.endswith("/chat/completions") else serve(request, connection))
    file = owner.files.create(file=("a.jsonl", b"{}"), purpose="fine-tune")
    jobs = [owner.fine_tuning.jobs.create(model="gpt-mock", training_file=file.id) for _ in range(2)]
    made = [f"ft:gpt-mock:org::{number}" for number in range(2)]
    for job, model in zip(jobs, made):
        keepers[0].kept["fine_tuning/jobs"][job.id]["fine_tuned_model"] = model
    assert owner.fine_tuning.jobs.retrieve(jobs[0].id).fine_tuned_model == made[0]
    assert {one.fine_tuned_model for one in colleague.fine_tuning.jobs.list()} == set(made)

    def ask(client, model):
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}]).model
    asked = len(keepers[0].recorder.requests)
    for model in made:
        line = json.dumps({"url": "/v1/chat/completions", "body": {"model": model, "messages": []}}).encode()
        for call in (lambda: ask(other, f"openai/{model}"), lambda: other.files.create(file=("b.jsonl", line), purpose="batch"),
                     lambda: other.fine_tuning.jobs.create(model=model, training_file="file-x")):
            with pytest.raises(openai.NotFoundError) as refused:
                call()
            assert (refused.value.body["code"], refused.value.body["param"]) == ("model_not_found", "model")
    assert len(keepers[0].recorder.requests) == asked
    assert ask(owner, f"openai/{made[0]}") and ask(colleague, f"openai/{made[1]}")
    assert owner.files.create(file=("b.jsonl", line), purpose="batch").id
    assert ask(other, "openai/ft:gpt-mock:made-elsewhere"), "what nobody has made here is the account's"


def test_a_list_has_the_callers_own_over_all_pages(server, keepers):
    owner, other = client_of(server), client_of(server)
    own = []
    for number in range(9):
        made = (owner if number % 4 == 0 else other).batches.create(input_file_id="", endpoint="/v1/responses", completion_window="24h")
        if number % 4 == 0:
            own.append(made.id)
    assert [one.id for one in owner.batches.list(limit=2)] == own
    assert [one.id for one in owner.batches.list(limit=2).data] == own[:2]
    nobody = client_of(server).batches.list(limit=2)
    assert nobody.data == [] and not nobody.has_more


def test_what_two_providers_keep_is_not_mixed(server):
    client = client_of(server)
    here = client.files.create(file=("a", b"{}"), purpose="batch")
    there = client.files.create(file=("b", b"{}"), purpose="batch", extra_headers={"x-sluice-provider": "second"})
    with pytest.raises(openai.BadRequestError, match="two providers"):
        client.vector_stores.create(file_ids=[here.id, there.id])
    assert client.vector_stores.create(file_ids=[there.id]).id.startswith("vect-b")
    with pytest.raises(openai.BadRequestError, match="not configured"):
        client.files.create(file=("a", b"{}"), purpose="batch", extra_headers={"x-sluice-provider": "nobody"})


def test_a_request_that_names_a_file_goes_where_the_file_is(server, keepers):
    client = client_of(server)
    file = client.files.create(file=("a", b"1"), purpose="user_data")
    part = {"type": "input_file", "file_id": file.id}
    answer = client.responses.create(model="openai/m", input=[{"role": "user", "content": [part]}])
    assert file.id in answer.output_text
    with pytest.raises(openai.BadRequestError, match="keeps"):
        client.responses.create(model="second/m", input=[{"role": "user", "content": [part]}])
    with pytest.raises(openai.NotFoundError):
        client_of(server).responses.create(model="openai/m", input=[{"role": "user", "content": [part]}])
    # The name may be written with escapes; the provider reads it all the same.
    with http_client(server, server.create_key()) as other:
        hidden = json.dumps({"model": "openai/m", "input": [{"role": "user", "content": [part]}]}).replace("file_id", "file\\u005fid")
        assert other.post("/v1/responses", content=hidden, headers={"content-type": "application/json"}).status_code == 404


def test_what_is_kept_may_tell_of_an_error_and_a_file_may_be_any_json(server, keepers):
    client = client_of(server)
    file = client.files.create(file=("a.json", b"[1]"), purpose="user_data")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
    keepers[0].kept["batches"][batch.id]["error"] = {"code": "exceeded_quota", "message": "it failed long ago"}
    assert client.batches.retrieve(batch.id).model_extra["error"]["message"] == "it failed long ago"
    keepers[0].recorder.answer = recorder.fixed(recorder.ok(b'[1, {"error": {"message": "not ours"}}]'))
    assert client.files.content(file.id).json()[1]["error"]["message"] == "not ours"


def test_data_of_a_tool_is_no_reference(server, keepers):
    keepers[0].recorder.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    client = anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0)
    tools = [{"name": "open", "input_schema": {"type": "object", "properties": {"file_id": {"type": "string", "default": "x"}}}}]
    messages = [{"role": "user", "content": "open it"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "open", "input": {"file_id": "mine"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]}]
    answer = client.messages.create(model="anthropic/m", max_tokens=9, tools=tools, messages=messages)
    assert answer.content[0].text == "pong"


def test_restricted_data_is_not_uploaded_and_a_budget_buys_no_batch(server, keepers):
    restricted = client_of(server, server.create_key(data_class="restricted"))
    with pytest.raises(openai.PermissionDeniedError, match="self-hosted"):
        restricted.files.create(file=("a", b"{}"), purpose="batch")
    thrifty = client_of(server, server.create_key("thrifty", budget="1"))
    file = thrifty.files.create(file=("a", b"{}"), purpose="batch")
    with pytest.raises(openai.PermissionDeniedError, match="price"):
        thrifty.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    used = eventually(lambda: (row := server.usage_of("thrifty"))["requests"] and row, "the ledger")
    assert used["cost_usd"] == 0
    assert all("/files" in request.path for request in keepers[0].recorder.requests)


def test_what_is_no_id_is_no_path(server, keepers):
    with http_client(server, server.create_key()) as client:
        for path in ("/v1/files/a%2Fb", "/v1/files/a/b/c/d/e/f/g", "/v1/files/", "/v1/evals/e1"):
            assert client.get(path).status_code == 404, path
        assert client.put("/v1/files/file-a01").status_code in (404, 405)
        assert client.get("/v1/files/file-a01", headers={"authorization": "Bearer sk-sluice-no"}).status_code == 401
    assert not keepers[0].recorder.requests


def test_anthropics_batches_and_files(server, keepers):
    owner = anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0)
    other = anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0)
    file = owner.beta.files.upload(file=("a.txt", b"1", "text/plain"))
    assert owner.beta.files.retrieve_metadata(file.id).id == file.id
    with pytest.raises(anthropic.NotFoundError):
        other.beta.files.retrieve_metadata(file.id)
    requests = [{"custom_id": "1", "params": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}}]
    batch = owner.messages.batches.create(requests=requests)
    assert owner.messages.batches.retrieve(batch.id).id == batch.id
    # The SDKs ask where the batch says that its results are.
    assert [one.custom_id for one in owner.messages.batches.results(batch.id)] == ["1"]
    assert owner.messages.batches.list().data[0].results_url == f"/v1/messages/batches/{batch.id}/results"
    for call in (other.messages.batches.retrieve, other.messages.batches.results):
        with pytest.raises(anthropic.NotFoundError):
            call(batch.id)
    assert keepers[0].recorder.requests[-1].header("x-api-key") == "sk-third"


def test_anthropics_files_are_listed_by_cursors(server, keepers):
    owner, other = (anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0) for _ in range(2))
    own = []
    for number in range(9):
        file = (owner if number % 4 == 0 else other).beta.files.upload(file=("a.txt", b"1", "text/plain"))
        if number % 4 == 0:
            own.append(file.id)
    assert [file.id for file in owner.beta.files.list(limit=2)] == own
    first = owner.beta.files.list(limit=1)
    assert [file.id for file in first.data] == own[:1] and first.next_page == "cursor-1"
    nobody = anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0).beta.files.list(limit=2)
    assert nobody.data == [] and nobody.next_page is None


CODE = {"type": "code_execution_20250825", "name": "code_execution"}


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_containers_are_their_owners(server, keepers, stream):
    owner, other = (anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0) for _ in range(2))

    def run(client, **arguments):
        asked = {"model": "anthropic/m", "max_tokens": 64, "tools": [CODE], "messages": [{"role": "user", "content": "plot it"}], **arguments}
        if not stream:
            return client.beta.messages.create(**asked)
        with client.beta.messages.stream(**asked) as events:
            return events.get_final_message()

    made = run(owner)
    container, file = made.container.id, made.content[1].content.content[0].file_id
    # In both forms it goes back to where it is, and is the same one.
    assert run(owner, container=container).container.id == container
    assert run(owner, container={"id": container, "skills": [{"type": "anthropic", "skill_id": "pptx", "version": "latest"}]}).container.id == container
    assert owner.beta.files.download(file).read() == b"plot" and owner.beta.files.retrieve_metadata(file).id == file
    asked = len(keepers[0].recorder.requests)
    upload = [{"role": "user", "content": [{"type": "container_upload", "file_id": file}, {"type": "text", "text": "look"}]}]
    answers = set()
    for theirs in (container, "container_never"):
        for named in (theirs, {"id": theirs}):
            with pytest.raises(anthropic.NotFoundError) as refused:
                run(other, container=named)
            answers.add(refused.value.body["error"]["message"].replace(theirs, "ID"))
    for call in (lambda: other.beta.files.download(file), lambda: other.beta.files.retrieve_metadata(file), lambda: other.beta.files.delete(file),
                 lambda: run(other, messages=upload), lambda: other.beta.messages.count_tokens(model="anthropic/m", messages=upload)):
        with pytest.raises(anthropic.NotFoundError):
            call()
    assert len(answers) == 1 and len(keepers[0].recorder.requests) == asked
    # A container to be made, with skills alone, needs nobody's leave.
    assert run(other, container={"skills": [{"type": "anthropic", "skill_id": "pptx"}]}).container.id not in (container, None)
    assert file in str(run(owner, messages=upload) and keepers[0].recorder.requests[-1].json())


def test_what_a_batchs_requests_have_made_is_their_owners(server, keepers):
    owner, other = (anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0) for _ in range(2))
    batch = owner.messages.batches.create(requests=[{"custom_id": "1", "params": {
        "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "plot it"}]}}])
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": code_run("file_b1"), "stop_reason": "end_turn",
               "container": {"id": "container_b1", "expires_at": "2026-11-28T00:00:00Z"}, "usage": {"input_tokens": 1, "output_tokens": 1}}
    later = {**message, "container": None, "content": code_run("file_b2")}
    keepers[0].results = b"".join(json.dumps({"custom_id": str(number), "result": {"type": "succeeded", "message": one}}).encode() + b"\n"
                                  for number, one in enumerate((message, later))).rstrip()
    keepers[0].kept["files"] = {one: {"id": one, "type": "file", "created_at": "2026-11-27T00:00:00Z", "filename": "plot.png",
                                      "mime_type": "image/png", "size_bytes": 4} for one in ("file_b1", "file_b2")}
    assert len(list(owner.messages.batches.results(batch.id))) == 2
    for file in ("file_b1", "file_b2"):
        assert owner.beta.files.retrieve_metadata(file).id == file
        with pytest.raises(anthropic.NotFoundError):
            other.beta.files.retrieve_metadata(file)
    asked = {"model": "anthropic/m", "max_tokens": 64, "tools": [CODE], "messages": [{"role": "user", "content": "once more"}], "container": "container_b1"}
    assert owner.beta.messages.create(**asked).container.id == "container_b1"
    with pytest.raises(anthropic.NotFoundError):
        other.beta.messages.create(**asked)


def test_the_keys_of_a_tenant_share_a_container(server):
    ours, also_ours, theirs = (anthropic.Anthropic(base_url=server.url, api_key=server.create_key(tenant=tenant), max_retries=0)
                               for tenant in ("a", "a", "b"))
    asked = {"model": "anthropic/m", "max_tokens": 64, "tools": [CODE], "messages": [{"role": "user", "content": "plot it"}]}
    container = ours.beta.messages.create(**asked).container.id
    assert also_ours.beta.messages.create(**asked, container=container).container.id == container
    with pytest.raises(anthropic.NotFoundError):
        theirs.beta.messages.create(**asked, container=container)


def test_a_container_goes_to_no_other_provider(server):
    client = anthropic.Anthropic(base_url=server.url, api_key=server.create_key(), max_retries=0)
    asked = {"max_tokens": 64, "tools": [CODE], "messages": [{"role": "user", "content": "plot it"}]}
    container = client.beta.messages.create(model="anthropic/m", **asked).container.id
    with pytest.raises(anthropic.BadRequestError, match="keeps"):
        client.beta.messages.create(model="second/m", container=container, **asked)


def test_the_node_sdks_find_what_is_kept_for_them(server, keepers, tmp_path):
    run_node("kept.test.mjs", tmp_path, SLUICE_URL=server.url, SLUICE_KEY=server.create_key(), SLUICE_OTHER_KEY=server.create_key())
    asked = str([request.head for keeper in keepers for request in keeper.recorder.requests])
    assert "sk-sluice" not in asked and "sk-first" in asked and "sk-third" in asked


# --- responses that the provider keeps

def test_a_response_that_its_provider_keeps(server, keepers):
    owner, other = client_of(server), client_of(server)
    first = owner.responses.create(model="openai/m", input="remember me")
    again = owner.responses.create(model="openai/m", input="and now?", previous_response_id=first.id)
    assert keepers[0].recorder.requests[-1].json()["previous_response_id"] == first.id and again.id != first.id
    assert owner.responses.retrieve(first.id).id == first.id
    with pytest.raises(openai.NotFoundError) as refused:
        other.responses.create(model="openai/m", input="and now?", previous_response_id=first.id)
    assert refused.value.body["code"] == "previous_response_not_found"
    with pytest.raises(openai.NotFoundError):
        other.responses.retrieve(first.id)
    owner.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        owner.responses.retrieve(first.id)


def test_items_that_the_provider_keeps_are_their_owners(server, keepers):
    owner, other = client_of(server), client_of(server)
    item = {"type": "item_reference", "id": owner.responses.create(model="openai/m", input="remember me").output[0].id}
    asked = [item, {"role": "user", "content": "and now?"}]
    owner.responses.create(model="openai/m", input=asked)
    assert keepers[0].recorder.requests[-1].json()["input"] == asked
    count = len(keepers[0].recorder.requests)
    with pytest.raises(openai.NotFoundError, match="which the request names"):
        other.responses.create(model="openai/m", input=asked)
    forgotten = owner.responses.create(model="openai/m", input="forget me", store=False).output[0].id
    with pytest.raises(openai.NotFoundError):
        owner.responses.create(model="openai/m", input=[{**item, "id": forgotten}, asked[1]])
    assert len(keepers[0].recorder.requests) == count + 1


def test_containers_that_tools_make_are_their_owners(server, keepers):
    keeper = keepers[0].recorder
    answer = response_object("resp_c", "done", store=False)
    answer["output"].insert(0, {"id": "ci_1", "type": "code_interpreter_call", "status": "completed", "container_id": "cntr_made", "code": "1", "outputs": []})
    keeper.answer = recorder.fixed(recorder.ok(json.dumps(answer).encode()))
    owner, other = client_of(server), client_of(server)
    tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    owner.responses.create(model="openai/m", input="compute", tools=tools, store=False)
    named = [{"type": "code_interpreter", "container": "cntr_made"}]
    owner.responses.create(model="openai/m", input="again", tools=named, store=False)
    with pytest.raises(openai.NotFoundError):
        other.responses.create(model="openai/m", input="again", tools=named, store=False)


def test_a_response_that_is_not_to_be_stored_is_not(server):
    client = client_of(server)
    answer = client.responses.create(model="openai/m", input="forget me", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


# --- responses that Sluice keeps

def last_messages(keeper):
    return keeper.recorder.requests[-1].json()["messages"]


@pytest.fixture
def chat_only(serve):
    """A server whose only provider has Chat Completions and keeps nothing."""
    keeper = Keeper("c")
    keeper.recorder.answer = chat_answer
    server = serve({"providers": {"second": openai_vendor(keeper.recorder.url)}})
    yield server, keeper
    keeper.recorder.stop()


def chat_answer(request, connection):
    said = f"pong {len(request.json()['messages'])}"
    if request.json().get("stream"):
        connection.send(recorder.sse_head() + b"".join(recorder.chunk(event) for event in recorder.openai_stream((said,))) + recorder.LAST_CHUNK)
    else:
        connection.send(recorder.ok(recorder.openai_answer(said)))


@pytest.mark.parametrize("stream", [False, True])
def test_previous_response_id_works_where_the_provider_keeps_nothing(chat_only, stream):
    server, keeper = chat_only
    client = client_of(server)

    def ask(**arguments):
        if not stream:
            return client.responses.create(model="second/m", **arguments)
        with client.responses.stream(model="second/m", **arguments) as events:
            return events.get_final_response()

    first = ask(input="one", instructions="be brief")
    assert first.store is True and first.previous_response_id is None
    second = ask(input=[{"role": "user", "content": "two"}], previous_response_id=first.id)
    assert second.previous_response_id == first.id
    third = ask(input="three", previous_response_id=second.id)
    said = [message["content"] if isinstance(message["content"], str) else message["content"][0]["text"] for message in last_messages(keeper)]
    assert said == ["one", "pong 2", "two", "pong 3", "three"]  # instructions are for one answer
    assert third.output_text == "pong 5"
    kept = client.responses.retrieve(second.id)
    assert kept.id == second.id and kept.output_text == second.output_text and kept.usage.output_tokens == 5
    listed = [item.content[0].text for item in client.responses.input_items.list(second.id, order="asc")]
    assert listed == ["one", "pong 2", "two"]
    assert [item.content[0].text for item in client.responses.input_items.list(second.id, limit=1)] == listed[::-1]
    assert client.responses.delete(second.id) is None
    for call in (lambda: client.responses.retrieve(second.id), lambda: ask(input="four", previous_response_id=third.id)):
        with pytest.raises(openai.NotFoundError):
            call()


def test_a_page_of_what_a_response_stands_on_is_asked_for_as_the_api_has_it(chat_only):
    server, _ = chat_only
    with http_client(server, server.create_key()) as client:
        kept = client.post("/v1/responses", json={"model": "second/m", "input": [{"role": "user", "content": text} for text in "abc"]}).json()["id"]
        items = [item["id"] for item in client.get(f"/v1/responses/{kept}/input_items?order=asc&limit=100").json()["data"]]
        assert len(items) == 3
        after = client.get(f"/v1/responses/{kept}/input_items?order=asc&after={items[1]}").json()
        assert [item["id"] for item in after["data"]] == items[2:]
        for query, status, param in (("limit=0", 400, "limit"), ("limit=101", 400, "limit"), ("limit=x", 400, "limit"), ("limit=2x", 400, "limit"),
                                     ("order=up", 400, "order"), ("after=msg_nobody", 404, "after")):
            answer = client.get(f"/v1/responses/{kept}/input_items?{query}")
            assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), f"{query}: {answer.text}"


def test_what_is_wrong_is_named_as_the_client_counts(chat_only):
    server, _ = chat_only
    with http_client(server, server.create_key()) as client:
        first = client.post("/v1/responses", json={"model": "second/m", "input": "one"}).json()["id"]
        answer = client.post("/v1/responses", json={"model": "second/m", "previous_response_id": first,
                                                    "input": [{"role": "user", "content": "x"}, {"type": "function_call_output", "output": "x"}]})
    assert answer.status_code == 400 and answer.json()["error"]["param"].startswith("input[1]"), answer.text


def test_a_kept_response_is_its_owners(chat_only):
    server, keeper = chat_only
    owner, other = client_of(server), client_of(server)
    first = owner.responses.create(model="second/m", input="secret")
    asked = len(keeper.recorder.requests)
    for call in (lambda: other.responses.retrieve(first.id), lambda: other.responses.delete(first.id),
                 lambda: other.responses.input_items.list(first.id),
                 lambda: other.responses.create(model="second/m", input="what?", previous_response_id=first.id)):
        with pytest.raises(openai.NotFoundError):
            call()
    with pytest.raises(openai.BadRequestError, match="background"):
        owner.responses.cancel(first.id)
    assert owner.responses.retrieve(first.id).output_text and len(keeper.recorder.requests) == asked


def test_the_items_of_an_answer_can_be_referred_to(chat_only):
    server, keeper = chat_only
    client = client_of(server)
    first = client.responses.create(model="second/m", input="one")
    client.responses.create(model="second/m", input=[{"role": "user", "content": "one"},
                                                     {"type": "item_reference", "id": first.output[0].id},
                                                     {"role": "user", "content": "two"}])
    assert [message["role"] for message in last_messages(keeper)] == ["user", "assistant", "user"]
    with pytest.raises(openai.NotFoundError, match="which the request names"):
        client_of(server).responses.create(model="second/m", input=[{"type": "item_reference", "id": first.output[0].id},
                                                                    {"role": "user", "content": "two"}])


def test_the_tokens_of_a_kept_conversation_are_counted(chat_only):
    server, _ = chat_only
    client = client_of(server)
    first = client.responses.create(model="second/m", input="one " * 200)
    alone, both = (client.responses.input_tokens.count(model="second/m", input="two", **more).input_tokens
                   for more in ({}, {"previous_response_id": first.id}))
    assert both > alone + 100


def test_nothing_is_kept_where_nothing_shall_be(serve, keepers):
    keeper = keepers[0]
    keeper.recorder.answer = chat_answer
    server = serve({"providers": {"second": openai_vendor(keeper.recorder.url)}, "responses": {"keep_days": 0}})
    client = client_of(server)
    first = client.responses.create(model="second/m", input="one")
    assert first.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="second/m", input="two", previous_response_id=first.id)


def test_a_provider_with_the_api_that_keeps_nothing(serve):
    keeper = Keeper("d")
    try:
        server = serve({"providers": {"resp": responses_vendor(keeper.recorder.url)}})
        client = client_of(server)
        first = client.responses.create(model="resp/m", input="one")
        client.responses.create(model="resp/m", input="two", previous_response_id=first.id)
        sent = keeper.recorder.requests[-1].json()
        assert "previous_response_id" not in sent
        assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]
        assert client.responses.retrieve(first.id).id == first.id
        assert len(keeper.recorder.requests) == 2
    finally:
        keeper.recorder.stop()


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_in_the_background_has_no_price_until_it_is_done(serve, stream):
    begun = {"id": "resp_1", "object": "response", "status": "queued", "background": True, "model": "m", "output": [], "usage": None}
    done = {**begun, "status": "completed", "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}}
    events = [{"type": "response.queued", "sequence_number": 0, "response": begun}, {"type": "response.completed", "sequence_number": 1, "response": done}]
    vendor = recorder.Recorder()
    try:
        if stream:
            vendor.answer = recorder.streaming([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events])
        else:
            vendor.answer = recorder.fixed(recorder.ok(json.dumps(begun).encode()))
        server = serve({"providers": {"openai": {"base_url": f"{vendor.url}/v1", "api_key": "k", "prices": {"*": PRICES}}}})
        asked = {"model": "openai/m", "input": "Hello", "background": True, "stream": stream}
        with http_client(server, server.create_key("own")) as client:
            answer = client.post("/v1/responses", json=asked)
            assert answer.status_code == 200 and answer.headers.get("x-sluice-cost-usd") == (None if stream else "unpriced")
        used = eventually(lambda: (row := server.usage_of("own"))["requests"] and row, "the ledger")
        # Only the stream has told what it has used.
        assert (used["unpriced"], used["cost_usd"]) == ((0, Decimal(cost_pico(7, 5)) / 10**12) if stream else (1, 0))
        assert used["output_tokens"] == (5 if stream else 0)
        with http_client(server, server.create_key("thrifty", budget="1")) as client:
            refused = client.post("/v1/responses", json=asked)
            assert refused.status_code == 403 and refused.json()["error"]["param"] == "background"
            assert client.post("/v1/responses", json={**asked, "background": False}).status_code == 200
        assert len(vendor.requests) == 2
    finally:
        vendor.stop()


@pytest.mark.parametrize("background", [False, True])
def test_a_response_whose_client_leaves_its_stream_goes_on_without_a_price_in_the_background_only(serve, background):
    begun = {"id": "resp_1", "object": "response", "status": "queued", "background": background, "model": "m", "output": [], "usage": None}
    events = [{"type": "response.queued", "sequence_number": 0, "response": begun}, {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "i", "output_index": 0, "content_index": 0, "delta": "Hel"}]
    vendor, go_on = recorder.Recorder(), threading.Event()
    try:
        vendor.answer = recorder.interrupted([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events], go_on)
        server = serve({"providers": {"openai": {"base_url": f"{vendor.url}/v1", "api_key": "k", "prices": {"*": PRICES}}}})
        with http_client(server, server.create_key("own")) as client:
            with client.stream("POST", "/v1/responses", json={"model": "openai/m", "input": "Hello", "background": background, "stream": True}) as answer:
                assert next(answer.iter_lines())
        used = eventually(lambda: (row := server.usage_of("own"))["requests"] and row, "the ledger")
        assert (used["unpriced"], used["output_tokens"] > 0) == ((1, False) if background else (0, True))
    finally:
        go_on.set()
        vendor.stop()



def test_what_is_kept_survives_a_restart(chat_only):
    server, keeper = chat_only
    key = server.create_key()
    first = client_of(server, key).responses.create(model="second/m", input="one")
    client_of(server, key).responses.retrieve(first.id)  # answered behind what it asks for: it is on the disk
    server.kill()
    server.start()
    client_of(server, key).responses.create(model="second/m", input="two", previous_response_id=first.id)
    assert len(last_messages(keeper)) == 3


# --- responses at a provider that has the same API and keeps nothing

@pytest.fixture
def forgetful(serve):
    """A server whose provider speaks Responses and keeps nothing; a second one that only has Chat Completions."""
    keeper, chat = Keeper("d"), Keeper("e")

    def answer(request, connection):
        told = response_object(f"resp_{len(keeper.recorder.requests)}", "pong")
        if request.path.endswith("/compact"):
            items = [{"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}]
            told = {"id": "resp_c", "object": "response.compaction", "created_at": 1790000000, "output": items, "usage": told["usage"]}
        if not request.json().get("stream"):
            return connection.send(recorder.ok(json.dumps(told).encode()))
        begun = {**told, "status": "in_progress", "output": [], "usage": None}
        events = [{"type": "response.created", "sequence_number": 0, "response": begun},
                  {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0, "content_index": 0,
                   "delta": 'say "previous_response_id":null', "logprobs": []},
                  {"type": "response.completed", "sequence_number": 2, "response": told}]
        chunks = b"".join(recorder.chunk(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode()) for one in events)
        return connection.send(recorder.sse_head() + chunks + recorder.LAST_CHUNK)
    keeper.recorder.answer = answer
    yield serve({"providers": {"resp": responses_vendor(keeper.recorder.url), "chat": openai_vendor(chat.recorder.url)}}), keeper.recorder
    keeper.recorder.stop()
    chat.recorder.stop()


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_names_what_it_goes_on_from_though_its_provider_was_not_told(forgetful, stream):
    server, vendor = forgetful
    with http_client(server, server.create_key()) as http:
        first = http.post("/v1/responses", json={"model": "resp/m", "input": "one"}).json()
        assert first["previous_response_id"] is None
        answer = http.post("/v1/responses", json={"model": "resp/m", "input": "two", "previous_response_id": first["id"], "stream": stream})
        sent = vendor.requests[-1].json()
        assert "previous_response_id" not in sent and [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]
        if stream:
            events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
            told = [event["response"] for event in events if "response" in event]
            assert len(told) == 2 and events[1]["delta"] == 'say "previous_response_id":null'
        else:
            told = [answer.json()]
        assert [one["previous_response_id"] for one in told] == [first["id"]] * len(told)
        kept = http.get(f"/v1/responses/{told[-1]['id']}").json()
        assert kept["previous_response_id"] == first["id"]


def test_a_conversation_is_compacted_by_a_provider_that_can(forgetful):
    server, vendor = forgetful
    client = client_of(server)
    compacted = client.responses.with_raw_response.compact(model="resp/m", input="one two three")
    assert compacted.parse().object == "response.compaction" and compacted.parse().output[0].encrypted_content == "gAAA"
    assert vendor.requests[-1].path == "/v1/responses/compact" and vendor.requests[-1].json() == {"model": "m", "input": "one two three"}
    assert float(compacted.headers["x-sluice-cost-usd"]) > 0
    with pytest.raises(openai.BadRequestError, match="no such call"):
        client.responses.compact(model="chat/m", input="one")
    first = client.responses.create(model="resp/m", input="one")
    client.responses.compact(model="resp/m", previous_response_id=first.id)
    assert [item["role"] for item in vendor.requests[-1].json()["input"]] == ["user", "assistant"]
    with pytest.raises(openai.NotFoundError):
        client_of(server).responses.compact(model="resp/m", previous_response_id=first.id)
