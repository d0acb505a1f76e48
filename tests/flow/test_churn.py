"""Modules that come and go: nothing is left of them, and what the host says of itself follows."""
import base64
import hashlib
import os
import socket

from client import DEADLINE
from flow import HOST, NS, PASSWORD, Server, alone, equal
from server import WRAPPER

TURNS = int(os.environ.get("PC_CHURN", "340"))  # each has three changes of a module and two of others


class Commands:
    """The server's line protocol: a tag and words, 0x1F between them."""
    def __init__(self, server):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(server.dir / "data" / "prosody.sock"))
        self.lines = self.sock.makefile("r")

    def run(self, *requests):
        """All of them, one behind the other; each must succeed."""
        self.sock.sendall("".join("\x1f".join(("a", *words)) + "\n" for words in requests).encode())
        ended = 0
        while ended < len(requests):
            kind, _, rest = self.lines.readline().rstrip("\n").partition(" ")
            if kind == "E":
                ended += 1
                assert rest.split()[1] == "0", f"{requests}: {rest}"
            assert kind, "the server has closed the conversation"


def caps(server):
    """What a new stream is told after the log-in."""
    c = server.client()
    c.open()
    c.authenticate(server.names[0], PASSWORD)
    element = c.open().child("c", "http://jabber.org/protocol/caps")
    c.bind()
    return c, element


def info(c, node=None):
    node = f" node='{node}'" if node else ""
    return c.iq("get", f"<query xmlns='{NS['disco#info']}'{node}/>", to=HOST)


def features(c):
    return [f.get("var") for f in info(c).child("query").all("feature")]


def hash_of(query):
    """XEP-0115 section 5.1, of a host without forms."""
    identities = sorted(f"{i.get('category')}/{i.get('type')}//{i.get('name') or ''}<" for i in query.all("identity"))
    text = "".join(identities) + "".join(sorted(f.get("var") + "<" for f in query.all("feature")))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


@alone(accounts=1)
def test_capabilities_follow_the_modules(server):
    commands, seen = Commands(server), {}
    for step, words in (("with", ()), ("without", ("module", "unload", HOST, "ping")),
                        ("again", ("module", "load", HOST, "ping")), ("reloaded", ("module", "reload", HOST, "ping"))):
        if words:
            commands.run(words)
        c, told = caps(server)
        ver, node = told.get("ver"), f"{told.get('node')}#{told.get('ver')}"
        equal(told.get("hash"), "sha-1")
        equal(ver, hash_of(info(c).child("query")))
        equal(ver, hash_of(info(c, node).child("query", "disco#info")))
        equal(NS["ping"] in features(c), step != "without")
        for old in set(seen.values()) - {ver}:
            equal(info(c, f"{told.get('node')}#{old}").error(), ("cancel", "item-not-found"))
        seen[step] = ver
    equal((seen["again"], seen["reloaded"]), (seen["with"], seen["with"]))
    assert seen["with"] != seen["without"]


def open_files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def mappings(server):
    with open(f"/proc/{server.process.pid}/maps") as f:
        return sum("memfd:mod_" in line for line in f)


def resident(server):
    """KiB."""
    with open(f"/proc/{server.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def test_a_thousand_times():
    """Loaded, reloaded, unloaded: no file, no code and no memory stays, and the items are the same."""
    server = Server(accounts=1)
    server.environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
    server.start()
    try:
        commands, c = Commands(server), server.login()
        before = sorted(features(c))
        turn = [("module", "reload", HOST, "ping"), ("module", "unload", HOST, "ping"), ("module", "load", HOST, "ping"),
                ("module", "reload", HOST, "disco"), ("module", "reload", HOST, "presence")]
        for _ in range(TURNS // 5):
            commands.run(*turn)
        files, code, memory = open_files(server), mappings(server), resident(server)
        for _ in range(TURNS):
            commands.run(*turn)
        equal(open_files(server), files)
        equal(mappings(server), code)
        equal(sorted(features(c)), before)
        # the sanitizer's allocator moves by some MiB either way, however many turns there are
        grown = resident(server) - memory
        assert WRAPPER or grown < 4096, f"{grown} KiB more after {TURNS} turns"
    finally:
        server.release()
        server.stop()
