"""The demo as a program: start, stop, start again, what it prints and what it keeps to itself."""

import datetime
import os
import pathlib
import socket
import stat
import subprocess
import time

import pytest
import requests
from conftest import BINARY, OFFSETS, Demo, choose, claim, free_base_port, log_in, password_login


def nixa(*arguments, **more):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, **more)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("own") / "data")
    yield demo
    if demo.process and demo.process.poll() is None:
        demo.stop()


def test_a_second_start_keeps_everything_and_reset_starts_anew(own, page):
    own.start()
    citizen = own.citizen("national")
    log_in(page, own, "portal1", citizen)
    sub = claim(page, "sub")
    jwks = requests.get(own.url("broker") + "/jwks").json()
    assert own.stop() == 0, "Ctrl-C stops cleanly"
    for url in [own.url(name) for name in OFFSETS]:
        assert url in own.output
    for account in own.citizens():
        assert account["password"] in own.output and account["totp_secret"] in own.output

    own.start()
    assert requests.get(own.url("broker") + "/jwks").json() == jwks
    page.goto(own.url("portal1") + "/login")
    assert page.url == own.url("portal1") + "/", "the single sign-on session outlives a restart"
    assert claim(page, "sub") == sub
    own.stop()

    own.start("--reset")
    assert requests.get(own.url("broker") + "/jwks").json() != jwks
    page.goto(own.url("portal1") + "/login")
    assert page.url.endswith("/choose")
    own.stop()


def test_citizens_are_listed_for_scripts(demo):
    keys = {"name", "personal_number", "idp", "username", "password", "totp_secret"}
    for citizen in demo.citizens():
        assert set(citizen) == keys
        assert len(citizen["personal_number"]) == 12 and citizen["personal_number"].isdigit()


def test_secrets_and_databases_are_for_their_owner_only(demo):
    for file in demo.folder.rglob("*"):
        mode = stat.S_IMODE(os.stat(file).st_mode)
        assert mode & 0o077 == 0, f"{file.relative_to(demo.folder)} {mode:o}"


def test_a_taken_port_is_named(tmp_path):
    base = free_base_port()
    with socket.create_server(("127.0.0.1", base + 11)):
        result = nixa("demo", "--data-dir", tmp_path / "data", "--base-port", base)
    assert result.returncode == 1
    assert f"port {base + 11}" in result.stderr
    assert not (tmp_path / "data").exists(), "nothing is half-made"


def test_reset_deletes_only_what_the_demo_made(tmp_path):
    (tmp_path / "precious").write_text("x")
    result = nixa("demo", "--data-dir", tmp_path, "--base-port", free_base_port(), "--reset")
    assert result.returncode == 1 and "did not make" in result.stderr or "is not a folder" in result.stderr
    assert (tmp_path / "precious").read_text() == "x"


def test_reset_of_an_empty_folder_is_a_first_start(tmp_path):
    demo = Demo(tmp_path / "data")
    demo.folder.mkdir()
    demo.start("--reset")
    assert demo.stop() == 0


def test_bad_options_say_what_is_wrong(tmp_path):
    for options in (["--base-url", "https://x.example/path"], ["--base-port", "65530"]):
        result = nixa("demo", "--data-dir", tmp_path / "data", *options)
        assert result.returncode == 1 and options[0] in result.stderr, result.stderr


def test_config_check_names_file_key_and_reason(demo, tmp_path):
    good = demo.folder / "broker.toml"
    assert nixa("config", "check", good).returncode == 0
    text = good.read_text(encoding="utf-8")
    bad = tmp_path / "bad.toml"
    bad.write_text(text.replace('minimum_acr = "urn:nixa:loa:2"', 'minimum_acr = "gold"'), encoding="utf-8")
    result = nixa("config", "check", bad)
    assert result.returncode == 1
    assert f"{bad}: broker.portal[1].minimum_acr: is not on the policy's ladder" in result.stderr
    bad.write_text(text.replace("sector = ", "sectr = ", 1), encoding="utf-8")
    assert "broker.portal[0].sectr: unknown field `sectr`" in nixa("config", "check", bad).stderr
    assert "No such file" in nixa("config", "check", tmp_path / "none.toml").stderr


def test_the_log_names_no_person_and_holds_no_secret(demo, page):
    citizen = demo.citizen("national", 1)
    log_in(page, demo, "portal2", citizen, with_totp=True)
    assert claim(page, "name") == citizen["name"]
    log = demo.log_text()
    assert "answered" in log and "/login/{login}/password" in log, "requests are logged by route"
    for value in (*[citizen[k] for k in ("name", "personal_number", "username", "password", "totp_secret")],
                  claim(page, "sub"), claim(page, "sid"), demo.secret("bao-hiem-xa-hoi")):
        assert value not in log
    for name in ("code=", "state=", "id_token", "login_hint"):
        assert name not in log


def test_a_citizen_and_an_auditor_read_the_same_reason(demo, page):
    citizen = demo.citizen("national", 2)
    log_in(page, demo, "portal2", citizen, with_totp=True)
    page.goto(demo.url("broker") + "/?lang=en")
    reason = "Reached urn:nixa:loa:2 by password + totp at national."
    assert reason in page.inner_text("main")
    decision = page.locator("[data-decision]").first.inner_text()
    told = nixa("explain", "--decision", decision, "--config", demo.folder / "broker.toml")
    assert told.returncode == 0, told.stderr
    assert reason in told.stdout and "totp at national" in told.stdout and ": counted" in told.stdout
    assert citizen["name"] not in told.stdout and citizen["personal_number"] not in told.stdout
    unknown = nixa("explain", "--decision", "nothing", "--config", demo.folder / "broker.toml")
    assert unknown.returncode == 1 and "no decision" in unknown.stderr


def test_the_operators_switch_raises_the_level_while_the_broker_runs(demo, page):
    config = str(demo.folder / "broker.toml")

    def risk(*arguments):
        done = nixa("risk", "--config", config, *arguments)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    assert risk("list") == (0, "", "")
    code, _, error = risk("raise", "gold")
    assert code == 1 and "not a risk signal of the policy" in error
    assert risk("raise", "new-device") == (0, "new-device: raised", "")
    try:
        assert risk("raise", "new-device") == (0, "new-device: was raised already", "")
        assert risk("list") == (0, "new-device", "")
        time.sleep(6)
        page.goto(demo.url("portal1") + "/login")
        choose(page, "national")
        password_login(page, demo.citizen("national"))
        assert page.url.endswith("/totp"), "level 2 for a portal that needs level 1"
    finally:
        assert risk("clear", "new-device") == (0, "new-device: cleared", "")
        time.sleep(6)
    assert risk("clear", "new-device") == (0, "new-device: was not raised", "")


def test_health(demo):
    for name in ("broker", "national", "partner"):
        assert requests.get(demo.url(name) + "/healthz").text == "ok"
        assert requests.get(demo.url(name) + "/readyz").text == "ready"


def test_a_broker_over_tls(demo, tmp_path):
    """The same broker by its own command, with a certificate: __Host- cookies, HSTS, HTTPS only."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    port = free_base_port()
    text = (demo.folder / "broker.toml").read_text(encoding="utf-8")
    text = text.replace(f'issuer = "{demo.url("broker")}"\nlisten = "127.0.0.1:{demo.base}"',
                        f'issuer = "https://localhost:{port}"\nlisten = "127.0.0.1:{port}"')
    text = text.replace("[[broker.identity_provider]]",
                        '[server.tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n\n[[broker.identity_provider]]', 1)
    (tmp_path / "broker.toml").write_text(text, encoding="utf-8")
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([BINARY, "broker", "--config", tmp_path / "broker.toml"], stderr=log)
    try:
        session = requests.Session()
        # An environment's own CA bundle would go before the one given here.
        session.trust_env = False
        session.verify = str(tmp_path / "cert.pem")
        deadline = time.monotonic() + 30
        while True:
            try:
                metadata = session.get(f"https://localhost:{port}/.well-known/openid-configuration").json()
                break
            except requests.ConnectionError:
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail((tmp_path / "log").read_text())
                time.sleep(0.05)
        assert metadata["token_endpoint"] == f"https://localhost:{port}/token"
        callback = demo.url("portal1") + "/callback"
        parameters = {"client_id": "dich-vu-cong", "redirect_uri": callback, "response_type": "code",
                      "scope": "openid", "code_challenge": "c" * 43, "code_challenge_method": "S256"}
        response = session.get(f"https://localhost:{port}/authorize", params=parameters, allow_redirects=False)
        assert response.headers["Set-Cookie"].startswith("__Host-nixa_broker=")
        assert "Secure" in response.headers["Set-Cookie"]
        assert "max-age" in response.headers["Strict-Transport-Security"]
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://localhost:{port}/")
    finally:
        server.terminate()
        assert server.wait(timeout=15) == 0


def test_citizens_in_the_readme_are_those_of_the_demo(demo):
    readme = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    for citizen in demo.citizens():
        for key in ("name", "username", "password", "totp_secret"):
            assert citizen[key] in readme, f"{key} of {citizen['name']}"
