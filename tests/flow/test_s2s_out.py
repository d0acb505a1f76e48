"""Servers that we connect to: who they are, how we prove who we are (XEP-0178, XEP-0185, XEP-0220), what becomes of stanzas
for those that are not there (RFC 6120 10.4), and both ways on one stream (XEP-0288)."""
import select
import socket
import time

from client import DEADLINE
from federation import A, B, BIDI, C, DIALBACK, EXTERNAL, SECRET, key, one
from flow import NS, equal, rows
from server import free_ports

MESSAGE = "<message from='{}' to='{}'><body>x</body></message>"


# ---- whom we connect to

def out(f, there=C, resource="r"):
    """A user writes to the test's server; he, and the stream."""
    ann = f.online("ann", A, resource)
    ann.message(f"eve@{there}", "x")
    return ann, f.remotes[there].accept()


def test_we_prove_by_certificate():
    with one(remotes=(C,), s2s_secure_auth="true") as f:
        _, link = out(f)
        header = link.answer_tls(EXTERNAL)
        equal((header.get("from"), header.get("to"), header.ns), (A, C, "http://etherx.jabber.org/streams"))
        link.take_external()
        equal(link.expect("message").child_text("body"), "x")


def keep_bytes(link):
    """What comes from now on, as it is on the wire."""
    said, feed = [], link.parser.feed
    link.parser.feed = lambda data: (said.append(data), feed(data))
    return said


def test_we_prove_by_dialback():
    """The key is XEP-0185's, and only for that stream and that domain."""
    with one(remotes=(C,)) as f:
        ann, link = out(f)
        link.answer_tls(DIALBACK, ident="D60000229F")
        result = link.expect("result", "dialback", from_=A, to=C)
        equal(result.text, key(SECRET, C, A, "D60000229F"))
        asker = f.connect()
        asker.begin_tls()
        good = result.text
        for ident, text, sender, wanted in (
                ("D60000229F", good, C, "valid"), ("D60000229F", good[:-1] + ("0" if good[-1] != "0" else "1"), C, "invalid"),
                ("other", key(SECRET, C, A, "other"), C, "invalid"), ("D60000229F", key(SECRET, B, A, "D60000229F"), B, "invalid"),
                ("D60000229F", good[:10], C, "invalid"), ("D60000229F", "", C, "invalid")):
            asker.verify(text, ident, from_=sender)
            asker.expect("verify", "dialback", from_=A, to=sender, id=ident, type=wanted)
        asker.verify(good, "D60000229F", to="elsewhere.example")
        assert asker.expect("verify", type="error").child("error").child("item-not-found", "stanzas")
        link.result("", type="valid")
        equal(link.expect("message").child_text("body"), "x")
        asker.verify(good, "D60000229F")  # the stream is proved: nobody needs to ask any more
        asker.expect("verify", type="invalid")
        ann.nothing()


def test_prefix_of_dialback():
    """XEP-0220 2, note: there are servers that know its elements by the prefix "db" alone, ejabberd among them."""
    with one(remotes=(C,)) as f:
        _, link = out(f)
        link.answer_tls(DIALBACK)
        said = keep_bytes(link)
        link.expect("result", "dialback")
        assert said[0].startswith(f"<db:result from='{A}' to='{C}'>".encode()), said
        asker = f.connect()
        asker.begin_tls()
        said = keep_bytes(asker)
        for to in (A, "elsewhere.example"):
            asker.verify("key", "id", to=to)
            asker.expect("verify", "dialback", from_=to)
        assert said[0].startswith(b"<db:verify ") and b"xmlns" not in said[0], said
        assert said[1].startswith(b"<db:verify ") and b"<error type='cancel'><item-not-found " in said[1], said


def test_falls_back_to_dialback():
    with one(remotes=(C,)) as f:
        _, link = out(f)
        link.answer_tls(EXTERNAL + DIALBACK)
        link.expect("auth", "sasl")
        link.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
        link.expect("result", "dialback")
        link.result("", type="valid")
        link.expect("message")


def test_proves_once():
    """A stanza that comes between the proof and the features behind it waits for these."""
    with one(remotes=(C,)) as f:
        ann, link = out(f)
        link.answer_tls(EXTERNAL)
        link.expect("auth", "sasl")
        link.send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        link.restart_parser()
        link.answer(None)
        ann.message(f"eve@{C}", "y")
        ann.nothing()
        link.send("<stream:features/>")
        equal([link.expect("message").child_text("body") for _ in range(2)], ["x", "y"])


@rows(("invalid", None, "internal-server-error", "our key is not good"),
      ("not_its_domain", "item-not-found", "remote-server-not-found", "(item-not-found)"),
      ("it_wants_a_certificate", "not-authorized", "remote-server-timeout", "(not-authorized)"))
def test_our_key_is_refused(said, condition, logged):
    with one(remotes=(C,)) as f:
        ann, link = out(f)
        link.answer_tls(DIALBACK)
        link.expect("result")
        link.result(f"<error type='cancel'><{said} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" if said else "",
                    type="error" if said else "invalid")
        equal(ann.find("message", type="error").error()[1], condition)
        assert logged in f.servers[0].log()


@rows(("before_we_asked", dict(), True), ("of_another_domain", dict(from_=B), False), ("to_another_host", dict(to=B), False))
def test_nobody_asked_for_that(attrs, early):
    with one(remotes=(C,)) as f:
        ann, link = out(f)
        link.answer_tls(EXTERNAL if early else DIALBACK)
        link.next()
        link.result("", type="valid", **attrs)
        link.expect_stream_error("invalid-from")
        assert ann.find("message", type="error")


@rows(("another_name", [B], {}), ("self_signed", [C], {"issuer": False}), ("a_common_name", ["x.example"], {"subject": C}))
def test_their_certificate(names, how):
    """With s2s_secure_auth no header leaves for who is not trusted; without, the DNS is taken for a proof."""
    for secure in (True, False):
        with one(remotes=(), s2s_secure_auth="true" if secure else "false") as f:
            f.ca.make("shown", *names, **how)
            remote = f.listen(C, "shown")
            ann, link = out(f)
            if secure:
                link.answer("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                link.expect("starttls", "tls")
                link.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
                link.start_tls_layer()
                equal(ann.find("message", type="error").error(), ("cancel", "remote-server-timeout"))
                f.servers[0].log_has("it is not trusted: ")
                link.restart_parser()
                link.expect_end(closing=False)
            else:
                link.answer_tls(DIALBACK)
                link.expect("result", "dialback")
            remote.close()


@rows(("no_encryption", "", "offers no encryption"), ("tls_failure", None, "does not begin TLS"))
def test_no_tls(features, why):
    with one(remotes=(C,)) as f:
        ann, link = out(f)
        if features is None:
            link.answer("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            link.expect("starttls", "tls")
            link.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
        else:
            link.answer(features)
        equal(ann.find("message", type="error").error(), ("cancel", "remote-server-timeout"))
        f.servers[0].log_has(why)


@rows(("proceed", "proceed"), ("failure", "failure"))
def test_tls_that_nobody_asked_for(name):
    """A proved stream in the clear stays what it is."""
    with one(remotes=(C,), s2s_require_encryption="false") as f:
        _, link = out(f)
        link.answer(DIALBACK)
        link.expect("result", "dialback")
        link.result("", type="valid")
        link.expect("message")
        link.send(f"<{name} xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        link.expect_stream_error("unsupported-stanza-type")


@rows(("nobody_listens", "127.0.0.1 1", "remote-server-timeout"), ("no_such_domain", None, "remote-server-not-found"))
def test_not_there(where, condition):
    """What is told to whom, and what is not told to anybody."""
    options = {"s2s_connect_overrides": f'{{ "{C} {where}" }}'} if where else {}
    with one(**options) as f:
        ann = f.online("ann", A)
        began = time.monotonic()
        ann.message(f"eve@{C}", "x")
        ann.send(f"<message type='error' to='eve@{C}'><error type='cancel'/></message><iq type='result' id='r' to='{C}'/>")
        ann.send(f"<iq type='get' id='q' to='{C}'><ping xmlns='urn:xmpp:ping'/></iq>")
        ann.presence(to=f"eve@{C}")
        for kind in ("unavailable", "unsubscribed", "error"):
            ann.presence(to=f"adam@{C}", type=kind)
        message = ann.find("message", type="error")
        equal((message.get("from"), message.get("to")), (f"eve@{C}", ann.jid))
        conditions = {message.error()[1], ann.find("iq", id="q", type="error").error()[1],
                      ann.find("presence", type="error").error()[1]}
        assert conditions <= {condition, "remote-server-not-found"}, conditions
        assert time.monotonic() - began < DEADLINE
        ann.nothing()
        f.servers[0].log_has(f"no stream to {C}")


def test_does_not_answer():
    with one(remotes=(C,), s2s_timeout=0.5) as f:
        ann, link = out(f)
        equal(ann.find("message", type="error").error()[1], "remote-server-timeout")
        f.servers[0].log_has("does not answer in time")


def test_stream_errors():
    for condition, told in (("host-unknown", "remote-server-not-found"), ("policy-violation", "remote-server-timeout")):
        with one(remotes=(C,)) as f:
            ann, link = out(f)
            link.answer(None)
            ns = "xmlns='urn:ietf:params:xml:ns:xmpp-streams'"
            link.send(f"<stream:error><{condition} {ns}/><text {ns}>Не с тобой</text></stream:error></stream:stream>")
            equal(ann.find("message", type="error").error()[1], told)
            f.servers[0].log_has(f"it says {condition} (Не с тобой)")


def test_each_target_is_told():
    """One line says of all that were tried what came of it."""
    with one(remotes=(C,), s2s_require_encryption="true") as f:
        bad, closed = free_ports(2)
        with socket.create_server(("127.0.0.1", bad)) as sock:
            f.zone.table[(f"_xmpp-server._tcp.{C}", 33)] = ("SRV", [(1, 0, closed, "xmpp.example"), (3, 0, f.ports[C], "xmpp.example")])
            f.zone.table[(f"_xmpps-server._tcp.{C}", 33)] = ("SRV", [(2, 0, bad, "xmpp.example")])
            ann = f.online("ann", A)
            ann.message(f"eve@{C}", "x")
            sock.settimeout(DEADLINE)
            sock.accept()[0].close()  # no TLS
            link = f.remotes[C].accept()
            link.answer(None)
            link.send("<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
            ann.find("message", type="error")
        line = next(line for line in f.servers[0].log().splitlines() if f"no stream to {C}: " in line)
        for wanted in (f"xmpp.example[127.0.0.1]:{closed}: connection refused; ", f"; xmpp.example[127.0.0.1]:{bad}: ",
                       f"; xmpp.example[127.0.0.1]:{f.ports[C]}: it says policy-violation (remote-server-timeout; 1 stanzas go back)"):
            assert wanted in line, line


def test_rests():
    """A server that was not there is not asked for at each stanza."""
    with one(remotes=(C,), s2s_retry_after=100) as f:
        ann, link = out(f)
        link.abort()
        ann.find("message", type="error")
        ann.message(f"eve@{C}", "again")
        ann.find("message", type="error")
        f.remotes[C].nobody()
        f.servers[0].ctl("s2s", "close", A, C, check=False)
        ann.message(f"eve@{C}", "and again")
        f.remotes[C].accept()


@rows(("stanzas", dict(s2s_send_queue_size=2), "x"), ("bytes", dict(s2s_send_queue_bytes=3000), "x" * 1300))
def test_queue(options, body):
    with one(remotes=(C,), **options) as f:
        ann, link = out(f)
        for n in range(3):
            ann.message(f"eve@{C}", body)
        equal(ann.find("message", type="error").error()[1], "resource-constraint")
        link.answer_tls(EXTERNAL)
        link.take_external()
        link.expect("message")
        link.expect("message")


# ---- both ways on one stream

def bidi(f, enabled=True):
    link = f.connect(cert=f.ca.make("shown", C))
    features = link.begin_tls()
    assert features.child("bidi", "urn:xmpp:features:bidi")
    if enabled:
        link.send("<bidi xmlns='urn:xmpp:bidi'/>")
    link.auth("EXTERNAL", "=")
    link.expect("success", "sasl")
    link.begin()
    return link


def test_bidi():
    with one(remotes=(C,)) as f:
        link, ann = bidi(f), f.online("ann", A)
        ann.message(f"eve@{C}", "this way")
        equal(link.expect("message").child_text("body"), "this way")
        f.remotes[C].nobody()


def test_not_bidi():
    with one(remotes=(C,)) as f:
        link, ann = bidi(f, enabled=False), f.online("ann", A)
        ann.message(f"eve@{C}", "that way")
        f.remotes[C].accept()
        link.send("<bidi xmlns='urn:xmpp:bidi'/>")  # too late
        link.expect_stream_error("policy-violation")


def test_bidi_is_of_the_pair():
    """Stanzas for others do not come by a stream that somebody else has proved, nor before it is."""
    with one(remotes=(B, C)) as f:
        link, ann = bidi(f), f.online("ann", A)
        ann.message(f"eve@{B}", "for another")
        f.remotes[B].accept()
        ann.message(f"eve@{C}", "for this one")
        equal(link.expect("message").child_text("body"), "for this one")


def test_not_before_the_new_header():
    """Between the proof and the stream behind it nothing can be said: what is written then goes by a stream of its own."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        link = f.connect(cert=f.ca.make("shown", C))
        link.begin_tls()
        link.send("<bidi xmlns='urn:xmpp:bidi'/>")
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")
        ann.message(f"eve@{C}", "x")
        other = f.remotes[C].accept()
        assert not select.select([link.sock], [], [], 0.2)[0], "something comes before the header"
        link.begin()
        other.answer_tls(EXTERNAL)
        other.take_external()
        equal(other.expect("message").child_text("body"), "x")


def test_not_before_the_proof():
    with one(remotes=(C,)) as f:
        link = f.connect(cert=f.ca.make("shown", C))
        link.begin_tls()
        link.send("<bidi xmlns='urn:xmpp:bidi'/>")
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept()


@rows(("without_it", "", f"eve@{C}", "not-authorized"), ("another_sender", BIDI, f"eve@{B}", "invalid-from"),
      ("another_host", BIDI, None, "improper-addressing"))
def test_stanzas_on_our_stream(features, sender, condition):
    with one(remotes=(C,)) as f:
        _, link = out(f)
        link.answer_tls(EXTERNAL + features)
        if features:
            link.expect("bidi", "bidi")
        link.take_external()
        link.expect("message")
        link.send(MESSAGE.format(sender or f"eve@{C}", f"ann@{A}" if sender else B))
        link.expect_stream_error(condition)


@rows(("dialback", "true", B, True), ("no_dialback", "false", B, False), ("nor_does_it_need_that", "false", C, True))
def test_who_may_write_to_us(dialback, name, asked):
    """Where an address is no proof for streams to us, it is none on ours."""
    with one(remotes=(C,), s2s_dialback=dialback) as f:
        f.ca.make("shown", name)
        f.remotes[C].context.load_cert_chain(f.ca.dir / "shown.crt", f.ca.dir / "shown.key")
        _, link = out(f)
        link.answer_tls(EXTERNAL + BIDI)
        if asked:
            link.expect("bidi", "bidi")
        link.take_external()
        link.expect("message")
        if not asked:
            link.send(MESSAGE.format(f"eve@{C}", f"ann@{A}"))
            link.expect_stream_error("not-authorized")


def test_direct_tls():
    """XEP-0368: the name and the protocol are said."""
    with one(remotes=(C,)) as f:
        f.zone.table[(f"_xmpps-server._tcp.{C}", 33)] = f.zone.table.pop((f"_xmpp-server._tcp.{C}", 33))
        names, context = [], f.remotes[C].context
        context.set_alpn_protocols(["xmpp-server"])
        context.sni_callback = lambda sock, name, context: names.append(name)
        _, link = out(f)
        link.start_tls_layer()
        equal((link.sock.selected_alpn_protocol(), names), ("xmpp-server", [C]))
        link.answer(EXTERNAL)
        link.take_external()
        link.expect("message")


def test_our_stream_both_ways():
    with one(remotes=(C,)) as f:
        ann, link = out(f)
        link.answer_tls(EXTERNAL + BIDI)
        link.expect("bidi", "bidi")
        link.take_external()
        link.expect("message")
        link.send(f"<message from='eve@{C}/x' to='{ann.jid}' type='chat'><body>back</body></message>")
        equal(ann.expect("message").child_text("body"), "back")
        link.result("key", from_="rooms.c.example", to=A)  # on another one, please
        assert link.expect("result", type="error").child("error").child("resource-constraint", "stanzas")


@rows(("taken", True), ("refused", False))
def test_no_questions_while_it_authenticates(taken):
    """RFC 6120 6.3: they wait for the stream behind it, or the refusal."""
    with one(remotes=(C,)) as f:
        link = out(f)[1]
        link.answer_tls(DIALBACK + EXTERNAL)
        link.expect("auth", "sasl")
        asker = f.connect()
        asker.begin_tls()
        asker.result("the-key")
        asker.verify("no key", "some-id")
        asker.find("verify", "dialback")  # so the key before it has been seen
        assert not select.select([link.sock], [], [], 0.2)[0], "something was said"
        if taken:
            link.send(f"<success xmlns='{NS['sasl']}'/>")
            link.restart_parser()
            link.answer(DIALBACK)
        else:
            link.send(f"<failure xmlns='{NS['sasl']}'><not-authorized/></failure>")
        equal(link.find("verify", "dialback").text, "the-key")
