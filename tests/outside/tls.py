"""A broker and its identity provider over TLS, with a portal declared for each client library, and a person."""

import base64
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

import pytest
import requests
from conftest import BINARY, totp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from deployment import DIRECT, ROOT, Demo, Process, free_port, wait_for
from portal import Forms, direct

LOA = "urn:nixa:loa:{}".format
# With characters that client_secret_basic and client_secret_post encode differently (RFC 6749 §2.3.1).
SECRET = "a secret: 100% + 1 = &c."
# Of characters that need no encoding: idpyoidc does none for client_secret_basic.
PLAIN_SECRET = "a-secret-of-letters-and-hyphens"


def certificates(folder):
    """Makes `ca.pem` and, signed by it, `cert.pem` with `key.pem` for localhost."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in ("NIXA test CA", "localhost")
    )

    def usage(**given):
        every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
        return x509.KeyUsage(**{one: given.get(one, False) for one in every})

    def certificate(subject, public, serial, *extensions):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(serial).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        for extension, critical in ((identifier, False), (authority, False), *extensions):
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca = certificate(ca_name, ca_key.public_key(), 1, (x509.BasicConstraints(True, 0), True),
                     (usage(key_cert_sign=True), True))
    own = certificate(name, key.public_key(), 2, (x509.BasicConstraints(False, None), True),
                      (usage(digital_signature=True), True),
                      (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False),
                      (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False))
    (folder / "ca.pem").write_bytes(ca)
    (folder / "cert.pem").write_bytes(own)
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def private_jwk(kid):
    """A new ES256 key."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    members = {"x": numbers.public_numbers.x, "y": numbers.public_numbers.y, "d": numbers.private_value}
    coded = {name: base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for name, n in members.items()}
    return {"kty": "EC", "crv": "P-256", "kid": kid, **coded}


class TlsBroker:
    """`nixa broker` and `nixa idp` over TLS, with what one start of the demo left behind. Answers as the demo does
    to those who ask it for addresses, secrets and citizens."""

    # Where each portal would be; Apache's two and the sample portals are served, of the others the test looks at the
    # redirect.
    PORTALS = ("openid-client", "idpyoidc", "apache-1", "apache-2", "portal1", "portal2")

    def __init__(self, folder):
        self.demo = Demo(folder)
        self.folder = self.demo.folder
        certificates(self.folder)
        self.ca = self.folder / "ca.pem"
        self.ports = {name: free_port() for name in ("broker", "national", *self.PORTALS)}
        self.key = private_jwk("portal-1")
        (self.folder / "tls-broker.toml").write_text(self._broker(), encoding="utf-8")
        (self.folder / "tls-idp.toml").write_text(self._idp(), encoding="utf-8")
        # The broker's own requests, to the identity provider and to Apache, trust the roots of the platform.
        self.env = {**os.environ, **DIRECT, "RUST_LOG": "info", "SSL_CERT_FILE": str(self.ca)}
        self.servers = []
        try:
            for kind, name in (("idp", "national"), ("broker", "broker")):
                with open(self.log_file(name), "ab") as log:
                    command = [BINARY, kind, "--config", self.folder / f"tls-{kind}.toml"]
                    self.servers.append(Process(command, log, env=self.env))
            for server, name in zip(self.servers, ("national", "broker")):
                wait_for(f"{name} is ready", lambda: not server.lives() or self._ready(name), 30)
                assert server.lives(), self.log_file(name).read_text()
        except BaseException:
            self.close()
            raise

    def command(self, *arguments):
        """What a command of an operator prints."""
        ran = subprocess.run([BINARY, *arguments, "--config", self.folder / "tls-broker.toml"], env=self.env,
                             capture_output=True, text=True, timeout=30)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def _server(self, text, name):
        """A configuration file of the demo with another address, and TLS."""
        text = re.sub(r'^issuer = ".*"', f'issuer = "{self.url(name)}"', text, count=1, flags=re.M)
        text = re.sub(r'^listen = ".*"', f'listen = "127.0.0.1:{self.ports[name]}"', text, count=1, flags=re.M)
        tls = '\n\n[server.tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n'
        return re.sub(r'^(data_dir = ".*")', lambda found: found[1] + tls, text, count=1, flags=re.M)

    def _idp(self):
        text = self._server(self.demo.file("national.toml"), "national")
        return text.replace(f"http://localhost:{self.demo.base}/", self.url("broker") + "/")

    def _broker(self):
        text = self._server(self.demo.file("broker.toml"), "broker")
        text = text.replace(f"http://localhost:{self.demo.base + 1}", self.url("national"))
        for offset, portal in ((10, "portal1"), (11, "portal2")):
            text = text.replace(f"http://localhost:{self.demo.base + offset}", self.url(portal))
        # Nobody listens at the demo's portals now.
        text = re.sub(r"^backchannel_logout_uri.*\n", "", text, flags=re.M)
        # Clients may register, and what they publish is at this machine, under the test's certificate authority.
        text = text.replace("\n[server.tls]", """
[server.registration]
scopes = ["profile", "email", "phone", "address", "offline_access"]
require_pkce = false

[server.outbound]
networks = ["127.0.0.0/8", "::1/128"]
authorities = "ca.pem"

[server.tls]""", 1)
        public = "\n".join(f'{name} = "{self.key[name]}"' for name in ("kty", "crv", "x", "y", "kid"))
        keys = f"[[broker.portal.client.jwks.keys]]\n{public}\n"
        text += self._portal("openid-client", None, 'token_endpoint_auth_method = "private_key_jwt"',
                             "require_pushed_authorization_requests = true",
                             'id_token_signed_response_alg = "ES256"') + keys
        text += self._portal("idpyoidc", PLAIN_SECRET, 'token_endpoint_auth_method = "client_secret_basic"')
        for name, method in (("apache-1", "client_secret_post"), ("apache-2", "client_secret_basic")):
            logout = f'backchannel_logout_uri = "{self.url(name)}/oidc?logout=backchannel"'
            text += self._portal(name, SECRET, f'token_endpoint_auth_method = "{method}"', logout)
        return text

    def _portal(self, name, secret, *metadata):
        lines = [
            "",
            "[[broker.portal]]",
            f'client_id = "{name}"',
            *([f'client_secret = "{secret}"'] if secret else []),
            f'sector = "{name}"',
            "[broker.portal.client]",
            f'client_name = "Portal {name}"',
            f'"client_name#vi" = "Cổng {name}"',
            f'client_uri = "{self.url(name)}/"',
            f'redirect_uris = ["{self.url(name)}/oidc"]',
            f'post_logout_redirect_uris = ["{self.url(name)}/logged-out.html"]',
            'grant_types = ["authorization_code", "refresh_token"]',
            'scope = "openid profile personal_number offline_access"',
            *metadata,
        ]
        return "\n".join(lines) + "\n"

    def _ready(self, name):
        try:
            return self.get(self.url(name) + "/readyz").ok
        except requests.ConnectionError:
            return False

    def log_file(self, name):
        return self.folder / f"tls-{name}.log"

    def get(self, url, **more):
        return self.session().get(url, timeout=10, **more)

    def session(self):
        """An HTTP client that trusts the CA of the test alone."""
        session = direct()
        session.verify = str(self.ca)
        return session

    def url(self, name):
        return f"https://localhost:{self.ports[name]}"

    def secret(self, client_id):
        return self.demo.secret(client_id)

    def citizen(self, idp, n=0):
        assert idp == "national"
        account = self.demo.citizens()[n]
        # The same secret in other letters: `totp` counts used codes by it, and this identity provider is not the
        # one at which other tests used them.
        return {**account, "totp_secret": account["totp_secret"].lower()}

    def close(self):
        """Ends the servers; their exit codes."""
        return [server.end(signal.SIGTERM) for server in reversed(self.servers)]


@pytest.fixture(scope="module")
def tls_broker(tmp_path_factory):
    broker = TlsBroker(tmp_path_factory.mktemp("tls"))
    yield broker
    assert broker.close() == [0, 0]


class Person:
    """A citizen with a browser that scripts drive; it stops when a redirect leaves for the portal."""

    def __init__(self, broker, account):
        self.account, self.http = account, broker.session()

    def go(self, url, home):
        """Follows a URL through every page until the portal: where the person comes back to, and the pages asked."""
        asked = []
        answer = self._until_page("GET", url, home)
        while not isinstance(answer, str):
            assert answer.status_code == 200 and len(asked) < 6, f"{asked}: {answer.status_code} {answer.text}"
            _, fields = Forms(answer.text).forms[0]
            asked.append(urllib.parse.urlparse(answer.url).path.rsplit("/", 1)[1])
            fields.update(self._fill(asked[-1]))
            answer = self._until_page("POST", answer.url, home, data=fields)
        return answer, asked

    def _fill(self, step):
        match step:
            case "choose":
                return {"idp": self.account["idp"]}
            case "password":
                return {"username": self.account["username"], "password": self.account["password"]}
            case "totp":
                return {"code": totp(self.account)}
            case "confirm":
                return {"answer": "yes"}
        return {}

    def _until_page(self, method, url, home, **more):
        response = self.http.request(method, url, allow_redirects=False, timeout=20, **more)
        while response.is_redirect:
            url = urllib.parse.urljoin(response.url, response.headers["Location"])
            if url.startswith(home + "/"):
                return url
            response = self.http.get(url, allow_redirects=False, timeout=20)
        return response


class OpenidClient:
    """A portal of npm's openid-client in a Node process, `node/portal.js`."""

    FOLDER = pathlib.Path(__file__).parent / "node"

    def __init__(self, broker):
        assert (self.FOLDER / "node_modules/openid-client").is_dir(), "npm ci --prefix tests/outside/node"
        env = {**os.environ, **DIRECT, "NODE_EXTRA_CA_CERTS": str(broker.ca)}
        command = [os.environ.get("NIXA_NODE", "node"), self.FOLDER / "portal.js"]
        # It ends with its standard input.
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, command, **argument):
        """What a command answers, or what it throws."""
        self.child.stdin.write(json.dumps([command, argument]) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        assert line, f"node ended: {self.child.wait(timeout=5)}"
        return json.loads(line)

    def do(self, command, **argument):
        answer = self.ask(command, **argument)
        assert "error" not in answer, f"openid-client, {command}: {answer['error']}\n{answer['text']}\n{answer['cause']}"
        return answer["ok"]

    def close(self):
        self.child.stdin.close()
        self.child.wait(timeout=10)
        self.child.stdout.close()


class Apache:
    """Apache with mod_auth_openidc: two portals at two ports. `/level1` and `/level2` show claims to who is logged in
    at that level."""

    ACCOUNT = "www-data"
    MODULES = "/usr/lib/apache2/modules"
    NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "dir", "include", "mime", "ssl")
    PAGE = "<!doctype html><html lang=en><title>claims</title><dl>{}</dl></html>\n"
    CLAIMS = ("sub", "name", "personal_number", "acr", "amr", "sid", "iss", "aud")

    def __init__(self, broker):
        self.broker = broker
        assert pathlib.Path(self.MODULES, "mod_auth_openidc.so").exists(), "Debian: libapache2-mod-auth-openidc"
        # Not in pytest's folder, which Apache's own account could not enter.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nixa-outside-apache-"))
        rows = "".join(
            f'<dt>{claim}<dd data-claim={claim}><!--#echo encoding="none" var="OIDC_CLAIM_{claim}" --></dd>'
            for claim in self.CLAIMS
        )
        for level in (1, 2):
            (self.folder / f"www/level{level}").mkdir(parents=True)
            (self.folder / f"www/level{level}/index.shtml").write_text(self.PAGE.format(rows))
        (self.folder / "www/logged-out.html").write_text(self.PAGE.format("<dt>logged out"))
        for name in ("ca.pem", "cert.pem", "key.pem"):
            shutil.copy(broker.folder / name, self.folder)
        config = self.folder / "apache.conf"
        config.write_text(self._config())
        if ROOT:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self.ACCOUNT)
        with open(self.folder / "log", "ab") as log:
            # One process, so that none is left when the test is killed.
            command = ["/usr/sbin/apache2", "-X", "-d", self.folder, "-f", config]
            self.process = Process(command, log, self.ACCOUNT, env={**os.environ, **DIRECT})
        try:
            wait_for("Apache serves", lambda: not self.process.lives() or self._serves(), 20)
            assert self.process.lives(), self.log()
        except BaseException:
            self.close()
            raise

    def _serves(self):
        try:
            return all(self.broker.get(self.broker.url(n) + "/logged-out.html").ok for n in ("apache-1", "apache-2"))
        except requests.ConnectionError:
            return False

    def _config(self):
        folder = self.folder
        load = "\n".join(f"LoadModule {name}_module {self.MODULES}/mod_{name}.so" for name in self.NEEDED)
        hosts = self._host("apache-1", "client_secret_post", "") + self._host(
            "apache-2", "client_secret_basic", "OIDCResponseMode form_post")
        return f"""{load}
ServerName localhost
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
LogLevel warn auth_openidc:debug
StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
TypesConfig /dev/null
AddType text/html .html .shtml
AddCharset UTF-8 .shtml
AddOutputFilter INCLUDES .shtml
DirectoryIndex index.shtml
DocumentRoot {folder}/www
{hosts}"""

    def _host(self, name, auth, more):
        broker, own = self.broker.url("broker"), self.broker.url(name)
        locations = "".join(f"""
<Location /level{level}>
AuthType openid-connect
Options +Includes
Require claim {" ".join(f"acr:{LOA(n)}" for n in range(level, 3))}
OIDCPathAuthRequestParams acr_values={LOA(level).replace(":", "%3A")}
OIDCUnAutzAction auth
</Location>""" for level in (1, 2))
        return f"""
Listen 127.0.0.1:{self.broker.ports[name]} https
<VirtualHost 127.0.0.1:{self.broker.ports[name]}>
SSLEngine on
SSLCertificateFile {self.folder}/cert.pem
SSLCertificateKeyFile {self.folder}/key.pem
OIDCProviderMetadataURL {broker}/.well-known/openid-configuration
OIDCCABundlePath {self.folder}/ca.pem
OIDCClientID {name}
OIDCClientSecret "{SECRET}"
OIDCProviderTokenEndpointAuth {auth}
OIDCPKCEMethod S256
OIDCScope "openid profile personal_number offline_access"
OIDCRedirectURI {own}/oidc
OIDCCryptoPassphrase "{SECRET}"
OIDCCookie {name}
OIDCStateCookiePrefix {name}_state_
OIDCInfoHook access_token access_token_expires id_token userinfo refresh_token session
OIDCPassClaimsAs environment
{more}
<Location /oidc>
AuthType openid-connect
Require valid-user
</Location>{locations}
</VirtualHost>
"""

    def log(self):
        files = (self.folder / name for name in ("log", "error.log"))
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def close(self):
        self.process.end(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)


class SamplePortals:
    """Two portals on the `openidconnect` crate, each a process of its own: those that the demo declares."""

    def __init__(self, broker):
        self.broker, self.processes = broker, []
        env = {**os.environ, **DIRECT, "SSL_CERT_FILE": str(broker.ca), "PORTAL_TLS": str(broker.folder)}
        portals = (("portal1", "national", "dich-vu-cong"), ("portal2", "insurance", "bao-hiem-xa-hoi"))
        try:
            for name, kind, client_id in portals:
                command = [BINARY.parent / "examples/portal", kind, broker.url(name), broker.url("broker"), client_id]
                with open(broker.log_file(name), "ab") as log:
                    self.processes.append(
                        Process(command, log, env={**env, "PORTAL_SECRET": broker.secret(client_id)}))
            for name, _, _ in portals:
                wait_for(f"{name} serves", lambda: self._serves(broker.url(name)), 20)
        except BaseException:
            self.close()
            raise

    def _serves(self, url):
        try:
            return self.broker.get(url).status_code < 500
        except requests.ConnectionError:
            return False

    def close(self):
        for process in self.processes:
            process.end(signal.SIGTERM)
