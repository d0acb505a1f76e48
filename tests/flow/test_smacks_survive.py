"""Sessions with stream management (XEP-0198) outlive the server: killed at any instant or stopped, what clients
and server have told each other goes on behind it, nothing is lost, nothing comes twice."""
import os
import random
import threading

from flow import HOST, NS, alone, equal, rows
from smacks import (CONFIG, bodies, lost, managed, messages, refused, resume, taken_up, until_waiting, waiting,
                    with_options)

ROUNDS = int(os.environ.get("PC_KILL_ROUNDS", "2"))


def killed(server):
    server.kill()
    server.start()


def stopped(server):
    server.stop()
    server.start()


WAYS = (("kill", killed), ("stop", stopped))


@alone(**with_options())
@rows(*WAYS)
def test_resumed(server, how):
    """Connected and hibernated ones, with queues, in both directions."""
    here, away, friend = managed(server, answers=False), managed(server), server.online()
    lost(server, away)
    for n in range(3):
        friend.message(here.jid, f"{n}")
        friend.message(away.jid, f"{n}")
    here.message(friend.jid, "handled")
    equal(here.acked(), 1)
    friend.sync()
    for _ in range(3):
        here.find("message")
    how(server)
    equal(waiting(server, here, away), 2)
    friend = server.online(friend.user)
    friend.message(here.jid, "after")
    friend.sync()
    again = taken_up(server, here, h=2)
    equal(again.resumed.get("h"), "1")
    equal(messages(again, 2), ["2", "after"])
    other = taken_up(server, away)
    equal(messages(other, 3), ["0", "1", "2"])
    equal(again.acked(), 2)
    again.message(other.jid, "as before")
    equal(other.find("message").child_text("body"), "as before")


@alone(**with_options())
@rows(*WAYS)
def test_contacts_see_nothing(server, how):
    a, b = managed(server), managed(server)
    for one, other in ((a, b), (b, a)):
        one.presence(to=other.bare, type="subscribe")
        other.find("presence", type="subscribe")
        other.presence(to=one.bare, type="subscribed")
        one.find("presence", type="subscribed")
    for c in (a, b, a, b):
        for e in c.sync():
            if e.matches("iq", type="set"):
                c.send(f"<iq type='result' id='{e.get('id')}'/>")
    a.presence("<status>working</status>")
    b.find("presence", from_=a.jid)
    how(server)
    again = taken_up(server, b)
    came = again.sync()
    assert all(e.get("type") is None for e in came if e.name == "presence"), came
    third = server.online(b.user)
    assert third.find("presence", from_=a.jid).child_text("status") == "working"


@alone(**with_options(smacks_survive='"off"'))
@rows(*WAYS)
def test_not_where_it_is_off(server, how):
    c, friend = managed(server), server.online()
    c.presence(to=friend.jid)
    friend.find("presence", from_=c.jid)
    how(server)
    refused(server, c)


@alone(**with_options(smacks_hibernation_time=20))
def test_the_time_goes_on(server):
    c = managed(server)
    lost(server, c)
    killed(server)
    until_waiting(server, c)
    line = next(x for x in server.ctl("smacks", "list", HOST).splitlines() if c.jid in x)
    assert int(line.split("waits for its client, ")[1].split()[0]) <= 20, line


@alone(**with_options())
def test_ended_ones_stay_ended(server):
    """Closed, kicked, of a removed account, expired: the next process does not bring them back."""
    a, b, c = managed(server), managed(server), managed(server)
    a.close()
    server.login(b.user, b.jid.partition("/")[2]).close()
    server.ctl("deluser", c.bare)
    killed(server)
    equal(waiting(server), 0)
    for one in (a, b):
        refused(server, one)


@alone(**with_options())
def test_requests_are_answered(server):
    """Those that were handled have their answers in the queue, the others come again."""
    c = managed(server, answers=False)
    idents = [c.iq("get", f"<query xmlns='{NS['disco#info']}'/>", to=HOST, wait=False) for _ in range(50)]
    c.find("iq", id=idents[10])
    killed(server)
    again = taken_up(server, c, h=0)
    done = int(again.resumed.get("h"))
    for ident in idents[done:]:
        again.send(f"<iq type='get' id='{ident}' to='{HOST}'><query xmlns='{NS['disco#info']}'/></iq>")
    answers = [again.find("iq", id=ident).get("type") for ident in idents]
    equal(answers, ["result"] * 50)
    again.nothing()


class Side:
    """One of two who write to each other over resumptions: it knows what it must send again."""

    def __init__(self, client, peer):
        self.c, self.peer, self.sent, self.acked, self.got = client, peer, [], 0, []

    def write(self, text):
        self.sent.append(text)
        self.c.message(self.peer, text)

    def take(self, elements):
        self.got += [b for b in bodies(elements) if b]

    def back(self, server):
        while True:
            again = resume(server, self.c)
            if again.resumed is not None:
                break
        assert again.resumed.name == "resumed", again.resumed
        self.c = again
        for text in self.sent[int(again.resumed.get("h")):]:
            again.message(self.peer, text)


def drain(side):
    """What lies in the socket until the connection ends."""
    came = []
    try:
        while True:
            came.append(side.c.next())
    except (AssertionError, OSError):
        pass
    side.take(came)


@alone(accounts=3, config=CONFIG)
def test_killed_in_the_middle(server):
    """Two write to each other without waiting while the server is killed, again and again; both resume
    each time. Each message comes once, in its order; what goes to somebody who is away, too."""
    dice = random.Random(3)
    a, b = managed(server, server.names[0]), managed(server, server.names[1])
    one, two, number = Side(a, b.jid), Side(b, a.jid), 0
    for _ in range(3 * ROUNDS):
        killer = threading.Timer(dice.random() * 0.3, server.process.kill)
        killer.start()
        try:
            for _ in range(150):
                number += 1
                one.write(f"{number}")
                two.write(f"{number}")
            drain(one)
        except OSError:
            pass
        killer.join()
        server.process.wait()
        server.process = None
        for side in (one, two):
            drain(side)
        server.start()
        for side in (one, two):
            side.back(server)
    for side in (one, two):
        side.c.acked(len(side.sent) % 2**32)
    for side, other in ((one, two), (two, one)):
        while len(side.got) < len(other.sent):
            side.take([side.c.find("message")])
        equal(side.got, other.sent)
        side.c.nothing()


@alone(**with_options(offline_max_messages=100000))
def test_killed_while_messages_are_kept(server):
    """To somebody who is away: kept once each, whatever instant it is."""
    dice, away = random.Random(5), server.names[2]
    side, number = Side(managed(server, server.names[0]), f"{away}@{HOST}"), 0
    for _ in range(3 * ROUNDS):
        killer = threading.Timer(dice.random() * 0.3, server.process.kill)
        killer.start()
        try:
            for _ in range(80):
                number += 1
                side.write(f"{number}")
            drain(side)
        except OSError:
            pass
        killer.join()
        server.process.wait()
        server.process = None
        drain(side)
        server.start()
        side.back(server)
    side.c.acked(len(side.sent))
    equal(messages(server.online(away), len(side.sent)), side.sent)
