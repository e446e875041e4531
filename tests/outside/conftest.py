"""Starts the demo as a person would and gives tests its addresses, its citizens and a browser."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pyotp
import pytest
import requests
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("NIXA_BIN", ROOT / "target" / "debug" / "nixa"))
SHOTS = pathlib.Path(os.environ["NIXA_SHOTS"]) if "NIXA_SHOTS" in os.environ else None
OFFSETS = {"broker": 0, "national": 1, "partner": 2, "portal1": 10, "portal2": 11, "portal3": 12}


def free_base_port():
    """A port whose five companions are free too."""
    for base in range(21000 + os.getpid() % 20000, 60000, 17):
        held = []
        try:
            for offset in OFFSETS.values():
                held.append(socket.create_server(("127.0.0.1", base + offset)))
            return base
        except OSError:
            continue
        finally:
            for listener in held:
                listener.close()
    raise RuntimeError("no free ports")


class Demo:
    def __init__(self, folder, base=None):
        self.folder = pathlib.Path(folder)
        self.base = base or free_base_port()
        self.process = None

    def start(self, *extra):
        command = [BINARY, "demo", "--data-dir", self.folder, "--base-port", str(self.base), *extra]
        self.log = open(self.folder.parent / f"demo-{self.base}.log", "a", encoding="utf-8")
        env = dict(os.environ, RUST_LOG="info")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=env)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if all(requests.get(self.url(name) + "/healthz", timeout=2).ok for name in OFFSETS):
                    return self
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.05)
        raise RuntimeError(f"the demo does not serve: {self.process.poll()}")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=15)
        self.output = self.process.stdout.read()
        self.log.close()
        return code

    def log_text(self):
        return (self.folder.parent / f"demo-{self.base}.log").read_text(encoding="utf-8")

    def url(self, name):
        return f"http://localhost:{self.base + OFFSETS[name]}"

    def citizens(self):
        return json.loads((self.folder / "citizens.json").read_text(encoding="utf-8"))

    def citizen(self, idp, n=0):
        return [c for c in self.citizens() if c["idp"] == idp][n]

    def secret(self, client_id):
        return json.loads((self.folder / "portal-secrets.json").read_text(encoding="utf-8"))[client_id]


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    demo.start()
    yield demo
    if demo.process.poll() is None:
        demo.stop()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        arguments = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
        arguments += ["--disable-component-update", "--disable-sync"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        path = os.environ.get("NIXA_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@contextlib.contextmanager
def fresh_page(chromium, **options):
    """A page of a browser that has never been here, without JavaScript; console errors fail the test."""
    context = chromium.new_context(java_script_enabled=False, locale="vi-VN", **options)
    page = context.new_page()
    complaints = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and "status of 4" not in m.text else None)
    page.on("response", lambda r: complaints.append(f"{r.status} {r.url.split('?')[0]}") if r.status >= 500 else None)
    yield page
    context.close()
    assert not complaints, complaints


@pytest.fixture
def page(chromium):
    with fresh_page(chromium) as page:
        yield page


_last_step = {}


def totp(citizen):
    """A code that was not used: each works once, and none before the last used one does."""
    generator = pyotp.TOTP(citizen["totp_secret"])
    while True:
        now = int(time.time()) // 30
        step = max(_last_step.get(citizen["totp_secret"], 0) + 1, now - 1)
        if step <= now + 1:
            _last_step[citizen["totp_secret"]] = step
            return generator.at(step * 30)
        time.sleep(1)


def shoot(page, name):
    """Screenshots at phone and desktop width, when asked for."""
    if SHOTS is None:
        return
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width, height in ((360, 740), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=SHOTS / f"{name}-{width}.png", full_page=True)


def password_login(page, citizen):
    page.fill("#username", citizen["username"])
    page.fill("#password", citizen["password"])
    page.click("main form button >> nth=0")


def choose(page, idp):
    page.click(f"button[name=idp][value={idp}]")


def claim(page, name):
    return page.inner_text(f'[data-claim="{name}"]').strip()


def log_in(page, demo, portal, citizen, with_totp=False):
    page.goto(demo.url(portal) + "/login")
    choose(page, citizen["idp"])
    password_login(page, citizen)
    if with_totp:
        page.fill("#code", totp(citizen))
        page.click("main form button >> nth=0")
