"""Dino on a screen that nobody sees: prepared in its database, spoken to by D-Bus and by keys.

It insists on port 5222 and on a certificate that the system trusts. Hidden services alone may come with
one that they made themselves, and are reached by a proxy, which also finds the port."""
import contextlib
import os
import pathlib
import select
import socket
import sqlite3
import subprocess
import threading
import time

from client import DEADLINE
from flow import HOST, PASSWORD, Skip, settle
from peer import program, run, shipped, until

HIDDEN = "capulet.onion"
SERVER = {**shipped(), "hosts": {HOST: {}, HIDDEN: {}}}
PUBSUB = "http://jabber.org/protocol/pubsub"
OMEMO = "eu.siacs.conversations.axolotl"
MENU, BLOCK = (769, 28), (539, 413)  # on the screen, in windows that are as large as they first are
ASKS = "<request xmlns='urn:xmpp:receipts'/>"


class Proxy:
    """SOCKS 5 (RFC 1928) on loopback: whatever is asked for, this port is what one gets."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.relay, args=(self.listener.accept()[0],), daemon=True).start()

    def relay(self, near):
        with contextlib.suppress(OSError, IndexError), near:
            near.recv(2 + 255)
            near.sendall(b"\x05\x00")
            near.recv(4 + 256 + 2)
            near.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            with socket.create_connection(("127.0.0.1", self.target)) as far:
                while True:
                    for one in select.select([near, far], [], [])[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        (far if one is near else near).sendall(data)

    def close(self):
        self.listener.close()


class Dino:
    """A screen, a session's bus and the program, all of this test's own."""

    def __init__(self, server, user):
        self.command = program("dino-im")
        for name in ("Xvfb", "dbus-daemon", "gdbus", "xdotool"):
            program(name)
        self.home = pathlib.Path(server.dir) / user
        (self.home / "run").mkdir(parents=True, mode=0o700)
        self.bare, self.processes = f"{user}@{HIDDEN}", []
        self.base = self.home / "dino" / "dino.db"
        self.proxy = Proxy(server.port)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run"),
                    "XDG_DATA_HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "LC_ALL": "C.UTF-8",
                    "GDK_BACKEND": "x11", "GSK_RENDERER": "cairo", "GSETTINGS_BACKEND": "memory",
                    "GTK_A11Y": "none", "GIO_USE_PROXY_RESOLVER": "libproxy",
                    "http_proxy": f"socks5://127.0.0.1:{self.proxy.port}", "RES_OPTIONS": "timeout:1 attempts:1"}
        screen = self.first_line("Xvfb", "-displayfd", "1", "-screen", "0", "1000x700x24", "-nolisten", "tcp")
        self.env["DISPLAY"] = f":{screen}"
        bus = self.first_line("dbus-daemon", "--session", "--nofork", "--print-address")
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus

    def spawn(self, *command, out=subprocess.DEVNULL):
        process = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=open(self.home / "log", "ab"))
        self.processes.append(process)
        return process

    def first_line(self, *command):
        """What a program says that then goes on: the number of a screen, the address of a bus."""
        out = self.spawn(*command, out=subprocess.PIPE).stdout
        assert select.select([out], [], [], 2 * DEADLINE)[0], f"{command} says nothing"
        return out.readline().decode().strip()

    def ask(self, text, *values):
        with contextlib.closing(sqlite3.connect(self.base, timeout=DEADLINE)) as base, base:
            return base.execute(text, values).fetchall()

    def has_base(self):
        with contextlib.suppress(sqlite3.Error):
            return self.base.exists() and self.ask("SELECT 1 FROM _meta WHERE name = 'version'")

    def prepare(self, password, contact):
        """It makes its database; the account and an open chat are put in."""
        first = self.spawn(self.command)
        until(self.has_base, "Dino has a database", wait=pause)
        first.terminate()
        first.wait(2 * DEADLINE)
        self.ask("INSERT INTO account(id, bare_jid, resourcepart, password, alias, enabled)"
                 " VALUES (1, ?, 'dino', ?, '', 1)", self.bare, password)
        self.ask("INSERT INTO jid(id, bare_jid) VALUES (1, ?)", contact)
        self.ask("INSERT INTO conversation(id, account_id, jid_id, active, type, encryption, last_active)"
                 " VALUES (1, 1, 1, 1, 0, 0, ?)", int(time.time()))

    def start(self):
        return self.spawn(self.command)

    def run(self, *command):
        status, text = run(*command, env=self.env)
        assert status == 0, f"{command}: {text}"
        return text

    def type(self, text):
        """Into the chat, once its window is there."""
        self.run("xdotool", "search", "--sync", "--onlyvisible", "--name", "Dino")
        self.run("gdbus", "call", "--session", "--dest", "im.dino.Dino", "--object-path", "/im/dino/Dino",
                 "--method", "org.gtk.Actions.Activate", "open-conversation", "[<1>]", "{}")
        self.run("xdotool", "type", text)
        self.run("xdotool", "key", "Return")

    def click(self, x, y):
        self.run("xdotool", "mousemove", str(x), str(y), "click", "1")

    def bodies(self):
        return [body for body, in self.ask("SELECT body FROM message ORDER BY id")]

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(2 * DEADLINE)
        self.proxy.close()


def pause(seconds):
    """Between two looks into a database."""
    select.select([], [], [], seconds)


def online(server, user):
    c = server.client(host=HIDDEN)
    return c.login(user, PASSWORD, "here", tls=True, roster=True, presence=True)


def befriend(one, other):
    for a, b in ((one, other), (other, one)):
        a.presence(to=b.bare, type="subscribe")
        b.find("presence", type="subscribe")
        b.presence(to=a.bare, type="subscribed")
        a.find("presence", type="subscribed")
    settle(one, other)


def receipt(client, ident):
    """Whom it was sent to has got that message (XEP-0184)."""
    received = client.find("message", has="received").child("received", "urn:xmpp:receipts")
    assert received.get("id") == ident, received


def published(client, bare, node):
    answer = client.iq("get", f"<pubsub xmlns='{PUBSUB}'><items node='{node}'/></pubsub>", to=bare)
    assert answer.get("type") == "result", answer
    return answer.child("pubsub").child("items").child("item")


@contextlib.contextmanager
def running(server, user, contact):
    """Dino, logged in; its process; the contact, a client that sees it online."""
    for name in (user, contact):
        server.ctl("adduser", f"{name}@{HIDDEN}", PASSWORD)
    dino = Dino(server, user)
    try:
        friend, self = online(server, contact), online(server, user)
        befriend(friend, self)
        self.close()
        friend.find("presence", type="unavailable")
        dino.prepare(PASSWORD, friend.bare)
        process = dino.start()
        friend.find("presence", from_=f"{dino.bare}/dino", type=None)
        yield dino, process, friend
    finally:
        dino.close()


def switched(dino, contact, presence):
    """Clicks on the switch. A window that was opened only now may miss that: then there is no presence."""
    dino.click(*BLOCK)
    with contextlib.suppress(AssertionError):
        return contact.find("presence", from_=f"{dino.bare}/dino", type=presence, timeout=2)


def test_block(server):
    """In the details of the contact. Where they are on the screen is known for 0.4 alone."""
    if program("dino-im") and not run(program("dpkg-query"), "-Wf", "${Version}", "dino-im")[1].startswith("0.4"):
        raise Skip("not Dino 0.4")
    with running(server, "mercutio", "tybalt") as (dino, _, tybalt):
        dino.type("good king of cats")
        tybalt.find("message", has="body")
        dino.click(*MENU)
        dino.run("xdotool", "search", "--sync", "--onlyvisible", "--name", "Contact Details")
        until(lambda: switched(dino, tybalt, "unavailable"), "the contact is blocked")
        listed = online(server, "mercutio").iq("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
        assert [item.get("jid") for item in listed.child("blocklist").all("item")] == [tybalt.bare], listed
        tybalt.message(dino.bare, "what wouldst thou have with me?")
        tybalt.sync()
        until(lambda: switched(dino, tybalt, None), "the contact is not blocked")
        receipt(tybalt, tybalt.message(dino.bare, "one of thy nine lives?", inner=ASKS))
        assert dino.bodies() == ["good king of cats", "one of thy nine lives?"], dino.bodies()


def test_chat(server):
    with running(server, "romeo", "juliet") as (dino, process, juliet):
        full = f"{dino.bare}/dino"
        dino.type("good evening")
        message = juliet.find("message", has="body")
        assert (message.child_text("body"), message.get("from")) == ("good evening", full)
        assert message.child("request", "urn:xmpp:receipts"), message
        receipt(juliet, juliet.message(dino.bare, "and to you", inner=ASKS))
        assert dino.bodies() == ["good evening", "and to you"]

        devices = published(juliet, dino.bare, f"{OMEMO}.devicelist").child("list").all("device")
        assert len(devices) == 1, devices
        bundle = published(juliet, dino.bare, f"{OMEMO}.bundles:{devices[0].get('id')}").child("bundle")
        assert bundle.child("prekeys").all("preKeyPublic"), bundle

        process.kill()
        process.wait()
        juliet.message(dino.bare, "while you were away")
        juliet.sync()
        dino.start()
        until(lambda: "while you were away" in dino.bodies(), "Dino catches up", wait=pause)
        receipt(juliet, juliet.message(dino.bare, "welcome back", inner=ASKS))
        said = ["and to you", "good evening", "welcome back", "while you were away"]
        assert sorted(dino.bodies()) == said, dino.bodies()
