"""Streams that are opened, negotiated or ended as they must not be: RFC 6120 sections 4, 5 and 7."""
import socket
import time

import sasl
from client import DEADLINE, SCALE
from flow import HOST, NS, PASSWORD, alone, equal, rows

SERVER = dict(hosts={HOST: {}, "other.example": {}}, accounts=60)

HEAD = ("<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streams'>")
STREAMS = "http://etherx.jabber.org/streams"


def until_end(c):
    """What still comes as bytes (of a socket without a parser), to the end of the connection."""
    got = b""
    c.sock.settimeout(DEADLINE)
    try:
        while data := c.sock.recv(65536):
            got += data
    except ConnectionError:
        pass
    return got


# ---- headers

@rows(
    ("unknown host", "to='nowhere.example' version='1.0'", "host-unknown", ""),
    ("unknown host by preparation", "to='㌀㌀' version='1.0'", "host-unknown", ""),
    ("host with a local part", "to='a@localhost' version='1.0'", "host-unknown", ""),
    ("host that turns into another by preparation", "to='local℀host' version='1.0'", "host-unknown", ""),
    ("too long a host", f"to='{'a' * 2000}' version='1.0'", "host-unknown", ""),
    ("no to", "version='1.0'", "improper-addressing", ""),
    ("empty to", "to='' version='1.0'", "improper-addressing", ""),
    ("no version", "to='localhost'", "unsupported-version", HOST),
    ("version 0.9", "to='localhost' version='0.9'", "unsupported-version", HOST),
    ("version without a dot", "to='localhost' version='1'", "unsupported-version", HOST),
    ("version without a minor part", "to='localhost' version='1.'", "unsupported-version", HOST),
    ("version with letters", "to='localhost' version='1.x'", "unsupported-version", HOST),
    ("version with more behind it", "to='localhost' version='1.0.0'", "unsupported-version", HOST),
    ("version with a sign", "to='localhost' version='+1.0'", "unsupported-version", HOST),
    ("version with a space", "to='localhost' version=' 1.0'", "unsupported-version", HOST),
    ("empty version", "to='localhost' version=''", "unsupported-version", HOST),
    ("content namespace of servers", "to='localhost' version='1.0' xmlns='jabber:server'", "invalid-namespace", HOST),
    ("another content namespace", "to='localhost' version='1.0' xmlns='urn:example'", "invalid-namespace", HOST),
    ("to in another namespace", "stream:to='localhost' version='1.0'", "improper-addressing", ""),
)
def test_header(server, attrs, condition, from_):
    """The answer is a header with one of our names, or an empty one (4.9.1.3), and the error."""
    c = server.client()
    c.send(f"<stream:stream xmlns:stream='{STREAMS}' {attrs}>")
    equal(c.expect_header().get("from"), from_)
    assert len(c.seen_header.get("id", "")) >= 16, str(c.seen_header)
    c.expect_stream_error(condition)


@rows(("1.0", "1.0"), ("01.0", "01.0"), ("1.00", "1.00"), ("2.0", "2.0"), ("far too high", "9" * 40 + ".9"))
def test_version_that_is_spoken(server, version):
    c = server.client()
    c.open(version=version)
    equal(c.seen_header.get("version"), "1.0")


@rows(
    ("stanza", f"<message xmlns='jabber:client' to='{HOST}'>", "invalid-namespace"),
    ("other name", f"<stream:features xmlns:stream='{STREAMS}'>", "bad-format"),
    ("other namespace", "<stream:stream xmlns:stream='urn:example' to='localhost' version='1.0'>", "invalid-namespace"),
    ("no namespace", "<stream to='localhost' version='1.0'>", "invalid-namespace"),
    ("namespace in capitals", f"<stream:stream xmlns:stream='{STREAMS.upper()}' to='localhost' version='1.0'>",
     "invalid-namespace"),
    ("prefix that is not declared", "<stream:stream to='localhost' version='1.0'>", "not-well-formed"),
    ("http", "GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "not-well-formed"),
    ("NUL", b"\0", "unsupported-encoding"),
    ("UTF-16 with its mark", HEAD.encode("utf-16"), "unsupported-encoding"),
    ("UTF-16", HEAD.encode("utf-16-le"), "unsupported-encoding"),
    ("latin1 declared", b"<?xml version='1.0' encoding='latin1'?>", "unsupported-encoding"),
    ("latin1", "<é a>".encode("latin1"), "unsupported-encoding"),
    ("document type", b"<!DOCTYPE stream [<!ENTITY a 'b'>]>", "restricted-xml"),
    ("external document type", b"<!DOCTYPE stream SYSTEM 'file:///etc/passwd'>", "restricted-xml"),
    ("comment", b"<!-- -->", "restricted-xml"),
    ("processing instruction", b"<?a b?>", "restricted-xml"),
    ("end tag", b"</stream:stream>", "not-well-formed"),
    ("declaration behind a space", b" <?xml version='1.0'?>", "not-well-formed"),
    ("long", b"<stream:stream a='" + b"x" * 20000, "policy-violation"),
    ("many attributes", b"<s:stream xmlns:s='urn:a' " + b" ".join(b"a%d=''" % n for n in range(100)) + b">",
     "policy-violation"),
)
def test_no_header(server, data, condition):
    """An error before our header sends the header first (4.9.1.2)."""
    c = server.client()
    c.send(data)
    equal(c.expect_header().get("from"), "")
    c.expect_stream_error(condition)


def test_answer_to_a_broken_header_is_one_write(server):
    """Header, error and end come as one XML document."""
    c = server.client()
    c.send("<a>")
    text = until_end(c).decode()
    assert text.startswith("<?xml version='1.0'?><stream:stream ") and text.endswith("</stream:error></stream:stream>")


# ---- the address that the client says is its own (4.7.1, 4.7.2, 6.4.6)

@rows(("bare", "{user}@localhost"), ("full", "{user}@localhost/r"), ("in capitals", "{USER}@LOCALHOST"))
def test_own_address_in_the_header(server, claimed):
    """It is answered by `to`, the bare address, under TLS and behind it."""
    user = server.account()
    extra = f" from='{claimed.format(user=user, USER=user.upper())}'"
    c = server.client(tls=True)
    c.open(extra=extra)
    equal(c.seen_header.get("to"), f"{user}@{HOST}")
    c.authenticate(user, PASSWORD)
    c.open(extra=extra)
    equal(c.seen_header.get("to"), f"{user}@{HOST}")
    c.bind("r")


def test_no_address_in_the_header(server):
    c = server.client()
    c.open()
    equal(c.seen_header.get("to"), None)


@rows(*[(f"{what} {where}", claimed, where) for where in ("tls", "starttls")
        for what, claimed in (("another account", "user0@localhost"), ("another host", "{user}@other.example"),
                              ("the host", "localhost"))])
def test_log_in_as_another_than_the_header_says(server, claimed, where):
    """6.4.6: what was said under TLS must be what was proved."""
    user = server.account()
    c = server.client(tls=where == "tls")
    if where == "starttls":
        c.open()
        c.starttls()
    c.open(extra=f" from='{claimed.format(user=user)}'")
    c.auth("PLAIN", sasl.plain(user, PASSWORD))
    c.expect_stream_error("invalid-from")


def test_address_in_the_clear_binds_nobody(server):
    """Anybody could have changed it on the way."""
    c = server.client()
    c.open(extra=" from='user0@localhost'")
    c.authenticate(server.account(), PASSWORD)
    c.open()
    c.bind("r")


@rows(*[(f"{what} {'under TLS' if tls else 'in the clear'}", claimed, tls) for tls in (False, True)
        for what, claimed in (("another account", "user0@localhost"), ("another host", "{user}@other.example"),
                              ("the host", "localhost"))])
def test_another_address_behind_the_log_in(server, claimed, tls):
    user = server.account()
    c = server.client(tls=tls)
    c.open()
    c.authenticate(user, PASSWORD)
    c.send_header(extra=f" from='{claimed.format(user=user)}'")
    equal(c.expect_header().get("from"), HOST)
    c.expect_stream_error("invalid-from")


@rows(("two signs", "a@b@c"), ("empty local part", "@localhost"), ("not preparable", "a b@localhost"),
      ("too long", "a" * 1024 + "@localhost"), ("too long by preparation", "㌀" * 300 + "@localhost"))
def test_address_in_the_header_that_is_none(server, claimed):
    c = server.client()
    c.send_header(extra=f" from='{claimed}'")
    c.expect_header()
    equal(c.seen_header.get("to"), None)
    c.expect_stream_error("invalid-from")


def test_host_changes_after_tls(server):
    c = server.client()
    c.open()
    c.starttls()
    c.send_header(to="other.example")
    equal(c.expect_header().get("from"), HOST)
    c.expect_stream_error("not-authorized")


def test_host_changes_after_log_in(server):
    c = server.client()
    c.open()
    c.authenticate(server.account(), PASSWORD)
    c.send_header(to="other.example")
    equal(c.expect_header().get("from"), HOST)
    c.expect_stream_error("not-authorized")


# ---- prefixes

PREFIXES = {
    "another": ("<s:stream xmlns:s='{s}' xmlns='jabber:client'", "</s:stream>", ""),
    "default": ("<stream xmlns='{s}'", "</stream>", " xmlns='jabber:client'"),
    "both": ("<stream:stream xmlns:stream='{s}' xmlns:c='jabber:client' xmlns='jabber:client'", "</stream:stream>", ""),
    "none for stanzas": ("<é:stream xmlns:é='{s}'", "</é:stream>", " xmlns='jabber:client'"),
}


def log_in_with_prefix(server, name):
    start, end, ns = PREFIXES[name]
    c, start = server.client(), start.format(s=STREAMS) + " to='localhost' version='1.0'>"

    def header():
        c.restart_parser()
        c.send(start)
        c.expect_header()
        c.expect("features", "stream")

    header()
    c.authenticate(server.account(), PASSWORD)
    header()
    c.send(f"<iq{ns} type='set' id='b'><bind xmlns='{NS['bind']}'/></iq>")
    c.jid = c.expect("iq", "client", id="b", type="result").child("bind").child_text("jid")
    return c, end, ns


def ping(c, ns):
    c.send(f"<iq{ns} type='get' id='p' to='{HOST}'><ping xmlns='{NS['ping']}'/></iq>")
    c.expect("iq", "client", id="p", type="result")


@rows(*[(name, name) for name in PREFIXES])
def test_prefix(server, name):
    c, end, ns = log_in_with_prefix(server, name)
    ping(c, ns)
    c.send(end)
    c.expect_end()


def parked(server):
    """Waits until no stream holds a parser."""
    deadline = time.monotonic() + 2 * DEADLINE
    while "(0 with a parser" not in server.ctl("stats"):
        assert time.monotonic() < deadline, server.ctl("stats")


@alone(accounts=10)
def test_prefix_behind_silence(server):
    """Five silent seconds, and the parser is another one: it knows the header's prefixes."""
    clients = [log_in_with_prefix(server, name) for name in PREFIXES]
    prefixed, _, _ = log_in_with_prefix(server, "both")
    wrong, _, ns = log_in_with_prefix(server, "another")
    undeclared, _, _ = log_in_with_prefix(server, "both")
    parked(server)
    for c, end, ns in clients:
        ping(c, ns)
        c.send(end)
        c.expect_end()
    prefixed.send(f"<c:iq type='get' id='p' to='{HOST}'><ping xmlns='{NS['ping']}'/></c:iq>")
    prefixed.expect("iq", id="p", type="result")
    prefixed.send("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    prefixed.expect_end()
    wrong.send("</stream:stream>")
    wrong.expect_stream_error("not-well-formed")
    undeclared.send("<d:iq/>")
    undeclared.expect_stream_error("not-well-formed")


# ---- the order of things

@rows(
    ("message", "<message to='localhost'><body>x</body></message>", "not-authorized"),
    ("presence", "<presence/>", "not-authorized"),
    ("iq", f"<iq type='get' id='1' to='localhost'><ping xmlns='{NS['ping']}'/></iq>", "not-authorized"),
    ("binding", f"<iq type='set' id='1'><bind xmlns='{NS['bind']}'/></iq>", "not-authorized"),
    ("roster", f"<iq type='get' id='1'><query xmlns='{NS['roster']}'/></iq>", "not-authorized"),
    ("error", "<message type='error' to='user0@localhost'/>", "not-authorized"),
    ("something else", "<a xmlns='urn:example'/>", "unsupported-stanza-type"),
    ("something of the content namespace", "<a/>", "unsupported-stanza-type"),
    ("features", "<stream:features/>", "unsupported-stanza-type"),
    ("message of another namespace", "<message xmlns='urn:example'/>", "invalid-namespace"),
    ("message of the streams namespace", "<stream:message/>", "invalid-namespace"),
    ("element without a namespace", "<a xmlns=''/>", "invalid-namespace"),
    ("end of TLS", f"<proceed xmlns='{NS['tls']}'/>", "unsupported-stanza-type"),
    ("success", f"<success xmlns='{NS['sasl']}'/>", "unsupported-stanza-type"),
    ("log-in of another namespace", "<auth xmlns='urn:example' mechanism='PLAIN'>AHVzZXIwAHNlY3JldA==</auth>",
     "unsupported-stanza-type"),
)
def test_before_log_in(server, data, condition):
    c = server.client()
    c.open()
    c.send(data)
    c.expect_stream_error(condition)


def authenticated(server, user=None):
    c = server.client()
    c.open()
    c.authenticate(user or server.account(), PASSWORD)
    c.open()
    return c


@rows(
    ("message", "<message to='user0@localhost'><body>x</body></message>", "not-authorized"),
    ("presence", "<presence/>", "not-authorized"),
    ("iq", f"<iq type='get' id='1' to='localhost'><ping xmlns='{NS['ping']}'/></iq>", "not-authorized"),
    ("roster", f"<iq type='get' id='1'><query xmlns='{NS['roster']}'/></iq>", "not-authorized"),
    ("binding without an id", f"<iq type='set'><bind xmlns='{NS['bind']}'/></iq>", "not-authorized"),
    ("binding as an answer", f"<iq type='result' id='1'><bind xmlns='{NS['bind']}'/></iq>", None),
    ("log-in", f"<auth xmlns='{NS['sasl']}' mechanism='PLAIN'>AHVzZXIwAHNlY3JldA==</auth>", "policy-violation"),
    ("something else", "<a xmlns='urn:example'/>", "unsupported-stanza-type"),
)
def test_before_binding(server, data, condition):
    c = authenticated(server)
    c.send(data)
    if condition:
        c.expect_stream_error(condition)
    else:
        assert c.next().get("type") == "error" or c.queue, "taken for a binding"


@rows(
    ("before", lambda server: opened(server)), ("behind", lambda server: authenticated(server)),
    ("bound", lambda server: server.login()),
)
def test_element_named_like_an_event(server, make):
    """What handles an iq by its payload is never called with an element that is no iq."""
    for kind in ("set", "get"):
        c = make(server)
        c.send(f"<bind xmlns='iq/{NS['bind']}' type='{kind}' id='b'><resource>r</resource></bind>")
        c.expect_stream_error("unsupported-stanza-type")


def opened(server):
    c = server.client()
    c.open()
    return c


@rows(
    ("log-in", f"<auth xmlns='{NS['sasl']}' mechanism='PLAIN'>{sasl.plain('user0', PASSWORD)}</auth>"),
    ("header", HEAD), ("request again", f"<starttls xmlns='{NS['tls']}'/>"), ("a letter", "x"),
)
def test_bytes_behind_starttls(server, behind):
    """They end the connection: nothing of them is handled, in the clear or under TLS (5.4.3.3)."""
    c = server.client()
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>" + behind)
    got = until_end(c)
    assert got in (b"", f"<proceed xmlns='{NS['tls']}'/>".encode()), got


def test_starttls_under_tls(server):
    """5.4.2.2: failure, and the stream ends."""
    c = server.client(tls=True)
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>")
    c.expect("failure", "tls")
    c.expect_end()


def test_starttls_behind_log_in(server):
    c = authenticated(server)
    c.send(f"<starttls xmlns='{NS['tls']}'/>")
    c.expect("failure", "tls")
    c.expect_end()


def test_no_tls_behind_proceed(server):
    """What is no TLS ends the connection, and is not answered in the clear."""
    c = server.client()
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>")
    c.expect("proceed", "tls")
    c.send(HEAD)
    got = until_end(c)
    assert b"<" not in got, got


def test_clear_text_at_the_tls_port(server):
    s = socket.create_connection(("127.0.0.1", server.tls_port))
    s.settimeout(DEADLINE)
    s.sendall(HEAD.encode())
    got = b""
    try:
        while data := s.recv(4096):
            got += data
    except ConnectionError:
        pass
    assert b"<" not in got, got


# ---- ends

def trickle(c, data, seconds):
    """Sends it again and again until the server ends the connection; what came, how long it took."""
    got, began = b"", time.monotonic()
    while time.monotonic() - began < seconds:
        c.sock.settimeout(0.02)
        try:
            c.sock.send(data)
            more = c.sock.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            return got
        if not more:
            return got
        got += more
    raise AssertionError(f"still open after {seconds} s; came: {got!r}")


@alone(config={"c2s_close_timeout": "0.5"}, accounts=1)
def test_end_is_not_put_off_by_traffic(server):
    """We have said </stream:stream>; whoever goes on talking is cut off in time, and not heard."""
    c, other = server.login(resource="a"), server.login(server.names[0], "b")
    c.send(f"<starttls xmlns='{NS['tls']}'/>")  # we end the stream, without an error
    c.expect("failure", "tls")
    trickle(c, f"<message to='{other.jid}'/>".encode(), 4 * SCALE)
    other.nothing()


@alone(config={"c2s_timeout": str(0.5 * SCALE)}, accounts=1)
def test_time_to_log_in_is_not_put_off(server):
    """By white space, by failed attempts, by a handshake of TLS that goes on for ever."""
    c = server.client()
    c.open()
    assert b"<connection-timeout" in trickle(c, b" ", 5 * SCALE)
    c = server.client()
    c.open()
    c.send(f"<starttls xmlns='{NS['tls']}'/>")
    c.expect("proceed", "tls")
    hello = b"\x16\x03\x01\x40\x00"
    c.send(hello)
    equal(trickle(c, b"\0", 5 * SCALE), b"")
    server.login().nothing()


@alone(config={"c2s_timeout": str(0.5 * SCALE), "sasl_max_attempts": "6"}, accounts=1)
def test_time_to_log_in_covers_the_exchange(server):
    """Somebody who begins to log in, and never ends it."""
    c = server.client()
    c.open()
    c.auth("SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", server.names[0], PASSWORD).first())
    c.expect("challenge", "sasl")
    assert b"<connection-timeout" in trickle(c, b"\n", 5 * SCALE)


@alone(config={"c2s_timeout": str(1 * SCALE)}, accounts=1)
def test_time_to_bind(server):
    """Who has logged in binds in time: what has no resource is in no account's count of them."""
    c = authenticated(server, server.names[0])
    assert b"<connection-timeout" in trickle(c, b" ", 6 * SCALE)
    c = authenticated(server, server.names[0])
    c.bind("r")
    late = server.client()
    late.open()
    late.expect_stream_error("connection-timeout")
    c.nothing()


def test_peer_ends_at_once(server):
    """Its end tag is answered, whatever the state."""
    for make in (opened, authenticated, lambda s: s.login()):
        c = make(server)
        c.send("</stream:stream>")
        c.expect_end()


def test_nothing_behind_the_end(server):
    a, b = server.login(), server.online()
    a.send(f"<message to='{b.jid}' id='1'/></stream:stream><message to='{b.jid}' id='2'/>")
    a.expect_end()
    b.expect("message", id="1")
    b.nothing()


def test_error_of_the_peer_ends_the_stream(server):
    """It is not answered by an error (4.9.1.1)."""
    c = server.login()
    c.send("<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    c.expect_end()
