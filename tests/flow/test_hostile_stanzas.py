"""Stanzas that lie, break the rules of RFC 6120 sections 8 and 10, or carry what only a server may
say."""
from xml.sax.saxutils import quoteattr

from flow import HOST, NS, PASSWORD, alone, equal, rows

SERVER = dict(hosts={HOST: {}, "other.example": {}}, accounts=460)
PING = f"<ping xmlns='{NS['ping']}'/>"


# ---- who it is from

@rows(*[(f"{kind} from {what}", stanza, claimed)
        for kind, stanza in (("message", "<message {from_} to='{to}' id='f'><body>x</body></message>"),
                             ("iq", "<iq {from_} to='{to}' id='f' type='get'><a xmlns='urn:a'/></iq>"),
                             ("presence", "<presence {from_} to='{to}' id='f'/>"),
                             ("result", "<iq {from_} to='{to}' id='f' type='result'/>"))
        for what, claimed in (("another account", "user0@localhost/r"), ("the host", "localhost"),
                              ("the recipient", "{to}"), ("no address", "@"), ("nothing", ""),
                              ("another resource", "{bare}/elsewhere"))])
def test_spoofed(server, stanza, claimed):
    """The recipient sees who it was (8.1.2.1)."""
    a, b = server.login(), server.online()
    a.send(stanza.format(from_=f"from='{claimed.format(to=b.jid, bare=a.bare)}'", to=b.jid))
    equal(b.next().get("from"), a.jid)
    a.nothing()


def test_spoofed_subscription(server):
    """Neither for oneself nor for others; it comes from the account (RFC 6121 3.1.2)."""
    a, b, c = server.online(), server.online(), server.online()
    a.send(f"<presence from='{c.bare}' to='{b.bare}' type='subscribe'/>")
    equal(b.find("presence", type="subscribe").get("from"), a.bare)
    a.sync()
    b.send(f"<presence from='{c.bare}' to='{a.bare}' type='subscribed'/>")
    equal(a.find("presence", type="subscribed").get("from"), b.bare)
    c.nothing()
    equal(c.roster(), {})


def test_spoofed_roster_push(server):
    """A roster set to another goes to that client as it is, from who sent it, and changes nothing."""
    a, b = server.login(), server.online()
    item = f"<query xmlns='{NS['roster']}'><item jid='evil@example.com'/></query>"
    ident = a.iq("set", item, to=b.jid, wait=False)
    equal(b.expect("iq", id=ident).get("from"), a.jid)
    equal(b.roster(), {})


# ---- iqs

@rows(
    ("no id", "<iq type='get' {to}>" + PING + "</iq>", "bad-request"),
    ("empty id", "<iq type='get' id='' {to}>" + PING + "</iq>", "bad-request"),
    ("no type", "<iq id='e' {to}>" + PING + "</iq>", "bad-request"),
    ("type in capitals", "<iq id='e' type='GET' {to}>" + PING + "</iq>", "bad-request"),
    ("type of messages", "<iq id='e' type='chat' {to}>" + PING + "</iq>", "bad-request"),
    ("get without a child", "<iq id='e' type='get' {to}/>", "bad-request"),
    ("set without a child", "<iq id='e' type='set' {to}/>", "bad-request"),
    ("text alone", "<iq id='e' type='get' {to}>ping</iq>", "bad-request"),
    ("two children", "<iq id='e' type='get' {to}>" + 2 * PING + "</iq>", "bad-request"),
    ("two children of a set", "<iq id='e' type='set' {to}>" + PING + "<b xmlns='urn:b'/></iq>", "bad-request"),
    ("presence of an unknown type", "<presence id='e' type='away' {to}/>", "bad-request"),
    ("presence of an iq's type", "<presence id='e' type='get' {to}/>", "bad-request"),
)
def test_rules(server, stanza, condition):
    """To a client, to its account, to the host, to nobody: the same."""
    a, b = server.login(), server.online()
    for to in (f"to='{b.jid}'", f"to='{b.bare}'", f"to='{HOST}'", "to='nowhere.invalid'", ""):
        a.send(stanza.format(to=to))
        equal(a.next().error(), ("modify", condition))
        a.nothing()
    b.nothing()


@rows(
    ("result without an id", "<iq type='result' {to}/>"), ("error without an id", "<iq type='error' {to}/>"),
    ("result with two children", "<iq type='result' id='e' {to}><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>"),
)
def test_broken_answers_are_dropped(server, stanza):
    """There is nothing to answer them with (8.2.3, 8.3.1)."""
    a, b = server.login(), server.online()
    for to in (b.jid, b.bare, HOST, "nowhere.invalid", "a@b@c"):
        a.send(stanza.format(to=f"to='{to}'"))
    a.nothing()
    b.nothing()


@rows(*[(f"{kind} {where}", stanza, to)
        for kind, stanza in (("message", "<message type='error' id='e' to='{to}'><body>x</body><error type='cancel'/></message>"),
                             ("result", "<iq type='result' id='e' to='{to}'><a xmlns='urn:a'/></iq>"),
                             ("iq", "<iq type='error' id='e' to='{to}'><error type='cancel'/></iq>"),
                             ("presence", "<presence type='error' id='e' to='{to}'><error type='cancel'/></presence>"))
        for where, to in (("to the account", "{bare}"), ("to a resource that is gone", "{bare}/gone"),
                          ("to no account", "nobody@localhost"), ("to the host", "localhost"),
                          ("to a resource of the host", "localhost/x"), ("to another host", "a@nowhere.invalid"),
                          ("to no address", "a@b@c"), ("to oneself", "{own}"), ("to nobody", ""))])
def test_answers_are_not_answered(server, stanza, to):
    """Neither by an error nor by the offline store."""
    a, b = server.login(), server.account()
    to = to.format(bare=f"{b}@{HOST}", own=a.bare)
    a.send(stanza.format(to=to))
    a.nothing()
    equal([e for e in server.online(b).sync() if e.name == "message"], [])


@rows(
    ("roster", "get", f"<query xmlns='{NS['roster']}'/>"),
    ("roster set", "set", f"<query xmlns='{NS['roster']}'><item jid='a@b'/></query>"),
    ("binding", "set", f"<bind xmlns='{NS['bind']}'><resource>r</resource></bind>"),
    ("session", "set", f"<session xmlns='{NS['session']}'/>"),
    ("disco", "get", f"<query xmlns='{NS['disco#info']}'/>"),
    ("version", "get", "<query xmlns='jabber:iq:version'/>"),
    ("something unknown", "get", "<query xmlns='urn:example'/>"),
)
def test_iq_to_the_account_of_another(server, kind, payload):
    """It is never taken for one to the sender's own account; whether there is an account does not show."""
    a, b = server.login(), server.online()
    answers = [a.iq(kind, payload, to=to) for to in (b.bare, f"nobody@{HOST}")]
    for answer in answers:
        equal(answer.error(), ("cancel", "service-unavailable"))
    equal([x.get("from") for x in answers], [b.bare, f"nobody@{HOST}"])
    equal(a.roster(), {})
    equal(b.roster(), {})


# ---- addresses

GROWS = "㌀" * 300  # 900 bytes, 3600 when prepared


@rows(
    ("two signs", "a@b@c"), ("empty", ""), ("sign alone", "@"), ("empty local part", "@localhost"),
    ("empty domain", "a@"), ("empty domain with a resource", "a@/r"), ("empty resource", "a@localhost/"),
    ("space", "a b@localhost"), ("colon", "a:b@localhost"), ("quote", "a&apos;b@localhost"),
    ("space before", " a@localhost"), ("space behind", "a@localhost "), ("line end", "a@localhost&#10;"),
    ("long local part", "a" * 1024 + "@localhost"), ("long resource", "a@localhost/" + "r" * 1024),
    ("long domain", "a@" + "b" * 1024), ("long label", "a@" + "b" * 64 + ".example"),
    ("far too long", "a" * 4000), ("local part grows", GROWS + "@localhost"), ("resource grows", "a@localhost/" + GROWS),
    ("domain grows", "a@" + GROWS), ("sign by preparation", "a＠b@localhost"), ("slash by preparation", "a／b@localhost"),
    ("sign by preparation in the domain", "a@b＠c"), ("slash by preparation in the domain", "a@b℀c"),
    ("space by preparation", "a\u00a0b@localhost"), ("nothing by preparation", "\u00ad@localhost"),
    ("control character", "a@localhost/\u0085"), ("private use", "a@localhost/\ue000"), ("replacement", "\ufffd@localhost"),
    ("two directions", "aא@localhost"), ("label with a hyphen", "a@-b"), ("empty label", "a@b..c"),
    ("underscore escapes", "a@b%2ec"), ("A-label of nothing", "a@xn--a"), ("IPv6 without brackets", "a@::1"),
    ("IPv6 with rubbish", "a@[::1]b"),
)
def test_address_that_is_none(server, to):
    """jid-malformed, for each kind of stanza; in a roster too; answers are dropped."""
    a = server.login()
    for stanza in ("<message to='{to}' id='e'><body>x</body></message>", "<presence to='{to}' id='e'/>",
                   "<presence to='{to}' id='e' type='subscribe'/>", "<iq to='{to}' id='e' type='get'>" + PING + "</iq>"):
        a.send(stanza.format(to=to))
        equal(a.next().error(), ("modify", "jid-malformed"))
    a.send(f"<iq type='set' id='e'><query xmlns='{NS['roster']}'><item jid='{to}'/></query></iq>")
    equal(a.next().error(), ("modify", "jid-malformed"))
    for answer in ("<message type='error' to='{to}'/>", "<iq type='result' id='e' to='{to}'/>",
                   "<presence type='error' to='{to}'/>"):
        a.send(answer.format(to=to))
    a.nothing()


@rows(("slash", "a／b", "a/b"), ("sign", "a＠b", "a@b"), ("space", "a\u00a0b", "a b"),
      ("longest", "㌀" * 85, "アパート" * 85), ("two parts", "a/b/c@d", "a/b/c@d"))
def test_resource_that_changes(server, given, prepared):
    """What a resource gains by preparation does not cut it; it is found by both spellings."""
    c = server.client()
    c.open()
    c.authenticate(server.account(), PASSWORD)
    c.open()
    equal(c.bind(given), f"{c.bare}/{prepared}")
    other = server.login()
    for resource in (given, prepared):
        other.message(f"{c.bare}/{resource}")
        equal(c.expect("message").get("to"), f"{c.bare}/{resource}")


@rows(("grows", GROWS), ("long", "r" * 1024), ("control character", "a\u0085"), ("unassigned", "\U000e0001"))
def test_resource_that_is_none(server, resource):
    c = server.client()
    c.open()
    c.authenticate(server.account(), PASSWORD)
    c.open()
    reply = c.iq("set", f"<bind xmlns='{NS['bind']}'><resource>{resource}</resource></bind>")
    equal(reply.error(), ("modify", "bad-request"))
    c.bind("r")


@alone(config={"conflict_resolve": '"increment"'}, accounts=1)
def test_resource_that_is_counted_up(server):
    """It is shortened where no room is left for the number, and never within a character."""
    for resource in ("é" * 511, "€" * 341, "😀" * 255, "x" * 1023, "r"):
        made = [server.login(server.names[0], resource) for _ in range(2)]
        equal(made[0].jid.partition("/")[2], resource)
        got = made[1].jid.partition("/")[2]
        assert got.endswith("#2") and resource.startswith(got[:-2]) and len(got.encode()) <= 1023, got
        made[0].message(made[1].jid)
        made[1].expect("message", to=made[1].jid)


MARKS = "a" + "\u0301\u0323\u0302\u031b\u0327" * 100


@rows(
    ("letters that become many", "\ufdfa" * 340 + "@x"), ("domain of them", "a@" + "\ufdfa" * 340),
    ("labels of them", "a@" + ".".join(["\ufdfa" * 20] * 16)), ("resource of them", "a@b/" + "\ufdfa" * 340),
    ("marks", MARKS + "@b/" + MARKS), ("domain of marks", "a@" + MARKS[:500]), ("long label", "a@" + "é" * 511),
    ("labels", "a@" + ".".join(["é" * 20] * 24)), ("A-labels", "a@" + ".".join(["xn--" + "a" * 55 + "-9c"] * 15)),
)
def test_addresses_that_cost_much(server, to):
    """Preparing takes a time that the length of what was sent bounds: nobody is held up by it."""
    a, b = server.login(), server.login()
    a.send(f"<message to='{to}' type='error'/>" * 800)
    b.nothing()
    a.nothing()


# ---- namespaces that are no URI

@rows(
    ("space", "urn: x"), ("line end", "urn:\nx"), ("tab", "urn:\tx"), ("brace", "urn:}x"), ("bar", "urn:|x"),
    ("quote", 'urn:"x'), ("angle", "urn:<x"), ("backslash", "urn:\\x"),
)
def test_namespace_that_ends_other_streams(server, ns):
    """Many clients' parsers give up at a namespace with their separator in it (and expat since 2.4.5 at
    any that might be one): no such thing is passed on, kept or broadcast."""
    ns = quoteattr(ns).replace("\n", "&#10;").replace("\t", "&#9;")
    a, b = server.friends()
    away = f"{server.account()}@{HOST}"
    for inner in (f"<x xmlns={ns}/>", f"<x xmlns='urn:a'><y xmlns={ns}/></x>", f"<p:x xmlns:p={ns}/>",
                  f"<x xmlns='urn:a' xmlns:p={ns} p:y='z'/>"):
        for to in (b.jid, b.bare, away):
            a.send(f"<message to='{to}' id='e' type='chat'><body>x</body>{inner}</message>")
            equal(a.expect("message", id="e").error(), ("modify", "bad-request"))
        a.send(f"<iq to='{b.jid}' id='e' type='get'>{inner}</iq>")
        equal(a.expect("iq", id="e").error(), ("modify", "bad-request"))
        a.send(f"<presence id='e'>{inner}</presence>")
        equal(a.expect("presence", id="e").error(), ("modify", "bad-request"))
        a.send(f"<iq to='{b.jid}' id='e' type='result'>{inner}</iq>")
        a.send(f"<message to='{b.jid}' type='error'>{inner}</message>")
    a.nothing()
    b.nothing()
    equal([e for e in server.online(away.partition("@")[0]).sync() if e.name == "message"], [])


@rows(("URL", "http://example.com/a?b=c&amp;d=e#f"), ("characters beyond ASCII", "urn:é😀"), ("signs", "a:-._~/?#[]@!$()*+,;=%"))
def test_namespace_that_is_a_uri(server, ns):
    a, b = server.login(), server.online()
    a.message(b.jid, inner=f"<x xmlns='{ns}'/>")
    assert b.expect("message").child("x") is not None


# ---- what only a server may say

STAMP = "1999-01-01T00:00:00Z"


def stamps(message):
    return [(d.ns, d.get("from")) for d in message.children if d.name in ("delay", "x")]


@rows(("delay", "<delay xmlns='urn:xmpp:delay' from='{by}' stamp='1999-01-01T00:00:00Z'/>"),
      ("old delay", "<x xmlns='jabber:x:delay' from='{by}' stamp='19990101T00:00:00'/>"))
def test_stamp_in_our_name(server, stamp):
    """A notation that claims to be the recipient's server's is discarded (XEP-0203 security
    considerations), all of them; those of others stay, and what is wrapped is not touched."""
    a, b = server.friends()
    away = server.account()
    forged = "".join(stamp.format(by=by) for by in (HOST, "LOCALHOST", "localhost.", "localhost/r") * 2)
    kept = stamp.format(by=a.jid) + stamp.format(by="other.example") + f"<f xmlns='urn:a'>{stamp.format(by=HOST)}</f>"
    for to in (b.jid, b.bare, f"{away}@{HOST}"):
        a.message(to, inner=forged + kept + forged * 3)
    a.presence(forged + kept)
    for _ in range(2):
        got = b.find("message")
        equal([by for _, by in stamps(got)], [a.jid, "other.example"])
        equal(len(got.child("f").children), 1)
        equal(got.child_text("body"), "hello")
    equal([by for _, by in stamps(b.find("presence", from_=a.jid))], [a.jid, "other.example"])
    late = server.online(away).find("message")
    equal([by for _, by in stamps(late)], [a.jid, "other.example", HOST])
    assert late.children[-1].get("stamp") != STAMP, str(late)


def test_stamp_without_a_name(server):
    """It claims to be nobody's, and stays."""
    a, b = server.login(), server.online()
    a.message(b.jid, inner=f"<delay xmlns='urn:xmpp:delay' stamp='{STAMP}'/>")
    equal(stamps(b.expect("message")), [("urn:xmpp:delay", None)])


def test_many_stamps(server):
    """More than anybody needs go unseen, so that looking at them costs nothing."""
    a, b = server.login(), server.online()
    stamp = f"<delay xmlns='urn:xmpp:delay' from='{chr(0xfdfa) * 300}' stamp='{STAMP}'/>"
    for _ in range(40):
        a.message(b.jid, inner=stamp * 200)
    for _ in range(40):
        equal(len(stamps(b.expect("message"))), 16)


def test_id_in_our_name(server):
    """A stanza-id by the recipient is the recipient's server's to give (XEP-0359 section 3)."""
    a, b = server.login(), server.online()
    ids = "".join(f"<stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='{by}'/>"
                  for by in (b.bare, b.bare.upper(), HOST, a.bare, "room@other.example", "@"))
    a.message(b.jid, inner=ids + "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>")
    got = b.expect("message")
    equal([i.get("by") for i in got.all("stanza-id", "urn:xmpp:sid:0")], [a.bare, "room@other.example", "@"])
    equal(got.child("origin-id").get("id"), "o")


# ---- bounds

@alone(config={"roster_max_items": "3"}, accounts=12)
def test_strangers_do_not_fill_a_roster(server):
    """Requests have room of their own: the account can go on adding contacts, and others hear of it."""
    victim = server.online(server.names[0])
    for name in server.names[1:11]:
        c = server.online(name)
        c.presence(to=victim.bare, type="subscribe")
        c.sync()
    equal(len([e for e in victim.sync() if e.get("type") == "subscribe"]), 3)
    for n in range(3):
        equal(victim.roster_set(f"friend{n}@example.com").get("type"), "result")
    equal(victim.roster_set("friend4@example.com").error(), ("wait", "resource-constraint"))
    victim.presence(to=f"{server.names[1]}@{HOST}", type="subscribed")
    equal(victim.find("presence", type="error").error(), ("wait", "resource-constraint"))
    equal(victim.roster_set("friend0@example.com", subscription="remove").get("type"), "result")
    victim.presence(to=f"{server.names[1]}@{HOST}", type="subscribed")
    assert f"{server.names[1]}@{HOST}" in victim.roster()


def test_a_large_request_is_kept_without_its_content(server):
    """A stranger's request is kept until it is answered: who asks, but not whatever else he sends."""
    a, b = server.online(), server.account()
    small, big = "<status>please</status>", f"<x xmlns='urn:a'>{'x' * 100000}</x>"
    a.presence(small, to=f"{b}@{HOST}", type="subscribe")
    c = server.online()
    c.presence(big, to=f"{b}@{HOST}", type="subscribe")
    a.sync()
    c.sync()
    got = {e.get("from"): e for e in server.online(b).sync() if e.get("type") == "subscribe"}
    equal(sorted(got), sorted([a.bare, c.bare]))
    equal(got[a.bare].child_text("status"), "please")
    equal(got[c.bare].children, [])
