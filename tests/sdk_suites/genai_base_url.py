"""A plugin of google-genai's own test runs: their client takes its base URL from the environment, as the SDK's own does."""

import os

from google.genai import _replay_api_client

build = _replay_api_client.ReplayApiClient.__init__


def build_for_us(self, *arguments, **options):
    build(self, *arguments, **options)
    if not self.vertexai:
        self._http_options.base_url = os.environ["GOOGLE_GEMINI_BASE_URL"]
        self._http_options.api_version = os.environ["GENAI_API_VERSION"]


_replay_api_client.ReplayApiClient.__init__ = build_for_us
