"""Servers that send too much, open too many streams, ask about domains that are not there, or answer answers: what they
get is bounded, and nobody else waits for it."""
import contextlib
import re
import socket
import time

from client import DEADLINE, SCALE
from dns import SILENT
from federation import A, B, C, EXTERNAL, Federation, Link, one
from flow import NS, equal, rows

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "limits" }'
BODY = "x" * 1000


# ---- bytes a second (module limits)

def seconds_for(link, ann, messages):
    """From the first of these messages until ann has the last."""
    begin = time.monotonic()
    link.send("".join(f"<message from='eve@{link.here}' to='{ann.jid}' id='m{n}'><body>{BODY}</body></message>"
                      for n in range(messages)))
    for n in range(messages):
        ann.expect("message", id=f"m{n}")
    return time.monotonic() - begin


def incoming(f, ann):
    return f.connect(cert=f.ca.make("shown", C)).external()


def ours_both_ways(f, ann):
    return f.ours_both_ways(ann)


@rows(("incoming", incoming, "s2sin"), ("ours_both_ways", ours_both_ways, "s2sout"))
def test_more_comes_later(connect, kind):
    limits = f'{{ {kind} = {{ rate = "20kb/s"; burst = "1s" }}, c2s = {{ rate = "10mb/s" }} }}'
    with one(remotes=(C,), modules_enabled=MODULES, limits=limits) as f:
        ann, bob = f.online("ann", A), f.online("bob", A)
        took = seconds_for(connect(f, ann), ann, 50)
        assert took > 1.2, f"50 KB at 20 KB a second took {took} s"
        other = f.connect(here=B, cert=f.ca.make("other", B)).external()
        assert seconds_for(other, bob, 1) < 1 * SCALE, "another server was held up"


@rows(("incoming", incoming, "s2sout"), ("ours_both_ways", ours_both_ways, "s2sin"))
def test_the_other_direction_is_not_limited(connect, kind):
    limits = f'{{ {kind} = {{ rate = "1kb/s"; burst = "1s" }}, {"s2sin" if kind == "s2sout" else "s2sout"} = {{ rate = "10mb/s" }} }}'
    with one(remotes=(C,), modules_enabled=MODULES, limits=limits) as f:
        ann = f.online("ann", A)
        took = seconds_for(connect(f, ann), ann, 100)
        assert took < 10 * SCALE, f"100 KB took {took} s"


# ---- streams

@contextlib.contextmanager
def crowd(f, n, address):
    """So many connections from that address."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connection(f, address)) for _ in range(n)]


def connection(f, address):
    return socket.create_connection(("127.0.0.1", f.ports[A]), timeout=DEADLINE, source_address=(address, 0))


def is_closed(sock):
    sock.settimeout(0)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a_thousand_streams():
    """An address gets so many that have proved nothing, and again as soon as these have gone; others come in meanwhile."""
    with one(remotes=(C,), unlimited_ips="{}", s2s_max_unauthenticated_per_ip=40) as f:
        with crowd(f, 1000, "127.0.0.7") as socks:
            deadline = time.monotonic() + DEADLINE
            while (n := sum(is_closed(sock) for sock in socks)) < 960:
                assert time.monotonic() < deadline, f"{1000 - n} streams are open"
            equal(n, 960)
            f.servers[0].log_has("s2s: a connection from 127.0.0.7 was refused")
            ann = f.online("ann", A)
            assert seconds_for(incoming(f, ann), ann, 1) < 2 * SCALE
        for _ in range(40):
            Link(connection(f, "127.0.0.7"), f.ca.context(), C, A, False).begin()


def test_proved_streams():
    with one(unlimited_ips="{}", s2s_max_connections_per_ip=5) as f:
        cert = f.ca.make("shown", C)
        links = [f.connect(cert=cert).external() for _ in range(5)]
        assert is_refused(f), "one too many comes in"
        links[0].close()
        deadline = time.monotonic() + DEADLINE
        while is_refused(f):  # until the server has seen that
            assert time.monotonic() < deadline, "none comes in again"


def is_refused(f):
    """Does the server close at once, or does it answer?"""
    with connection(f, "127.0.0.1") as sock, contextlib.suppress(ConnectionError):
        sock.sendall(b"<stream:stream")
        sock.sendall(b" xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
        return sock.recv(1) == b""
    return True


# ---- keys of dialback for domains that are not there

DEAD = [f"dead{n}.example" for n in range(300)]


def test_three_hundred_dead_domains():
    """At most so many are asked about at a time for one address, and fewer connected to; another pair does not wait."""
    with one(remotes=(C,)) as f:
        f.zone.table.update({(f"{kind}.{name}", 33): ("SRV", SILENT) for name in DEAD
                             for kind in ("_xmpp-server._tcp", "_xmpps-server._tcp")})
        links = []
        for n in range(0, 300, 10):
            link = f.connect()
            link.begin_tls()
            links.append(link)
        ann = f.online("ann", A)
        for n, link in enumerate(links):
            for name in DEAD[10 * n:10 * n + 10]:
                link.result("key", from_=name)
        begin = time.monotonic()
        ann.message(f"eve@{C}", "x")
        remote = f.remotes[C].accept()
        remote.answer_tls(EXTERNAL)
        remote.take_external()
        remote.expect("message")
        took = time.monotonic() - begin
        assert took < 2 * SCALE, f"another pair waited {took} s"
        server = f.servers[0]
        listed = server.ctl("s2s", "list", A)
        equal((listed.count("connecting"), listed.count("waiting for its turn")), (128, 72))
        assert re.search(r"in_refused \S+ +100$", server.ctl("stats", "prosody_mod_s2s_in_refused"), re.M), server.ctl("stats")
        refusal = links[-1].expect("result", "dialback", type="error").child("error")
        equal((refusal.get("type"), refusal.children[0].name), ("wait", "resource-constraint"))


def test_a_stream_that_only_asks():
    """Keys that are not even verified are refused so often, and no more."""
    with one(s2s_dialback="false") as f:
        link = f.connect()
        link.begin_tls()
        for n in range(150):
            link.result("key", from_=f"n{n}.example")
        for n in range(100):
            error = link.expect("result", "dialback", to=f"n{n}.example", type="error").child("error")
            equal((error.get("type"), error.children[0].name), ("cancel", "not-authorized"))
        link.expect_stream_error("policy-violation")


def test_keys_that_are_not_ours():
    """Neither are questions about keys answered without end."""
    with one() as f:
        link = f.connect()
        link.begin_tls()
        for n in range(150):
            link.verify("key", f"id{n}")
        for n in range(100):
            link.expect("verify", "dialback", id=f"id{n}", type="invalid")
        link.expect_stream_error("policy-violation")


def test_domains_that_are_not_there():
    """Each costs questions to the DNS."""
    with one() as f:
        link = f.connect()
        link.begin_tls()
        for n in range(100):
            link.result("key", from_=f"n{n}.example")
            error = link.expect("result", "dialback", to=f"n{n}.example", type="error").child("error")
            equal(error.children[0].name, "remote-server-not-found")
        link.expect_stream_error("policy-violation")


def test_dead_domains_keep_nobody_out():
    """As many as can be known, and another one is written to all the same."""
    with one(remotes=(C,), s2s_max_domains=5, s2s_retry_after=100) as f:
        link, ann = f.connect(), f.online("ann", A)
        link.begin_tls()
        for n in range(5):
            link.result("key", from_=f"n{n}.example")
            link.expect("result", "dialback", to=f"n{n}.example", type="error")
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept()


def test_the_log():
    """A line is the end of nothing, and a thousand of them are said: then it is told how many there were."""
    with one() as f:
        for _ in range(12):
            link = f.connect()
            link.begin_tls()
            for n in range(100):
                link.verify("key", "id")
            for n in range(100):
                link.expect("verify", "dialback", type="invalid")
            link.expect_stream_error("policy-violation")
        f.servers[0].ctl("module", "unload", A, "s2s")
        said = [line for line in f.servers[0].log().splitlines() if "was shown a key" in line and " debug " not in line]
        assert 900 < len(said) < 1000 + 60 * SCALE, len(said)
        f.servers[0].log_has("more lines about other servers were left out")


# ---- answers to answers

ERROR = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


def both_ways(f):
    """A stream from C on which answers come, too."""
    return f.connect(cert=f.ca.make("shown", C)).external(bidi=True)


def ping(link, ident):
    link.send(f"<iq type='get' id='{ident}' from='{C}' to='{A}'><ping xmlns='urn:xmpp:ping'/></iq>")


def test_errors_are_not_answered():
    with one() as f:
        link = both_ways(f)
        f.online("ann", A)
        for to in (A, f"{A}/x", f"nobody@{A}", f"nobody@{A}/x", f"bob@{A}", f"bob@{A}/gone", f"ann@{A}/gone"):
            for name in ("message", "iq", "presence"):
                link.send(f"<{name} from='eve@{C}' to='{to}' type='error' id='x'>{ERROR}</{name}>")
            link.send(f"<iq from='eve@{C}' to='{to}' type='result' id='y'/>")
        ping(link, "last")
        equal(link.next().get("id"), "last")


@rows(("message", "<message from='eve@c.example' to='nobody@a.example' id='x'><body>x</body></message>"),
      ("iq", "<iq from='eve@c.example' to='nobody@a.example/x' type='get' id='x'><ping xmlns='urn:xmpp:ping'/></iq>"))
def test_a_server_that_answers_errors(text):
    """It sends each error back as an error of its own: that is the end of it."""
    with one() as f:
        link = both_ways(f)
        link.send(text)
        came = link.next()
        equal((came.get("type"), came.get("to")), ("error", f"eve@{C}"))
        for n in range(20):
            link.send(f"<{came.name} from='eve@{C}' to='{came.get('from')}' type='error' id='x'>{ERROR}</{came.name}>")
        ping(link, "last")
        equal(link.next().get("id"), "last")


def test_nobody_is_there_on_either_side():
    """What comes back to a user who has gone goes no further: no stream is opened for it."""
    options = {"s2s_bidi": "false"}
    with Federation([([A], options), ([B], options)]) as f:
        ann = f.online("ann", A)
        for name in ("message", "iq type='get'"):
            ann.send(f"<{name} id='x' to='nobody@{B}/x'><body/></{name.split()[0]}>")
        equal({ann.find(type="error").get("from") for _ in range(2)}, {f"nobody@{B}/x"})
        ann.send(f"<iq type='get' id='y' to='nobody@{B}/x'><ping xmlns='urn:xmpp:ping'/></iq>")
        ann.abort()
        bob = f.online("bob", A)
        bob.message(f"nobody@{B}/x", "x")
        equal(bob.find("message", type="error").get("from"), f"nobody@{B}/x")
        for server, host in zip(f.servers, (A, B)):
            assert server.ctl("s2s", "list", host).count("\n") == 2, server.ctl("s2s", "list", host)


def test_as_many_domains_as_a_start_meets():
    """More names than are looked up at once: the others wait."""
    with one() as f:
        ann = f.online("ann", A)
        asked = {ann.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=f"d{n}.example", wait=False) for n in range(700)}
        while asked:
            answer = ann.next()
            asked.discard(answer.get("id"))
            equal(answer.error(), ("cancel", "remote-server-not-found"))
