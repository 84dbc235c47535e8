"""What plays Anthropic for the SDKs' own tests. Anthropic publishes no specification: messages are checked by a mock made from
OpenRouter's, which has the same call; batches, files and counts are answered by hand as Anthropic documents them."""

import re

from harness.published import specification
from harness.spec_vendor import SpecVendor

TIME = "2026-10-21T12:00:00Z"
FILE = {"type": "file", "id": "file_1", "filename": "a.txt", "mime_type": "text/plain", "size_bytes": 1, "created_at": TIME, "downloadable": True}
BATCH = {
    "type": "message_batch", "id": "msgbatch_1", "processing_status": "ended", "created_at": TIME, "expires_at": TIME,
    "archived_at": None, "cancel_initiated_at": None, "ended_at": TIME, "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
    "request_counts": {"canceled": 0, "errored": 0, "expired": 0, "processing": 0, "succeeded": 1}}
ANSWERS = {
    r"POST /v1/messages/count_tokens": {"input_tokens": 7, "context_management": {"original_input_tokens": 7}},
    r"POST /v1/messages/batches(/[^/]+/cancel)?|GET /v1/messages/batches/[^/]+": BATCH,
    r"GET /v1/messages/batches": {"data": [BATCH], "has_more": False, "first_id": BATCH["id"], "last_id": BATCH["id"]},
    r"DELETE /v1/messages/batches/[^/]+": {"type": "message_batch_deleted", "id": BATCH["id"]},
    r"POST /v1/files|GET /v1/files/[^/]+": FILE,
    r"GET /v1/files": {"data": [FILE], "has_more": False, "first_id": FILE["id"], "last_id": FILE["id"], "next_page": None},
    r"DELETE /v1/files/[^/]+": {"type": "file_deleted", "id": FILE["id"]},
}


def by_hand(method, path):
    return next((answer for asked, answer in ANSWERS.items() if re.fullmatch(asked, f"{method} {path}")), None)


def messages_vendor(folder):
    """A vendor whose paths begin with /v1; skips where the specification is not."""
    text = specification("openrouter").read_text()
    before, paths, after = re.fullmatch(r"(.*^paths:\n)(.*?)(^[a-z].*)?", text, re.S | re.M).groups()
    spec = folder("openrouter") / "openapi.yaml"
    spec.write_text(before + re.sub(r"^  /", "  /v1/", paths, flags=re.M) + (after or ""))
    return SpecVendor(folder("spec"), spec, by_hand)
