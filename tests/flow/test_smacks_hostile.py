"""Stream management in bad hands: nothing is gained, nothing grows, nobody else notices."""
import itertools
import os
import random

from client import Ended
from flow import HOST, NS, alone, equal, rows
from smacks import CONFIG, NS3, connect, lost, managed, messages, resume, taken_up, until_waiting, waiting, with_options
from test_floods import resident_kb

SERVER = dict(accounts=80, config=CONFIG)
LOGINS = int(os.environ.get("PC_FLOOD_LOGINS", "60"))


def over(c):
    """The server has ended the stream, or the connection."""
    try:
        while True:
            c.next()
    except Ended:
        return True


@rows(("empty", ""), ("short", "abc"), ("long", "x" * 4000), ("zero", "0" * 22), ("quoted", "&apos;&#x10FFFF;"),
      ("its own, cut", None), ("its own and more", None), ("its own in capitals", None))
def test_tokens(server, token):
    c = managed(server)
    if token is None:
        token = random.choice((c.token[:-1], c.token + "A", c.token.swapcase()))
    again = connect(server, c.user)
    again.send(f"<resume xmlns='{NS3}' previd='{token}' h='0'/>")
    assert again.expect("failed", NS3).child("item-not-found", "stanzas")
    c.nothing()


@rows(*[(f"{n}", text) for n, text in enumerate((
    "<enable xmlns='urn:xmpp:sm:3' resume='yes'/>", "<enable xmlns='urn:xmpp:sm:3' max='0'/>",
    "<enable xmlns='urn:xmpp:sm:3' max='-1'/>", "<enable xmlns='urn:xmpp:sm:3' max='4294967296'/>",
    "<enable xmlns='urn:xmpp:sm:3' max='soon'/>", "<enable xmlns='urn:xmpp:sm:3' max=''/>"))])
def test_bad_enable(server, element):
    c = connect(server, server.account())
    c.bind()
    c.send(element)
    assert c.expect("failed", NS3).child("bad-request", "stanzas")
    c.enable()


@rows(*[(name, f"<{name} xmlns='{NS3}' h='0' previd='x' id='x'/>") for name in
        ("enabled", "resumed", "failed", "sm", "nonsense")])
def test_what_only_a_server_says(server, element):
    c = managed(server)
    c.send(element)
    c.expect_stream_error("unsupported-stanza-type")


def test_with_children_and_texts(server):
    c = managed(server)
    c.send(f"<r xmlns='{NS3}'><message xmlns='jabber:client' to='{c.jid}'><body>x</body></message>text</r>")
    equal(c.expect("a", NS3).get("h"), "0")
    c.send(f"<a xmlns='{NS3}' h='0'><a h='7'/></a>")
    c.nothing()


def test_each_resumption_moves_the_session(server):
    """Whoever knows the password may take it, over and over; nothing is left of those who had it."""
    c, friend = managed(server), server.login()
    for _ in range(20):
        c = taken_up(server, c)
    friend.message(c.jid, "to the last one")
    equal(messages(c, 1), ["to the last one"])
    sessions = server.ctl("c2s", "list", HOST)
    equal(sessions.count(c.bare), 1)


def test_resume_and_leave(server):
    """The connection that resumes breaks at once, with what it was sent."""
    c, friend = managed(server), server.login()
    lost(server, c)
    for n in range(10):
        friend.message(c.jid, f"{n}")
    friend.sync()
    for _ in range(5):
        again = connect(server, c.user)
        again.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='0'/>")
        again.abort()
    again = taken_up(server, c, h=0)
    equal(messages(again, 10), [f"{n}" for n in range(10)])


def test_resume_behind_another(server):
    """The barrier is up until the first one is answered: the second one comes too late."""
    c = managed(server)
    lost(server, c)
    again = connect(server, c.user)
    again.ns = NS3
    again.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='0'/>" * 2 + f"<r xmlns='{NS3}'/>")
    again.expect("resumed", NS3)
    assert again.expect("failed", NS3).child("unexpected-request", "stanzas")
    equal(again.expect("a", NS3).get("h"), "0")


def test_resume_and_bind_at_once(server):
    c = managed(server)
    lost(server, c)
    again = connect(server, c.user)
    again.send(f"<resume xmlns='{NS3}' previd='{c.token}' h='0'/>"
               f"<iq type='set' id='b'><bind xmlns='{NS['bind']}'/></iq>")
    again.expect("resumed", NS3)
    equal(again.find("iq", id="b").error(), ("cancel", "not-allowed"))


def test_floods_of_requests(server):
    c = managed(server)
    c.send(f"<r xmlns='{NS3}'/>" * 2000)
    for _ in range(2000):
        equal(c.expect("a", NS3).get("h"), "0")
    c.send(f"<a xmlns='{NS3}' h='0'/>" * 2000)
    c.nothing()


def test_who_never_gets_on_is_not_asked_for_ever(server):
    """Answering with the same h again and again brings one request, not a ping-pong."""
    c, friend = managed(server, answers=False), server.login()
    friend.message(c.jid)
    c.find("message")
    asked = 0
    real, c.answers = c.ack, True
    def ack(h=None):
        nonlocal asked
        asked += 1
        real(0)
    c.ack = ack
    for _ in range(5):
        c.send(f"<iq type='get' id='p' to='{HOST}'><ping xmlns='{NS['ping']}'/></iq>")
        c.find("iq", id="p")
    assert asked <= 7, asked


def test_both_ends_at_once(server):
    """Old and new connection send while one takes the other's place."""
    c, friend = managed(server), server.login()
    for n in range(30):
        c.message(friend.jid, f"{n}", type="normal")
    again = taken_up(server, c)
    done = int(again.resumed.get("h"))
    for n in range(done, 30):
        again.message(friend.jid, f"{n}", type="normal")
    again.acked(30)
    equal(messages(friend, 30), [f"{n}" for n in range(30)])


@alone(**with_options(max_resources=3))
def test_hibernating_to_fill_the_account(server):
    user = server.account()
    for n in range(12):
        lost_one = managed(server, user, f"r{n}")
        lost_one.abort()
    c = server.online(user)
    c.sync()
    assert waiting(server) <= 2, server.ctl("smacks", "list", HOST)


@alone(accounts=6, config={**CONFIG, "smacks_hibernation_time": "0.2"})
def test_everything_at_random(server):
    """Clients that enable, break, resume, kick each other and write to each other; the module is
    reloaded meanwhile. Nothing may break, and the sessions end."""
    dice, clients, names = random.Random(7), {}, itertools.cycle(server.names)
    for step in range(300):
        user = next(names)
        c = clients.get(user)
        what = dice.choice(("new", "lost", "resume", "write", "write", "write", "kick", "reload", "close", "lie"))
        try:
            if c is None or what == "new":
                clients[user] = managed(server, user, answers=dice.random() < 0.7)
            elif what == "lost":
                c.abort()
            elif what == "resume":
                c = resume(server, c, h=c.h)
                clients[user] = c if c.resumed.name == "resumed" else None
            elif what == "write":
                for other in server.names:
                    c.message(f"{other}@{HOST}", f"{step}")
            elif what == "kick":
                server.login(user, c.jid.partition("/")[2])
            elif what == "reload" and dice.random() < 0.3:
                server.ctl("module", "reload", HOST, "smacks")
            elif what == "close":
                c.close()
            elif what == "lie":
                c.ack(dice.randrange(2**32))
        except (OSError, AssertionError, ValueError):
            clients[user] = None
    server.release()
    observer = server.online("user0")
    observer.sync()
    until_waiting(server, n=0)


# ---- memory

@alone(accounts=3, config=CONFIG)
def test_log_ins_leave_nothing(server):
    """In five rounds, each with its ways to go; from the second one on no more memory is needed."""
    each, resident = max(LOGINS // 5, 6), []
    for _ in range(5):
        for n in range(each):
            c = managed(server, server.names[n % 3], "r")
            c.message(c.jid)
            if n % 3 == 0:
                c.abort()
            elif n % 3 == 1:
                lost(server, c)
                taken_up(server, c).close()
            else:
                c.close()
            server.clients.clear()
        resident.append(resident_kb(server))
    print(f"5 x {each} log-ins: resident KB {resident}")
    assert resident[4] - resident[1] < 1000, "it grows"


def memory_of(server, n, prepare):
    """KB of its own that each of n sessions needs, by what `prepare` does; not the journal's file."""
    before = anonymous_kb(server)
    for _ in range(n):
        prepare()
    return (anonymous_kb(server) - before) / n


def anonymous_kb(server):
    if resident_kb(server) == 0:
        return 0  # a sanitizer's memory says nothing
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


@alone(accounts=2, config={**CONFIG, "max_resources": "10000", "smacks_max_hibernated_sessions": "10000",
                           "log": '{ error = "/dev/null" }'})
def test_memory(server):
    """Of a session that has enabled it, and of one that waits: beside one that has neither."""
    n = int(os.environ.get("PC_MEMORY_SESSIONS", "100"))
    user, kept = server.account(), []

    def plain():
        kept.append(connect(server, user))
        kept[-1].bind()

    def enabled():
        kept.append(managed(server, user, presence=False))

    def hibernated():
        enabled()
        kept.pop().abort()

    for warm_up in (plain, enabled, hibernated):  # what the first ones need once
        for _ in range(max(n // 5, 20)):
            warm_up()
    kb = {f.__name__: memory_of(server, n, f) for f in (plain, enabled, hibernated)}
    until_waiting(server, n=n + max(n // 5, 20))
    print(f"{n} sessions, KB each: " + ", ".join(f"{name} {value:.2f}" for name, value in kb.items()))
    assert kb["enabled"] - kb["plain"] < 1 and kb["hibernated"] < 3, kb
