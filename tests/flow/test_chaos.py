"""Many clients write to each other while the server is killed: at named instants, at random ones, and at last stopped for an
upgrade. Everybody resumes (XEP-0198) each time. By the ids of messages nothing is lost, nothing comes twice, the order of
each sender holds, and archives (XEP-0313) hold each message once."""
import collections
import os
import random
import threading

import mam
from client import DEADLINE
from flow import alone, equal
from server import BUILD
from smacks import CONFIG, bodies, managed, resume

CLIENTS = int(os.environ.get("PC_CHAOS_CLIENTS", "6"))
KILLS = int(os.environ.get("PC_CHAOS_KILLS", "6"))  # half of them at named points
EACH = int(os.environ.get("PC_CHAOS_MESSAGES", "12"))  # messages of a client between two kills
POINTS = ("before-end", "after-end", "before-commit", "after-commit", "before-write", "after-write")
HAS_POINTS = b"PC_KILL_AT" in (BUILD / "prosody-c").read_bytes()


class Client:
    """One client over all its connections: what it has sent, by number, and what it has got."""

    def __init__(self, connection):
        self.c, self.sent, self.got = connection, [], []

    def write(self, to, body):
        self.sent.append((to.c.jid, body))
        self.c.message(to.c.jid, body)

    def take(self):
        """All that comes until the connection ends."""
        came = []
        try:
            while True:
                came.append(self.c.next())
        except (AssertionError, OSError):
            pass
        self.got += bodies(came)

    def take_until(self, n):
        while len(self.got) < n:
            self.got += bodies([self.c.find("message")])

    def back(self, server):
        while True:
            again = resume(server, self.c)
            if again.resumed is not None:
                break
        assert again.resumed.name == "resumed", again.resumed
        self.c = again
        for to, body in self.sent[int(again.resumed.get("h")):]:
            again.message(to, body)


def write_all(clients, dice, first):
    """False: the server has died meanwhile."""
    try:
        for number in range(first, first + EACH):
            for n, client in enumerate(clients):
                client.write(dice.choice([other for other in clients if other is not client]), f"{n}-{number}")
    except OSError:
        return False
    return True


def numbers_of(client):
    return max([int(body.partition("-")[2]) for _, body in client.sent], default=-1) + 1


def one_round(server, clients, dice, point):
    """Writes until the server is dead; whoever arms it does so for the next start."""
    killer = threading.Timer(dice.random() * 0.02 * len(clients), server.process.kill)
    if not point:
        killer.start()
    write_all(clients, dice, max(map(numbers_of, clients)))
    if point and server.process.poll() is None:
        try:  # it dies when it comes by often enough; if not, then now
            clients[0].c.acked()
        except (AssertionError, OSError):
            pass
        server.process.kill()
    if not point:
        killer.join()
    server.process.wait()
    server.process = None
    for client in clients:
        client.take()


def all_back(server, clients):
    """Where it dies once more meanwhile, everybody begins again."""
    while True:
        server.start()
        try:
            for client in clients:
                client.back(server)
            return
        except (AssertionError, OSError):
            if "PC_KILL_AT" not in server.environment or server.process.wait(DEADLINE) != -9:
                raise
        server.process = None
        server.environment.pop("PC_KILL_AT", None)
        for client in clients:
            client.take()


def settle_all(clients):
    for client in clients:
        client.c.acked(len(client.sent) % 2**32)
    wanted = {id(client): [] for client in clients}
    by_jid = {client.c.jid: client for client in clients}
    for client in clients:
        for to, body in client.sent:
            wanted[id(by_jid[to])].append(body)
    for client in clients:
        client.take_until(len(wanted[id(client)]))
        equal(sorted(client.got), sorted(wanted[id(client)]))
        for sender in range(len(clients)):
            mine = [int(body.partition("-")[2]) for body in client.got if body.startswith(f"{sender}-")]
            equal(mine, sorted(mine))
        client.c.acked(len(client.sent) % 2**32)  # not by an iq, which would be counted
        equal([str(element) for _, element in client.c.queue], [])


def archived(client):
    """All bodies of an archive, page by page."""
    found, after = [], None
    while True:
        page = mam.query(client.c, page={"max": 250, **({"after": after} if after else {})})
        found += page.bodies
        if page.complete:
            return found
        after = page.last


@alone(accounts=CLIENTS, config={**CONFIG, "modules_enabled": CONFIG["modules_enabled"].replace("}", ', "mam" }')})
def test_nothing_is_lost_and_nothing_comes_twice(server):
    dice = random.Random(int(os.environ.get("PC_CHAOS_SEED", "11")))
    clients = [Client(managed(server, name)) for name in server.names]
    points = [POINTS[n % len(POINTS)] if n % 2 and HAS_POINTS else None for n in range(KILLS)]
    for n, point in enumerate(points):
        one_round(server, clients, dice, point)
        if n + 1 < KILLS and points[n + 1]:
            server.environment["PC_KILL_AT"] = f"{points[n + 1]}:{dice.randrange(20 + 3 * CLIENTS, 60 + 6 * CLIENTS)}"
        else:
            server.environment.pop("PC_KILL_AT", None)
        all_back(server, clients)
    settle_all(clients)
    write_all(clients, dice, max(map(numbers_of, clients)))  # an upgrade: stopped in order
    server.stop()
    for client in clients:
        client.take()
    all_back(server, clients)
    settle_all(clients)
    wrong = {}
    for n, client in enumerate(clients):
        there = collections.Counter(archived(client))
        wanted = collections.Counter(client.got + [body for _, body in client.sent])
        wrong[n] = {"doubled": sorted((there - wanted).elements()), "missing": sorted((wanted - there).elements())}
    equal({n: w for n, w in wrong.items() if any(w.values())}, {})
    total = sum(len(client.sent) for client in clients)
    print(f"{CLIENTS} clients, {KILLS} kills, {total} messages: none is lost, none comes twice")
