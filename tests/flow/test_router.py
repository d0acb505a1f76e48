"""Delivery of stanzas to local addresses: the table of RFC 6121 section 8.5, a row a case, and what
RFC 6120 sections 8 and 10 ask of any stanza."""
from flow import HOST, NS, equal, rows

SERVER = dict(accounts=260)

# What the sender sends: a stanza by its short name.
STANZAS = {
    "normal": "<message {to} id='x'><body>b</body></message>",
    "chat": "<message {to} id='x' type='chat'><body>b</body></message>",
    "groupchat": "<message {to} id='x' type='groupchat'><body>b</body></message>",
    "headline": "<message {to} id='x' type='headline'><body>b</body></message>",
    "message error": "<message {to} id='x' type='error'><error type='cancel'/></message>",
    "presence": "<presence {to} id='x'/>",
    "unavailable": "<presence {to} id='x' type='unavailable'/>",
    "get": "<iq {to} id='x' type='get'><query xmlns='urn:example'/></iq>",
    "set": "<iq {to} id='x' type='set'><query xmlns='urn:example'/></iq>",
    "result": "<iq {to} id='x' type='result'/>",
    "iq error": "<iq {to} id='x' type='error'><error type='cancel'/></iq>",
}
ERROR = "service-unavailable"

# Stanza, where to, and what happens: the resources that get it (letters), an error to the sender, or
# nothing. "a" has priority 5, "b" 0, "n" -1, "c" is connected without presence.
BARE = [
    ("normal", "a"), ("chat", "a"), ("groupchat", ERROR), ("headline", "ab"), ("message error", ""),
    ("presence", "abn"), ("unavailable", "abn"), ("get", ERROR), ("set", ERROR), ("result", ""), ("iq error", ""),
]
NO_RESOURCE = [  # only "n" and "c" are there
    ("normal", "offline"), ("chat", "offline"), ("groupchat", ERROR), ("headline", ""), ("message error", ""),
    ("presence", "n"), ("unavailable", "n"), ("get", ERROR), ("set", ERROR), ("result", ""), ("iq error", ""),
]
FULL = [(stanza, "b") for stanza in STANZAS]
FULL_NEGATIVE = [(stanza, "n") for stanza in STANZAS]
FULL_CONNECTED = [(stanza, "c") for stanza in STANZAS if stanza not in ("presence", "unavailable")]
FULL_GONE = [
    ("normal", "a"), ("chat", "a"), ("groupchat", ERROR), ("headline", ""), ("message error", ""),
    ("presence", ""), ("unavailable", ""), ("get", ERROR), ("set", ERROR), ("result", ""), ("iq error", ""),
]
NO_ACCOUNT = [
    ("normal", ERROR), ("chat", ERROR), ("groupchat", ERROR), ("headline", (ERROR, "")), ("message error", ""),
    ("presence", ""), ("unavailable", ""), ("get", ERROR), ("set", ERROR), ("result", ""), ("iq error", ""),
]


def table():
    for where, resources, to, cases in (
            ("bare", "abnc", "{user}@localhost", BARE),
            ("bare without resource", "nc", "{user}@localhost", NO_RESOURCE),
            ("bare offline", "", "{user}@localhost", [(s, "" if w == "n" else w) for s, w in NO_RESOURCE]),
            ("full", "abnc", "{user}@localhost/b", FULL),
            ("full negative", "abnc", "{user}@localhost/n", FULL_NEGATIVE),
            ("full connected", "abnc", "{user}@localhost/c", FULL_CONNECTED),
            ("full gone", "abnc", "{user}@localhost/gone", FULL_GONE),
            ("no account bare", "", "nobody@localhost", NO_ACCOUNT),
            ("no account full", "", "nobody@localhost/r", NO_ACCOUNT)):
        for stanza, outcome in cases:
            yield f"{where}: {stanza}", stanza, resources, to, outcome


class Account:
    """A fresh account with the resources that the table speaks of."""

    def __init__(self, server, resources):
        self.user = server.account()
        self.clients = {r: server.login(self.user, r) for r in resources}
        for r, priority in (("a", 5), ("b", 0), ("n", -1)):
            if r in self.clients:
                self.clients[r].presence(f"<priority>{priority}</priority>")
        self.settle()

    def settle(self):
        """What each resource has got, by its letter; all of it is there."""
        return {r: [e for e in c.sync() if e.get("id") == "x"] for r, c in self.clients.items()}


@rows(*table())
def test_delivery(server, stanza, resources, to, outcome):
    account = Account(server, resources)
    account.settle()
    sender = server.login()
    sender.send(STANZAS[stanza].format(to=f"to='{to.format(user=account.user)}'"))
    answers = sender.sync()
    got = account.settle()
    outcomes = outcome if isinstance(outcome, tuple) else (outcome,)
    if outcomes == ("offline",):
        assert not answers and not any(got.values()), f"answered {answers}, delivered {got}"
        late = server.online(account.user, "late")
        equal(late.find("message", id="x").get("from"), sender.jid)
        return
    errors = [a.error()[1] for a in answers if a.error()]
    assert len(errors) == len(answers), f"answered {answers}"
    letters = "".join(r for r in "abnc" if got.get(r))
    assert (errors[0] if errors else letters) in outcomes, f"wanted {outcomes}, errors {errors}, delivered {got}"
    assert not (errors and letters) and len(errors) < 2, f"errors {errors}, delivered {got}"
    for r in letters:
        equal(len(got[r]), 1)
        equal(got[r][0].get("from"), sender.jid)
    for a in answers:
        equal(a.get("id"), "x")
        equal(a.get("from"), to.format(user=account.user))


def test_equal_priorities(server):
    """The most available resources: one of them or all (RFC 6121 8.5.2.1.1)."""
    user, sender = server.account(), server.login()
    clients = [server.online(user), server.online(user)]
    for c in clients:
        c.sync()
    sender.message(f"{user}@{HOST}")
    sender.sync()
    got = [len([e for e in c.sync() if e.name == "message"]) for c in clients]
    assert sum(got) >= 1 and max(got) == 1, got


def test_unavailable_resource_gets_no_bare_messages(server):
    user, sender = server.account(), server.login()
    one, two = server.online(user, presence="<priority>9</priority>"), server.online(user)
    one.presence(type="unavailable")
    one.sync()
    two.sync()
    sender.message(f"{user}@{HOST}")
    sender.sync()
    two.expect("message")
    one.nothing()


def test_order_between_two(server):
    a, b = server.online(), server.online()
    for n in range(200):
        a.message(b.jid if n % 2 else b.bare, str(n))
    equal([b.expect("message").child_text("body") for _ in range(200)], [str(n) for n in range(200)])


@rows(
    ("iq without id", "<iq type='get' {to}><a xmlns='urn:example'/></iq>", "bad-request"),
    ("iq without type", "<iq id='e' {to}><a xmlns='urn:example'/></iq>", "bad-request"),
    ("iq of unknown type", "<iq id='e' type='put' {to}><a xmlns='urn:example'/></iq>", "bad-request"),
    ("get without child", "<iq id='e' type='get' {to}/>", "bad-request"),
    ("get with two", "<iq id='e' type='get' {to}><a xmlns='urn:example'/><b xmlns='urn:example'/></iq>", "bad-request"),
    ("set with two", "<iq id='e' type='set' {to}><a xmlns='urn:example'/><b xmlns='urn:example'/></iq>", "bad-request"),
    ("message to no address", "<message id='e' to='a@b@c'><body>x</body></message>", "jid-malformed"),
    ("message to an empty resource", "<message id='e' to='a@localhost/'><body>x</body></message>", "jid-malformed"),
    ("message to an empty local part", "<message id='e' to='@localhost'><body>x</body></message>", "jid-malformed"),
    ("iq to too long a name", f"<iq id='e' type='get' to='{'x' * 1024}@localhost'><a xmlns='urn:example'/></iq>",
     "jid-malformed"),
    ("presence to no address", "<presence id='e' to='a b@localhost'/>", "jid-malformed"),
)
def test_bad_stanza(server, stanza, condition):
    c, other = server.login(), server.online()
    c.send(stanza.format(to=f"to='{other.jid}'"))
    equal(c.next().error(), ("modify", condition))
    other.nothing()


def test_errors_are_not_answered(server):
    """A stanza of type error or result gets no answer, whatever is wrong with it."""
    c = server.login()
    for to in ("a@b@c", "nobody@localhost", "nowhere.invalid", "localhost"):
        c.send(f"<message type='error' id='e' to='{to}'/><iq type='result' id='e' to='{to}'/>"
               f"<iq type='error' id='e' to='{to}'/><presence type='error' id='e' to='{to}'/>")
    c.nothing()


@rows(("message", "<message id='r' to='a@nowhere.invalid'><body>x</body></message>"),
      ("get", "<iq id='r' type='get' to='nowhere.invalid'><ping xmlns='urn:xmpp:ping'/></iq>"))
def test_another_domain(server, stanza):
    c = server.login()
    c.send(stanza)
    answer = c.next()
    assert answer.error() and answer.error()[1] in ("remote-server-not-found", "remote-server-timeout", "not-allowed",
                                                    "service-unavailable", "item-not-found"), str(answer)
    assert answer.get("from") in ("a@nowhere.invalid", "nowhere.invalid")


def test_from_is_stamped(server):
    a, b = server.online(), server.online()
    a.message(b.jid)
    got = b.expect("message")
    equal((got.get("from"), got.get("to")), (a.jid, b.jid))


@rows(("own bare", "{bare}"), ("own full", "{jid}"), ("another account", "other@localhost"),
      ("another resource", "{bare}/elsewhere"), ("the host", "localhost"), ("no address", "@@"))
def test_from_is_never_forged(server, claimed):
    """The server stamps the sender's full JID, or ends the stream (RFC 6120 8.1.2.1)."""
    a, b = server.online(), server.online()
    a.send(f"<message from='{claimed.format(bare=a.bare, jid=a.jid)}' to='{b.jid}' id='f'><body>x</body></message>")
    a.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=HOST, wait=False)
    answer = a.next()
    if answer.matches("error", "stream"):
        assert answer.child("invalid-from") is not None and "own" not in claimed, str(answer)
    b_got = [e for e in b.sync() if e.name == "message"]
    assert not b_got or [e.get("from") for e in b_got] == [a.jid], b_got
    assert b_got or answer.matches("error", "stream"), "lost without a word"


def test_iq_between_clients(server):
    a, b = server.online(), server.online()
    ident = a.iq("get", "<query xmlns='urn:example'><a b='c'>text</a></query>", to=b.jid, wait=False)
    request = b.expect("iq", type="get", id=ident, from_=a.jid)
    equal(request.child("query", "urn:example").child("a").text, "text")
    b.send(f"<iq type='result' id='{ident}' to='{a.jid}'><query xmlns='urn:example'/></iq>")
    a.expect("iq", type="result", id=ident, from_=b.jid)


def test_message_to_oneself(server):
    """Without `to` it is for the own account (RFC 6120 10.3.1)."""
    c = server.online()
    ident = c.message(None)
    equal(c.expect("message", id=ident).get("from"), c.jid)


def test_iq_without_to(server):
    c = server.login()
    reply = c.iq("get", "<query xmlns='urn:example'/>")
    equal(reply.error(), ("cancel", ERROR))
    assert reply.get("from") in (None, c.bare)


def test_host_and_account_in_capitals(server):
    a, b = server.online(), server.online()
    ident = a.message(b.bare.upper())
    b.expect("message", id=ident)


def test_what_is_inside_passes_unchanged(server):
    a, b = server.online(), server.online()
    inner = ("<x xmlns='urn:a'><y xmlns='urn:b' z='&lt;&apos;&quot;'/>t&amp;<z xmlns='urn:a'> s </z></x>"
             "<p:q xmlns:p='urn:c' p:r='1' xml:lang='de'/>")
    a.message(b.jid, inner=inner)
    got = b.expect("message")
    x, q = got.child("x", "urn:a"), got.child("q", "urn:c")
    equal((x.text, x.child("y", "urn:b").get("z"), x.child("z", "urn:a").text), ("t&", "<'\"", " s "))
    equal((q.get("urn:c r"), q.get("http://www.w3.org/XML/1998/namespace lang")), ("1", "de"))


def test_many_at_once(server):
    """More under way than any window holds: nothing is lost and nothing is turned round."""
    a, b = server.online(), server.online()
    a.send("".join(f"<message to='{b.jid}' type='chat' id='n{n}'><body>{'x' * 100}</body></message>" for n in range(2000)))
    for n in range(2000):
        b.expect("message", id=f"n{n}")

