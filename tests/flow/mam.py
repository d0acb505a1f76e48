"""Queries of message archives, and what comes of them."""
from xml.sax.saxutils import escape, quoteattr

MAM, SID, RSM = "urn:xmpp:mam:2", "urn:xmpp:sid:0", "http://jabber.org/protocol/rsm"


class Page:
    """The answer to a query: messages by their archive ids in the order of coming, and the end."""

    def __init__(self, results, iq):
        self.iq, self.results = iq, results
        self.ids = [r.get("id") for r in results]
        self.messages = [r.child("forwarded").child("message", "client") for r in results]
        self.bodies = [None if m is None else m.child_text("body") for m in self.messages]
        self.stamps = [r.child("forwarded").child("delay", "delay").get("stamp") for r in results]
        self.fin = iq.child("fin", MAM)
        rsm = None if self.fin is None else self.fin.child("set", RSM)
        self.complete = self.fin is not None and self.fin.get("complete") == "true"
        self.first = self.last = self.count = self.index = None
        if rsm is not None:
            self.first, self.last = rsm.child_text("first"), rsm.child_text("last")
            self.count = None if rsm.child("count") is None else int(rsm.child_text("count"))
            if rsm.child("first") is not None and rsm.child("first").get("index") is not None:
                self.index = int(rsm.child("first").get("index"))


def form(fields):
    """`fields`: names with a text, or a list of texts, each."""
    inner = "".join(f"<field var={quoteattr(var)}>"
                    + "".join(f"<value>{escape(v)}</value>" for v in ([value] if isinstance(value, str) else value))
                    + "</field>" for var, value in {"FORM_TYPE": MAM, **fields}.items())
    return f"<x xmlns='jabber:x:data' type='submit'>{inner}</x>"


def rsm(**fields):
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    return f"<set xmlns='{RSM}'>{inner}</set>"


def payload(fields=None, page=None, more="", queryid="q"):
    return (f"<query xmlns='{MAM}' queryid='{queryid}'>{form(fields) if fields else ''}"
            f"{rsm(**page) if page is not None else ''}{more}</query>")


def query(c, fields=None, page=None, more="", queryid="q", to=None):
    """Asks and takes the results with that queryid up to the answer out of what comes."""
    ident = c.iq("set", payload(fields, page, more, queryid), to=to, wait=False)
    results, others = [], []
    while True:
        element = c.next()
        if element.name == "iq" and element.get("id") == ident:
            break
        result = element.child("result", MAM) if element.name == "message" else None
        if result is not None and result.get("queryid") == queryid:
            assert element.get("from") == c.bare and element.get("to") == c.jid, str(element)
            results.append(result)
        else:
            others.append(element)
    c.queue.extendleft(("element", e) for e in reversed(others))
    return Page(results, element)


def stanza_id(message, by):
    """The id that an archive gave, by its address; there is one at most."""
    ids = [c.get("id") for c in message.all("stanza-id", SID) if c.get("by") == by]
    assert len(ids) <= 1, str(message)
    return ids[0] if ids else None
