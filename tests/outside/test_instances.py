"""Two instances of each server are one server: whichever answers a request, the answer is the same."""

import concurrent.futures
import threading
import time

import pytest
import requests
from authlib.jose import JsonWebKey, JsonWebToken
from conftest import totp
from deployment import Deployment, Instance, master_key, settings, wait_for
from portal import claims_of

LOCKED = "Đã nhập sai quá nhiều lần"
WRONG = "Tên đăng nhập hoặc mật khẩu không đúng"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    deployment = Deployment(tmp_path_factory.mktemp("instances"))
    yield deployment
    deployment.close()


def at_once(*calls):
    """Runs calls in threads that begin at the same moment."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def jwks(instance):
    return instance.get("/jwks").json()


def kids(instance):
    return {key["kid"] for key in jwks(instance)["keys"]}


def algorithms(instance):
    return {key["alg"] for key in jwks(instance)["keys"]}


def verified(id_token, keys):
    """The claims of a token by an independent library, which looks at the signature only."""
    return dict(JsonWebToken(["RS256", "ES256"]).decode(id_token, key=JsonWebKey.import_key_set(keys)))


def test_a_login_begun_at_one_instance_ends_at_the_other(servers):
    before, idp_before = len(servers.front.log), len(servers.idp_front.log)
    citizen = servers.citizen(0)
    # Level 2, so that both factors are shown, each at whichever identity provider is next.
    tokens = citizen.log_in(acr_values="urn:nixa:loa:2")
    assert claims_of(tokens["id_token"])["acr"] == "urn:nixa:loa:2"
    assert servers.front.served(before) == {0, 1}
    assert servers.idp_front.served(idp_before) == {0, 1}
    for proxy, since in ((servers.front, before), (servers.idp_front, idp_before)):
        pages = [index for index, _, path, _ in proxy.log[since:] if path.startswith("/login/")]
        assert set(pages) == {0, 1}, "the pages of one login came from both"
        assert all(status < 400 for *_, status in proxy.log[since:])
    for broker in servers.brokers:
        assert servers.userinfo(tokens["access_token"], broker).json()["name"] == citizen.account["name"]
    # The successor of a refresh token from one instance works at the other.
    for broker in (*servers.brokers, *servers.brokers):
        answer = servers.refresh(tokens["refresh_token"], broker)
        assert answer.status_code == 200, answer.text
        tokens = {**tokens, **answer.json()}


def test_a_one_time_code_that_one_instance_took_is_refused_by_the_other(servers):
    shown = servers.citizen(1)
    with servers.idp_front.pinned(0):
        page = shown.until("totp", acr_values="urn:nixa:loa:2")
        code = totp(shown.account)
        assert shown.finish(shown.answer(page, code=code)).code
    again = servers.citizen(1)
    with servers.idp_front.pinned(1):
        page = again.until("totp", acr_values="urn:nixa:loa:2")
        page = again.answer(page, code=code)
    assert page.status_code == 200 and page.url.endswith("/totp")


def test_the_session_holds_at_both_and_a_logout_at_one_ends_it_at_both(servers):
    citizen = servers.citizen(0)
    with servers.front.pinned(0):
        # Without `offline_access`, which outlives the session on purpose.
        tokens = citizen.log_in(scope="openid profile")
    for n, broker in enumerate(servers.brokers):
        with servers.front.pinned(n):
            assert "code" in citizen.silent(), broker.name
        home = broker.get("/", cookies=citizen.http.cookies)
        assert citizen.account["name"] in home.text
        assert servers.userinfo(tokens["access_token"], broker).status_code == 200
    # The identity provider's session holds at both too: for level 2 only the missing factor is asked for.
    for n in (0, 1):
        with servers.idp_front.pinned(n):
            page = citizen.begin(acr_values="urn:nixa:loa:2")
        assert page.url.startswith(servers.idp_front.url) and page.url.endswith("/totp")

    with servers.front.pinned(1):
        assert citizen.log_out().status_code == 200
    for n, broker in enumerate(servers.brokers):
        with servers.front.pinned(n):
            assert citizen.silent()["error"] == "login_required", broker.name
        assert citizen.account["name"] not in broker.get("/", cookies=citizen.http.cookies).text
        assert servers.userinfo(tokens["access_token"], broker).status_code == 401, "its tokens end with it"


def test_keys_that_are_rotated_once_are_published_by_all_and_old_tokens_still_verify(servers):
    citizen = servers.citizen(2)
    tokens = citizen.log_in()
    before = {instance.name: kids(instance) for instance in servers.instances}
    assert len(before["broker1"]) == len(algorithms(servers.brokers[0])) >= 2
    assert before["broker1"] == before["broker2"] and before["idp1"] == before["idp2"]
    assert before["broker1"].isdisjoint(before["idp1"])
    for first in (servers.brokers[0], servers.idps[1]):
        told = first.nixa("keys", "rotate")
        assert told.returncode == 0, told.stderr
        both = servers.brokers if first in servers.brokers else servers.idps
        grown = lambda: all(len(kids(instance)) == 2 * len(before[instance.name]) for instance in both)
        wait_for("the next keys are published", grown, 8)
        assert kids(both[0]) == kids(both[1]) > before[first.name]
        for new in kids(first) - before[first.name]:
            assert any(new in line and " next" in line for line in told.stdout.splitlines()), told.stdout
    for broker in servers.brokers:
        assert verified(tokens["id_token"], jwks(broker)) == claims_of(tokens["id_token"])
        assert servers.userinfo(tokens["access_token"], broker).status_code == 200
    # The next keys do not sign yet, and a token signed before is still known as a hint.
    signed_now = servers.citizen(2).log_in()
    assert verified(signed_now["id_token"], jwks(servers.brokers[1]))
    answer = citizen.begin(prompt="none", id_token_hint=tokens["id_token"])
    assert "code" in answer, answer


def redeemed_at_both(servers, citizen):
    """A code, and the two answers to its redemption at both brokers at the same moment."""
    code = citizen.code()
    answers = at_once(*[lambda at=broker: servers.redeem(code, at) for broker in servers.brokers])
    lost = [a for a in answers if a.status_code != 200]
    assert [(a.status_code, a.json()["error"]) for a in lost] == [(400, "invalid_grant")] * len(lost)
    return code, [a.json() for a in answers if a.status_code == 200]


def test_of_two_redemptions_at_the_same_moment_exactly_one_is_answered(servers):
    citizen = servers.citizen(0)
    citizen.log_in()
    for _ in range(10):
        code, won = redeemed_at_both(servers, citizen)
        assert len(won) == 1
        for broker in servers.brokers:
            assert servers.userinfo(won[0]["access_token"], broker).status_code == 200
    # A code that comes again later has leaked (RFC 6749 §4.1.2): what it gave is taken back, at both.
    time.sleep(2.5)
    assert servers.redeem(code, servers.brokers[0]).status_code == 400
    for broker in servers.brokers:
        assert servers.userinfo(won[0]["access_token"], broker).status_code == 401
        assert servers.refresh(won[0]["refresh_token"], broker).status_code == 400


def test_a_refresh_token_that_is_used_at_both_at_the_same_moment_gives_one_pair(servers):
    for _ in range(5):
        tokens = servers.citizen(0).log_in()
        uses = [lambda at=broker: servers.refresh(tokens["refresh_token"], at) for broker in servers.brokers]
        answers = at_once(*uses)
        assert [a.status_code for a in answers] == [200, 200], [a.text for a in answers]
        assert answers[0].json() == answers[1].json(), "the same answer, as if the first had been lost"
        assert servers.userinfo(answers[0].json()["access_token"]).status_code == 200
    time.sleep(10.5)
    assert servers.refresh(tokens["refresh_token"]).status_code == 400, "later it is a reuse"
    assert servers.userinfo(answers[0].json()["access_token"]).status_code == 401


def test_wrong_passwords_are_counted_across_instances(servers):
    citizen = servers.citizen(3)
    page = citizen.until("password")
    before = len(servers.idp_front.log)
    for n in range(5):
        with servers.idp_front.pinned(n % 2):
            page = citizen.answer(page, password=f"wrong-{n}")
        assert page.status_code == 200 and page.url.endswith("/password")
        assert WRONG in page.text
    tries = [index for index, method, path, _ in servers.idp_front.log[before:] if method == "POST"]
    assert tries == [0, 1, 0, 1, 0]
    # Locked at both, also for the right password, and in another browser.
    for n, someone in ((1, citizen), (0, citizen), (1, servers.citizen(3))):
        with servers.idp_front.pinned(n):
            page = someone.answer(someone.until("password"))
        assert page.status_code == 200 and page.url.endswith("/password")
        assert LOCKED in page.text, f"at {n}"
    # Nobody else is.
    assert servers.citizen(2).log_in()


def test_a_signal_that_is_raised_once_is_followed_by_all(servers):
    def needs_level_2():
        someone = servers.citizen(2)
        page = someone.answer(someone.until("password"))
        return isinstance(page, requests.Response) and page.url.endswith("/totp")

    def followed(wanted):
        for n, broker in enumerate(servers.brokers):
            with servers.front.pinned(n):
                wait_for(f"{broker.name} follows", lambda: needs_level_2() is wanted, 8)

    assert servers.brokers[0].nixa("risk", command=("raise", "new-device")).returncode == 0
    try:
        followed(True)
    finally:
        assert servers.brokers[1].nixa("risk", command=("clear", "new-device")).returncode == 0
    followed(False)


@pytest.mark.parametrize("kind", ["broker", "idp"])
def test_two_instances_that_start_at_once_on_an_empty_database_both_come_up(servers, tmp_path, kind):
    for turn in range(8):
        key = master_key()
        name = f"empty_{kind}_{turn}"
        servers.postgres.database(name)
        text = servers.broker_text() if kind == "broker" else servers.idp_text()
        pair = [Instance(kind, f"{name}_{n}", tmp_path, key) for n in (1, 2)]
        for instance in pair:
            store = servers.store(name, name.replace("_", "-"))
            instance.config.write_text(settings(text, servers.front.url, instance.port, instance.name, store), "utf-8")
        try:
            for instance in pair:
                instance.start()
            for instance in pair:
                instance.wait()
            assert jwks(pair[0]) == jwks(pair[1])
            assert len(kids(pair[0])) == len(algorithms(pair[0])) >= 2, "one first key of each algorithm"
            if kind == "broker":
                clients = {instance.nixa("keys", "client").stdout for instance in pair}
                assert len(clients) == 1 and "P-256" in clients.pop()
            for instance in pair:
                told = instance.nixa("migrate", "check")
                assert told.returncode == 0, told.stdout + told.stderr
                assert "error" not in instance.log().lower(), instance.log()
            assert pair[1].nixa("audit", "verify").returncode == 0
        finally:
            for instance in pair:
                instance.close()


def test_the_trail_of_both_is_whole(servers):
    servers.verify_audit()
    for instance in servers.instances:
        assert instance.process.lives()
        assert "panicked" not in instance.log()
