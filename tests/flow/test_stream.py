"""XML streams: RFC 6120 sections 4 and 11; TLS from the first byte: XEP-0368."""
import re
import time

import sasl
from client import DEADLINE
from flow import HOST, NS, PASSWORD, alone, equal, rows

SERVER = dict(config={"c2s_stanza_size_limit": "20000"},
              hosts={HOST: {}, "other.example": {}})

HEAD = ("<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streams'>")


def test_header(server):
    c = server.client()
    features = c.open()
    head = c.seen_header
    equal(head.get("from"), HOST)
    equal(head.get("version"), "1.0")
    assert len(head.get("id", "")) >= 16, f"the stream id can be guessed: {head.get('id')}"
    assert features.child("starttls", "tls") is not None
    assert features.child("mechanisms", "sasl") is not None
    assert features.child("bind", "bind") is None, "resource binding before authentication"


def test_header_ids_differ(server):
    ids = set()
    for _ in range(5):
        c = server.client()
        c.open()
        ids.add(c.seen_header.get("id"))
    equal(len(ids), 5)


def test_header_answers_to(server):
    c = server.client()
    c.open(extra=" from='romeo@localhost'")
    assert c.seen_header.get("to") in (None, "romeo@localhost")


@rows(
    ("unknown host", dict(to="nowhere.example"), "host-unknown"),
    ("host that is no address", dict(to="a@b@c"), "host-unknown", "improper-addressing"),
    ("no to", dict(to=""), "host-unknown", "improper-addressing"),
    ("version 0.9", dict(version="0.9"), "unsupported-version"),
    ("version that is none", dict(version="one"), "unsupported-version"),
    ("content namespace of servers", dict(xmlns="jabber:server"), "invalid-namespace"),
    ("another content namespace", dict(xmlns="urn:example"), "invalid-namespace"),
)
def test_bad_header(server, args, *conditions):
    c = server.client()
    c.send_header(**args)
    c.expect_header()
    c.expect_stream_error(*conditions)


@rows(("2.0", "2.0"), ("1.1", "1.1"), ("1.10", "1.10"))
def test_other_versions_go_on(server, version):
    c = server.client()
    c.open(version=version)
    equal(c.seen_header.get("version"), "1.0")


def test_host_in_capitals(server):
    c = server.client()
    c.open(to="LocalHost")
    equal(c.seen_header.get("from"), HOST)


@rows(
    ("not a stream", "<message xmlns='jabber:client'>", "invalid-namespace", "bad-format", "not-well-formed"),
    ("another root name", "<stream:strm xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
     "bad-format", "invalid-namespace"),
    ("another stream namespace", "<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='urn:example'>",
     "invalid-namespace"),
    ("undeclared prefix", "<stream:stream to='localhost' xmlns='jabber:client'>",
     "bad-namespace-prefix", "not-well-formed", "invalid-namespace"),
    ("http", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not-well-formed", "bad-format"),
    ("stray end tag", "</stream:stream>", "not-well-formed", "bad-format"),
)
def test_no_stream(server, text, *conditions):
    c = server.client()
    c.send(text)
    c.expect_header()
    c.expect_stream_error(*conditions)


def test_another_prefix(server):
    """The prefix of the stream's namespace is the peer's choice (4.8.5)."""
    c = server.client()
    c.send("<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client' to='localhost' version='1.0'>")
    c.expect_header()
    c.expect("features", "stream")
    c.auth("PLAIN", sasl.plain(server.account(), PASSWORD))
    c.expect("success", "sasl")


def test_content_namespace_by_prefix(server):
    """Stanzas may carry their namespace by a prefix (4.8.5)."""
    c = server.login()
    c.send(f"<c:iq xmlns:c='jabber:client' type='get' id='p1' to='{HOST}'><ping xmlns='{NS['ping']}'/></c:iq>")
    c.expect("iq", "client", id="p1", type="result")


@rows(
    ("malformed", b"<message><body></message>", "not-well-formed"),
    ("attribute twice", b"<message id='1' id='2'/>", "not-well-formed"),
    ("undeclared prefix", b"<a:message/>", "not-well-formed", "bad-namespace-prefix"),
    ("prefix bound to xmlns", b"<message xmlns:a='http://www.w3.org/2000/xmlns/'/>", "not-well-formed",
     "bad-namespace-prefix", "invalid-namespace"),
    ("bare ampersand", b"<message><body>a & b</body></message>", "not-well-formed"),
    ("NUL", b"<message><body>a\0b</body></message>", "not-well-formed"),
    ("character reference to NUL", b"<message><body>&#0;</body></message>", "not-well-formed"),
    ("control character", b"<message><body>\x01</body></message>", "not-well-formed"),
    ("latin1 bytes", "<message><body>é</body></message>".encode("latin1"), "not-well-formed", "unsupported-encoding"),
    ("overlong UTF-8", b"<message><body>\xc0\xaf</body></message>", "not-well-formed", "unsupported-encoding"),
    ("surrogate", b"<message><body>\xed\xa0\x80</body></message>", "not-well-formed", "unsupported-encoding"),
    ("comment", b"<!-- c -->", "restricted-xml"),
    ("comment in a stanza", b"<message><!-- c --></message>", "restricted-xml"),
    ("processing instruction", b"<?php x ?>", "restricted-xml"),
    ("doctype", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "restricted-xml", "not-well-formed"),
    ("undefined entity", b"<message><body>&nbsp;</body></message>", "restricted-xml", "not-well-formed"),
    ("second declaration", b"<?xml version='1.0'?>", "restricted-xml", "not-well-formed"),
    ("text between stanzas", b"hello", "bad-format", "not-well-formed", "invalid-xml"),
    ("oversize", b"<message><body>" + b"x" * 30000, "policy-violation"),
    ("oversize in one tag", b"<message id='" + b"x" * 40000, "policy-violation"),
    ("deep", b"<message>" + b"<a>" * 1000, "policy-violation"),
    ("unknown stanza", b"<nonsense xmlns='urn:example'/>", "unsupported-stanza-type"),
    ("stanza of another namespace", b"<message xmlns='jabber:server'/>", "invalid-namespace",
     "unsupported-stanza-type"),
)
def test_bad_xml_once_bound(server, data, *conditions):
    c = server.login()
    c.send(data)
    c.expect_stream_error(*conditions)


@rows(
    ("doctype", b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + HEAD.encode(), "restricted-xml", "not-well-formed"),
    ("declared as latin1", b"<?xml version='1.0' encoding='ISO-8859-1'?>" + HEAD[21:].encode(),
     "unsupported-encoding"),
    ("UTF-16 with its mark", HEAD.encode("utf-16"), "unsupported-encoding", "not-well-formed"),
    ("UTF-16 without", HEAD.encode("utf-16-be"), "unsupported-encoding", "not-well-formed"),
    ("comment", b"<!-- c -->" + HEAD.encode(), "restricted-xml"),
    ("long before authentication", HEAD.encode() + b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + b"A" * 20000,
     "policy-violation"),
    ("long header", b"<stream:stream a='" + b"x" * 20000, "policy-violation", "not-well-formed"),
    ("many small elements", HEAD.encode() + b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + b"<a/>" * 2000,
     "policy-violation"),
)
def test_bad_xml_at_first(server, data, *conditions):
    c = server.client()
    c.send(data)
    c.expect_header()
    while c.queue and c.queue[0][1] is not None and c.queue[0][1].name == "features":
        c.next()
    error = c.next()
    if error.name == "features":
        error = c.next()
    names = [e.name for e in error.children]
    assert error.matches("error", "stream") and set(names) & set(conditions), f"expected {conditions}, got {error}"
    c.expect_end()


def test_byte_order_mark_is_text(server):
    """U+FEFF is a character like any other, even at first (11.6)."""
    c = server.client()
    c.send(b"\xef\xbb\xbf" + HEAD.encode())
    c.expect_header()
    c.expect_stream_error("not-well-formed", "bad-format")


@rows(
    ("message", "<message to='localhost'><body>x</body></message>"),
    ("iq", "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"),
    ("presence", "<presence/>"),
    ("bind", "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"),
)
def test_stanza_before_authentication(server, stanza):
    c = server.client()
    c.open()
    c.send(stanza)
    c.expect_stream_error("not-authorized")


@rows(
    ("message", "<message to='user1@localhost'><body>x</body></message>"),
    ("presence", "<presence/>"),
    ("iq to another", "<iq type='get' id='1' to='user1@localhost'><ping xmlns='urn:xmpp:ping'/></iq>"),
)
def test_stanza_before_binding(server, stanza):
    c = server.client()
    c.open()
    c.authenticate(server.account(), PASSWORD)
    c.open()
    c.send(stanza)
    answer = c.next()
    if answer.matches("error", "stream"):
        assert answer.child("not-authorized") is not None, str(answer)
    else:
        equal(answer.error()[1], "not-authorized")


def test_bytes_behind_starttls(server):
    """What came in the clear behind <starttls/> is never taken for what came under TLS (5.4.3.3)."""
    c = server.client()
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>" + HEAD)
    deadline = time.monotonic() + DEADLINE
    while c.receive(deadline):
        pass
    assert [e.name for _, e in c.queue if e] in ([], ["proceed"], ["error"]), list(c.queue)


def test_white_space_behind_requests(server):
    """It is no data: clients end their lines, and go on with a new header."""
    c = server.client()
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>\n")
    c.expect("proceed", "tls")
    c.start_tls_layer()
    c.open()
    c.send(f"<auth xmlns='{NS['sasl']}' mechanism='PLAIN'>{sasl.plain(server.account(), PASSWORD)}</auth>\r\n")
    c.expect("success", "sasl")
    c.send(" \n")
    c.open()
    c.bind("r")


def test_starttls_twice(server):
    c = server.client()
    c.open()
    c.starttls()
    features = c.open()
    assert features.child("starttls") is None
    c.send(f"<starttls xmlns='{NS['tls']}'/>")
    answer = c.next()
    assert answer.matches("failure", "tls") or answer.matches("error", "stream"), str(answer)


def test_direct_tls(server):
    c = server.client(tls=True)
    features = c.open()
    assert features.child("starttls") is None
    assert c.sock.selected_alpn_protocol() in (None, "xmpp-client")
    c.authenticate(server.account(), PASSWORD)
    c.open()
    c.bind("direct")


def test_new_id_after_restart(server):
    c = server.client()
    c.open()
    first = c.seen_header.get("id")
    c.authenticate(server.account(), PASSWORD)
    c.open()
    assert c.seen_header.get("id") != first


def test_restart_with_another_host(server):
    """A log-in is for one host: a new header cannot carry it to another one."""
    c = server.client()
    c.open()
    c.authenticate(server.account(), PASSWORD)
    c.send_header(to="other.example")
    c.expect_header()
    c.expect_stream_error("host-unknown", "not-authorized", "improper-addressing", "policy-violation",
                          "conflict", "undefined-condition")


def pipelined_login(user):
    """A log-in whose bytes do not depend on what the server says."""
    return (HEAD + f"<auth xmlns='{NS['sasl']}' mechanism='PLAIN'>{sasl.plain(user, PASSWORD)}</auth>"
            + HEAD + f"<iq type='set' id='b1'><bind xmlns='{NS['bind']}'/></iq>").encode()


def read_login(c):
    """Reads raw bytes (there are two XML streams in them) until the binding's answer."""
    data = b""
    while not re.search(rb"</iq>", data):
        c.sock.settimeout(DEADLINE)
        more = c.sock.recv(65536)
        assert more, f"ended after {data!r}"
        data += more
    for part in (b"<success", b"<bind", b"type='result'", b"b1"):
        assert part in data.replace(b'"', b"'"), f"no {part!r} in {data!r}"


def test_login_byte_by_byte(server):
    c = server.client()
    for byte in pipelined_login(server.account()):
        c.send(bytes([byte]))
    read_login(c)


def test_login_cut_anywhere(server):
    """In two pieces, for every place of the cut."""
    text = pipelined_login(server.account())
    for cut in range(1, len(text)):
        c = server.client()
        c.send(text[:cut])
        c.send(text[cut:])
        read_login(c)
        c.abort()


def test_closing_handshake(server):
    c = server.login()
    c.send("</stream:stream>")
    c.expect_end()


def test_closing_before_authentication(server):
    c = server.client()
    c.open()
    c.send("</stream:stream>")
    c.expect_end()


def test_stanzas_before_the_end_are_handled(server):
    a, b = server.online(), server.online()
    for n in range(20):
        a.message(b.jid, f"m{n}")
    a.send("</stream:stream>")
    a.expect_end()
    equal([b.expect("message").child_text("body") for _ in range(20)], [f"m{n}" for n in range(20)])


def test_white_space_keeps_alive(server):
    c = server.login()
    c.send(" \n\t ")
    c.nothing()


def test_big_stanza_under_the_limit(server):
    a, b = server.online(), server.online()
    body = "<&>'\"é€😀" * 400
    a.message(b.jid, body)
    equal(b.expect("message").child_text("body"), body)


def test_stanza_in_small_pieces(server):
    a, b = server.online(), server.online()
    text = f"<message to='{b.jid}' id='{'i' * 900}' type='chat'><body>{'x' * 900}</body></message>"
    for at in range(0, len(text), 7):
        a.send(text[at:at + 7])
    equal(b.expect("message").child_text("body"), "x" * 900)


@alone(config={"c2s_timeout": "0.5"}, accounts=1)
def test_timeout_without_a_byte(server):
    c = server.client()
    deadline = time.monotonic() + DEADLINE
    while c.receive(deadline):
        pass


@alone(config={"c2s_timeout": "0.5"}, accounts=1)
def test_timeout_without_authentication(server):
    c = server.client()
    c.open()
    c.send(" ")
    c.expect_stream_error("connection-timeout", "policy-violation")


@alone(config={"c2s_timeout": "0.7"}, accounts=1)
def test_no_timeout_once_bound(server):
    c = server.login()
    other = server.client()
    other.open()
    other.expect_stream_error("connection-timeout", "policy-violation")
    c.nothing()


@alone(config={"c2s_close_timeout": "0.3"}, accounts=1)
def test_close_timeout(server):
    """A peer that does not answer our </stream:stream> is cut off."""
    c = server.login()
    c.send("<nonsense xmlns='urn:example'/>")
    deadline = time.monotonic() + DEADLINE
    while c.receive(deadline):
        pass


@alone(config={"c2s_read_timeout": "0.3"}, accounts=1)
def test_read_timeout_sends_a_space(server):
    c = server.login()
    c.sock.settimeout(DEADLINE)
    equal(c.sock.recv(16), b" ")


@alone(accounts=1)
def test_shutdown(server):
    c = server.login()
    server.stop()
    c.expect_stream_error("system-shutdown")
