"""Authlib, an independent client library, logs in at the broker over plain HTTP."""

import urllib.parse

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oidc.core import CodeIDToken
from conftest import totp
from portal import Forms

PORTALS = {
    "portal1": ("dich-vu-cong", "client_secret_basic", "openid profile"),
    "portal2": ("bao-hiem-xa-hoi", "client_secret_basic", "openid profile personal_number"),
}


class Citizen:
    """A person with a browser that scripts drive: it follows redirects until one leaves for the portal."""

    def __init__(self, demo, account):
        self.demo, self.account, self.http = demo, account, requests.Session()

    def go(self, method, url, portal, **more):
        response = self.http.request(method, url, allow_redirects=False, **more)
        while response.is_redirect:
            url = urllib.parse.urljoin(response.url, response.headers["Location"])
            if url.startswith(portal):
                return url
            response = self.http.get(url, allow_redirects=False)
        return response

    def log_in(self, url, portal):
        page = self.go("GET", url, portal)
        for _ in range(6):
            if isinstance(page, str):
                return page
            assert page.status_code == 200, page.text
            _, fields = Forms(page.text).forms[0]
            step = urllib.parse.urlparse(page.url).path.rsplit("/", 1)[1]
            if step == "choose":
                fields["idp"] = self.account["idp"]
            elif step == "password":
                fields.update(username=self.account["username"], password=self.account["password"])
            elif step == "totp":
                fields["code"] = totp(self.account)
            page = self.go("POST", page.url, portal, data=fields)
        raise AssertionError("the login does not end")


def session(demo, portal):
    client_id, method, scope = PORTALS[portal]
    return OAuth2Session(
        client_id,
        demo.secret(client_id),
        scope=scope,
        redirect_uri=demo.url(portal) + "/callback",
        token_endpoint_auth_method=method,
        code_challenge_method="S256",
    )


def log_in(demo, portal, citizen, **parameters):
    """Logs in and returns metadata, client, tokens and the validated claims of the ID token."""
    metadata = requests.get(demo.url("broker") + "/.well-known/openid-configuration").json()
    client = session(demo, portal)
    verifier = "v" * 43
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-1", **parameters
    )
    answer = citizen.log_in(url, demo.url(portal))
    query = urllib.parse.parse_qs(urllib.parse.urlparse(answer).query)
    assert query["iss"] == [metadata["issuer"]]
    tokens = client.fetch_token(
        metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
    )
    keys = JsonWebKey.import_key_set(requests.get(metadata["jwks_uri"]).json())
    claims = JsonWebToken(metadata["id_token_signing_alg_values_supported"]).decode(
        tokens["id_token"],
        key=keys,
        claims_cls=CodeIDToken,
        claims_options={
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": client.client_id},
            "acr": {"essential": True},
            "auth_time": {"essential": True},
        },
        claims_params={"nonce": "n-1", "client_id": client.client_id, "access_token": tokens["access_token"]},
    )
    claims.validate()
    return metadata, client, tokens, claims


def test_authlib_logs_in_at_two_levels_and_logs_out(demo):
    citizen = Citizen(demo, demo.citizen("national", 1))
    metadata, client, tokens, first = log_in(demo, "portal1", citizen)
    assert first["acr"] == "urn:nixa:loa:1"
    userinfo = client.get(metadata["userinfo_endpoint"]).json()
    assert userinfo["sub"] == first["sub"]
    assert userinfo["name"] == citizen.account["name"]
    assert "personal_number" not in userinfo

    metadata, client, tokens, second = log_in(demo, "portal2", citizen)
    assert second["acr"] == "urn:nixa:loa:2"
    assert second["sid"] == first["sid"]
    assert client.get(metadata["userinfo_endpoint"]).json()["personal_number"] == citizen.account["personal_number"]

    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": demo.url("portal2") + "/logged-out"}
    end = citizen.go("GET", metadata["end_session_endpoint"] + "?" + urllib.parse.urlencode(query), demo.url("portal2"))
    assert "Chỉ " in end.text, "two services are open: the person chooses"
    _, fields = Forms(end.text).forms[0]
    end = citizen.go("POST", end.url, demo.url("portal2"), data={**fields, "answer": "yes"})
    assert end == demo.url("portal2") + "/logged-out"
    url, _ = session(demo, "portal1").create_authorization_url(
        metadata["authorization_endpoint"], code_verifier="v" * 43, prompt="none"
    )
    assert "error=login_required" in citizen.go("GET", url, demo.url("portal1"))
    assert client.get(metadata["userinfo_endpoint"]).status_code == 401, "the session's tokens end with it"


def test_authlib_is_refused_with_a_wrong_verifier(demo):
    citizen = Citizen(demo, demo.citizen("national", 1))
    metadata = requests.get(demo.url("broker") + "/.well-known/openid-configuration").json()
    client = session(demo, "portal1")
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier="v" * 43)
    answer = citizen.log_in(url, demo.url("portal1"))
    with pytest.raises(OAuthError) as refused:
        client.fetch_token(
            metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier="w" * 43
        )
    assert refused.value.error == "invalid_grant"


def test_the_level_can_be_asked_for(demo):
    citizen = Citizen(demo, demo.citizen("partner", 1))
    *_, claims = log_in(demo, "portal1", citizen, acr_values="urn:nixa:loa:2")
    assert claims["acr"] == "urn:nixa:loa:2"
    assert set(claims["amr"]) == {"pwd", "otp", "mfa"}
