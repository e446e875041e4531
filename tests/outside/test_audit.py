"""The audit trail from outside: real time stamps, verification, export, erasure."""

import http.server
import json
import os
import sqlite3
import subprocess
import threading
import time

import pytest
import requests
from conftest import BINARY, free_base_port, log_in

TSA = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamping]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = authority
[authority]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""


def openssl(folder, arguments):
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A time-stamping authority: OpenSSL's, behind HTTP (RFC 3161 §3.4)."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "config").write_text(TSA)
    (folder / "serial").write_text("01")
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config config"
    openssl(folder, f"req -x509 {curve} -extensions ca -subj /CN=ca -keyout ca.key -out ca.pem")
    openssl(folder, f"req -new {curve} -subj /CN=tsa -keyout tsa.key -out tsa.csr")
    openssl(folder, "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -extfile config -extensions stamping -out tsa.pem")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/timestamp-query"
            (folder / "query").write_bytes(body)
            openssl(folder, "ts -reply -config config -queryfile query -signer tsa.pem -inkey tsa.key -chain ca.pem -out reply")
            answer = (folder / "reply").read_bytes()
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder / "ca.pem"
    server.shutdown()


def audit(*arguments):
    return subprocess.run([BINARY, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_checkpoints_are_time_stamped_by_a_real_authority(authority, tmp_path, demo):
    url, trust = authority
    port = free_base_port()
    config = tmp_path / "broker.toml"
    text = (demo.folder / "broker.toml").read_text(encoding="utf-8")
    text = text.replace(f":{demo.base}\"", f":{port}\"")
    text = text.replace("[[broker.identity_provider]]", f"""[server.audit]
checkpoint_seconds = 1
[server.audit.timestamp]
url = "{url}"
trust = "{trust}"

[[broker.identity_provider]]""", 1)
    config.write_text(text, encoding="utf-8")
    with open(tmp_path / "log", "w") as log:
        broker = subprocess.Popen([BINARY, "broker", "--config", config], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 20
        while "time-stamped" not in (said := audit("verify", "--config", config).stdout) or ", 0 of these" in said:
            assert time.monotonic() < end, (said, (tmp_path / "log").read_text())
            time.sleep(0.5)
    finally:
        broker.terminate()
        broker.wait(10)
    sound = audit("verify", "--config", config)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    # A token of another checkpoint does not count.
    with sqlite3.connect(tmp_path / "broker" / "durable.db") as database:
        stolen = database.execute("SELECT token FROM audit_checkpoints WHERE token IS NOT NULL").fetchone()[0]
        jws = database.execute("SELECT jws FROM audit_checkpoints ORDER BY n DESC").fetchone()[0]
        database.execute("INSERT INTO audit_checkpoints VALUES (99, ?, ?)", (jws, stolen[:-8] + "AAAAAAAA"))
    bad = audit("verify", "--config", config)
    assert bad.returncode == 1 and "checkpoint 99 has no time stamp that shows" in bad.stdout, bad.stdout


def test_the_trail_of_logins_is_verified_exported_and_personal_data_erased(demo, page, tmp_path):
    citizen = demo.citizen("national", 3)
    log_in(page, demo, "portal2", citizen, with_totp=True)
    config = demo.folder / "broker.toml"
    kept = tmp_path / "kept.jws"
    kept.write_text(audit("checkpoint", "--config", config).stdout)
    assert kept.read_text().count(".") == 2
    sound = audit("verify", "--config", config, "--checkpoint", kept)
    assert sound.returncode == 0 and "confirmed by" in sound.stdout, sound.stdout + sound.stderr

    state = tmp_path / "state.json"
    first = audit("export", "--config", config, "--state", state)
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert len(events) > 5
    for event in events:
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["metadata"]["product"]["vendor_name"] == "NIXA" and event["time"] > 1_700_000_000_000
    assert {3002} <= {event["class_uid"] for event in events}
    assert audit("export", "--config", config, "--state", state).stdout == "", "it goes on where it was"
    requests.get(demo.url("portal2"), timeout=5)
    log_in(page.context.browser.new_context(java_script_enabled=False).new_page(), demo, "portal1", citizen)
    second = audit("export", "--config", config, "--state", state).stdout.splitlines()
    uids = [json.loads(line)["metadata"]["uid"] for line in second]
    assert uids and not set(uids) & {event["metadata"]["uid"] for event in events}
    for value in (citizen["name"], citizen["personal_number"], citizen["username"]):
        assert value not in first.stdout

    login = [event for event in events if event["activity_id"] == 1 and event["class_uid"] == 3002][-1]
    person = login["user"]["uid"]
    erased = audit("forget", "--config", config, person)
    assert erased.stdout == "erased\n", erased.stderr
    assert audit("verify", "--config", config).returncode == 0, "the chain holds"
    assert "nothing was kept" in audit("forget", "--config", config, person).stdout


def test_what_cannot_be_read_is_said(demo, tmp_path):
    config = demo.folder / "broker.toml"
    (tmp_path / "no.jws").write_text("a.b.c")
    foreign = audit("verify", "--config", config, "--checkpoint", tmp_path / "no.jws")
    assert foreign.returncode == 1 and "is not a checkpoint that this trail's key has signed" in foreign.stderr
    (tmp_path / "state").write_text("[]")
    state = audit("export", "--config", config, "--state", tmp_path / "state")
    assert state.returncode == 1 and "is not the state of an export" in state.stderr
    assert os.path.getsize(tmp_path / "state") == 2, "it is left as it was"
