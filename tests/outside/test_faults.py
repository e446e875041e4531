"""What happens when a store or an instance goes away, and that everything is there again when it comes back.

No test here restarts a server to mend it, but the one whose subject is a killed instance.
"""

import concurrent.futures
import contextlib
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
import requests
from deployment import Deployment, Instance, settings, wait_for
from portal import Citizen, Forms, Stopped, claims_of

# How long an answer may take while a store is away, and everything to work again after its return, in seconds.
PATIENCE = 5.5
RETURN = 5.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    deployment = Deployment(tmp_path_factory.mktemp("faults"))
    yield deployment
    deployment.close()


@pytest.fixture(autouse=True)
def whole(servers):
    """After each fault: the trail is whole and no server has died."""
    yield
    servers.verify_audit()
    for instance in servers.instances:
        assert instance.process.lives(), instance.log()[-2000:]
        assert "panicked" not in instance.log()


@contextlib.contextmanager
def away(store, how):
    """A store is stopped or paused within the block; afterwards it is back, and `returned` says since when."""

    class Outage:
        returned = None

    outage = Outage()
    store.stop() if how == "stopped" else store.pause()
    try:
        yield outage
    finally:
        store.start() if how == "stopped" else store.resume()
        outage.returned = time.monotonic()


def is_unavailable_page(answer):
    """A page that says so in both languages and when to try again."""
    told = f"{answer.status_code} at {answer.url}: {answer.text[:300]}"
    assert answer.status_code == 503, told
    assert int(answer.headers["Retry-After"]) > 0, told
    assert answer.headers["Content-Type"].startswith("text/html"), told
    assert "Hệ thống đang bận" in answer.text and "Hãy thử lại sau ít phút" in answer.text, told
    assert "The system is busy" in answer.text and "Try again in a few minutes" in answer.text, told


def is_unavailable_json(answer):
    told = f"{answer.status_code} at {answer.url}: {answer.text[:300]}"
    assert answer.status_code == 503, told
    assert answer.json()["error"] == "temporarily_unavailable", told
    assert int(answer.headers["Retry-After"]) > 0, told
    assert "access_token" not in answer.text and "refresh_token" not in answer.text


def is_no_code(answer):
    """Whatever it is, it gives the portal nothing that would not work."""
    if answer.status_code == 503:
        return is_unavailable_page(answer)
    assert answer.status_code == 303, f"{answer.status_code} at {answer.url}: {answer.text[:300]}"
    assert "code=" not in answer.headers["Location"]


def has_status(status):
    def check(answer):
        assert answer.status_code == status, f"{answer.status_code} at {answer.url}: {answer.text[:300]}"

    return check


class Before:
    """What citizens and the portal had before a store went away."""

    def __init__(self, servers, opens=1):
        self.servers = servers
        self.citizen = servers.citizen(0)
        self.tokens = self.citizen.log_in()
        # For the portal to try while the store is away, at each broker; and to leave alone until it is back.
        self.tried_codes = [self.citizen.code() for _ in servers.brokers]
        self.kept_code = self.citizen.code()
        self.tried_refresh = [self.citizen.log_in()["refresh_token"] for _ in servers.brokers]
        self.kept_refresh = self.citizen.log_in()["refresh_token"]
        self.open = servers.citizen(opens)
        self.page = self.open.until("password")

    def post_password(self, idp):
        """The open login's password, sent to one instance, as its form does."""
        _, fields = Forms(self.page.text).forms[0]
        account = self.open.account
        data = {**fields, "username": account["username"], "password": account["password"]}
        path = self.page.url.removeprefix(self.servers.idp_front.url)
        return idp.post(path, data=data, cookies=dict(self.open.http.cookies))

    def attempts(self):
        """Everything that may be asked of every instance meanwhile, with what must come of it."""
        cookies = dict(self.citizen.http.cookies)
        fresh = Citizen(self.servers, self.open.account)
        for n, broker in enumerate(self.servers.brokers):
            yield "readyz", is_503, lambda b=broker: b.get("/readyz")
            yield "healthz", has_status(200), lambda b=broker: b.get("/healthz")
            yield "home", is_unavailable_page, lambda b=broker: b.get("/", cookies=cookies)
            request = self.citizen.request()
            yield "single sign-on", is_unavailable_page, lambda b=broker: b.get(request, cookies=cookies)
            silent = self.citizen.request(prompt="none")
            yield "silent", is_no_code, lambda b=broker: b.get(silent, cookies=cookies)
            yield "a new login", is_no_code, lambda b=broker: b.get(fresh.request())
            code, refresh = self.tried_codes[n], self.tried_refresh[n]
            yield "code", is_unavailable_json, lambda b=broker, c=code: self.servers.redeem(c, b)
            yield "refresh", is_unavailable_json, lambda b=broker, r=refresh: self.servers.refresh(r, b)
            access = self.tokens["access_token"]
            yield "userinfo", is_unavailable_json, lambda b=broker: self.servers.userinfo(access, b)
        for idp in self.servers.idps:
            yield "readyz", is_503, lambda i=idp: i.get("/readyz")
            yield "healthz", has_status(200), lambda i=idp: i.get("/healthz")
            yield "password", is_unavailable_page, lambda i=idp: self.post_password(i)

    def assert_unavailable(self):
        """Asks all of it at once, so that what waits in vain for a store waits side by side."""

        def timed(attempt):
            begun = time.monotonic()
            return attempt(), time.monotonic() - begun

        attempts = list(self.attempts())
        with concurrent.futures.ThreadPoolExecutor(len(attempts)) as pool:
            answers = list(pool.map(timed, [attempt for _, _, attempt in attempts]))
        wrong = []
        for (name, check, _), (answer, seconds) in zip(attempts, answers):
            try:
                check(answer)
                assert seconds < PATIENCE, f"{seconds:.1f} s at {answer.url}"
            except (AssertionError, KeyError, ValueError) as error:
                wrong.append(f"{name}: {error!r}")
        assert not wrong, "\n".join(wrong)

    def assert_nothing_worked_twice(self):
        """A code that was tried meanwhile may be lost, but works at most once; so it is with each of them."""
        for code in self.tried_codes:
            first, second = self.servers.redeem(code), self.servers.redeem(code)
            assert first.status_code in (200, 400) and second.status_code == 400, (first.text, second.text)

    def assert_all_is_there(self):
        """Sessions, open logins, codes and tokens of before."""
        servers = self.servers
        for broker in servers.brokers:
            assert servers.userinfo(self.tokens["access_token"], broker).status_code == 200
            with servers.front.pinned(servers.brokers.index(broker)):
                assert "code" in self.citizen.silent()
        redeemed = servers.redeem(self.kept_code)
        assert redeemed.status_code == 200, redeemed.text
        assert servers.userinfo(redeemed.json()["access_token"]).status_code == 200
        refreshed = servers.refresh(self.kept_refresh)
        assert refreshed.status_code == 200, refreshed.text
        # The page that the citizen has open is sent once more.
        code = self.open.finish(self.open.answer(self.page))
        assert servers.redeem(code).status_code == 200


is_503 = has_status(503)


def works(servers, account, broker=None):
    """Whether somebody can log in and the portal learns who it is."""
    try:
        tokens = Citizen(servers, account, broker).log_in()
    except (Stopped, AssertionError):
        return False
    return servers.userinfo(tokens["access_token"], broker).status_code == 200


def assert_back(servers, outage):
    """Soon after a store's return every instance is ready, and everybody logs in at each of them."""
    account = servers.demo.citizens()[2]
    for instance in servers.instances:
        wait_for(f"{instance.name} is ready", instance.ready, RETURN)
    for n in (0, 1):
        with servers.front.pinned(n), servers.idp_front.pinned(n):
            wait_for(f"logins at {n}", lambda: works(servers, account), RETURN)
    took = time.monotonic() - outage.returned
    assert took < RETURN, f"{took:.1f} s after the return of the store"


def rows(servers):
    """What may never be lost with the short-lived store: a digest of each table."""
    tables = {"broker": ["people", "links", "decisions", "consents", "grants", "refresh_tokens", "secrets"]}
    tables["broker"].append("signing_keys")
    tables["idp"] = ["accounts", "authenticators", "secrets", "signing_keys"]
    sql = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
    return {(d, t): servers.postgres.psql(d, sql.format(t)) for d, names in tables.items() for t in names}


@pytest.mark.parametrize("how", ["stopped", "paused"])
def test_postgresql_goes_away(servers, how):
    before = Before(servers)
    with away(servers.postgres, how) as outage:
        before.assert_unavailable()
    assert_back(servers, outage)
    before.assert_all_is_there()
    before.assert_nothing_worked_twice()
    for refresh in before.tried_refresh:
        assert servers.refresh(refresh).status_code == 200, "a refresh that failed can be tried again"


def test_redis_is_paused(servers):
    before = Before(servers)
    with away(servers.redis, "paused") as outage:
        before.assert_unavailable()
    assert_back(servers, outage)
    before.assert_all_is_there()
    before.assert_nothing_worked_twice()


def test_redis_is_stopped_and_comes_back_empty(servers):
    before = Before(servers)
    kept = rows(servers)
    assert int(kept["broker", "consents"].split("|")[0]) > 0 and int(kept["broker", "decisions"].split("|")[0]) > 0
    # What the portal tries meanwhile with its refresh tokens is the next test's.
    before.tried_refresh = ["not-one", "not-one-either"]
    attempts = before.attempts
    before.attempts = lambda: (a for a in attempts() if a[0] != "refresh")
    with away(servers.redis, "stopped") as outage:
        before.assert_unavailable()
        assert rows(servers) == kept, "nothing is written while it is away"
    assert rows(servers) == kept
    assert_back(servers, outage)

    # Lost: sessions, open logins, codes, access tokens.
    assert before.citizen.silent()["error"] == "login_required"
    assert servers.redeem(before.kept_code).json()["error"] == "invalid_grant"
    assert servers.userinfo(before.tokens["access_token"]).status_code == 401
    page = before.open.answer(before.page)
    assert page.status_code == 404 and 'data-problem="login-unknown"' in page.text
    before.assert_nothing_worked_twice()
    # Nothing else: the refresh token works, and the citizen is known as before and has agreed already.
    refreshed = servers.refresh(before.kept_refresh)
    assert refreshed.status_code == 200, refreshed.text
    assert servers.userinfo(refreshed.json()["access_token"]).status_code == 200
    asked = len(servers.front.log)
    again = before.citizen.log_in()
    assert claims_of(again["id_token"])["sub"] == claims_of(before.tokens["id_token"])["sub"]
    assert not [path for _, _, path, _ in servers.front.log[asked:] if path.endswith("/confirm")]
    assert rows(servers)["broker", "consents"].split("|")[0] == kept["broker", "consents"].split("|")[0]
    assert rows(servers)["broker", "links"] == kept["broker", "links"]
    assert rows(servers)["broker", "secrets"] == kept["broker", "secrets"]


@pytest.mark.parametrize("how", ["stopped", "paused"])
def test_a_refresh_that_failed_for_want_of_redis_can_be_tried_again(servers, how):
    """A portal that was told to try later does so with the token that it has: it must not look like a thief."""
    tokens = servers.citizen(0).log_in()
    with away(servers.redis, how) as outage:
        is_unavailable_json(servers.refresh(tokens["refresh_token"], servers.brokers[0]))
    assert_back(servers, outage)
    again = servers.refresh(tokens["refresh_token"])
    assert again.status_code == 200, again.text


def test_right_passwords_while_postgresql_is_away_lock_nobody_out(servers):
    """A citizen who tries again and again while the accounts cannot be read has given no wrong answer."""
    # Somebody whom no other test needs, should the account be locked afterwards.
    before = Before(servers, opens=3)
    # Four at a time: those whose answer is still being looked for count, so that many at once do not slip under.
    with away(servers.postgres, "stopped") as outage, concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(before.post_password, servers.idps * 5))
    assert_back(servers, outage)
    page = before.open.answer(before.page)
    assert not isinstance(page, requests.Response) or "quá nhiều lần" not in page.text, "the account is locked"
    assert before.open.finish(page)
    for answer in answers:
        is_unavailable_page(answer)


class Stream:
    """Citizens who log in all the time, each in a thread, and a portal that redeems at once."""

    THREADS = 4

    def __init__(self, servers):
        self.servers = servers
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.redeemed, self.codes, self.failures, self.done_at = [], [], [], []
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(self.THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=30)

    def run(self, n):
        while not self.stopping.is_set():
            try:
                self.log_in(self.servers.citizen(n % 3))
            except (Stopped, AssertionError, requests.RequestException) as error:
                with self.lock:
                    self.failures.append(f"{type(error).__name__}: {error}")

    def log_in(self, citizen):
        code = citizen.code()
        answer = self.servers.redeem(code)
        with self.lock:
            self.codes.append((code, [answer.status_code]))
        if answer.status_code != 200:
            # The answer may have been lost on its way: a portal tries once more.
            again = self.servers.redeem(code)
            with self.lock:
                self.codes[-1][1].append(again.status_code)
            raise AssertionError(f"/token: {answer.status_code}, then {again.status_code}")
        with self.lock:
            self.redeemed.append((code, claims_of(answer.json()["id_token"])["sid"]))
            self.done_at.append(time.monotonic())

    def wait_for_more(self, n):
        """Until so many further logins are done."""
        wanted = len(self.redeemed) + n
        wait_for(f"{n} more logins", lambda: len(self.redeemed) >= wanted, 30)


@pytest.mark.parametrize("kind", ["broker", "idp"])
def test_an_instance_is_killed_in_the_middle_of_a_stream_of_logins(servers, kind):
    victim, front = (servers.brokers[0], servers.front) if kind == "broker" else (servers.idps[1], servers.idp_front)
    broken = front.broken
    with Stream(servers) as stream:
        stream.wait_for_more(8)
        victim.process.end(signal.SIGKILL)
        killed_at = time.monotonic()
        stream.wait_for_more(12)
        went_on = min(at for at in stream.done_at if at > killed_at) - killed_at
        served = len(front.log)
        victim.start()
        victim.wait()
        stream.wait_for_more(8)
        assert front.served(served) == {0, 1}, "it has joined again"
    assert went_on < 3, f"the other one goes on: {went_on:.1f} s"
    assert len(stream.failures) <= front.broken - broken, stream.failures
    assert front.broken - broken <= Stream.THREADS, "at most what was in flight"
    # What the portal was told is there, with its record.
    stored = set(servers.postgres.psql("broker", "SELECT sid FROM grants").split())
    recorded = "SELECT g.sid FROM grants g JOIN audit_records a ON a.body::json->>'grant' = g.id"
    recorded = set(servers.postgres.psql("broker", recorded + " WHERE a.kind = 'tokens-issued'").split())
    told = {sid for _, sid in stream.redeemed}
    assert len(told) == len(stream.redeemed) >= 28
    assert told <= stored and told <= recorded
    # No code works twice, whatever became of its first redemption.
    for _, statuses in stream.codes:
        assert statuses.count(200) <= 1
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replayed = list(pool.map(lambda pair: servers.redeem(pair[0]).status_code, stream.codes))
    assert set(replayed) == {400}


@pytest.fixture
def embedded(servers, tmp_path):
    """A broker on SQLite, with the keys of the demo's, known to the same identity providers."""
    broker = Instance("broker", "embedded", tmp_path, servers.master["broker"], servers.embedded_port)
    shutil.copytree(servers.demo.folder / "broker", tmp_path / "embedded")
    text = settings(servers.broker_text(), broker.url, broker.port, "embedded")
    broker.config.write_text(text, encoding="utf-8")
    # Its log is read from a pipe: a file would be under the limit too. The signal that a file-size limit sends is
    # ignored, as Python does itself and hands on here: a full disk has no signal.
    more = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "restore_signals": False}
    broker.start(**more)
    pump = threading.Thread(target=lambda: broker.log_file.write_bytes(broker.process.child.stderr.read()))
    pump.start()
    broker.wait()
    yield broker
    broker.close()
    pump.join(timeout=10)


def limit(process, octets):
    """The largest file that a running process may write."""
    subprocess.run(["prlimit", "--pid", str(process.id), f"--fsize={octets}:"], check=True)


def test_the_disk_is_full(servers, embedded):
    data = embedded.folder / "embedded"
    citizen = Citizen(servers, servers.demo.citizens()[0], embedded)
    tokens = citizen.log_in()
    kept_code = citizen.code()
    open_login = Citizen(servers, servers.demo.citizens()[2], embedded)
    page = open_login.until("choose")
    sizes = lambda: max((data / name).stat().st_size for name in ("durable.db-wal", "short-lived.db-wal"))

    # It fills up in the middle of what is written: some more logins fit, then one does not.
    limit(embedded.process, sizes() + 100_000)
    full = None
    while full is None:
        try:
            Citizen(servers, servers.demo.citizens()[1], embedded).log_in()
        except Stopped as stopped:
            full = stopped.response
        except AssertionError as refused:
            # The token endpoint was the first to meet it.
            assert "temporarily_unavailable" in str(refused)
    is_unavailable_page(full)
    # Then nothing fits any more.
    limit(embedded.process, 0)
    is_unavailable_page(embedded.get(Citizen(servers, citizen.account, embedded).request()))
    is_unavailable_page(embedded.get(citizen.request(), cookies=dict(citizen.http.cookies)))
    path = page.url.removeprefix(embedded.url)
    fields = {**Forms(page.text).forms[0][1], "idp": "national"}
    chosen = embedded.post(path, data=fields, cookies=dict(open_login.http.cookies))
    is_no_code(chosen)
    is_unavailable_json(servers.refresh(tokens["refresh_token"], embedded))
    is_unavailable_json(servers.redeem(kept_code, embedded))
    time.sleep(6)  # The background work meets it too.
    assert embedded.get("/healthz").status_code == 200
    assert embedded.process.lives()

    limit(embedded.process, "unlimited")
    wait_for("logins work again", lambda: works(servers, servers.demo.citizens()[1], embedded), RETURN)
    assert "code" in citizen.silent(), "the session outlives it"
    assert servers.userinfo(tokens["access_token"], embedded).status_code == 200
    refreshed = servers.refresh(tokens["refresh_token"], embedded)
    assert refreshed.status_code == 200, refreshed.text
    assert servers.redeem(open_login.finish(page), embedded).status_code == 200
    told = embedded.nixa("audit", "verify")
    assert told.returncode == 0, told.stdout + told.stderr
    for name in ("durable.db", "short-lived.db"):
        with contextlib.closing(sqlite3.connect(data / name)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert embedded.process.end(signal.SIGTERM) == 0
    assert "panicked" not in embedded.log()
