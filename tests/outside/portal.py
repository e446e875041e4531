"""A citizen with a browser that scripts drive, between a portal, which the test plays itself, and the servers."""

import base64
import hashlib
import html.parser
import json
import re
import secrets
import urllib.parse

import requests
from conftest import totp

PORTAL = "dich-vu-cong"


def direct():
    """A client that uses no proxy of the environment."""
    session = requests.Session()
    session.trust_env = False
    return session


class Forms(html.parser.HTMLParser):
    """The forms of a page with their hidden fields."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append((attrs.get("action"), {}))
        elif tag == "input" and attrs.get("type") == "hidden" and self.forms:
            self.forms[-1][1][attrs["name"]] = attrs["value"]


class Code:
    """A code that came back to the portal, with the verifier that redeems it."""

    def __init__(self, code, verifier):
        self.code, self.verifier = code, verifier


class Stopped(Exception):
    """A login that came to an answer which is neither a page of a login nor the portal."""

    def __init__(self, response):
        self.response = response
        problem = re.search(r'data-problem="([^"]+)"', response.text)
        path = urllib.parse.urlparse(response.url).path
        super().__init__(f"{response.status_code} at {path}: {problem.group(1) if problem else response.text[:200]}")


class Citizen:
    """A person with a browser that scripts drive, on the way from the portal and back to it."""

    def __init__(self, deployment, account, broker=None):
        self.deployment, self.account = deployment, account
        self.broker = broker or deployment.front
        self.http = direct()
        self.verifier = secrets.token_urlsafe(32)
        self.id_token = None

    def go(self, method, url, **more):
        """Follows redirects until a page, or until the portal: then its parameters."""
        response = self.http.request(method, url, allow_redirects=False, timeout=20, **more)
        while response.is_redirect:
            url = urllib.parse.urljoin(response.url, response.headers["Location"])
            if url.startswith(self.deployment.callback()):
                return dict(urllib.parse.parse_qsl(urllib.parse.urlparse(url).query))
            response = self.http.get(url, allow_redirects=False, timeout=20)
        return response

    def request(self, **more):
        """The URL of an authorization request, without the broker's address."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "client_id": PORTAL,
            "redirect_uri": self.deployment.callback(),
            "response_type": "code",
            "scope": "openid profile offline_access",
            "state": "s",
            "nonce": "n",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return "/authorize?" + urllib.parse.urlencode({**parameters, **more})

    def begin(self, **more):
        """Asks the broker to log in: a page, or the portal's parameters."""
        return self.go("GET", self.broker.url + self.request(**more))

    def answer(self, page, **more):
        """Sends the first form of a page with what this citizen fills in."""
        _, fields = Forms(page.text).forms[0]
        step = urllib.parse.urlparse(page.url).path.rsplit("/", 1)[1]
        if step == "choose":
            fields["idp"] = self.account["idp"]
        elif step == "password":
            fields.update(username=self.account["username"], password=self.account["password"])
        elif step == "totp":
            fields["code"] = totp(self.account)
        elif step == "confirm":
            fields["answer"] = "yes"
        return self.go("POST", page.url, data={**fields, **more})

    def until(self, step, **more):
        """Begins a login and stops at a page of it."""
        return self.on_to(step, self.begin(**more))

    def on_to(self, step, page):
        for _ in range(12):
            if not isinstance(page, requests.Response) or page.status_code != 200:
                break
            if urllib.parse.urlparse(page.url).path.endswith(f"/{step}"):
                return page
            page = self.answer(page)
        raise Stopped(page) if isinstance(page, requests.Response) else AssertionError(f"the portal: {page}")

    def finish(self, page):
        """Goes through a login from a page of it to its code."""
        for _ in range(12):
            if not isinstance(page, requests.Response):
                assert "code" in page, page
                return Code(page["code"], self.verifier)
            if page.status_code != 200:
                raise Stopped(page)
            page = self.answer(page)
        raise Stopped(page)

    def code(self, **more):
        """Logs in, asked for as little as the session allows, and returns the code."""
        return self.finish(self.begin(**more))

    def log_in(self, **more):
        """Logs in and redeems the code; the tokens."""
        answer = self.deployment.redeem(self.code(**more), self.broker)
        assert answer.status_code == 200, answer.text
        self.id_token = answer.json()["id_token"]
        return answer.json()

    def silent(self):
        """What the portal learns without a page (`prompt=none`)."""
        answer = self.begin(prompt="none")
        if isinstance(answer, requests.Response):
            raise Stopped(answer)
        return answer

    def log_out(self):
        return self.go("GET", self.broker.url + "/logout?" + urllib.parse.urlencode({"id_token_hint": self.id_token}))


def claims_of(id_token):
    """What a token says, not verified."""
    part = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
