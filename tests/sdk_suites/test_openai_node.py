"""The OpenAI Node SDK's own tests, out of a checkout of its repository, through Sluice. Behind it stands a strict mock made from the
official specification, as for the Python SDK's (test_openai_python.py).

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import pytest

from harness.published import Part, one_run, specification
from harness.published_node import NodeSuite, checkout

NO_MODEL = "it names no model, and Sluice routes by the model"
VERSION = "7.5.0"  # of the checkout that the numbers are of
PARTS = {
    "chat": Part(["chat/completions/completions.test.ts", "chat/completions/messages.test.ts", "completions.test.ts"], 12),
    "beta responses": Part(["beta/responses/responses.test.ts", "beta/responses/input-items.test.ts", "beta/responses/input-tokens.test.ts"], 11, {
        "responses.test.ts resource responses create": NO_MODEL, "input-tokens.test.ts resource inputTokens count": NO_MODEL}),
    "responses": Part(["responses/responses.test.ts", "responses/input-items.test.ts", "responses/input-tokens.test.ts"], 9, {
        "responses.test.ts resource responses create": NO_MODEL, "input-tokens.test.ts resource inputTokens count": NO_MODEL}),
    "small calls": Part(["embeddings.test.ts", "moderations.test.ts", "models.test.ts"], 6, {
        "resource models delete": "the list of models is Sluice's own"}),
    "sound and images": Part(["audio/speech.test.ts", "audio/transcriptions.test.ts", "audio/translations.test.ts", "images.test.ts"], 10),
    "files and batches": Part(["files.test.ts", "uploads/uploads.test.ts", "uploads/parts.test.ts", "batches.test.ts"], 19),
    "conversations": Part(["conversations/conversations.test.ts", "conversations/items.test.ts"], 14),
    "vector stores": Part(["vector-stores/vector-stores.test.ts", "vector-stores/files.test.ts", "vector-stores/file-batches.test.ts"], 27),
    "containers": Part(["containers/containers.test.ts", "containers/files/files.test.ts", "containers/files/content.test.ts"], 14),
    "fine-tuning": Part(["fine-tuning/jobs/jobs.test.ts", "fine-tuning/jobs/checkpoints.test.ts"], 12),
}


@pytest.fixture(scope="module")
def suite(folder):
    specification("openai")
    return NodeSuite(folder("sdk"), checkout("openai/openai-node"), "openai", "My API Key", VERSION)


@one_run
@pytest.mark.parametrize("part", PARTS)
def test_the_sdks_own_tests_pass(suite, openai_server, part):
    server, key = openai_server
    suite.run(PARTS[part], server.url, key, "/v1")
