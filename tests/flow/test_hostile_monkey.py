"""Stanzas that are put together by chance from what the server knows: whatever is missing, doubled or
in the wrong place, each request gets one answer, nobody else loses anything, and nothing breaks.
PC_MONKEY_SEED chooses another chance, PC_MONKEY_ROUNDS more of it."""
import os
import random
from xml.sax.saxutils import escape, quoteattr

from flow import HOST, NS, equal, rows

SERVER = dict(accounts=60)
SEED = int(os.environ.get("PC_MONKEY_SEED", "1"))
ROUNDS = int(os.environ.get("PC_MONKEY_ROUNDS", "4"))

NAMES = ("query", "item", "group", "bind", "resource", "session", "ping", "delay", "x", "error", "text", "body",
         "priority", "show", "status", "message", "presence", "iq", "auth", "starttls", "field", "value", "stanza-id")
SPACES = (*NS.values(), "jabber:iq:version", "jabber:iq:private", "vcard-temp", "jabber:x:data", "urn:xmpp:sid:0",
          "urn:xmpp:carbons:2", "http://jabber.org/protocol/pubsub", "urn:example", "iq/urn:ietf:params:xml:ns:xmpp-bind")
ATTRS = ("jid", "name", "node", "ver", "subscription", "ask", "approved", "type", "id", "to", "from", "by", "stamp",
         "xml:lang", "var", "action", "mechanism")
WORDS = ("", "none", "to", "both", "remove", "get", "set", "result", "error", "subscribe", "unavailable", "chat", "0", "-129",
         "99999999999999999999", "1e9", "true", "a@b@c", HOST, f"user0@{HOST}", f"user0@{HOST}/r", "@", "㌀" * 20, "é😀",
         "x" * 2000, "%s%n", "<&>'\"", "1999-01-01T00:00:00Z", "../../etc/passwd", "'; DROP TABLE accounts; --")


class Monkey:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, words):
        return self.random.choice(words)

    def attrs(self, but=()):
        names = set(self.random.choices(ATTRS, k=self.random.choice((0, 0, 1, 2, 4)))) - set(but)
        return "".join(f" {name}={quoteattr(self.one(WORDS))}" for name in sorted(names))

    def element(self, depth=0):
        name = self.one(NAMES)
        ns = f" xmlns={quoteattr(self.one(SPACES))}" if depth == 0 or self.random.random() < 0.3 else ""
        inner = escape(self.one(WORDS)) if self.random.random() < 0.5 else ""
        if depth < 4:
            inner += "".join(self.element(depth + 1) for _ in range(self.random.choice((0, 0, 1, 2, 3))))
        return f"<{name}{ns}{self.attrs()}>{inner}</{name}>"

    def known(self):
        """A payload that somebody handles, with anything in it."""
        name, ns = self.one((("query", NS["roster"]), ("query", NS["disco#info"]), ("query", NS["disco#items"]),
                             ("bind", NS["bind"]), ("session", NS["session"]), ("ping", NS["ping"])))
        inner = "".join(self.element(self.random.choice((0, 1))) for _ in range(self.random.choice((0, 1, 1, 2))))
        if ns == NS["roster"] and self.random.random() < 0.7:
            inner = f"<item{self.attrs()}>" + "".join(
                f"<group>{escape(self.one(WORDS))}</group>" for _ in range(self.random.choice((0, 1, 3)))) + "</item>" + inner
        return f"<{name} xmlns='{ns}'{self.attrs()}>{inner}</{name}>"

    def to(self, other):
        word = self.one((None, None, HOST, other.jid, other.bare, f"{other.bare}/gone", f"nobody@{HOST}", *WORDS))
        return "" if word is None else f" to={quoteattr(word)}"

    def request(self, ident, other):
        kind = self.one(("get", "set"))
        payload = "".join(self.one((self.known, self.element))() for _ in range(self.random.choice((1, 1, 1, 1, 0, 2))))
        return f"<iq type='{kind}' id='{ident}'{self.to(other)}>{payload}</iq>"

    def other(self, other):
        name = self.one(("message", "presence", "iq"))
        inner = "".join(self.element(self.random.choice((0, 1))) for _ in range(self.random.choice((0, 1, 3))))
        kind = self.one(("error", "result")) if name == "iq" else self.one(WORDS)
        return f"<{name} type={quoteattr(kind)}{self.attrs(('type', 'to'))}{self.to(other)}>{inner}</{name}>"


def answers(elements, wanted):
    return [e.get("id") for e in elements if e.matches("iq") and e.get("id") in wanted and e.get("type") in ("result", "error")]


@rows(*[(f"round {n}", n) for n in range(ROUNDS)])
def test_monkey(server, n):
    monkey = Monkey(f"{SEED}/{n}")
    a, b, witness = server.online(), server.online(), server.online()
    for turn in range(20):
        wanted = {f"q{turn}.{k}" for k in range(40)}
        for ident in sorted(wanted):
            a.send(monkey.request(ident, b))
            a.send(monkey.other(b))
        witness.message(b.jid, f"turn {turn}", inner="<w xmlns='urn:witness'/>")
        a_got, b_got = a.sync(), b.sync()
        for request in [e for e in b_got if e.matches("iq") and e.get("type") in ("get", "set") and e.get("id") in wanted]:
            b.send(f"<iq type='result' id={quoteattr(request.get('id'))} to='{a.jid}'/>")
        b.sync()
        a_got += a.sync()
        while not wanted <= set(answered := answers(a_got, wanted)):
            a_got.append(a.next())  # what changes something is answered when it is on the disk
        equal(sorted(answered), sorted(wanted))
        equal(len([e for e in b_got if e.child("w", "urn:witness") is not None]), 1)
    equal(witness.roster(), {})
    again = server.login(a.user)
    equal(sorted(again.roster()), sorted(a.roster()))
