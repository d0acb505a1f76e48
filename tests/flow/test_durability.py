"""Nothing that was acknowledged is lost, whenever the server is killed.

A roster set is acknowledged by its result; a message for somebody who is away by the result of a
later roster set of the same stream, since both are written in the order in which they came.
PC_KILL_ROUNDS says how often the server is killed in the middle of 1,000 writes."""
import collections
import contextlib
import os
import random
import select
import socket
import sqlite3
import time

from client import DEADLINE, Ended
from flow import HOST, NS, PASSWORD, Skip, alone, equal, rows
from server import BUILD

ROUNDS = int(os.environ.get("PC_KILL_ROUNDS", "2"))
WRITERS, WRITES = 4, 250
MANY = {"offline_max_messages": "10000"}


class Writer:
    """A client that sends changes of its roster and messages to somebody who is away, all at once,
    and notes what is acknowledged. Each step is a message, a new contact, its new name, and for each
    third contact its removal."""

    def __init__(self, client, recipient, label):
        self.client, self.label = client, label
        self.steps = [self.step(n) for n in range(WRITES)]
        self.acknowledged, self.error = -1, None
        client.sock.setblocking(False)
        self.out = "".join(self.stanza(n, recipient) for n in range(WRITES)).encode()

    def step(self, n):
        """(contact, its name or None once it is removed), or the text of a message."""
        k, kind = divmod(n, 4)
        if kind == 0 or (kind == 3 and k % 3):
            return f"{self.label} {n}"
        return f"c{k}@example.com", (None, "one", "two", None)[kind]

    def stanza(self, n, recipient):
        step = self.steps[n]
        if isinstance(step, str):
            return f"<message type='chat' to='{recipient}'><body>{step}</body></message>"
        jid, name = step
        how = f"name='{name}'" if name else "subscription='remove'"
        return f"<iq type='set' id='{n}'><query xmlns='{NS['roster']}'><item jid='{jid}' {how}/></query></iq>"

    def write(self):
        with contextlib.suppress(ConnectionError):  # reading tells
            self.out = self.out[self.client.sock.send(self.out):]

    def read(self):
        """False at the end of the connection."""
        try:
            data = self.client.sock.recv(65536)
        except BlockingIOError:
            return True
        except ConnectionError:
            data = b""
        self.client.parser.feed(data)
        while self.client.queue:
            kind, iq = self.client.queue.popleft()
            if kind == "element" and iq.matches("error", "stream"):
                self.error = iq.children[0].name
            elif kind == "element":
                assert iq.matches("iq", type="result"), str(iq)
                assert int(iq.get("id")) > self.acknowledged, "results out of order"
                self.acknowledged = int(iq.get("id"))
        return bool(data)

    def safe(self):
        """The bodies of messages that must be there."""
        return [s for s in self.steps[:self.acknowledged + 1] if isinstance(s, str)]

    def check_roster(self, items):
        """Each contact is as the last acknowledged step left it, or a later one."""
        kept, later = {}, collections.defaultdict(set)
        for n, step in enumerate(self.steps):
            if not isinstance(step, str):
                if n <= self.acknowledged:
                    kept[step[0]] = step[1]
                else:
                    later[step[0]].add(step[1])
        for jid in kept.keys() | items.keys():
            name = items[jid].get("name") if jid in items else None
            assert name == kept.get(jid) or name in later[jid], \
                f"{self.label}: {jid} is {name}, acknowledged {kept.get(jid)}, later {later[jid]}"
        return len(kept)


def write_until(writers, results):
    """Writes and reads until so many results have come in all; False when a connection has ended."""
    while sum(w.acknowledged + 1 for w in writers) < results:
        readable, writable, _ = select.select([w.client.sock for w in writers],
                                              [w.client.sock for w in writers if w.out], [], DEADLINE)
        assert readable or writable, "nothing happens"
        for w in writers:
            if w.client.sock in readable and not w.read():
                return False
            if w.client.sock in writable:
                w.write()
    return True


def read_rest(writers):
    for w in writers:
        while w.read():
            pass


def waiting(server, user):
    """How many messages are kept for the account."""
    with contextlib.closing(sqlite3.connect(f"file:{server.dir}/data/prosody.sqlite?mode=ro", uri=True)) as db:
        return db.execute("SELECT count(*) FROM archive JOIN owner ON archive.owner = owner.id "
                          "WHERE owner.user = ? AND owner.store = 'offline'", (user,)).fetchone()[0]


def bodies_until(client, done):
    """The bodies of what comes until done(them)."""
    got, finished, deadline = [], False, time.monotonic() + 3 * DEADLINE
    while not finished:
        assert time.monotonic() < deadline, f"only {len(got)} messages have come"
        finished = done(got)
        got += [e.child_text("body") for e in client.sync() if e.name == "message"]
    return got


def collect(server, user):
    """Logs in and takes all that was kept: the bodies."""
    c = server.online(user)
    got = bodies_until(c, lambda _: waiting(server, user) == 0)
    c.close()
    return got


def same(got, wanted):
    if got != wanted:
        missing, more = [w for w in wanted if w not in got], [g for g in got if g not in wanted]
        raise AssertionError(f"{len(got)} of {len(wanted)}; missing {len(missing)}: {missing[:3]}, "
                             f"too many {len(more)}: {more[:3]}, twice {len(got) - len(set(got))}")


@alone(accounts=ROUNDS * (WRITERS + 1), config=MANY)
def test_killed_in_the_middle_of_writes(server):
    for turn in range(ROUNDS):
        away = server.account()
        writers = [Writer(server.login(), f"{away}@{HOST}", f"{turn}.{n}") for n in range(WRITERS)]
        assert write_until(writers, random.randrange(1, WRITERS * WRITES)), "the connection has ended"
        server.kill()
        read_rest(writers)
        server.release()
        server.start()
        got = collect(server, away)
        contacts, messages = checked(writers, got, lambda user: server.login(user).roster())
        print(f"round {turn}: {sum(w.acknowledged + 1 for w in writers)} of {WRITERS * WRITES} acknowledged when killed; "
              f"{contacts} contacts and {messages} messages had to be there, {len(got)} messages were")
        same(collect(server, away), [])


def checked(writers, got, rosters):
    """(contacts, messages) that had to be there, and were."""
    contacts = 0
    for w in writers:
        mine = [body for body in got if body.split()[0] == w.label]
        same(mine[:len(w.safe())], w.safe())
        same(mine, [s for s in w.steps if isinstance(s, str)][:len(mine)])
        contacts += w.check_roster(rosters(w.client.user))
    return contacts, sum(len(w.safe()) for w in writers)


def fill(server, recipient, count, size):
    sender = server.login()
    bodies = [f"{n} ".ljust(size, "x") for n in range(count)]
    for body in bodies:
        sender.message(f"{recipient}@{HOST}", body)
    equal(sender.roster_set("a@example.com").get("type"), "result")
    sender.close()
    return bodies


@alone(accounts=2, config=MANY)
def test_killed_in_the_middle_of_handing_out(server):
    """What has not come is there after the restart, and what came long before it is not."""
    user = server.account()
    bodies = fill(server, user, 900, 400)
    seen = 0
    while waiting(server, user):
        c = server.login(user, roster=True)
        c.send("<presence/>")
        got = []
        while len(got) < 90 and waiting(server, user):
            got.append(c.find("message").child_text("body"))
        server.kill()
        with contextlib.suppress(Ended):
            while True:
                e = c.next()
                if e.name == "message":
                    got.append(e.child_text("body"))
        first = bodies.index(got[0])
        assert seen - 100 <= first <= seen, f"{seen} had come, {first} is the next one"
        same(got, bodies[first:first + len(got)])
        seen = first + len(got)
        server.release()
        server.start()
    equal(seen, len(bodies))


@alone(accounts=2, config={**MANY, "max_send_buffer_size": "20000000"})
def test_recipient_that_breaks_off(server):
    """A client that goes while most of it is still with the server gets that at its next log-in."""
    user = server.account()
    bodies = fill(server, user, 900, 10000)
    c = server.client()
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.login(user, PASSWORD, "r", roster=True)
    c.send("<presence/>")
    same([c.find("message").child_text("body")], bodies[:1])
    c.abort()
    got = collect(server, user)
    print(f"{len(got)} of {len(bodies)} messages came at the second log-in")
    same(got, bodies[len(bodies) - len(got):])
    assert len(got) * 10000 > 2000000, f"only {len(got)} of {len(bodies)} came"


@alone(accounts=2, config={**MANY, "max_send_buffer_size": "1000000"})
def test_more_than_the_send_buffer(server):
    """However much waits, a client that reads gets it all: no more is sent than leaves."""
    user = server.account()
    bodies = fill(server, user, 300, 30000)
    same(collect(server, user), bodies)
    assert "too much unsent" not in server.log()


@alone(accounts=2, config=MANY)
def test_two_clients_at_once(server):
    """Each message goes to one of them."""
    user = server.account()
    bodies = fill(server, user, 500, 100)
    clients = [server.login(user, roster=True) for _ in range(3)]
    for c in clients:
        c.send("<presence/>")
    got = [bodies_until(c, lambda _: waiting(server, user) == 0) for c in clients]
    same([body for each in got for body in each], bodies)


@alone(accounts=2, config=MANY)
def test_module_reload_in_the_middle_of_handing_out(server):
    """The old instance goes on with what it has begun."""
    user = server.account()
    bodies = fill(server, user, 900, 10000)
    c = server.login(user, roster=True)
    c.send("<presence/>")
    same([c.find("message").child_text("body")], bodies[:1])
    server.ctl("module", "reload", "offline")
    assert waiting(server, user) > 100, "nothing is left to hand out"
    same(bodies_until(c, lambda _: waiting(server, user) == 0), bodies[1:])


# ---- PC_KILL_AT: core/util/killpoint.h

def arm(server, point, count):
    if b"PC_KILL_AT" not in (BUILD / "prosody-c").read_bytes():
        raise Skip("not a debug build")
    server.stop()
    server.environment["PC_KILL_AT"] = f"{point}:{count}"
    server.start()
    del server.environment["PC_KILL_AT"]


POINTS = ("before-commit", "after-commit", "before-reply", "after-reply", "before-write", "after-write")


@alone(accounts=2 * len(POINTS))
@rows(*((point, point, count) for point, count in zip(POINTS, (4, 4, 20, 20, 20, 20))))
def test_writes_at(server, point, count):
    """It dies there in the middle of writes: what was acknowledged is there."""
    away, user = server.account(), server.account()
    arm(server, point, count)
    writer = Writer(server.login(user), f"{away}@{HOST}", "w")
    assert not write_until([writer], WRITES), "it did not come by"
    server.died()
    server.release()
    server.start()
    got = collect(server, away)
    print(f"{point}: {writer.acknowledged + 1} of {WRITES} acknowledged; {len(got)} messages")
    checked([writer], got, lambda user: server.login(user).roster())


@alone(accounts=2 * len(POINTS))
@rows(("before-commit", "before-commit", 2), ("after-commit", "after-commit", 2),
      ("before-write", "before-write", 12), ("after-write", "after-write", 12))
def test_handing_out_at(server, point, count):
    """It dies there while messages are handed out: what has not come comes after the restart."""
    user = server.account()
    bodies = fill(server, user, 600, 100)
    arm(server, point, count)
    c, first = server.login(user, roster=True), []
    c.send("<presence/>")
    with contextlib.suppress(Ended):
        while True:
            e = c.next()
            if e.name == "message":
                first.append(e.child_text("body"))
    server.died()
    server.release()
    server.start()
    rest = collect(server, user)
    print(f"{point}: {len(first)} came before, {len(rest)} after")
    same(first, bodies[:len(first)])
    same(rest, bodies[len(bodies) - len(rest):])
    assert len(first) + len(rest) >= len(bodies), "some are lost"
