"""Independent software logs in at the broker over TLS at two levels, refreshes, and logs out: openid-client,
idpyoidc, Authlib, Rust's openidconnect, and Apache with mod_auth_openidc."""

import re
import urllib.parse

import pytest
import requests
import test_client
from conftest import choose, fresh_page, password_login, totp
from deployment import DIRECT, wait_for
from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.exception import OidcServiceError
from idpyoidc.client.oauth2.stand_alone_client import StandAloneClient
from tls import LOA, PLAIN_SECRET, Apache, OpenidClient, Person, SamplePortals, tls_broker  # noqa: F401

SCOPE = "openid profile personal_number offline_access"


@pytest.fixture
def openid_client(tls_broker):
    client = OpenidClient(tls_broker)
    yield client
    client.close()


@pytest.fixture(scope="module")
def apache(tls_broker):
    apache = Apache(tls_broker)
    yield apache
    apache.close()


@pytest.fixture
def browser(chromium):
    """It does not know the test's CA."""
    with fresh_page(chromium, ignore_https_errors=True) as page:
        yield page


def query(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlparse(url).query))


def test_openid_client_logs_in_at_two_levels_and_logs_out(tls_broker, openid_client):
    """private_key_jwt, a pushed authorization request, PKCE, ES256 ID tokens."""
    client, home = openid_client, tls_broker.url("openid-client")
    citizen = tls_broker.citizen("national", 2)
    person = Person(tls_broker, citizen)
    issuer = tls_broker.url("broker")
    metadata = client.do("discover", issuer=issuer, client_id="openid-client", redirect_uri=home + "/oidc",
                         key=tls_broker.key)
    assert metadata["issuer"] == issuer

    url = client.do("begin", scope="openid profile", acr_values=LOA(1))
    assert set(query(url)) == {"client_id", "request_uri"}, "the rest was pushed"
    back, asked = person.go(url, home)
    assert asked == ["choose", "password"]
    first = client.do("finish", url=back)
    assert first["claims"]["acr"] == LOA(1)
    userinfo = client.do("userinfo", sub=first["claims"]["sub"])
    assert userinfo["name"] == citizen["name"]

    # The library compares auth_time with max_age itself.
    claims = '{"id_token": {"acr": {"essential": true, "value": "%s"}}}' % LOA(2)
    url = client.do("begin", scope=SCOPE, claims=claims, max_age=3600)
    back, asked = person.go(url, home)
    assert asked == ["totp"], "a step-up asks for what is missing"
    second = client.do("finish", url=back, maxAge=3600)
    assert second["claims"]["acr"] == LOA(2)
    assert {second["claims"][name] == first["claims"][name] for name in ("sub", "sid")} == {True}
    assert client.do("userinfo", sub=first["claims"]["sub"])["personal_number"] == citizen["personal_number"]

    fresh = client.do("refresh")
    assert fresh["access_token"] != second["access_token"]
    assert fresh["refresh_token"] != second["refresh_token"]
    assert fresh["claims"]["acr"] == LOA(2)
    assert client.do("userinfo", sub=first["claims"]["sub"])["sub"] == first["claims"]["sub"]
    assert client.do("introspect", token=fresh["access_token"])["active"] is True
    assert client.do("introspect", token=first["access_token"])["active"] is True

    url = client.do("logout", post_logout_redirect_uri=home + "/logged-out.html", state="bye")
    assert person.go(url, home) == (home + "/logged-out.html?state=bye", [])
    assert client.do("introspect", token=first["access_token"])["active"] is False, "it ends with the session"
    offline = client.do("refresh")
    assert client.do("userinfo", sub=first["claims"]["sub"])["sub"] == first["claims"]["sub"], "offline_access goes on"
    client.do("revoke", token=offline["refresh_token"])
    assert client.do("introspect", token=offline["access_token"])["active"] is False
    assert client.ask("refresh")["error"] == "invalid_grant"
    back, _ = person.go(client.do("begin", scope=SCOPE, prompt="none"), home)
    assert client.ask("finish", url=back)["error"] == "login_required"


def test_openid_client_must_push_its_requests(tls_broker, openid_client):
    home = tls_broker.url("openid-client")
    parameters = {"client_id": "openid-client", "redirect_uri": home + "/oidc", "response_type": "code",
                  "scope": "openid", "state": "s", "code_challenge": "c" * 43, "code_challenge_method": "S256"}
    url = tls_broker.url("broker") + "/authorize?" + urllib.parse.urlencode(parameters)
    back, _ = Person(tls_broker, tls_broker.citizen("national", 2)).go(url, home)
    assert query(back)["error"] == "invalid_request"


@pytest.fixture
def idpyoidc(tls_broker, monkeypatch):
    for name, value in DIRECT.items():
        monkeypatch.setenv(name, value)
    home, ca = tls_broker.url("idpyoidc"), str(tls_broker.ca)
    pkce = {"code_challenge_length": 64, "code_challenge_method": "S256"}
    configuration = {
        "issuer": tls_broker.url("broker"),
        "client_id": "idpyoidc",
        "client_secret": PLAIN_SECRET,
        "redirect_uris": [home + "/oidc"],
        "post_logout_redirect_uris": [home + "/logged-out.html"],
        "response_types_supported": ["code"],
        "scopes_supported": SCOPE.split(),
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        # The same method for refresh tokens, whose service would have client_secret_post.
        "client_authn_methods": ["client_secret_basic"],
        "add_ons": {"pkce": {"function": "idpyoidc.client.oauth2.add_on.pkce.add_support", "kwargs": pkce}},
    }
    logout = {"end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"}}
    client = StandAloneClient(config=configuration, services={**DEFAULT_OIDC_SERVICES, **logout},
                              httpc_params={"verify": ca, "timeout": 10}, client_type="oidc")
    # Its JWT library verifies no certificate of localhost by itself.
    client.keyjar.httpc = lambda method, url, **more: requests.request(method, url, **{**more, "verify": ca})
    assert client.do_provider_info() == tls_broker.url("broker")
    client.do_client_registration()
    return client


def test_idpyoidc_logs_in_at_two_levels_and_logs_out(tls_broker, idpyoidc):
    """client_secret_basic, PKCE, RS256 ID tokens."""
    home = tls_broker.url("idpyoidc")
    citizen = tls_broker.citizen("national", 0)
    person = Person(tls_broker, citizen)

    def log_in(**more):
        url = idpyoidc.init_authorization(req_args=more)
        assert query(url)["code_challenge_method"] == "S256"
        back, asked = person.go(url, home)
        return idpyoidc.finalize(query(back)), asked

    first, asked = log_in(scope=["openid", "profile"], acr_values=[LOA(1)])
    assert asked == ["choose", "password"]
    assert first["id_token"]["acr"] == LOA(1)
    assert first["userinfo"]["name"] == citizen["name"]

    second, asked = log_in(scope=SCOPE.split(), acr_values=[LOA(2)])
    assert asked == ["totp", "confirm"], "what is missing, and the `prompt=consent` that it adds to offline_access"
    assert second["id_token"]["acr"] == LOA(2)
    assert second["id_token"]["sub"] == first["id_token"]["sub"] == second["userinfo"]["sub"]
    assert second["userinfo"]["personal_number"] == citizen["personal_number"]

    fresh = idpyoidc.refresh_access_token(second["state"])
    assert fresh["access_token"] != second["token"]
    userinfo = idpyoidc.get_user_info(second["state"], access_token=fresh["access_token"])
    assert userinfo["sub"] == first["id_token"]["sub"]

    leaving = idpyoidc.logout(second["state"], post_logout_redirect_uri=home + "/logged-out.html")
    back, asked = person.go(leaving["url"], home)
    assert back.startswith(home + "/logged-out.html?") and asked == []
    assert query(back)["state"] == query(leaving["url"])["state"]
    with pytest.raises(OidcServiceError, match="401"):
        idpyoidc.get_user_info(first["state"], access_token=first["token"])
    refused, _ = log_in(scope=["openid"], prompt="none")
    assert refused["error"] == "login_required"


@pytest.mark.parametrize("test", [
    test_client.test_authlib_logs_in_at_two_levels_and_logs_out,
    test_client.test_authlib_is_refused_with_a_wrong_verifier,
])
def test_authlib_over_tls(tls_broker, monkeypatch, test):
    """What Authlib does at the demo, here with certificates."""
    for name, value in {**DIRECT, "REQUESTS_CA_BUNDLE": str(tls_broker.ca)}.items():
        monkeypatch.setenv(name, value)
    test(tls_broker)


def test_portals_on_openidconnect_log_in_at_two_levels_and_log_out(tls_broker, browser):
    """The `openidconnect` crate, in a real browser."""
    portals, page, citizen = SamplePortals(tls_broker), browser, tls_broker.citizen("national", 2)
    try:
        page.goto(tls_broker.url("portal1") + "/login")
        choose(page, "national")
        password_login(page, citizen)
        assert page.url == tls_broker.url("portal1") + "/"
        assert claim(page, "acr") == LOA(1) and claim(page, "name") == citizen["name"]
        sid = claim(page, "sid")

        page.goto(tls_broker.url("portal2") + "/login")
        while not page.url.startswith(tls_broker.url("portal2")):
            if page.locator("#code").count():
                page.fill("#code", totp(citizen))
            page.click("main form button >> nth=0")
        assert page.url == tls_broker.url("portal2") + "/"
        assert claim(page, "acr") == LOA(2) and claim(page, "sid") == sid

        page.click("form[action*=logout] button")
        assert page.url.startswith(tls_broker.url("broker") + "/logout")
        page.click("button[value=yes]")
        assert page.url.startswith(tls_broker.url("portal2") + "/logged-out")
        page.goto(tls_broker.url("portal1") + "/login")
        assert page.url.endswith("/choose"), "the broker's session has ended"
    finally:
        portals.close()


def log_in_at_apache(page, url, citizen):
    """Opens a page and answers what is asked on the way to it; what was asked."""
    page.goto(url)
    asked = []
    while not page.locator("[data-claim]").count():
        if page.url.startswith(url):
            # Apache cannot redirect once it has begun to judge who may see the page: a step-up is a `meta refresh`.
            page.wait_for_url(lambda now: not now.startswith(url), timeout=10_000)
        asked.append(urllib.parse.urlparse(page.url).path.rsplit("/", 1)[1])
        assert len(asked) < 7, asked
        match asked[-1]:
            case "choose":
                choose(page, "national")
            case "password":
                password_login(page, citizen)
            case "totp":
                page.fill("#code", totp(citizen))
                page.click("main form button >> nth=0")
            case "confirm":
                page.click("button[name=answer][value=yes]")
            case _:
                # The form that carries the answer to the portal: without JavaScript its button does.
                assert page.locator("input[type=hidden][name=code]").count() == 1, page.content()
                asked[-1] = "form_post"
                page.click("form button >> nth=0")
    return asked


def claim(page, name):
    return page.inner_text(f"[data-claim={name}]").strip()


def info(page, home):
    """What mod_auth_openidc keeps of the session; none when there is no session."""
    answer = page.request.get(home + "/oidc?info=json", max_redirects=0)
    return answer.json() if answer.status == 200 else None


def test_apache_logs_in_at_two_levels_refreshes_and_logs_out(tls_broker, apache, browser):
    page, home = browser, tls_broker.url("apache-1")
    citizen = tls_broker.citizen("national", 3)
    asked = log_in_at_apache(page, home + "/level1/", citizen)
    assert asked == ["choose", "password"], apache.log()
    assert claim(page, "acr") == LOA(1)
    assert claim(page, "name") == citizen["name"]
    assert claim(page, "iss") == tls_broker.url("broker")
    sub = claim(page, "sub")

    asked = log_in_at_apache(page, home + "/level2/", citizen)
    assert asked == ["totp"], "a step-up asks for what is missing"
    assert claim(page, "acr") == LOA(2)
    assert claim(page, "sub") == sub
    assert claim(page, "personal_number") == citizen["personal_number"]

    before = info(page, home)
    assert before["id_token"]["acr"] == LOA(2) and before["userinfo"]["sub"] == sub
    parameters = {"refresh": home + "/level2/", "access_token": before["access_token"]}
    page.goto(home + "/oidc?" + urllib.parse.urlencode(parameters))
    assert page.url == home + "/level2/", "an error would be in the URL"
    after = info(page, home)
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    userinfo = tls_broker.get(tls_broker.url("broker") + "/userinfo",
                              headers={"Authorization": "Bearer " + after["access_token"]})
    assert userinfo.json()["sub"] == sub

    page.goto(home + "/oidc?" + urllib.parse.urlencode({"logout": home + "/logged-out.html"}))
    assert page.url.split("?")[0] == home + "/logged-out.html"
    assert info(page, home) is None
    assert tls_broker.get(tls_broker.url("broker") + "/userinfo",
                          headers={"Authorization": "Bearer " + after["access_token"]}).status_code == 401
    page.goto(home + "/level1/")
    assert page.url.endswith("/choose"), "the broker's session has ended too"


def test_a_logout_at_one_apache_ends_the_session_at_the_other(tls_broker, apache, browser):
    page, one, other = browser, tls_broker.url("apache-1"), tls_broker.url("apache-2")
    citizen = tls_broker.citizen("national", 3)
    assert log_in_at_apache(page, one + "/level1/", citizen) == ["choose", "password"]
    asked = log_in_at_apache(page, other + "/level2/", citizen)
    assert asked == ["totp", "form_post"]
    assert claim(page, "acr") == LOA(2)
    assert info(page, one) and info(page, other)

    page.goto(other + "/oidc?" + urllib.parse.urlencode({"logout": other + "/logged-out.html"}))
    page.click("button[value=yes]")
    assert page.url.split("?")[0] == other + "/logged-out.html"
    # The browser, which has Apache's cookie still, did not pass by there: the broker told it.
    wait_for("the other Apache is told", lambda: info(page, one) is None)
    page.goto(one + "/level1/")
    assert page.url.startswith(tls_broker.url("broker")) and page.url.endswith("/choose")
    told = tls_broker.log_file("broker").read_text()
    assert not re.search("logout not delivered", told), told
