"""xmpp.js (@xmpp/client): log-in in one go (SASL2, Bind 2), back by a token (FAST) or to its session.

It comes from the registry of npm, as package-lock.json names and seals it, into a folder outside of the
source: $XDG_CACHE_HOME/prosody-c-peers."""
import hashlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

from client import DEADLINE
from flow import HOST, PASSWORD, Skip, rows
from peer import program, run, scripted, shipped

SERVER = shipped()
HERE = pathlib.Path(__file__).resolve().parent / "xmppjs"
SASL2 = "urn:xmpp:sasl:2"


def modules():
    """The folder of the modules, installed where they are not yet."""
    npm, lock = program("npm"), (HERE / "package-lock.json").read_bytes()
    version = run(program("node"), "--version")[1].strip()
    if tuple(int(n) for n in version.lstrip("v").split(".")[:2]) < (20, 10):
        raise Skip(f"node {version} is older than @xmpp/client wants it")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prosody-c-peers"
    folder = cache / f"xmppjs-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as made:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, made)
            status, text = run(npm, "ci", "--prefix", made, "--ignore-scripts", "--no-audit", "--no-fund",
                               "--fetch-retries=1", "--fetch-timeout=10000", timeout=60)
            if status != 0:
                why = [line for line in text.splitlines() if " code " in line] or text.splitlines()
                raise Skip(f"npm did not get @xmpp/client: {why[0] if why else status}")
            os.rename(pathlib.Path(made), folder)
            os.mkdir(made)  # what is removed at the end
    return folder / "node_modules"


class Person:
    """client.mjs: orders go in, events come out."""

    def __init__(self, server, user, password=PASSWORD, direct=False):
        node, entry = program("node"), modules() / "@xmpp" / "client" / "index.js"
        service = f"xmpps://{HOST}:{server.tls_port}" if direct else f"xmpp://{HOST}:{server.port}"
        # It checks the certificate, which the server made itself.
        env = {**os.environ, "NODE_EXTRA_CA_CERTS": str(server.dir / "data" / "certs" / f"{HOST}.crt"),
               "NODE_OPTIONS": "--dns-result-order=ipv4first"}
        self.bare, self.text, self.came = f"{user}@{HOST}", b"", []
        self.process = subprocess.Popen([node, HERE / "client.mjs", entry, service, HOST, user, password], env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def order(self, order, **more):
        self.process.stdin.write(json.dumps({"order": order, **more}).encode() + b"\n")
        self.process.stdin.flush()

    def line(self, deadline):
        while b"\n" not in self.text:
            out, left = self.process.stdout, deadline - time.monotonic()
            assert left > 0 and select.select([out], [], [], left)[0], f"nothing came: {self.came}"
            data = os.read(out.fileno(), 65536)
            assert data, f"node has ended: {self.text} {self.came}"
            self.text += data
        line, _, self.text = self.text.partition(b"\n")
        return line.decode()

    def wait(self, event, **attrs):
        """The first event of that kind, maybe behind others, which stay for later."""
        deadline = time.monotonic() + DEADLINE
        while True:
            for got in self.came:
                if got["event"] == event and all(got.get(k) == v for k, v in attrs.items()):
                    self.came.remove(got)
                    return got
            line = self.line(deadline)
            self.came.append(json.loads(line) if line.startswith("{") else {"event": "text", "text": line})

    def log_in(self, event="online"):
        """How it did that, and its address."""
        how = self.wait("authenticates")
        return how, self.wait(event)["jid"]

    def close(self):
        self.process.kill()
        self.process.wait()


def play(scene, server, **args):
    person = Person(server, server.account(), **args)
    try:
        scene(person)
    finally:
        person.close()


@rows(("starttls", False), ("direct tls", True))
def test_chat(server, direct):
    other = scripted(server)

    def scene(person):
        how, full = person.log_in()
        assert (how["mechanism"], how["ns"]) == ("SCRAM-SHA-1", SASL2), how
        assert {"user-agent", "bind", "request-token"} <= set(how["names"]), how
        assert full.startswith(f"{person.bare}/"), full
        person.order("send", to=other.bare, body="good evening")
        message = other.find("message", has="body")
        assert (message.get("from"), message.child_text("body")) == (full, "good evening"), message
        other.message(full, "and to you")
        assert person.wait("message", body="and to you")["from"] == other.jid
        person.wait("ack", body="good evening")
        person.order("ping")
        person.wait("pong")
        person.order("stop")
        person.wait("offline")
    play(scene, server, direct=direct)


def test_resumes_its_session(server):
    """Its connection is cut: it comes back by the token and resumes within the same round trip."""
    other = scripted(server)

    def scene(person):
        _, full = person.log_in()
        person.order("cut")
        person.wait("disconnect")
        other.message(full, "while the line was dead")
        how, again = person.log_in("resumed")
        assert how["mechanism"] == "HT-SHA-256-NONE" and {"fast", "resume"} <= set(how["names"]), how
        assert again == full
        person.wait("message", body="while the line was dead")
        person.order("send", to=other.bare, body="here again")
        assert other.find("message", has="body").get("from") == full
    play(scene, server)


def test_new_session_by_token(server):
    other = scripted(server)

    def scene(person):
        person.log_in()
        for _ in range(2):  # what rotates the token must not lose it
            person.order("forget")
            person.order("cut")
            person.wait("disconnect")
            how, full = person.log_in()
            assert how["mechanism"] == "HT-SHA-256-NONE" and "fast" in how["names"], how
            person.order("send", to=other.bare, body="by token")
            assert other.find("message", has="body").get("from") == full
    play(scene, server)


def test_wrong_password(server):
    def scene(person):
        assert person.wait("error")["condition"] == "not-authorized"
    play(scene, server, password="wrong")
