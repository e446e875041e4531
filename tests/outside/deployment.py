"""Two brokers and two identity providers behind a reverse proxy each, on PostgreSQL and Redis, on loopback.

Every child dies with the thread that started it: start and restart from the test's own thread.
"""

import contextlib
import http.client
import http.server
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import requests
from conftest import BINARY, free_base_port
from portal import PORTAL, Citizen, direct

ACCOUNT = "postgres"
ROOT = os.geteuid() == 0
# What a server has to itself, whatever the environment's proxy is.
DIRECT = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(what, condition, seconds=15.0):
    """Waits until something is true and returns how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Process:
    """A child that the kernel kills when the test ends, however it ends."""

    def __init__(self, command, log, user=None, env=None, **more):
        prefix = ["setpriv", "--pdeathsig", "KILL"]
        if user and ROOT:
            prefix += [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        command = [*prefix, *map(str, command)]
        more = {"stdout": log, "stderr": log, **more}
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env, **more)
        self.id = self.child.pid

    def send(self, number):
        self.child.send_signal(number)

    def end(self, number=signal.SIGKILL):
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait(timeout=30)

    def lives(self):
        return self.child.poll() is None


class Postgres:
    """A PostgreSQL server of Debian's packages with its data in a temporary folder."""

    PREFIX = "nixa-outside-postgres-"

    def __init__(self):
        bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        assert bins, "PostgreSQL is not installed (Debian: postgresql)"
        self.bin = bins[-1].parent
        # Not in pytest's folder, which PostgreSQL's own account could not enter.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=self.PREFIX))
        (self.folder / "owner.pid").write_text(str(os.getpid()))
        self.remove_leftovers()
        self.log = open(self.folder / "log", "ab")
        if ROOT:
            shutil.chown(self.folder, ACCOUNT)
        initdb = [self.bin / "initdb", "-A", "trust", "-U", ACCOUNT, "-E", "UTF8", "--locale=C", "-N"]
        made = Process([*initdb, "-D", self.folder / "data"], self.log, ACCOUNT)
        assert made.child.wait(timeout=60) == 0
        self.port = free_port()
        self.process = None
        self.start()

    def remove_leftovers(self):
        """The folders of tests that were killed."""
        for owner in pathlib.Path(tempfile.gettempdir()).glob(f"{self.PREFIX}*/owner.pid"):
            if not pathlib.Path("/proc", owner.read_text()).exists():
                shutil.rmtree(owner.parent, ignore_errors=True)

    def start(self):
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "fsync=off"]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [self.bin / "postgres", "-D", self.folder / "data", "-p", self.port, *options]
        self.process = Process(command, self.log, ACCOUNT)
        wait_for("PostgreSQL answers", lambda: self.psql("postgres", "SELECT 1", check=False) == "1", 30)

    def stop(self):
        """At once, as a crash does: all its processes end without a clean shutdown."""
        self.process.end(signal.SIGQUIT)

    def everyone(self):
        children = subprocess.run(["pgrep", "-P", str(self.process.id)], capture_output=True, text=True)
        return [self.process.id, *map(int, children.stdout.split())]

    def pause(self):
        for process in self.everyone():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)

    def resume(self):
        for process in self.everyone():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def psql(self, database, sql, check=True):
        """What a statement prints, a row a line."""
        command = [self.bin / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", ACCOUNT, "-XAtq"]
        done = subprocess.run([*command, "-v", "ON_ERROR_STOP=1", "-c", sql, database], capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip() if done.returncode == 0 else None

    def database(self, name):
        self.psql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name):
        return f"postgres://{ACCOUNT}@127.0.0.1:{self.port}/{name}"

    def close(self):
        if self.process.lives():
            self.resume()
            self.process.end(signal.SIGQUIT)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis:
    """A Redis server that keeps nothing when it stops."""

    def __init__(self, folder):
        self.folder = folder
        self.log = open(folder / "redis.log", "ab")
        self.port = free_port()
        self.process = None
        self.start()

    def start(self):
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = Process([*command, "--dir", self.folder], self.log)
        wait_for("Redis listens", lambda: listens(self.port))

    def stop(self):
        self.process.end(signal.SIGKILL)

    def pause(self):
        self.process.send(signal.SIGSTOP)

    def resume(self):
        self.process.send(signal.SIGCONT)

    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self):
        self.process.end(signal.SIGKILL)
        self.log.close()


class Instance:
    """One process of a broker or an identity provider."""

    def __init__(self, kind, name, folder, master_key, port=None):
        self.kind, self.name, self.folder = kind, name, folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / f"{name}.toml"
        self.log_file = folder / f"{name}.log"
        self.env = {**os.environ, **DIRECT, "RUST_LOG": "info", "NIXA_MASTER_KEY": master_key}
        self.process = None

    def start(self, **more):
        with open(self.log_file, "ab") as log:
            self.process = Process([BINARY, self.kind, "--config", self.config], log, env=self.env, **more)
        return self

    def wait(self):
        """Until it is ready."""
        wait_for(f"{self.name} is ready", lambda: not self.process.lives() or self.ready(), 30)
        assert self.process.lives(), self.log()
        return self

    def get(self, path, **more):
        return direct().get(self.url + path, timeout=15, allow_redirects=False, **more)

    def post(self, path, **more):
        return direct().post(self.url + path, timeout=15, allow_redirects=False, **more)

    def ready(self):
        try:
            return self.get("/readyz").status_code == 200
        except requests.RequestException:
            return False

    def nixa(self, *arguments, command=()):
        """Runs a command with this instance's configuration."""
        run = [BINARY, *arguments, "--config", self.config, *command]
        return subprocess.run(run, capture_output=True, text=True, timeout=60, env=self.env)

    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def close(self):
        if self.process and self.process.lives():
            self.process.end(signal.SIGKILL)


class Proxy:
    """A reverse proxy that sends each request, not each connection, to the next instance.

    It goes on with another instance when one refuses the connection. A request that broke off is not sent again,
    since it may have been acted on: the caller gets 502 and `broken` counts it.
    """

    def __init__(self):
        proxy = self
        self.instances = []
        self.pin = None
        self.log = []
        self.broken = 0
        self.turn = itertools.count()
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def relay(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, answer = proxy.send(self.command, self.path, self.headers, body)
                lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
                lines += [f"{name}: {value}" for name, value in headers]
                lines += [f"content-length: {len(answer)}", "", ""]
                self.wfile.write("\r\n".join(lines).encode("latin-1") + answer)

            do_GET = do_POST = do_OPTIONS = relay

            def log_message(self, *arguments):
                pass

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError):
                    return super().handle_one_request()
                self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def send(self, method, path, headers, body):
        with self.lock:
            first = next(self.turn)
        order = [(first + n) % len(self.instances) for n in range(len(self.instances))]
        hops = ("connection", "keep-alive", "content-length", "transfer-encoding")
        sent = {name: value for name, value in headers.items() if name.lower() not in hops}
        for index in order if self.pin is None else [self.pin]:
            connection = http.client.HTTPConnection("127.0.0.1", self.instances[index].port, timeout=30)
            try:
                connection.connect()
            except ConnectionRefusedError:
                continue
            try:
                connection.request(method, path, body=body or None, headers=sent)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.broken += 1
                return 502, [], b"the instance broke off"
            finally:
                connection.close()
            with self.lock:
                self.log.append((index, method, path.split("?")[0], response.status))
            kept = [(n, v) for n, v in response.getheaders() if n.lower() not in hops]
            return response.status, kept, answer
        return 503, [("x-proxy", "no instance")], b"no instance"

    @contextlib.contextmanager
    def pinned(self, index):
        """Sends every request to one instance."""
        self.pin = index
        try:
            yield
        finally:
            self.pin = None

    def served(self, since=0):
        """Which instances have answered."""
        return {index for index, *_ in self.log[since:]}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def master_key():
    return subprocess.run([BINARY, "keys", "new-master"], capture_output=True, text=True, check=True).stdout.strip()


class Demo:
    """What one start of the demo leaves behind: enrolled citizens, secrets, configuration files."""

    def __init__(self, folder):
        self.folder = folder / "demo"
        self.base = free_base_port()
        with open(folder / "demo.log", "ab") as log:
            command = [BINARY, "demo", "--data-dir", self.folder, "--base-port", self.base]
            process = Process(command, log, env={**os.environ, **DIRECT})
        # It listens before it is built, and answers after.
        up = lambda: not process.lives() or answers(f"http://127.0.0.1:{self.base}/healthz")
        wait_for("the demo serves", up, 60)
        assert process.lives(), (folder / "demo.log").read_text()
        process.end(signal.SIGINT)

    def file(self, name):
        return (self.folder / name).read_text(encoding="utf-8")

    def secret(self, client_id):
        return json.loads(self.file("portal-secrets.json"))[client_id]

    def citizens(self):
        return [c for c in json.loads(self.file("citizens.json")) if c["idp"] == "national"]


def answers(url):
    try:
        return direct().get(url, timeout=5).ok
    except requests.RequestException:
        return False


def settings(text, issuer, port, data_dir, store=None):
    """A configuration file of the demo for another address, folder and store."""
    text = re.sub(r'^issuer = ".*"', f'issuer = "{issuer}"', text, count=1, flags=re.M)
    text = re.sub(r'^listen = ".*"', f'listen = "127.0.0.1:{port}"', text, count=1, flags=re.M)
    lines = [f'data_dir = "{data_dir}"', 'master_key = "env:NIXA_MASTER_KEY"']
    if store:
        lines += ["", "[server.store]", *[f"{key} = {json.dumps(value)}" for key, value in store.items()]]
    return re.sub(r'^data_dir = ".*"', "\n".join(lines), text, count=1, flags=re.M)


class Deployment:
    """The servers, with everything they need."""

    def __init__(self, folder):
        self.folder = folder
        self.closing = contextlib.ExitStack()
        try:
            self._open()
        except BaseException:
            self.closing.close()
            raise

    def _open(self):
        self.demo = Demo(self.folder)
        self.postgres = self._kept(Postgres())
        self.redis = self._kept(Redis(self.folder))
        self.front, self.idp_front = self._kept(Proxy()), self._kept(Proxy())
        self.master = {"broker": self._copy("broker", "broker"), "idp": self._copy("idp", "national")}
        # Of a broker of its own on SQLite, beside the two; the identity providers know it too.
        self.embedded_port = free_port()
        self.brokers = [self._instance("broker", n) for n in (1, 2)]
        self.idps = [self._instance("idp", n) for n in (1, 2)]
        self.front.instances, self.idp_front.instances = self.brokers, self.idps
        self.instances = self.brokers + self.idps
        for instance in self.instances:
            instance.start()
        for instance in self.instances:
            instance.wait()

    def _kept(self, thing):
        self.closing.callback(thing.close)
        return thing

    def _copy(self, role, data):
        """Moves a server of the demo to PostgreSQL and returns its master key."""
        target = self.postgres.database(role)
        source = f"sqlite:{self.demo.folder / data / 'durable.db'}"
        command = [BINARY, "storage", "copy", "--from", source, "--to", target, "--role", role]
        copied = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert copied.returncode == 0, copied.stderr + copied.stdout
        return self.demo.file(f"{data}/keys/master.key").strip()

    def store(self, database, namespace):
        return {
            "durable": self.postgres.url(database),
            "connections": 10,
            "patience_ms": 2000,
            "short_lived": self.redis.url(),
            "namespace": namespace,
        }

    def _instance(self, kind, n):
        instance = self._kept(Instance(kind, f"{kind}{n}", self.folder, self.master[kind]))
        front = self.front if kind == "broker" else self.idp_front
        self.write(instance, front.url, self.store(kind, kind))
        return instance

    def write(self, instance, issuer, store):
        """Writes an instance's configuration file."""
        text = self.broker_text() if instance.kind == "broker" else self.idp_text()
        text = settings(text, issuer, instance.port, instance.name, store)
        instance.config.write_text(text, encoding="utf-8")

    def broker_text(self):
        text = self.demo.file("broker.toml").replace(f"http://localhost:{self.demo.base + 1}", self.idp_front.url)
        text = re.sub(r"^backchannel_logout_uri.*\n", "", text, flags=re.M)
        more = f'client_id = "{PORTAL}"\nask_consent = true'
        text = text.replace(f'client_id = "{PORTAL}"', more)
        scope = 'scope = "openid profile"'
        assert scope in text
        refresh = 'grant_types = ["authorization_code", "refresh_token"]\nscope = "openid profile offline_access"'
        return text.replace(scope, refresh, 1)

    def idp_text(self):
        origins = [self.front.url, f"http://127.0.0.1:{self.embedded_port}"]
        uris = json.dumps([f"{origin}/callback/national" for origin in origins])
        return re.sub(r"^redirect_uris = .*", f"redirect_uris = {uris}", self.demo.file("national.toml"), flags=re.M)

    def callback(self):
        """Where the portal would wait; nobody listens there, the test looks at the redirect."""
        return f"http://localhost:{self.demo.base + 10}/callback"

    def citizen(self, n=0, broker=None):
        return Citizen(self, self.demo.citizens()[n], broker)

    def token(self, at=None, **form):
        """A request to the token endpoint with the portal's credentials."""
        url = (at or self.front).url + "/token"
        return direct().post(url, data=form, auth=(PORTAL, self.demo.secret(PORTAL)), timeout=15)

    def redeem(self, code, at=None):
        form = {"code": code.code, "redirect_uri": self.callback(), "code_verifier": code.verifier}
        return self.token(at, grant_type="authorization_code", **form)

    def refresh(self, refresh_token, at=None):
        return self.token(at, grant_type="refresh_token", refresh_token=refresh_token)

    def userinfo(self, access_token, at=None):
        headers = {"Authorization": f"Bearer {access_token}"}
        return direct().get((at or self.front).url + "/userinfo", headers=headers, timeout=15)

    def verify_audit(self):
        for instance in (self.brokers[0], self.idps[0]):
            told = instance.nixa("audit", "verify")
            assert told.returncode == 0, f"{instance.name}: {told.stdout}{told.stderr}"

    def close(self):
        self.closing.close()
