"""Signing in to the administration with a real OpenID Connect provider, and tokens that must not be believed."""

import base64
import json
import re
import time

import httpx
import pytest

from harness.oidc import Browser, OidcProvider
from harness.sluice import Sluice
from harness.wait import eventually

SECRET = "secret-of-sluice+/="
API = "urn:sluice:api"
RULES = [{"claim": "groups", "value": "platform-admins", "role": "owner"},
         {"claim": "groups", "value": "ml", "role": "admin", "team": "ml"},
         {"claim": "groups", "value": "robots", "role": "viewer"}]


def oidc_settings(issuer, server_url):
    return {"issuer": issuer, "client_id": "sluice", "client_secret": "${OIDC_SECRET}", "scopes": "openid email groups",
            "redirect_url": f"{server_url}/admin/v1/auth/callback", "audience": [API], "roles": RULES}


class Side:
    """A server, its provider, and what both agree on."""

    def __init__(self, folder, admin=None, **provider_options):
        self.folder = folder
        self.admin = admin or {}
        self.server = Sluice(folder / "sluice", {"admin": self.admin}, env={"OIDC_SECRET": SECRET}).start(ready=False)
        self.provider = OidcProvider(folder / "provider", [f"{self.server.url}/admin/v1/auth/callback"], **provider_options)
        self.provider.person("ada", groups=["platform-admins", "everybody"], email="ada@example.com", email_verified=True)
        self.provider.person("eve", groups=["everybody"], email="eve@evil.example", email_verified=True)
        self.provider.person("nemo")
        self.provider.person("robot", groups=["robots"])
        self.configure()

    def configure(self, **more):
        self.server.write_config({"admin": self.admin | {"oidc": oidc_settings(self.provider.url, self.server.url) | more}})
        self.server.run("reload")

    def me(self, token=None, **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.get(f"{self.server.url}/admin/v1/auth/me", headers=headers, timeout=30)

    def token(self, key="RS256", header=None, **claims):
        return self.provider.sign(self.claims(**claims), key=key, header=header)

    def claims(self, **more):
        now = int(time.time())
        claims = {"iss": self.provider.url, "aud": API, "sub": "robot", "exp": now + 300, "iat": now, "groups": ["robots"]} | more
        return {name: value for name, value in claims.items() if value is not None}

    def logged(self, text):
        return eventually(lambda: text in self.server.log(), f"the log to say {text!r}; it says\n{self.server.log()[-3000:]}")

    def audited(self, act, **fields):
        def find():
            records = map(json.loads, self.server.run("logs", "audit", "-n", "1000").stdout.splitlines())
            return next((one for one in records if one.get("act") == act and all(one.get(name) == value for name, value in fields.items())), None)
        return eventually(find, f"an audit record {act} {fields}")

    def stop(self):
        self.server.stop()
        self.provider.stop()


@pytest.fixture(scope="module")
def side(folder):
    made = Side(folder("sign-in"))
    yield made
    made.stop()


def test_a_person_signs_in_with_a_browser_and_out_again(side):
    browser = Browser()
    answer = browser.sign_in(side.server.url, "ada")
    assert answer.status_code == 200, answer.text
    me = answer.json()
    assert me["subject"] == "ada" and me["email"] == "ada@example.com" and me["issuer"] == side.provider.url
    assert me["role"] == "owner" and me["scope"] == {"kind": "everything", "name": ""}
    side.audited("signed_in", subject="ada", session_id=me["session_id"])

    held = {cookie.name: cookie for cookie in browser.client.cookies.jar if "sluice" in cookie.name}
    assert set(held) == {"sluice_session"}, "the cookie of the sign-in is gone"
    session = held["sluice_session"]
    assert session.has_nonstandard_attr("HttpOnly") and session.get_nonstandard_attr("SameSite") == "Lax" and session.path == "/"
    database = b"".join(path.read_bytes() for path in side.server.data.glob("sluice.db*"))
    assert b"ses_" in database and session.value.encode() not in database, "of what the browser holds only the digest is kept"

    origin = {"Origin": side.server.url}
    logout = f"{side.server.url}/admin/v1/auth/logout"
    for wrong in ({}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": side.server.url + ".evil.example"},
                  {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.client.post(logout, headers=wrong).status_code == 403, wrong
    assert browser.client.get(logout).status_code == 405
    assert browser.get(f"{side.server.url}/admin/v1/auth/me").status_code == 200
    assert browser.client.post(logout, headers=origin).json() == {"signed_out": True}
    assert browser.get(f"{side.server.url}/admin/v1/auth/me").status_code == 401
    assert side.me(Cookie=f"sluice_session={session.value}").status_code == 401, "it has ended for whoever has a copy, too"
    side.audited("signed_out", subject="ada", session_id=me["session_id"])


def test_a_sign_in_ends_where_it_began_and_nowhere_else(side):
    target = Browser().sign_in(side.server.url, "ada", until="/health/live", return_to="/health/live?from=sign-in")
    assert target == f"{side.server.url}/health/live?from=sign-in"
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/a\r\nset-cookie: x=y",
                      "evil", "", "/" + "a" * 600):
        answer = httpx.get(f"{side.server.url}/admin/v1/auth/login", params={"return_to": elsewhere})
        assert answer.status_code == 400, elsewhere


def test_who_has_no_role_is_refused_and_told_what_was_missing(side):
    refused = Browser().sign_in(side.server.url, "eve")
    assert refused.status_code == 403 and refused.headers["content-type"] == "application/problem+json"
    assert "no value of the claim `groups`" in refused.json()["detail"]
    side.audited("sign_in_refused", way="sign_in", subject="eve")
    refused = Browser().sign_in(side.server.url, "nemo")
    assert refused.status_code == 403 and "not sent the claim `groups`" in refused.json()["detail"]


def test_a_role_that_leaves_the_configuration_leaves_its_sessions(side):
    browser = Browser()
    assert browser.sign_in(side.server.url, "ada").json()["role"] == "owner"
    try:
        side.configure(roles=[{"claim": "groups", "value": "everybody", "role": "auditor", "org": "lab"}])
        me = browser.get(f"{side.server.url}/admin/v1/auth/me").json()
        assert me["role"] == "auditor" and me["scope"] == {"kind": "org", "name": "lab"}
        side.configure(roles=RULES[1:])
        assert browser.get(f"{side.server.url}/admin/v1/auth/me").status_code == 403
    finally:
        side.configure()
    assert browser.get(f"{side.server.url}/admin/v1/auth/me").json()["role"] == "owner"


def test_who_has_signed_in_administrates_as_the_role_allows(side):
    api = f"{side.server.url}/admin/v1"
    browser = Browser()
    assert browser.sign_in(side.server.url, "ada").status_code == 200
    assert browser.get(f"{api}/keys").status_code == 200
    new_key = {"name": "made-by-ada"}
    assert browser.client.post(f"{api}/keys", json=new_key).status_code == 403, "a page that does not say where it is from"
    assert browser.client.post(f"{api}/keys", json=new_key, headers={"Origin": "https://evil.example"}).status_code == 403
    made = browser.client.post(f"{api}/keys", json=new_key, headers={"Origin": side.server.url})
    assert made.status_code == 201, made.text
    side.audited("key_created", by=f"{side.provider.url}#ada", by_name="ada@example.com", by_way="oidc")

    robot = {"Authorization": f"Bearer {side.provider.machine_token(API)}"}
    assert httpx.get(f"{api}/keys", headers=robot).status_code == 200
    assert httpx.post(f"{api}/keys", headers=robot, json={"name": "made-by-robot"}).status_code == 403, "a viewer"
    forged = side.token(exp=int(time.time()) - 3600)
    assert httpx.get(f"{api}/keys", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    assert httpx.get(f"{api}/keys").status_code == 401
    assert httpx.get(f"{api}/keys", headers={"Host": "evil.example", **robot}).status_code == 403, "DNS rebinding"


def test_a_role_for_a_team_counts_there_alone(side):
    api = f"{side.server.url}/admin/v1"
    lead = {"Authorization": f"Bearer {side.token(sub='lead', groups=['ml'])}"}
    refused = httpx.get(f"{api}/keys", headers=lead)
    assert refused.status_code == 403 and "none of that name" in refused.text, "the team does not exist"
    side.server.run("teams", "create", "ml")
    side.server.run("teams", "create", "other")
    side.server.create_key("of-ml", team="ml")
    side.server.create_key("of-other", team="other")
    seen = httpx.get(f"{api}/keys", headers=lead)
    assert seen.status_code == 200, seen.text
    assert "of-ml" in seen.text and "of-other" not in seen.text


def test_the_administration_may_have_an_address_of_its_own(folder):
    side = Side(folder("own"), admin={"listen": "127.0.0.1:0"})
    try:
        own = eventually(lambda: re.search(r'administration listens.*?(127\.0\.0\.1:\d+)', side.server.log()), "the other address").group(1)
        token = {"Authorization": f"Bearer {side.token()}"}
        assert httpx.get(f"http://{own}/admin/v1/keys", headers=token).status_code == 200
        assert httpx.get(f"http://{own}/admin/v1/auth/login").status_code == 302
        assert httpx.get(f"{side.server.url}/admin/v1/auth/login").status_code == 404
        assert httpx.get(f"{side.server.url}/admin/v1/keys", headers=token).status_code == 404
    finally:
        side.stop()


def test_an_administrator_ends_the_sessions_of_somebody_at_once(side):
    ada, grace = Browser(), Browser()
    side.provider.person("grace", groups=["platform-admins"])
    ended = [ada.sign_in(side.server.url, "ada").json()["session_id"]]
    assert grace.sign_in(side.server.url, "grace").status_code == 200
    assert ended[0] in [one["id"] for one in side.server.run_json("sessions", "list")["sessions"]]
    assert ended[0] in [one["id"] for one in side.server.run_json("sessions", "end", "ada@example.com")["sessions"]]
    me = f"{side.server.url}/admin/v1/auth/me"
    assert ada.get(me).status_code == 401 and grace.get(me).status_code == 200
    side.audited("session_ended", subject="ada", session_id=ended[0])
    assert side.server.run("sessions", "end", "nobody", check=False).returncode == 1


def test_only_verified_addresses_of_allowed_domains_sign_in(side):
    everybody = [{"claim": "groups", "value": "everybody", "role": "viewer"}]
    side.provider.person("mallory", groups=["everybody"], email="mallory@example.com", email_verified=False)
    side.provider.person("sly", groups=["everybody"], email="sly@example.com.evil.example", email_verified=True)
    try:
        side.configure(roles=everybody, allowed_domains=["example.com"])
        assert Browser().sign_in(side.server.url, "ada").status_code == 200
        assert "allowed domain" in Browser().sign_in(side.server.url, "eve").json()["detail"]
        assert "allowed domain" in Browser().sign_in(side.server.url, "sly").json()["detail"]
        assert "not verified" in Browser().sign_in(side.server.url, "mallory").json()["detail"]
    finally:
        side.configure()


def test_an_answer_of_the_issuer_belongs_to_the_browser_that_has_asked(side):
    # Somebody who signs in as herself and sends another's browser to the end of it.
    hers = Browser()
    target = hers.sign_in(side.server.url, "ada", until="/auth/callback")
    assert Browser().get(target).status_code == 401, "a browser that has not begun"
    other = Browser()
    other.get(f"{side.server.url}/admin/v1/auth/login")
    assert other.get(target).status_code == 401, "a browser that has begun another sign-in"
    side.logged("another sign-in (state)")
    assert hers.get(target.replace("state=", "state=x")).status_code == 401
    assert hers.get(target).status_code == 401, "what has failed once is over"

    hers = Browser()
    target = hers.sign_in(side.server.url, "ada", until="/auth/callback")
    cookies = {cookie.name: cookie.value for cookie in hers.client.cookies.jar if "sluice" in cookie.name}
    assert hers.get(target).status_code == 302
    again = httpx.get(target, cookies=cookies)
    assert again.status_code == 401, "a code counts once, also with the same cookie"
    side.logged("invalid_grant")

    hers = Browser()
    target = hers.sign_in(side.server.url, "ada", until="/auth/callback")
    assert hers.get(target.replace("iss=", "iss=https%3A%2F%2Fevil.example&was=")).status_code == 401, "of another issuer (RFC 9207)"
    hers = Browser()
    hers.sign_in(side.server.url, "ada", until="/auth/callback")
    name, value = next((c.name, c.value) for c in hers.client.cookies.jar if c.name == "sluice_sign_in")
    forged = ".".join(value.split(".")[:2] + [base64.urlsafe_b64encode(b"https://evil.example").decode().rstrip("="), value.split(".")[3]])
    assert httpx.get(target, cookies={name: forged}).status_code == 401, "where it ends cannot be changed"


def test_a_session_outlives_a_restart(folder):
    side = Side(folder("restart"))
    try:
        browser = Browser()
        session = browser.sign_in(side.server.url, "ada").json()["session_id"]
        held = browser.client.cookies["sluice_session"]
        side.server.stop()
        side.server.start(ready=False)
        assert side.me(Cookie=f"sluice_session={held}").json()["session_id"] == session
    finally:
        side.stop()


def test_a_machine_comes_with_a_token_of_the_issuer(side):
    me = side.me(side.provider.machine_token(API))
    assert me.status_code == 200, me.text
    assert me.json()["subject"] == "robot" and me.json()["role"] == "viewer" and me.json()["session_id"] == ""
    assert side.me(side.provider.machine_token("urn:other:api")).status_code == 401, "a token for another application"
    for key in ("RS256", "PS256", "ES256", "EdDSA"):
        assert side.me(side.token(key)).status_code == 200, key


def b64(text):
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")


def attacks(side):
    """name -> (token, what the log says)"""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = own.public_key().public_numbers()
    own_jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    published = httpx.get(f"{side.provider.url}/jwks").json()["keys"]
    rsa_key = next(key for key in published if key["alg"] == "RS256")
    modulus = int.from_bytes(base64.urlsafe_b64decode(rsa_key["n"] + "=="), "big")
    pem = rsa.RSAPublicNumbers(65537, modulus).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    good, claims = side.token(), json.dumps(side.claims())
    now = int(time.time())

    def unsigned(header):
        return f"{b64(json.dumps(header))}.{b64(claims)}"

    def own_signed(header):
        text = unsigned(header)
        return f"{text}.{b64(own.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def hs256(secret):
        text = unsigned({"alg": "HS256", "kid": rsa_key["kid"]})
        return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    def header(**more):
        return {"alg": "RS256", "kid": "KID"} | more

    body = claims[1:-1]
    yield "alg none", unsigned({"alg": "none"}) + ".", "algorithm"
    yield "alg None", unsigned({"alg": "None"}) + ".", "algorithm"
    yield "alg none, with a signature", unsigned({"alg": "none"}) + "." + good.split(".")[2], "algorithm"
    yield "no signature", good.rsplit(".", 1)[0] + ".", "signature"
    yield "HS256 with the public key as PEM", hs256(pem), "algorithm"
    yield "HS256 with the public key as JWK", hs256(json.dumps(rsa_key).encode()), "algorithm"
    yield "HS256 with the client's secret", hs256(SECRET.encode()), "algorithm"
    yield "another's key under the issuer's id", own_signed({"alg": "RS256", "kid": rsa_key["kid"]}), "signature"
    yield "another's key in the header", own_signed({"alg": "RS256", "kid": rsa_key["kid"], "jwk": own_jwk}), "its own key (jwk)"
    yield "another's key at a URL", own_signed({"alg": "RS256", "kid": "x", "jku": "http://127.0.0.1:1/keys"}), "its own key (jku)"
    yield "another's certificate at a URL", own_signed({"alg": "RS256", "x5u": "http://127.0.0.1:1/cert"}), "its own key (x5u)"
    yield "a certificate in the header", own_signed({"alg": "RS256", "x5c": ["MII"]}), "its own key (x5c)"
    for kid in ("../../../../dev/null", "' OR 1=1 --", "x" * 300, "\u0000", "http://127.0.0.1:1/"):
        yield f"kid {kid[:12]!r}", own_signed({"alg": "RS256", "kid": kid}), "kid"
    yield "crit", side.token(header=header(crit=["exp"])), "extension"
    yield "another type", side.token(header=header(typ="logout+jwt")), "type (typ)"
    yield "a signature of the right key under another id", side.token("ES256", header=header(kid=rsa_key["kid"], alg="ES256")), "no key"
    yield "alg of another key", side.token(header=header(alg="ES256")), "no key"
    yield "expired", side.token(exp=now - 3600), "expired"
    yield "no exp", side.token(exp=None), "until when"
    yield "exp as text", side.token(exp=str(now + 300)), "until when"
    yield "not yet good", side.token(nbf=now + 3600), "good only later (nbf)"
    yield "made in the future", side.token(iat=now + 3600), "good only later (iat)"
    yield "another audience", side.token(aud="urn:other:api"), "another audience"
    yield "the client's own audience", side.token(aud="sluice"), "another audience"
    yield "no audience", side.token(aud=None), "audience"
    yield "another issuer", side.token(iss="https://evil.example"), "another issuer"
    yield "the issuer with a slash", side.token(iss=side.provider.url + "/"), "another issuer"
    yield "no subject", side.token(sub=None), "subject"
    yield "a claim twice", side.provider.sign("{" + body + ', "sub": "ada"}'), "occurs twice"
    yield "a claim twice, once escaped", side.provider.sign("{" + body + ', "\\u0073ub": "ada"}'), "occurs twice"
    yield "alg twice", side.provider.sign(claims, header='{"alg": "RS256", "kid": "KID", "alg": "none"}'), "occurs twice"
    yield "claims that are no object", side.provider.sign("[]"), "no JSON object"
    yield "a changed claim", ".".join([good.split(".")[0], b64(claims.replace("robots", "platform-admins")), good.split(".")[2]]), "signature"
    yield "padding", good + "=", "base64url"
    yield "four parts", good + ".x", "form"
    yield "20 KB", side.token(x="a" * 20_000), "larger than 16 KiB"


def test_a_forged_token_is_refused_and_only_the_log_says_why(side):
    assert side.me(side.token()).status_code == 200, "the same token, unforged"
    bodies = set()
    tried = 0
    for name, token, reason in attacks(side):
        before = len(side.server.log())
        answer = side.me(token)
        assert answer.status_code == 401, f"{name}: {answer.status_code} {answer.text}"
        assert reason not in answer.text, name
        eventually(lambda: reason in side.server.log()[before:], f"the log to say {reason!r} of {name}")
        assert token not in side.server.log()
        bodies.add(answer.text)
        tried += 1
    assert tried >= 40 and len(bodies) == 1, "the answer is the same, whatever was wrong"
    side.audited("sign_in_refused", way="token", reason="the token is for another audience (aud)")


def test_a_token_of_a_megabyte_is_refused_with_its_head(side):
    assert side.me("e" + "y.J" * 350_000).status_code in (401, 431)


def test_a_good_token_without_a_role_is_told_what_was_missing(side):
    answer = side.me(side.token(groups=None))
    assert answer.status_code == 403 and "not sent the claim `groups`" in answer.json()["detail"]


def test_clocks_may_differ_by_the_leeway_and_no_more(side):
    now = int(time.time())
    assert side.me(side.token(exp=now - 20)).status_code == 200
    assert side.me(side.token(exp=now - 90)).status_code == 401
    assert side.me(side.token(nbf=now + 30, iat=now + 30)).status_code == 200
    try:
        side.configure(leeway_seconds=0)
        assert side.me(side.token(exp=now - 20)).status_code == 401
    finally:
        side.configure()


def test_without_an_audience_no_token_is_taken(side):
    try:
        side.configure(audience=[])
        assert side.me(side.token()).status_code == 401
        side.logged("has no `audience`")
    finally:
        side.configure()


def test_keys_rotate_and_strangers_cannot_make_us_ask_for_them(folder):
    side = Side(folder("rotation"))
    try:
        old = side.token()
        assert side.me(old).status_code == 200
        asked = side.provider.key_set_asked()
        assert all(side.me(side.token()).status_code == 200 for _ in range(5))
        assert side.provider.key_set_asked() == asked, "known keys are not asked for again"
        # Ids that nobody has: at most one look each ten seconds, however many come.
        for i in range(30):
            assert side.me(side.token(header={"alg": "RS256", "kid": f"nobody-{i}"})).status_code == 401
        assert side.provider.key_set_asked() <= asked + 3
        side.provider.rotate()
        eventually(lambda: side.me(side.token()).status_code == 200, "the new key to be taken", 30)
        assert side.me(old).status_code == 401, "the old key is not published any more"
        assert Browser().sign_in(side.server.url, "ada").status_code == 200
    finally:
        side.stop()


def test_an_issuer_that_is_down_takes_nobody_with_it(folder):
    side = Side(folder("down"))
    port = int(side.provider.url.rsplit(":", 1)[1])
    redirect = [f"{side.server.url}/admin/v1/auth/callback"]
    try:
        # Down when the server starts: it starts, says so at a sign-in, and needs no restart.
        side.provider.stop()
        side.server.stop()
        side.server.start(ready=False)
        login = f"{side.server.url}/admin/v1/auth/login"
        assert httpx.get(f"{side.server.url}/health/live").status_code == 200
        answer = httpx.get(login, timeout=30)
        assert answer.status_code == 503 and "127.0.0.1" not in answer.text
        side.logged("the issuer cannot be asked")
        redirect = [f"{side.server.url}/admin/v1/auth/callback"]
        side.provider = OidcProvider(folder("down-again"), redirect, port=port)
        side.provider.person("ada", groups=["platform-admins"])
        side.configure()
        eventually(lambda: httpx.get(login, timeout=30).status_code == 302, "the issuer to be asked again", 30)
        browser = Browser()
        assert browser.sign_in(side.server.url, "ada").status_code == 200
        token = side.token()
        assert side.me(token).status_code == 200
        # Down later: who is in stays in, tokens are checked with the keys that are known, new sign-ins are told.
        begun = Browser()
        target = begun.sign_in(side.server.url, "ada", until="/auth/callback")
        side.provider.stop()
        assert browser.get(f"{side.server.url}/admin/v1/auth/me").status_code == 200
        assert side.me(token).status_code == 200
        assert begun.get(target).status_code == 503
    finally:
        side.server.stop()


def test_an_issuer_that_says_it_is_another_is_not_believed(folder):
    """127.0.0.1 and localhost are the same place and two issuers."""
    side = Side(folder("another"))
    try:
        side.configure(issuer=side.provider.url.replace("127.0.0.1", "localhost"))
        assert httpx.get(f"{side.server.url}/admin/v1/auth/login", timeout=30).status_code == 503
        side.logged("and not of the configured issuer")
    finally:
        side.stop()


def test_without_settings_nobody_signs_in(serve):
    server = serve(ready=False)
    for page in ("login", "callback", "me"):
        assert httpx.get(f"{server.url}/admin/v1/auth/{page}").status_code == 404
    assert httpx.get(f"{server.url}/admin/v1/auth/me", headers={"Authorization": "Bearer a.b.c"}).status_code == 404


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_an_issuer_may_sign_with_another_algorithm(folder, alg):
    side = Side(folder(alg), alg=alg)
    try:
        assert Browser().sign_in(side.server.url, "ada").status_code == 200
    finally:
        side.stop()
