"""A client that registers itself, its keys and its sector at addresses that the broker fetches over real TLS, and
addresses that it must not fetch."""

import http.server
import json
import ssl
import threading
import time
import urllib.parse

import pytest
from conftest import choose, password_login
from test_certified import browser, openid_client  # noqa: F401
from tls import Person, private_jwk, tls_broker  # noqa: F401


class Published(http.server.ThreadingHTTPServer):
    """What the client publishes over HTTPS: documents by path; a redirect where one is a string."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.documents, self.fetched = {}, []
        self.home = f"https://localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that gives up in the middle is what some tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.fetched.append(self.path)
        document = self.server.documents.get(self.path.partition("?")[0])
        if isinstance(document, str):
            self.send_response(302)
            self.send_header("Location", document)
            self.end_headers()
            return
        if self.path == "/slow":
            time.sleep(7)
        body = b"x" * (300 * 1024) if self.path == "/large" else json.dumps(document).encode()
        self.send_response(200 if document is not None or self.path == "/large" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def published(tls_broker):  # noqa: F811
    server = Published(tls_broker.folder)
    yield server
    server.shutdown()
    server.server_close()


def test_openid_client_registers_itself_and_logs_somebody_in(tls_broker, openid_client, published):  # noqa: F811
    client, key = openid_client, private_jwk("registered-1")
    redirect = published.home + "/callback"
    published.documents["/jwks"] = {"keys": [{name: key[name] for name in ("kty", "crv", "x", "y", "kid")}]}
    # By way of a redirect, which is followed because it leads to an address that is allowed.
    published.documents["/keys"] = published.home + "/jwks"
    published.documents["/sector.json"] = [redirect, "https://another.example/"]
    metadata = client.do(
        "register", issuer=tls_broker.url("broker"), initial=tls_broker.command("clients", "token"), key=key,
        redirect_uris=[redirect], client_name="Registered", token_endpoint_auth_method="private_key_jwt",
        jwks_uri=published.home + "/keys", sector_identifier_uri=published.home + "/sector.json",
        grant_types=["authorization_code", "refresh_token"], id_token_signed_response_alg="ES256",
    )
    assert metadata["client_name"] == "Registered" and metadata["registration_access_token"]
    assert f"{metadata['client_id']} registered private_key_jwt Registered" in tls_broker.command("clients", "list")

    person = Person(tls_broker, tls_broker.citizen("national", 1))
    back, asked = person.go(client.do("begin", scope="openid profile offline_access"), published.home)
    assert asked[:2] == ["choose", "password"]
    tokens = client.do("finish", url=back)
    assert client.do("userinfo", sub=tokens["claims"]["sub"])["name"] == person.account["name"]
    assert client.do("refresh")["access_token"] != tokens["access_token"]
    assert published.fetched.count("/jwks") <= 3, "the keys are kept"

    assert tls_broker.command("clients", "remove", metadata["client_id"]) == "removed"
    assert metadata["client_id"] not in tls_broker.command("clients", "list")


def test_what_must_not_be_fetched_is_not(tls_broker, published):  # noqa: F811
    http_, token = tls_broker.session(), tls_broker.command("clients", "token", "--uses", "50")
    published.documents.update({
        "/to-private": "https://10.0.0.1/jwks",
        "/to-metadata": "https://169.254.169.254/latest/meta-data/",
        "/to-http": published.home.replace("https", "http") + "/jwks",
        "/around": published.home + "/around",
        "/slow": {"keys": []},
        "/jwks": {"keys": []},
    })

    def register(uri):
        answer = http_.post(tls_broker.url("broker") + "/register", headers={"Authorization": "Bearer " + token}, json={
            "redirect_uris": ["https://rp.example/cb"], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri})
        return answer.status_code, answer.json().get("error_description")

    assert register(published.home + "/jwks") == (201, None)
    started = time.monotonic()
    for path in ("/to-private", "/to-metadata", "/to-http", "/around", "/large", "/missing", "/slow"):
        assert register(published.home + path) == (400, "jwks_uri: cannot be fetched"), path
    for uri in ("https://10.0.0.1/jwks", "https://[fe80::1]/jwks", "https://0.0.0.0/jwks", "https://100.64.0.1/jwks"):
        assert register(uri) == (400, "jwks_uri: cannot be fetched"), uri
    assert register("http://localhost/jwks") == (400, "jwks_uri: must be https")
    # Refused at once but for the slow one: nothing waits for a private network that does not answer.
    assert published.fetched.count("/around") == 4 and time.monotonic() - started < 12


def test_a_browser_loads_the_frame_of_a_service_at_logout(tls_broker, published, browser):  # noqa: F811
    """Front-channel logout in Chromium without JavaScript, and the page of a service with its logo."""
    home, page = published.home, browser
    published.documents.update({"/callback": {}, "/bye": {}, "/front": {}, "/logo.png": {}})
    answer = tls_broker.session().post(
        tls_broker.url("broker") + "/register",
        headers={"Authorization": "Bearer " + tls_broker.command("clients", "token")},
        json={"redirect_uris": [home + "/callback"], "client_name#vi": "Cổng tự đăng ký",
              "post_logout_redirect_uris": [home + "/bye"], "frontchannel_logout_uri": home + "/front",
              "frontchannel_logout_session_required": True, "policy_uri": home + "/policy"},
    )
    client = answer.json()
    assert answer.status_code == 201, client
    page.goto(tls_broker.url("broker") + "/authorize?" + urllib.parse.urlencode({
        "response_type": "code", "client_id": client["client_id"], "redirect_uri": home + "/callback",
        "scope": "openid", "code_challenge": "c" * 43, "code_challenge_method": "S256"}))
    assert "Cổng tự đăng ký" in page.inner_text("main")
    assert page.locator(f"a[href='{home}/policy']").count() == 1
    choose(page, "national")
    password_login(page, tls_broker.citizen("national", 2))
    assert page.url.startswith(home + "/callback?code=")

    page.goto(tls_broker.url("broker") + "/logout?" + urllib.parse.urlencode({
        "client_id": client["client_id"], "post_logout_redirect_uri": home + "/bye", "state": "s"}))
    page.click("button[value=yes]")
    page.wait_for_url(home + "/bye?state=s", timeout=10_000)
    frames = [path for path in published.fetched if path.startswith("/front?")]
    assert len(frames) == 1, published.fetched
    told = dict(urllib.parse.parse_qsl(frames[0].partition("?")[2]))
    assert told["iss"] == tls_broker.url("broker") and told["sid"]
    # Removed by its own token (RFC 7592): the next test of this broker finds a session of nobody.
    gone = tls_broker.session().delete(client["registration_client_uri"], headers={
        "Authorization": "Bearer " + client["registration_access_token"]})
    assert gone.status_code == 204


STANDARD = {
    "profile": "name family_name given_name middle_name nickname preferred_username profile picture website gender "
               "birthdate zoneinfo locale updated_at",
    "email": "email email_verified",
    "phone": "phone_number phone_number_verified",
    "address": "address",
}


def test_every_claim_of_the_standard_scopes_comes_with_its_type(tls_broker, published):  # noqa: F811
    """As a conformance tester asks: a confidential client without PKCE, one scope after another, nonce or not."""
    http_, broker, redirect = tls_broker.session(), tls_broker.url("broker"), published.home + "/callback"
    token = {"Authorization": "Bearer " + tls_broker.command("clients", "token")}
    client = http_.post(broker + "/register", headers=token, json={"redirect_uris": [redirect]}).json()
    secret = (client["client_id"], client["client_secret"])
    person = Person(tls_broker, tls_broker.citizen("national", 0))
    for scope, claims in {**STANDARD, " ".join(STANDARD): " ".join(STANDARD.values())}.items():
        query = {"response_type": "code", "client_id": secret[0], "redirect_uri": redirect, "scope": f"{scope} openid"}
        back, _ = person.go(broker + "/authorize?" + urllib.parse.urlencode(query), published.home)
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(back).query))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
        tokens = http_.post(broker + "/token", data=form, auth=secret).json()
        told = http_.post(broker + "/userinfo", data={"access_token": tokens["access_token"]}).json()
        assert set(told) == {"sub", *claims.split()}, scope
        kinds = {"email_verified": bool, "phone_number_verified": bool, "updated_at": int, "address": dict}
        assert all(type(value) is kinds.get(name, str) for name, value in told.items()), told
