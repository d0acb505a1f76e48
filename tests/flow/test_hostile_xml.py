"""Bytes that are no XMPP, sent by a client that was let in: the exact stream error (RFC 6120 sections
4.9 and 11), whatever came before them is delivered, nothing behind them is looked at, and everybody
else goes on."""
from xml.sax.saxutils import escape, quoteattr

from flow import HOST, NS, alone, equal, rows
from xmlstream import Element

SERVER = dict(config={"c2s_stanza_size_limit": "100000"}, accounts=330)

LAUGHS = ("<!DOCTYPE lolz [<!ENTITY a 'lol'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(8)) + "]>").encode()


def inside(text):
    return b"<message><body>" + text + b"</body></message>"


def message(to, ident, inner=b""):
    return b"<message to='%s' id='%s' type='chat'><body>x</body>%s</message>" % (to.encode(), ident, inner)


def check(server, pieces, condition):
    """A good message, what is bad, and another message, without a pause."""
    sender, other, friend = server.login(), server.login(), server.online()
    sender.send(message(friend.jid, b"before") + pieces[0])
    for piece in pieces[1:]:
        sender.send(piece)
    try:
        sender.send(message(friend.jid, b"behind"))
    except OSError:
        pass  # it has closed already
    sender.expect_stream_error(condition)
    other.message(friend.jid, "others go on")
    equal(friend.expect("message").get("id"), "before")
    equal(friend.expect("message").get("from"), other.jid)
    friend.nothing()


@rows(
    ("end tag of another element", b"<message><body></message>", "not-well-formed"),
    ("attribute twice", b"<message id='1' id='2'/>", "not-well-formed"),
    ("attribute twice by two prefixes", b"<message xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>", "not-well-formed"),
    ("attribute without quotes", b"<message id=1/>", "not-well-formed"),
    ("less-than sign in an attribute", b"<message id='<'/>", "not-well-formed"),
    ("undeclared prefix", b"<a:message/>", "not-well-formed"),
    ("undeclared prefix of an attribute", b"<message a:b='c'/>", "not-well-formed"),
    ("two colons", b"<message><a:b:c xmlns:a='u'/></message>", "not-well-formed"),
    ("two colons in an attribute", b"<message><a xmlns:b='u' b:c:d='e'/></message>", "not-well-formed"),
    ("colon at first", b"<message><:a/></message>", "not-well-formed"),
    ("colon at last", b"<message><a: xmlns:a='u'/></message>", "not-well-formed"),
    ("prefix xml for something else", b"<message xmlns:xml='urn:example'/>", "not-well-formed"),
    ("something else for the xml namespace", b"<message xmlns:a='http://www.w3.org/XML/1998/namespace'/>",
     "not-well-formed"),
    ("prefix xmlns declared", b"<message xmlns:xmlns='urn:example'/>", "not-well-formed"),
    ("prefix taken back", b"<message xmlns:a=''/>", "not-well-formed"),
    ("end of CDATA in text", inside(b"]]>"), "not-well-formed"),
    ("bare ampersand", inside(b"a & b"), "not-well-formed"),
    ("NUL", inside(b"a\0b"), "not-well-formed"),
    ("NUL as a reference", inside(b"&#0;"), "not-well-formed"),
    ("surrogate as a reference", inside(b"&#xD800;"), "not-well-formed"),
    ("beyond Unicode as a reference", inside(b"&#x110000;"), "not-well-formed"),
    ("control character", inside(b"\x01"), "not-well-formed"),
    ("U+FFFF", inside(b"\xef\xbf\xbf"), "not-well-formed"),
    ("latin1", inside("café".encode("latin1")), "unsupported-encoding"),
    ("latin1 in a name", b"<message><caf\xe9/></message>", "unsupported-encoding"),
    ("overlong form", inside(b"\xc0\xaf"), "unsupported-encoding"),
    ("surrogate in UTF-8", inside(b"\xed\xa0\x80"), "unsupported-encoding"),
    ("continuation byte alone", inside(b"\x80"), "unsupported-encoding"),
    ("character cut off", b"<message><body>\xe2\x82</body></message>", "unsupported-encoding"),
    ("UTF-16", "<message/>".encode("utf-16-le"), "not-well-formed"),
    ("comment", b"<!-- c -->", "restricted-xml"),
    ("comment in a stanza", inside(b"<!-- c -->"), "restricted-xml"),
    ("processing instruction", b"<?php x ?>", "restricted-xml"),
    ("processing instruction in a stanza", inside(b"<?php x ?>"), "restricted-xml"),
    ("undefined entity", inside(b"&nbsp;"), "restricted-xml"),
    ("document type", b"<!DOCTYPE a>", "not-well-formed"),
    ("entities within entities", LAUGHS + inside(b"&i;"), "not-well-formed"),
    ("second declaration", b"<?xml version='1.0'?>", "not-well-formed"),
    ("text between stanzas", b"hello", "bad-format"),
    ("text by CDATA between stanzas", b"<![CDATA[hello]]>", "bad-format"),
    ("end of the stream within a stanza", b"<message></stream:stream>", "not-well-formed"),
    ("too large", inside(b"x" * 110000), "policy-violation"),
    ("too large by many elements", b"<message>" + b"<a/>" * 9000 + b"</message>", "policy-violation"),
    ("too deep", b"<message>" + b"<a>" * 1000, "policy-violation"),
    ("too many attributes", b"<message " + b" ".join(b"a%d='1'" % n for n in range(300)) + b"/>", "policy-violation"),
    ("too many declarations", b"<message " + b" ".join(b"xmlns:a%d='u'" % n for n in range(300)) + b"/>",
     "policy-violation"),
    ("too long a name", b"<message><" + b"a" * 2000 + b"/></message>", "policy-violation"),
    ("a long namespace again and again", b"<message xmlns:p='" + b"u" * 1000 + b"'>" + b"<p:a/><b/>" * 300
     + b"</message>", "policy-violation"),
    ("too long a tag", b"<message id='" + b"x" * 40000 + b"'/>", "policy-violation"),
    ("too long a tag without an end", b"<message id='" + b"x" * 50000, "policy-violation"),
)
def test_bad_bytes(server, data, condition):
    check(server, [data], condition)


def test_tag_of_40_kb_in_pieces(server):
    """It is refused as soon as it is too long, and not when it ends."""
    check(server, [b"<message id='"] + [b"x" * 1000] * 40, "policy-violation")


@rows(("16 KB", 16), ("31 KB", 31))
def test_long_tag_in_pieces(server, kilobytes):
    """One that is allowed is handled when it ends, without waiting for more bytes."""
    a, b = server.login(), server.online()
    a.send(f"<message to='{b.jid}' id='")
    for _ in range(kilobytes):
        a.send("x" * 1000)
    a.send("'/>")
    equal(len(b.expect("message").get("id")), kilobytes * 1000)


def test_cut_in_mid_stanza(server):
    """Half a stanza is none; what came whole before it is delivered."""
    a, b, c = server.login(), server.online(), server.login()
    a.send(message(b.jid, b"whole") + message(b.jid, b"half")[:-5])
    a.abort()
    b.expect("message", id="whole")
    c.message(b.jid)
    equal(b.expect("message").get("from"), c.jid)
    b.nothing()


def test_stanza_cut_anywhere(server):
    """In two pieces, for every place of the cut, characters of four bytes included."""
    a, b = server.login(), server.online()
    text = (f"<message to='{b.jid}' id='i&amp;d' xml:lang='de'><body>é€😀&lt;]]&gt;&#x20AC;<![CDATA[<&>]]></body>"
            "<p:x xmlns:p='urn:a' p:y='z'/></message>").encode()
    for cut in range(1, len(text)):
        a.send(text[:cut])
        b.sync()
        a.send(text[cut:])
        got = b.expect("message", id="i&d")
        equal(got.child_text("body"), "é€😀<]]>€<&>")
        equal(got.child("x", "urn:a").get("urn:a y"), "z")


def test_log_in_byte_by_byte_under_tls(server):
    """Each byte in a record of its own."""
    c = server.client(tls=True)
    whole = c.send

    def one_by_one(data):
        for byte in data.encode() if isinstance(data, str) else data:
            whole(bytes([byte]))

    c.send = one_by_one
    c.login(server.account(), "secret", "r", mechanism="PLAIN")
    c.nothing()


@rows(
    ("quotes and angles", "'\"><message xmlns='jabber:client' to='{to}'/>"),
    ("line ends", "a\n\r\tb"),
    ("entity", "&amp;&lt;"),
    ("bytes of names", "é€😀\u2028\u0085"),
)
def test_nothing_is_smuggled(server, text):
    """What stands in namespaces, attributes and texts comes out as it went in, wherever a parser and a
    writer might disagree (stanzas within stanzas)."""
    ns = "urn:'&amp;;é"
    a, b = server.login(), server.online()
    text = text.format(to=b.jid)
    quoted = escape(text, {"'": "&apos;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
    a.send(f"<message to='{b.jid}' id='{quoted}'><x xmlns={quoteattr(ns)}><y xmlns:p={quoteattr(ns)}"
           f" p:z='{quoted}' z='{quoted}'/>{quoted}</x>"
           "</message>")
    got = b.expect("message")
    equal(got.get("id"), text)
    x = got.child("x")
    equal((x.ns, x.text), (ns, text))
    equal((x.child("y").get(f"{ns} z"), x.child("y").get("z")), (text, text))
    b.nothing()


@rows(*[(name, name, value) for name, value in (("xml:lang", "de"), ("xml:space", "preserve"),
                                              ("xml:id", "i"), ("xml:base", "http://example.com/"))])
def test_attributes_of_the_xml_namespace(server, name, value):
    """They keep their prefix: to a client, by presence, through the offline store, in errors."""
    key = "http://www.w3.org/XML/1998/namespace " + name.partition(":")[2]
    away = server.account()
    a, b = server.friends()
    inner = f"<x xmlns='urn:a' {name}='{value}'><y xmlns='urn:b' {name}='{value}'/></x>"

    def whole(got: Element):
        x = got.child("x", "urn:a")
        equal((got.get(key), x.get(key), x.child("y", "urn:b").get(key)), (value, value, value))

    a.send(f"<message to='{b.jid}' {name}='{value}'>{inner}</message>")
    whole(b.expect("message"))
    a.send(f"<presence {name}='{value}'>{inner}</presence>")
    whole(b.expect("presence", from_=a.jid))
    a.sync()
    a.send(f"<message to='{away}@{HOST}' type='chat' {name}='{value}'><body>later</body>{inner}</message>")
    a.nothing()
    whole(server.online(away).find("message"))
    a.send(f"<iq to='nobody@{HOST}' type='get' id='e' {name}='{value}'>{inner}</iq>")
    equal(a.expect("iq", id="e").error(), ("cancel", "service-unavailable"))


def test_deep_as_allowed(server):
    """127 levels below the stanza, to a client and through the store."""
    a, b, away = server.login(), server.online(), server.account()
    inner = "<a xmlns='urn:a'>" + "<a>" * 126 + "</a>" * 127
    a.message(b.jid, inner=inner)
    a.message(f"{away}@{HOST}", inner=inner)
    a.nothing()
    for got in (b.expect("message"), server.online(away).find("message")):
        depth, element = 0, got.child("a", "urn:a")
        while element is not None:
            depth, element = depth + 1, element.child("a")
        equal(depth, 127)


@alone(accounts=1)
def test_memory_after_broken_streams(server):
    """What a broken stream held is freed (the sanitizer looks when the server ends)."""
    for data in (b"<message><body>", b"<message id='x", b"<!-- ", b"<message><a b='c'>text<d/>", b"<![CDATA["):
        for _ in range(5):
            c = server.client()
            c.open()
            c.authenticate(server.names[0], "secret", "PLAIN")
            c.open()
            c.bind("r")
            c.send(data)
            c.abort()
    last = server.login(server.names[0])
    equal(last.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=HOST).get("type"), "result")
