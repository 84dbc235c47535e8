"""Fixtures of the end-to-end tests over plain HTTP."""

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
