"""The OpenAI Python SDK's own tests through Sluice. Behind it stands a strict mock made from the official specification: it refuses
every request that the specification does not allow, and the SDK's client refuses every such answer.

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import pytest

from harness.published import Part, PublishedSuite, one_run, specification

NO_MODEL = "it names no model, and Sluice routes by the model"
FAILED = "the mock makes up an answer that has failed, which is an error of the provider's here"
PARTS = {
    "chat": Part(["chat/test_completions.py", "chat/completions/test_messages.py", "test_completions.py"], 185),
    "responses": Part(["test_responses.py", "responses/test_input_items.py", "responses/test_input_tokens.py"], 140, {
        "Responses::test_method_create_overload": NO_MODEL, "Responses::test_raw_response_create_overload": NO_MODEL,
        "Responses::test_streaming_response_create_overload": NO_MODEL, "InputTokens::test_method_count[": NO_MODEL,
        "InputTokens::test_raw_response_count": NO_MODEL, "InputTokens::test_streaming_response_count": NO_MODEL,
        "Responses::test_method_create_with_all_params": FAILED}),
    "small calls": Part(["test_embeddings.py", "test_moderations.py", "test_models.py"], 75, {"delete": "the list of models is Sluice's own"}),
    "sound and images": Part(["audio/test_speech.py", "audio/test_transcriptions.py", "audio/test_translations.py", "test_images.py"], 176),
    "files and batches": Part(["test_files.py", "test_uploads.py", "uploads/test_parts.py", "test_batches.py"], 282),
    "conversations": Part(["test_conversations.py", "conversations/test_items.py"], 175),
    "vector stores": Part(["test_vector_stores.py", "vector_stores/test_files.py", "vector_stores/test_file_batches.py"], 350),
    "containers": Part(["test_containers.py", "containers/test_files.py", "containers/files/test_content.py"], 187),
    "fine-tuning": Part(["fine_tuning/test_jobs.py", "fine_tuning/jobs/test_checkpoints.py"], 170),
}


@pytest.fixture(scope="module")
def suite(folder):
    specification("openai")
    return PublishedSuite(folder("sdk"), "openai-3.54.0", "My API Key")


@one_run
@pytest.mark.parametrize("part", PARTS)
def test_the_sdks_own_tests_pass(suite, openai_server, part):
    server, key = openai_server
    suite.run(PARTS[part], server.url, key, "/v1", "/v1/files")
