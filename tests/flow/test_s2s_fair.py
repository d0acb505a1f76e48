"""Whoever has us connect to a crowd of domains that do not answer waits for them himself: the streams of everybody else
begin at once, and what waits in vain is answered in time, once."""
import contextlib
import socket
import time

from client import DEADLINE, SCALE
from component import port_options, shake
from component import SECRET as COMPONENT_SECRET
from dns import SILENT
from federation import A, B, C, DIALBACK, EXTERNAL, one
from flow import equal, rows

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping" }'
D = "d.example"
PLACES = 256  # dials under way, of which one asker has half
QUICK = 1 * SCALE


@contextlib.contextmanager
def ours(*remotes, **options):
    """One of ours, for which names below silent.example are never answered."""
    with one(remotes=remotes or (C,), modules_enabled=MODULES, **options) as f:
        f.zone.under[".silent.example"] = (None, SILENT)
        yield f


def crowd(user, n, suffix="silent.example", first=0):
    """Messages to so many domains."""
    user.send("".join(f"<message to='eve@d{i}.{suffix}' id='d{i}'><body>x</body></message>"
                      for i in range(first, first + n)))


def take(remote):
    link = remote.accept()
    link.answer_tls(EXTERNAL)
    link.take_external()
    link.expect("message")


def seconds_to(f, user, domain=C):
    """From the message until the domain's server has it."""
    begin = time.monotonic()
    user.message(f"eve@{domain}", "x")
    take(f.remotes[domain])
    return time.monotonic() - begin


def is_quick(f, user, domain=C):
    took = seconds_to(f, user, domain)
    assert took < QUICK, f"another user waited {took} s"


def answers(user, n, timeout=10):
    """The conditions of so many errors: id -> condition, each once."""
    came = {}
    while len(came) < n:
        error = user.find("message", type="error", timeout=timeout)
        assert error.get("id") not in came, f"{error} comes again"
        came[error.get("id")] = error.error()[1]
    return came


def states(f):
    return [line for line in f.servers[0].ctl("s2s", "list", A).splitlines() if "->" in line]


# ---- names that nobody answers for

def test_a_user_and_silent_names():
    with ours(B, C) as f:
        ann, bob = f.online("ann", A), f.online("bob", A)
        alone = seconds_to(f, ann, B)
        crowd(bob, 2000)
        bob.sync()
        took = seconds_to(f, ann)
        assert took < QUICK and took < 10 * alone + QUICK / 2, f"{took} s, and {alone} s without the crowd"
        equal(sum("connecting" in line for line in states(f)), PLACES // 2)
        equal(sum("waiting for its turn" in line for line in states(f)), 2000 - PLACES // 2)


def test_the_resolver_is_not_taken_for_dead():
    """It lets so many names pass without an answer, for half a minute, that unbound by itself asks it nothing any more."""
    with ours(s2s_timeout=30) as f:
        ann, bob = f.online("ann", A), f.online("bob", A)
        crowd(bob, 2000)
        equal(set(answers(bob, 2000, timeout=40).values()), {"remote-server-timeout"})
        bob.nothing()
        is_quick(f, ann)


def test_a_component_and_silent_names():
    """It has many senders, and all of them are one asker."""
    component = f'Component "comp.example"\n    component_secret = "{COMPONENT_SECRET}"\n'
    with ours(extra=component, **port_options()) as f:
        comp, ann = shake(f.servers[0], "comp.example"), f.online("ann", A)
        comp.send("".join(f"<message from='u{i}@comp.example' to='eve@d{i}.silent.example' id='d{i}'><body>x</body></message>"
                          for i in range(2000)))
        f.servers[0].log_has("no DNSSEC trust anchor")  # the first name is being looked up
        is_quick(f, ann)


# ---- servers that nobody can connect to, or that say nothing

@contextlib.contextmanager
def full():
    """A port that takes no connection: its queue is full."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(sock.getsockname())
        yield sock.getsockname()[1]


@contextlib.contextmanager
def mute():
    """A port that takes all, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as sock:
        yield sock.getsockname()[1]


@rows(("nothing_is_accepted", full), ("nothing_is_said", mute))
def test_hanging_connections(port):
    with port() as hangs, ours() as f:
        f.zone.under[".hangs.example"] = ("SRV", [(10, 0, hangs, "xmpp.example")])
        ann, bob = f.online("ann", A), f.online("bob", A)
        crowd(bob, 600, "hangs.example")
        bob.sync()
        is_quick(f, ann)
        equal(sum("connecting" in line for line in states(f)), PLACES // 2)


# ---- questions of other servers

def test_questions_about_silent_names():
    """Each gets its answer; a user's stanza and another server's question do not wait for that."""
    with ours(B, C, D, s2s_timeout=4 * SCALE) as f:
        ann, cert = f.online("ann", A), f.ca.make("shown", B)
        links = [f.connect(B, cert=cert, source="127.0.0.7").external() for _ in range(30)]
        other = f.connect(source="127.0.0.8")
        other.begin_tls()
        begin = time.monotonic()
        for n, link in enumerate(links):
            for i in range(10):
                link.result("key", from_=f"d{10 * n + i}.silent.example")
        other.result("key")
        asked = f.remotes[C].accept()
        asked.answer_tls(DIALBACK)
        question = asked.expect("verify", "dialback")
        asked.verify("", question.get("id"), type="valid")
        other.expect("result", "dialback", type="valid")
        took = time.monotonic() - begin
        assert took < 2 * SCALE, f"another server's question waited {took} s"
        is_quick(f, ann, D)
        conditions = []
        for n, link in enumerate(links):
            came = [link.expect("result", "dialback", type="error") for _ in range(10)]
            equal({e.get("from") for e in came}, {A})
            equal({e.get("to") for e in came}, {f"d{10 * n + i}.silent.example" for i in range(10)})
            conditions += [e.child("error").children[0].name for e in came]
        equal(conditions.count("resource-constraint"), 100)
        equal(conditions.count("remote-server-timeout") + conditions.count("remote-server-not-found"), 200)
        took = time.monotonic() - begin
        assert took < 6 * SCALE, f"they were answered after {took} s"
        for link in links:  # and nothing comes twice
            link.send(f"<iq type='get' id='last' from='{B}' to='{A}'><ping xmlns='urn:xmpp:ping'/></iq>")
        f.links += [f.remotes[B].accept()]
        f.links[-1].answer_tls(EXTERNAL)
        f.links[-1].take_external()
        for link in links:
            equal(f.links[-1].expect("iq").get("id"), "last")


# ---- the bounds of one asker

def test_one_asker_takes_half():
    """Of the domains that a host may have to do with. Nothing is left of that when it is over."""
    with ours(s2s_max_domains=100, s2s_timeout=2 * SCALE, s2s_idle_timeout=1) as f:
        ann, bob = f.online("ann", A), f.online("bob", A)
        for again in range(2):
            crowd(bob, 200, first=200 * again)
            if not again:
                is_quick(f, ann)
            came = answers(bob, 200)
            equal(sorted(came.values()), ["remote-server-timeout"] * 50 + ["resource-constraint"] * 150)
            bob.nothing()
            deadline = time.monotonic() + DEADLINE
            while any("silent.example" in line for line in states(f)):
                assert time.monotonic() < deadline, states(f)


def test_it_is_over_in_time():
    """Waiting for a turn makes no error later, whoever's turn came."""
    with ours(s2s_timeout=2 * SCALE) as f:
        bob = f.online("bob", A)
        begin = time.monotonic()
        crowd(bob, 600)
        equal(set(answers(bob, 600).values()), {"remote-server-timeout"})
        took = time.monotonic() - begin
        assert 2 * SCALE <= took < 3.5 * SCALE, f"they were answered after {took} s"
        bob.nothing()


# ---- a domain that somebody else waits for

def test_deep_in_the_line_of_another():
    with ours() as f:
        ann, bob = f.online("ann", A), f.online("bob", A)
        crowd(bob, 2000)
        bob.message(f"eve@{C}", "deep")
        bob.sync()
        f.remotes[C].nobody()
        begin = time.monotonic()
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer_tls(EXTERNAL)
        link.take_external()
        equal([link.expect("message").child_text("body") for _ in range(2)], ["deep", "x"])
        took = time.monotonic() - begin
        assert took < QUICK, f"another user waited {took} s"


def test_each_has_his_own_time():
    """What has waited for too long goes back; who has written later still gets his answer from the stream that begins."""
    with ours(s2s_timeout=3 * SCALE) as f:
        ann, bob = f.online("ann", A), f.online("bob", A)
        crowd(bob, 600)
        bob.send(f"<message to='eve@{C}' id='early'><body>x</body></message>")
        bob.sync()
        for _ in range(int(5 * SCALE)):
            f.remotes[C].nobody()
        ann.message(f"eve@{C}", "late")
        link = f.remotes[C].accept()
        while bob.find("message", type="error").get("id") != "early":
            pass
        link.answer_tls(EXTERNAL)
        link.take_external()
        equal(link.expect("message").child_text("body"), "late")
        ann.nothing()
