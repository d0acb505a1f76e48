"""XML as the tests see it: elements with a namespace each, and a parser that makes them out of the
bytes of an XML stream as they come."""
import ctypes
import xml.parsers.expat
from xml.sax.saxutils import escape, quoteattr

NS = {
    "client": "jabber:client",
    "stream": "http://etherx.jabber.org/streams",
    "streams": "urn:ietf:params:xml:ns:xmpp-streams",
    "stanzas": "urn:ietf:params:xml:ns:xmpp-stanzas",
    "tls": "urn:ietf:params:xml:ns:xmpp-tls",
    "sasl": "urn:ietf:params:xml:ns:xmpp-sasl",
    "bind": "urn:ietf:params:xml:ns:xmpp-bind",
    "session": "urn:ietf:params:xml:ns:xmpp-session",
    "roster": "jabber:iq:roster",
    "rosterver": "urn:xmpp:features:rosterver",
    "delay": "urn:xmpp:delay",
    "ping": "urn:xmpp:ping",
    "disco#info": "http://jabber.org/protocol/disco#info",
    "disco#items": "http://jabber.org/protocol/disco#items",
    "sasl-cb": "urn:xmpp:sasl-cb:0",
    "dialback": "jabber:server:dialback",
    "bidi": "urn:xmpp:bidi",
}


class Element:
    """One element: name, ns, attrs (those with a namespace as "NS name"), children, text."""

    def __init__(self, name, ns=None, attrs=None):
        self.name, self.ns, self.attrs = name, ns, dict(attrs or {})
        self.children, self.text = [], ""

    def get(self, attr, default=None):
        return self.attrs.get(attr, default)

    def child(self, name=None, ns=None):
        """The first child of that name and namespace (a key of NS or a whole one), or None."""
        ns = NS.get(ns, ns)
        for c in self.children:
            if name in (None, c.name) and ns in (None, c.ns):
                return c
        return None

    def all(self, name=None, ns=None):
        ns = NS.get(ns, ns)
        return [c for c in self.children if name in (None, c.name) and ns in (None, c.ns)]

    def child_text(self, name):
        c = self.child(name)
        return None if c is None else c.text

    def matches(self, name=None, ns=None, has=None, **attrs):
        """Attributes: a text, or None for one that must be missing. `from_` stands for from, `has`
        names a child element that must be there."""
        if name not in (None, self.name) or (ns and NS.get(ns, ns) != self.ns):
            return False
        if has is not None and self.child(has) is None:
            return False
        return all(self.attrs.get(key.rstrip("_")) == value for key, value in attrs.items())

    def error(self):
        """(type, condition) of a stanza of type error, else None."""
        e = self.child("error")
        if self.get("type") != "error" or e is None:
            return None
        return e.get("type"), next((c.name for c in e.children if c.ns == NS["stanzas"] and c.name != "text"), None)

    def __str__(self):
        attrs = "".join(f" {key}={quoteattr(value)}" for key, value in self.attrs.items())
        inner = escape(self.text) + "".join(map(str, self.children))
        ns = f" xmlns={quoteattr(self.ns)}" if self.ns else ""
        return f"<{self.name}{ns}{attrs}>{inner}</{self.name}>" if inner else f"<{self.name}{ns}{attrs}/>"

    __repr__ = __str__


def look_at_once(parser):
    """Expat puts off looking at a cut tag again, and would keep an element back that has come.
    Python 3.11 has no method to forbid it; the expat parser is its object's first field."""
    if hasattr(parser, "SetReparseDeferralEnabled"):
        parser.SetReparseDeferralEnabled(False)
        return
    forbid = getattr(ctypes.CDLL("libexpat.so.1"), "XML_SetReparseDeferralEnabled", None)
    if forbid:
        forbid(ctypes.c_void_p.from_address(id(parser) + object.__basicsize__), 0)


class StreamParser:
    """Feeds bytes, puts (kind, Element) into `out`: "header", "element", "end"."""

    def __init__(self, out):
        self.out, self.stack = out, []
        self.expat = xml.parsers.expat.ParserCreate(namespace_separator=" ")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self.start
        self.expat.EndElementHandler = self.stop
        self.expat.CharacterDataHandler = self.chars
        look_at_once(self.expat)

    def start(self, name, attrs):
        ns, _, local = name.rpartition(" ")
        element = Element(local, ns or None, attrs)
        if not self.stack:
            self.out.append(("header", element))
        elif len(self.stack) > 1:
            self.stack[-1].children.append(element)
        self.stack.append(element)

    def chars(self, text):
        if len(self.stack) > 1:
            self.stack[-1].text += text

    def stop(self, _name):
        element = self.stack.pop()
        if not self.stack:
            self.out.append(("end", None))
        elif len(self.stack) == 1:
            self.out.append(("element", element))

    def feed(self, data):
        self.expat.Parse(data, False)
