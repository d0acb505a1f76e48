"""A DNS that leads servers astray: to ourselves, around in circles, or that says more than it was asked."""
import struct

from dns import wire
from federation import A, B, C, DIALBACK, Federation, one
from flow import NS, equal

MIRROR = "mirror.example"


def points(f, domain, *to):
    f.zone.table[(f"_xmpp-server._tcp.{domain}", 33)] = ("SRV", [(10, 0, port, host) for host, port in to])


def also(f, wanted, *records):
    """Answers about that name say these, too: (owner, type, data)."""
    answer = f.zone.answer

    def more(data):
        said = answer(data)
        if wire(wanted) not in data.lower() or said is None:
            return said
        flags, n = 0x8580, struct.unpack(">H", said[6:8])[0] + len(records)
        tail = b"".join(wire(o) + struct.pack(">HHIH", kind, 1, 60, len(value)) + value for o, kind, value in records)
        return said[:2] + struct.pack(">HHHHH", flags, 1, n, 0, 0) + said[12:] + tail
    f.zone.answer = more


# ---- a domain whose server is said to be ours

def test_ourselves():
    """We are not that domain, and say so: no stream, no second attempt, nothing is let in."""
    with one() as f:
        points(f, MIRROR, ("xmpp.example", f.ports[A]))
        ann = f.online("ann", A)
        ann.message(f"ann@{MIRROR}", "x")
        equal(ann.expect("message", type="error").error(), ("cancel", "remote-server-not-found"))
        f.servers[0].log_has("it says host-unknown")
        equal(f.servers[0].log().count(f"no stream to {MIRROR}"), 1)
        ann.nothing()
        assert "open" not in f.servers[0].ctl("s2s", "list", A)


def test_ourselves_as_a_proof():
    """Who claims such a domain has us ask ourselves, and gets no word of ours for it."""
    with one(hosts=(A, "also.example")) as f:
        points(f, MIRROR, ("xmpp.example", f.ports[A]))
        for to in (A, "also.example"):
            link = f.connect(here=MIRROR, there=to)
            link.begin_tls()
            link.result("key")
            assert link.expect("result", type="error", to=MIRROR).child("error").child("remote-server-not-found", "stanzas")
            link.send(f"<message from='eve@{MIRROR}' to='ann@{to}'><body>x</body></message>")
            link.expect_stream_error("not-authorized")


def test_key_is_passed_on():
    """The liar shows us, for himself, the key that we have just shown him: it is for us to judge, and is of no use."""
    with one(remotes=(C,)) as f:
        f.online("ann", A).message(f"eve@{C}", "x")
        out = f.remotes[C].accept()
        liar = f.connect(here=MIRROR)
        liar.begin_tls()
        points(f, MIRROR, ("xmpp.example", f.ports[A]))
        out.answer_tls(DIALBACK, ident=liar.seen_header.get("id"))
        key = out.expect("result", "dialback").text
        for claimed in (MIRROR, A):
            liar.result(key, from_=claimed)
            if claimed == MIRROR:
                liar.expect("result", type="error")
            else:
                liar.expect_stream_error("invalid-from")


def test_another_server():
    """Two of ours, one domain that leads to the other: it does not get what is not its own."""
    with Federation([([A], {}), ([B], {})]) as f:
        points(f, MIRROR, ("xmpp.example", f.ports[B]))
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(f"bob@{MIRROR}", "x")
        equal(ann.expect("message", type="error").error()[1], "remote-server-not-found")
        bob.nothing()
        ann.message(bob.jid, "y")
        equal(bob.expect("message").child_text("body"), "y")


# ---- circles

def fails(f, domain):
    ann = f.online("ann", A)
    ann.message(f"eve@{domain}", "x")
    assert ann.expect("message", type="error").error()[1] in ("remote-server-not-found", "remote-server-timeout")
    return ann


def test_srv_to_itself():
    with one(s2s_timeout=5) as f:
        name = f"_xmpp-server._tcp.{MIRROR}"
        points(f, MIRROR, (name, 5269))
        fails(f, MIRROR)
        assert len(f.zone.asked) < 50, f.zone.asked


def test_aliases_in_a_circle():
    with one(s2s_timeout=5) as f:
        for here, there in ((MIRROR, "mirrored.example"), ("mirrored.example", MIRROR)):
            f.zone.table[(here, 1)] = ("A", [])
            also(f, here, (here, 5, wire(there)), (there, 5, wire(here)))
        fails(f, MIRROR)
        assert len(f.zone.asked) < 200, len(f.zone.asked)


def test_many_targets():
    """However many there are, all of them get the time of one."""
    with one(s2s_timeout=1) as f:
        points(f, MIRROR, *((f"h{n}.example", 5269) for n in range(60)))
        fails(f, MIRROR)


# ---- more than was asked

def test_answers_for_others():
    """What comes along for other names leads nobody there."""
    with one(remotes=(C,)) as f:
        points(f, MIRROR, ("xmpp.example", 1))
        lie = struct.pack(">HHH", 0, 0, f.ports[A]) + wire("xmpp.example")
        also(f, MIRROR, (f"_xmpp-server._tcp.{C}", 33, lie), ("xmpp.example", 1, bytes([127, 0, 0, 9])))
        ann = fails(f, MIRROR)
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept().answer(f"<starttls xmlns='{NS['tls']}'/>")
