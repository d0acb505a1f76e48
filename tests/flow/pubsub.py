"""Publish-subscribe (XEP-0060) as a client asks for it and hears of it; clients that tell what they can do
(XEP-0115)."""
import base64
import hashlib
from xml.sax.saxutils import escape, quoteattr

from adhoc import submit

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER, EVENT, ERRORS = f"{PUBSUB}#owner", f"{PUBSUB}#event", f"{PUBSUB}#errors"
CONFIG, OPTIONS = f"{PUBSUB}#node_config", f"{PUBSUB}#publish-options"
RSM, CAPS, INFO = "http://jabber.org/protocol/rsm", "http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info"


def note(text="hello"):
    return f"<note xmlns='urn:example:note'>{escape(text)}</note>"


def attrs(**values):
    return "".join(f" {key}={quoteattr(str(value))}" for key, value in values.items() if value is not None)


def ask(client, kind, payload, to=None, ns=PUBSUB, **args):
    return client.iq(kind, f"<pubsub xmlns='{ns}'>{payload}</pubsub>", to=to, **args)


def form(values, form_type=CONFIG):
    return submit({f"pubsub#{key}": value for key, value in values.items()}, form_type)


def publish(client, node, payload=None, id=None, options=None, to=None, **args):
    payload = note() if payload is None else payload
    extra = f"<publish-options>{form(options, OPTIONS)}</publish-options>" if options else ""
    return ask(client, "set", f"<publish{attrs(node=node)}><item{attrs(id=id)}>{payload}</item></publish>{extra}", to, **args)


def published(reply):
    """The id of the item."""
    assert reply.get("type") == "result", str(reply)
    return reply.child("pubsub", PUBSUB).child("publish").child("item").get("id")


def retract(client, node, id=None, notify=None, to=None):
    item = f"<item{attrs(id=id)}/>" if id is not None else ""
    return ask(client, "set", f"<retract{attrs(node=node, notify=notify)}>{item}</retract>", to)


def create(client, node=None, config=None, to=None):
    extra = f"<configure>{form(config)}</configure>" if config else ""
    return ask(client, "set", f"<create{attrs(node=node)}/>{extra}", to)


def configure(client, node, config, to=None):
    return ask(client, "set", f"<configure{attrs(node=node)}>{form(config)}</configure>", to, OWNER)


def settings(client, node, to=None):
    reply = ask(client, "get", f"<configure{attrs(node=node)}/>", to, OWNER)
    assert reply.get("type") == "result", str(reply)
    return fields(reply.child("pubsub", OWNER).child("configure").child("x"))


def fields(x):
    return {f.get("var"): [v.text for v in f.all("value")] for f in x.all("field")}


def get(client, node, ids=(), max_items=None, page=None, to=None):
    inner = "".join(f"<item{attrs(id=id)}/>" for id in ids)
    page = f"<set xmlns='{RSM}'>{page}</set>" if page is not None else ""
    return ask(client, "get", f"<items{attrs(node=node, max_items=max_items)}>{inner}</items>{page}", to)


def items(reply):
    """[(id, text of the payload)]"""
    assert reply.get("type") == "result", str(reply)
    found = reply.child("pubsub", PUBSUB).child("items").all("item")
    return [(i.get("id"), i.children[0].text if i.children else None) for i in found]


def ids(reply):
    return [id for id, _ in items(reply)]


def page(reply):
    """(first, its index, last, count)"""
    said = reply.child("pubsub", PUBSUB).child("set", RSM)
    first = said.child("first")
    return (first.text if first is not None else None, first.get("index") if first is not None else None,
            said.child_text("last"), said.child_text("count"))


def subscribe(client, node, jid=None, to=None, kind="subscribe", **more):
    return ask(client, "set", f"<{kind}{attrs(node=node, jid=jid or client.bare, **more)}/>", to)


def affiliate(client, node, to=None, **who):
    inner = "".join(f"<affiliation{attrs(jid=jid, affiliation=what)}/>" for jid, what in who.items())
    return ask(client, "set", f"<affiliations node='{node}'>{inner}</affiliations>", to, OWNER)


def state(reply):
    assert reply.get("type") == "result", str(reply)
    return reply.child("pubsub", PUBSUB).child("subscription").get("subscription")


def refusal(reply):
    """(type, condition, the condition of pubsub, its feature)"""
    assert reply.get("type") == "error", str(reply)
    own = reply.child("error").child(None, ERRORS)
    return (*reply.error(), own.name if own is not None else None, own.get("feature") if own is not None else None)


def told(client, node=None):
    """The next event: its message and the element in it."""
    while True:
        message = client.find("message", has="event")
        what = message.child("event", EVENT).children[0]
        if node is None or what.get("node") == node:
            return message, what


# ---- what clients can do

def ver(features):
    text = "client/pc//test<" + "".join(f"{f}<" for f in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def caps(features, said=None):
    return f"<c xmlns='{CAPS}' hash='sha-1' node='urn:example:client' ver={quoteattr(said or ver(features))}/>"


def answer_info(client, features, timeout=None, sender=None):
    """The server asks what the client can do, and is told."""
    asked = client.find("iq", type="get", has="query", timeout=timeout)
    query = asked.child("query", INFO)
    assert query is not None, str(asked)
    inner = "<identity category='client' type='pc' name='test'/>" + "".join(f"<feature var={quoteattr(f)}/>" for f in features)
    client.send(f"<iq type='result' id={quoteattr(asked.get('id'))}{attrs(to=asked.get('from'), **{'from': sender})}>"
                f"<query xmlns='{INFO}'{attrs(node=query.get('node'))}>{inner}</query></iq>")
    return query


def listen(client, *nodes, salt=""):
    """Sends presence of a client that wants to hear of these nodes, and answers who asks."""
    features = [f"{node}+notify" for node in nodes] + [f"urn:example:{client.jid}{salt}"]
    client.presence(caps(features))
    answer_info(client, features)
    client.sync()
    return features
