"""The portal in one file that developers copy, `test-rps/examples/minimal.rs`, in a real browser at the demo's broker."""

import os
import signal
import subprocess
import urllib.parse

import pytest
from conftest import BINARY, choose, password_login, totp
from deployment import DIRECT, Demo, Process, answers, free_port, wait_for
from portal import direct
from tls import LOA, Person


class Portal:
    """What one start of the demo left behind, its broker open to registration, and the portal that registered there."""

    def __init__(self, folder):
        self.folder, self.demo, self.processes = folder, Demo(folder), []
        self.issuer, self.url = f"http://localhost:{self.demo.base}", f"http://localhost:{free_port()}/"
        config = self.demo.folder / "broker.toml"
        # Nobody listens at the demo's own portals now.
        config.write_text(config.read_text(encoding="utf-8") + '\n[server.registration]\nscopes = ["profile"]\n',
                          encoding="utf-8")
        try:
            self._start("idp", BINARY, "idp", "--config", self.demo.folder / "national.toml")
            self._start("broker", BINARY, "broker", "--config", config)
            for port in (self.demo.base + 1, self.demo.base):
                wait_for("the servers are ready", lambda: answers(f"http://localhost:{port}/readyz"), 60)
            self._start("portal", BINARY.parent / "examples/minimal", **self._register(config))
            wait_for("the portal serves", lambda: answers(self.url), 20)
        except BaseException:
            self.close()
            raise

    def _start(self, name, *command, **env):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes.append(Process(command, log, env={**os.environ, **DIRECT, **env}))

    def _register(self, config):
        """RFC 7591, with an initial access token."""
        token = subprocess.run([BINARY, "clients", "token", "--config", config], capture_output=True, text=True,
                               check=True, timeout=30).stdout.strip()
        answer = direct().post(self.issuer + "/register", timeout=10, headers={"Authorization": "Bearer " + token}, json={
            "client_name": "Minimal", "redirect_uris": [self.url + "callback"],
            "post_logout_redirect_uris": [self.url]})
        assert answer.status_code == 201, answer.text
        client = answer.json()
        return {"ISSUER": self.issuer, "PORTAL_URL": self.url, "CLIENT_ID": client["client_id"],
                "CLIENT_SECRET": client["client_secret"]}

    def session(self):
        return direct()

    def citizen(self, n):
        # The same secret in other letters: `totp` counts used codes by it, and this identity provider is not the
        # one at which other tests used them.
        account = self.demo.citizens()[n]
        return {**account, "totp_secret": account["totp_secret"].lower()}

    def close(self):
        for process in reversed(self.processes):
            process.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    portal = Portal(tmp_path_factory.mktemp("minimal"))
    yield portal
    portal.close()


def cookie(page):
    return next(c for c in page.context.cookies() if c["name"] == "id")


def test_it_logs_in_steps_up_and_logs_out(portal, page):
    citizen = portal.citizen(0)
    page.goto(portal.url)
    page.click("a[href='/login/1']")
    assert page.url.startswith(portal.issuer)
    before = cookie(page)
    choose(page, "national")
    password_login(page, citizen)
    assert page.url == portal.url
    assert page.inner_text("#acr") == LOA(1)
    first = cookie(page)
    assert first["value"] != before["value"], "a session id from before the login is worth nothing"
    assert first["httpOnly"] and first["sameSite"] == "Lax"

    page.click("a[href='/login/2']")
    assert page.url.endswith("/totp"), "only the missing factor"
    page.fill("#code", totp(citizen))
    page.click("main form button >> nth=0")
    assert page.url == portal.url
    assert page.inner_text("#acr") == LOA(2)
    assert cookie(page)["value"] != first["value"]

    page.click("form[action='/logout'] button")
    if page.url.startswith(portal.issuer):
        page.click("button[value=yes]")
    assert page.url.rstrip("?") == portal.url
    assert page.locator("a[href='/login/1']").count() == 1
    page.click("a[href='/login/1']")
    assert page.url.endswith("/choose"), "the broker's session has ended too"


def test_it_takes_no_answer_that_was_not_asked_for(portal):
    """A callback is good once, in the browser that began the login, and from the issuer it was sent to."""
    person, stranger = (Person(portal, portal.citizen(n)) for n in (1, 2))
    home = portal.url.rstrip("/")

    def status(whom, url):
        return whom.http.get(url, timeout=10).status_code

    answer, _ = person.go(portal.url + "login/1", home)
    assert status(stranger, answer) == 403, "no login begun"
    stranger.go(portal.url + "login/1", home)
    assert status(stranger, answer) == 403, "another login begun"
    assert status(person, answer) == 200
    assert status(person, answer) == 403, "used"
    assert LOA(1) in person.http.get(portal.url, timeout=10).text, "the login stays"
    assert LOA(1) not in stranger.http.get(portal.url, timeout=10).text

    answer, asked = person.go(portal.url + "login/1", home)
    assert not asked, "single sign-on"
    ours, theirs = (urllib.parse.urlencode({"iss": iss}) for iss in (portal.issuer, "http://evil.example"))
    assert ours in answer and status(person, answer.replace(ours, theirs)) == 403
    assert status(person, answer) == 403, "an answer of another issuer uses the login up"


def test_a_level_that_cannot_be_reached_is_refused(portal, page):
    page.goto(portal.url + "login/3")
    assert page.url.startswith(portal.issuer) and page.url.endswith("/unmet")
    with page.expect_navigation(url=portal.url + "callback?**") as back:
        page.click("main form button >> nth=0")
    assert back.value.status == 403
    page.goto(portal.url)
    assert page.locator("#acr").count() == 0
