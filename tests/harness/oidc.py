"""A real OpenID Connect provider, and a browser that signs in through it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx

from harness.places import node_binary, node_dir
from harness.vendors import Vendor

HERE = Path(__file__).resolve().parent


class OidcProvider(Vendor):
    """`url` is its issuer. What it says of a person is set with person(); sign() signs anything with its own keys."""

    def __init__(self, folder: Path, redirect_uris, port=0, alg="RS256"):
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "oidc_provider.mjs"
        program.write_bytes((HERE / "oidc_provider.mjs").read_bytes())
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(node_dir() / "node_modules")
        settings = {"port": port, "redirect_uris": redirect_uris, "alg": alg}
        super().__init__([node_binary(), str(program), json.dumps(settings)], folder, r"issuer (\S+) serves")

    def person(self, sub, **claims):
        httpx.post(f"{self.url}/test/person", json={"sub": sub, "claims": claims}).raise_for_status()

    def rotate(self):
        httpx.post(f"{self.url}/test/rotate").raise_for_status()

    def key_set_asked(self):
        return httpx.get(f"{self.url}/test/asked").json()["asked"]

    def sign(self, payload, key="RS256", header=None):
        """`payload` and `header`: a dict, or JSON text as it is; KID in a header stands for the key's id."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        head = header if header is None or isinstance(header, str) else json.dumps(header)
        return httpx.post(f"{self.url}/test/sign", json={"payload": text, "header": head, "key": key}).json()["token"]

    def machine_token(self, audience):
        answer = httpx.post(f"{self.url}/token", auth=("robot", "secret-of-robot"),
                            data={"grant_type": "client_credentials", "resource": audience, "scope": "api"})
        answer.raise_for_status()
        return answer.json()["access_token"]


class _Form(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = values.get("action")
        if tag == "input" and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")


class Browser:
    """Follows redirects and fills in the provider's forms, with cookies; one host name, so cookies are as in a browser."""

    def __init__(self):
        self.client = httpx.Client(timeout=30)

    def get(self, url, **options):
        return self.client.get(url, **options)

    def sign_in(self, server_url, name, until=None, **params):
        """From the login page to the last answer; with `until`, up to the redirect whose target has that text in it, unfollowed."""
        answer = self.client.get(f"{server_url}/admin/v1/auth/login", params=params)
        for _ in range(20):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if until and until in target:
                    return target
                answer = self.client.get(target)
            elif answer.status_code == 200 and "<form" in answer.text:
                form = _Form(answer.text)
                if "login" in form.fields:
                    form.fields |= {"login": name, "password": "any"}
                answer = self.client.post(urljoin(str(answer.url), form.action), data=form.fields)
            else:
                return answer
        raise AssertionError(f"more than 20 steps; at {re.sub('[?].*', '', str(answer.url))}")
