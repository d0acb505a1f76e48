"""Servers that say too much at a time, or stop in the middle: what they get, and what those get who wait for them."""
from client import SCALE
from federation import A, B, BIDI, C, DIALBACK, EXTERNAL, Federation, one
from flow import NS, equal, rows

MUCH = "x" * 3000000
LIMIT = "20000"


def flood(link, text):
    """The other side may close before it has read all of that."""
    try:
        link.send(text)
    except OSError:
        pass


def body(n):
    return f"<message from='eve@{C}/x' to='ann@{A}' id='m'><body>{'x' * n}</body></message>"


# ---- stanzas of proved streams (RFC 6120 13.12)

def theirs(f):
    return f.connect(cert=f.ca.make("shown", C)).external()


def ours(f):
    return f.ours_both_ways(f.online("bob", A))


@rows(("theirs", theirs), ("ours_both_ways", ours))
def test_stanza(stream):
    with one(remotes=(C,), s2s_stanza_size_limit=LIMIT) as f:
        ann, link = f.online("ann", A), stream(f)
        link.send(body(int(LIMIT) - 300))
        equal(len(ann.expect("message", id="m").child_text("body")), int(LIMIT) - 300)
        flood(link, body(int(LIMIT)))
        link.expect_stream_error("policy-violation")
        ann.nothing()


@rows(("both_ways", "true"), ("each_its_own", "false"))
def test_more_than_the_other_takes(bidi):
    """XEP-0478: it goes back, and the stream goes on, whoever has opened it; an answer becomes an error."""
    with Federation([([A], {"s2s_bidi": bidi}), ([B], {"s2s_stanza_size_limit": LIMIT, "s2s_bidi": bidi})]) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        for opener, other in ((bob, ann), (ann, bob)):
            opener.message(other.jid, "before")
            other.expect("message")
            ident = ann.message(bob.jid, "x" * int(LIMIT))
            error = ann.expect("message", id=ident, type="error")
            equal((error.get("from"), error.error()), (bob.jid, ("modify", "policy-violation")))
            ann.message(bob.jid, "x" * 19000)
            bob.expect("message")
            ann.message(f"bob@{B}", "behind", type="error")
            asked = bob.iq("get", "<x xmlns='urn:example'/>", to=ann.jid, wait=False)
            got = ann.find("iq", id=asked)
            ann.send(f"<iq type='result' id='{asked}' to='{got.get('from')}'><x xmlns='urn:example'>{MUCH[:30000]}</x></iq>")
            equal(bob.find("iq", id=asked).error(), ("modify", "policy-violation"))
            for server, host in zip(f.servers, (A, B)):
                server.ctl("s2s", "close", host, B if host == A else A, check=False)
        for server in f.servers:
            assert "stream error" not in server.log() and "has ended: it says" not in server.log()


@rows(("fits", 30000, 29000, True), ("too_much", 30000, 30001, False), ("less_than_may_be", 10, 9000, True),
      ("no_number", "-1", 40000, True), ("nothing", None, 40000, True))
def test_announced(most, size, passes):
    """Numbers below 10000 are none that a server may have (RFC 6120 13.12)."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer_tls(EXTERNAL)
        limits = "" if most is None else f"<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>{most}</max-bytes></limits>"
        link.take_external(limits)
        link.expect("message")
        ann.message(f"eve@{C}", "x" * size)
        ann.message(f"eve@{C}", "last")
        came = [link.expect("message").child_text("body") for _ in range(1 + passes)]
        equal([len(text) for text in came], [size, 4] if passes else [4])
        if not passes:
            equal(ann.expect("message", type="error").error()[1], "policy-violation")


def test_the_log():
    """Who asks for what is too large for himself cannot fill it: a thousand lines are said at once."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer_tls(EXTERNAL)
        link.take_external("<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>")
        link.expect("message")
        for _ in range(22):
            for _ in range(50):
                ann.message(f"eve@{C}", "x" * 10000)
            for _ in range(50):
                equal(ann.expect("message", type="error").error()[1], "policy-violation")
        said = [line for line in f.servers[0].log().splitlines() if "goes back: it takes" in line]
        equal(len(said), 1100)
        assert len([line for line in said if " debug " not in line]) < 1000 + 60 * SCALE


def test_reload():
    """What was announced to the instance before goes on to count, for streams of either direction."""
    def refused(ann):
        ann.message(f"eve@{C}", "x" * 30001)
        equal(ann.expect("message", type="error").error()[1], "policy-violation")

    limits = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>30000</max-bytes></limits>"
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer_tls(EXTERNAL)
        link.take_external(limits)
        link.expect("message")
        for turn in range(2):
            f.servers[0].ctl("module", "reload", A, "s2s")
            refused(ann)
        link.abort()
    with one() as f:
        ann, link = f.online("ann", A), f.connect(cert=f.ca.make("shown", C))
        link.begin_tls()
        link.send(f"<bidi xmlns='{NS['bidi']}'>{limits}</bidi>")
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")
        link.begin()
        for turn in range(2):
            refused(ann)
            f.servers[0].ctl("module", "reload", A, "s2s")
        refused(ann)


def test_we_announce():
    """Before the proof what is taken then, behind it what the operator says; with <bidi/> where we open the stream."""
    def most(element):
        return element.child("limits", "urn:xmpp:stream-limits:0").child_text("max-bytes")

    with one(remotes=(C,), s2s_stanza_size_limit=LIMIT) as f:
        link = f.connect(cert=f.ca.make("shown", C))
        equal(most(link.begin_tls()), "10000")
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")
        equal(most(link.begin()), LIMIT)
        f.online("ann", A).message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer_tls(EXTERNAL + BIDI)
        equal(most(link.expect("bidi", "bidi")), LIMIT)


# ---- before the proof

@rows(("a_key", f"<db:result from='{C}' to='{A}'>{MUCH}</db:result>"),
      ("a_question", f"<db:verify from='{C}' to='{A}' id='{MUCH}'>key</db:verify>"),
      ("an_answer", f"<db:result from='{C}' to='{A}' type='valid'>{MUCH}</db:result>"),
      ("a_message", body(len(MUCH))), ("a_certificate_s_name", f"<auth xmlns='{NS['sasl']}' mechanism='EXTERNAL'>{MUCH}</auth>"),
      ("an_element_without_an_end", f"<db:result from='{C}' to='{A}'>{'<a>' * 100000}"))
def test_before_the_proof(text):
    with one() as f:
        link = f.connect()
        link.begin_tls()
        flood(link, text)
        link.expect_stream_error("policy-violation")


def test_header():
    with one() as f:
        link = f.connect()
        flood(link, f"<stream:stream xmlns='jabber:server' xmlns:stream='{NS['stream']}' from='{MUCH}'")
        link.expect_header()
        link.expect_stream_error("policy-violation")


# ---- those that we connect to

def asked(f):
    """A key was shown to us, and its owner is asked about it."""
    link = f.connect()
    link.begin_tls()
    link.result("key")
    owner = f.remotes[C].accept()
    owner.answer_tls(DIALBACK)
    owner.expect("verify", "dialback")
    return link, owner


@rows(("an_answer", f"<db:verify from='{C}' to='{A}' type='valid' id='"), ("features", "<stream:features>"),
      ("an_error", f"<db:verify from='{C}' to='{A}' type='error'><error><text>"))
def test_answer_without_an_end(begin):
    """The owner ends as one who is not there, and who waits is told."""
    with one(remotes=(C,)) as f:
        link, owner = asked(f)
        flood(owner, begin + MUCH)
        owner.expect_stream_error("policy-violation")
        assert link.expect("result", type="error").child("error").child("remote-server-timeout", "stanzas")
        link.send(body(1))
        link.expect_stream_error("not-authorized")


@rows(("silent", None), ("before_tls", "header"), ("in_the_middle_of_tls", "tls"), ("behind_tls", "features"))
def test_stops(where):
    """RFC 6120 8.3.3.16: whoever wrote is told in time."""
    with one(remotes=(C,), s2s_timeout=1) as f:
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        if where == "header":
            link.answer(None)
        elif where == "tls":
            link.answer(f"<starttls xmlns='{NS['tls']}'/>")
            link.expect("starttls", "tls")
            link.send(f"<proceed xmlns='{NS['tls']}'/>")
        elif where == "features":
            link.answer_tls(None)
        equal(ann.expect("message", type="error").error(), ("wait", "remote-server-timeout"))


def test_never_begins_tls():
    """Who connects and is told to proceed has as much time as one who says nothing."""
    with one(s2s_timeout=0.5) as f:
        link = f.connect()
        link.begin()
        link.send(f"<starttls xmlns='{NS['tls']}'/>")
        link.expect("proceed", "tls")
        link.expect_end(closing=False)
