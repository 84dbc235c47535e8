"""Fixtures of the end-to-end tests over plain HTTP."""

import json
import subprocess

import pytest

from harness.clients import http_client


@pytest.fixture
def recorders(recording):
    """(server, openai recorder, anthropic recorder), the recorders as new."""
    server, openai_side, anthropic_side = recording
    openai_side.forget()
    anthropic_side.forget()
    return server, openai_side, anthropic_side


@pytest.fixture
def http(gateway, key):
    """Plain HTTP to the gateway in front of the mock vendors, with a good key."""
    with http_client(gateway, key) as client:
        yield client


@pytest.fixture
def anonymous(gateway):
    """Plain HTTP to the same gateway without a key."""
    with http_client(gateway) as client:
        yield client


@pytest.fixture(scope="module")
def service_account(tmp_path_factory):
    """Writes a service account's file whose tokens come from a URL; gives its path back."""
    folder = tmp_path_factory.mktemp("account")
    key = folder / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key], check=True,
                   capture_output=True)

    def write(token_uri):
        path = folder / "account.json"
        path.write_text(json.dumps({"type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com", "private_key_id": "k1",
                                    "private_key": key.read_text(), "token_uri": token_uri}))
        return path
    return write
