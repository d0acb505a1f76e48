"""prosody-ctl watch, log list, log level: what an administrator sees of a server while it runs."""
import json
import os
import select
import signal
import socket
import subprocess
import time

from client import DEADLINE
from flow import HOST, alone, equal, rows
from server import BUILD, SCALE

SERVER = dict(accounts=30, config={"log": '{ { levels = { min = "info" }, to = "console" } }'})


class Watch:
    """`prosody-ctl watch` while it runs."""

    def __init__(self, server, *words, json=False):
        self.rest = b""
        self.process = subprocess.Popen([BUILD / "prosody-ctl", "-c", server.config_file, *(["--json"] if json else []), "watch",
                                         *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.first = self.line("watching")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def line(self, text):
        """The next line that the text is in."""
        return self.until(text)[-1]

    def until(self, text):
        """The lines up to the next one that the text is in."""
        lines, deadline = [], time.monotonic() + DEADLINE
        while True:
            while b"\n" in self.rest:
                line, _, self.rest = self.rest.partition(b"\n")
                lines.append(line.decode())
                if text in lines[-1]:
                    return lines
            left = deadline - time.monotonic()
            more = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            more = more and os.read(self.process.stdout.fileno(), 65536)
            assert more, f"no line with {text!r}: {lines}"
            self.rest += more

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        equal(self.process.wait(DEADLINE), 0)


def ctl(server, *args, status=0):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}"
    return done.stdout


def test_stanzas(server):
    one, other = server.friends()
    with Watch(server, one.bare) as w:
        one.message(other.bare, "good <evening>")
        head, start, *lines = w.until("</message>")[-4:]
        assert head.split()[1:] == ["in", one.jid], head
        assert start.startswith("<message ") and start.endswith(">"), start
        equal(lines, ["  <body>good &lt;evening&gt;</body>", "</message>"])
        other.message(one.bare, "and to you")
        lines = w.until("and to you")
        assert any(line.split()[1:] == ["out", one.jid] for line in lines), lines
        w.interrupt()


@rows(("a resource", "{0.jid}", True, False), ("an account", "{0.bare}", True, False),
      ("a host", HOST, True, True), ("all", "all", True, True))
def test_whom(server, target, first, second):
    one, other = server.online(), server.online()
    with Watch(server, target.format(one), json=True) as w:
        for client in (other, one):
            client.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=HOST)
        seen = []
        while not any(row["jid"] == one.jid and row["direction"] == "out" for row in seen):
            seen.append(json.loads(w.line("{")))
        equal({row["jid"] for row in seen} >= {other.jid}, second)
        equal([row["direction"] for row in seen if row["jid"] == one.jid], ["in", "out"])
        assert "<ping xmlns='urn:xmpp:ping'/>" in next(r["stanza"] for r in seen if r["jid"] == one.jid)
        w.interrupt()


def test_who_comes_later(server):
    user = server.account()
    with Watch(server, f"{user}@{HOST}") as w:
        client = server.online(user)
        w.line("<presence")
        client.close()
        # and again, by another session
        server.online(user)
        w.line("<presence")


def test_secrets_are_masked(server):
    client = server.online()
    with Watch(server, client.bare) as w:
        client.iq("set", "<query xmlns='jabber:iq:register'><username>x</username><password>Quagga-23</password></query>", to=HOST)
        client.iq("set", "<command xmlns='http://jabber.org/protocol/commands' node='x'><x xmlns='jabber:x:data' type='submit'>"
                  "<field var='new_password'><value>Quagga-24</value></field></x></command>", to=HOST)
        client.iq("set", "<q xmlns='urn:x' token='Quagga-25'><y xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Quagga-26</y></q>", to=HOST)
        client.message(client.bare, "the end")
        lines = "\n".join(w.until("the end"))
        assert "Quagga" not in lines and lines.count("***") >= 4, lines
        assert "<username>x</username>" in lines


def test_long_stanzas_are_cut(server):
    client = server.online()
    with Watch(server, client.jid) as w:
        client.message("nobody@" + HOST, "\u20ac" * 20000)
        lines = w.until("(cut)")
        assert len(lines[-1].encode()) < 17000 and lines[-1].count("\u20ac") > 5000, len(lines[-1])
        client.message(client.jid, "control \t\n characters")
        w.line("control &#9;&#10; characters")


@rows(("no address", "@", 2), ("another server", "a@elsewhere.example", 4), ("no argument", None, 2),
      ("a resource of a host", f"{HOST}/x", 2))
def test_refused(server, target, status):
    ctl(server, "watch", *([target] if target else []), status=status)


def test_nothing_is_left_behind(server):
    """Whoever watched has gone: sessions have no filter any more, in whichever way he went."""
    client = server.online()
    for end in (Watch.interrupt, lambda w: w.process.kill()):
        with Watch(server, "all") as w, Watch(server, client.bare) as v:
            client.message(client.jid, "one")
            w.line("one")
            v.line("one")
            end(w)
            client.message(client.jid, "two")
            v.line("two")
    ctl(server, "module", "info", "watch")


@alone(accounts=4)
def test_module_is_replaced(server):
    with Watch(server, "all") as w:
        ctl(server, "module", "reload", "watch")
        w.line("replaced")
        equal(w.process.wait(DEADLINE), 1)
    client = server.online()
    with Watch(server, "all") as w:
        client.message(client.jid, "still")
        w.line("still")
        ctl(server, "module", "unload", "*", "watch")
        w.line("unloaded")
    client.message(client.jid, "alive")
    client.find("message")


@alone(accounts=4, config={"log": '{ { levels = { min = "info" }, to = "console" } }', "max_send_buffer_size": '"256 KiB"'})
def test_slow_reader(server):
    """What he cannot take is left out and counted, and nobody waits for him."""
    client = server.online()
    with socket.socket(socket.AF_UNIX) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(DEADLINE)
        s.connect(str(server.dir / "data" / "prosody.sock"))
        s.sendall(b"1\x1fwatch\x1fall\n")
        got = s.recv(100)
        assert b"watching" in got, got
        for _ in range(200):
            client.message("nobody@elsewhere.example", "x" * 8000, type="headline")
        client.sync()
        # as long as he reads now, the count comes with the next stanza that is shown
        deadline, text = time.monotonic() + 3 * DEADLINE, b""
        s.settimeout(0.2)
        while b"were left out" not in text:
            try:
                text = text[-100:] + s.recv(65536)
            except TimeoutError:
                client.message("nobody@elsewhere.example", "y")
                client.sync()
            assert time.monotonic() < deadline, text[-300:]


def test_log(server):
    with Watch(server, "log", "debug") as w:
        client = server.online()
        line = w.line("is connected")
        assert " info " in line, line
        client.close()
        w.line(" debug ")
        ctl(server, "reload")
        server.online()
        w.line("is connected")
        w.interrupt()
    with Watch(server, "log", "warn", json=True) as w:
        server.online()
        ctl(server, "log", "level", "nowhere", "debug", status=4)
        w.interrupt()
        assert b"is connected" not in w.rest + w.process.stdout.read()


def test_watching_the_log_at_debug_ends(server):
    """Its own lines must not bring forth new ones."""
    with Watch(server, "log", "debug") as w:
        ctl(server, "status")
        w.line("admin_socket ended")
        quiet = time.monotonic() + 0.5
        lines = 0
        while time.monotonic() < quiet:
            if select.select([w.process.stdout], [], [], 0.1)[0]:
                lines += os.read(w.process.stdout.fileno(), 65536).count(b"\n")
        assert lines < 50, lines


@alone(accounts=8, config={"log": '{ { levels = { min = "info" }, to = "console" }; debug = "debug.log" }'})
def test_levels(server):
    def levels():
        rows = json.loads(ctl(server, "--json", "log", "list"))["rows"]
        return {row["sink"]: row["levels"] for row in rows}

    file = str(server.dir / "debug.log")
    usual = {"console": "info warn error", file: "debug info warn error"}
    equal(levels(), usual)
    ctl(server, "log", "level", "console", "debug")
    equal(levels(), {**usual, "console": usual[file]})
    since = len(server.log())
    server.online().close()
    server.log_has(" debug ", since)
    ctl(server, "log", "level", "all", "error")
    equal(levels(), {"console": "error", file: "error"})
    since = len(server.log())
    server.online()
    assert "is connected" not in server.log()[since:]
    ctl(server, "reload")
    equal(levels(), usual)
    assert "info warn error" in ctl(server, "log", "list")
    ctl(server, "log", "level", "console", "loud", status=2)
    ctl(server, "log", "level", "nowhere", "debug", status=4)
