"""Bookmarks of old and new clients: XEP-0402, and XEP-0048 in XEP-0049."""
import sqlite3

import pubsub as ps
from flow import HOST, equal, rows, settle

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "private", "pep", "bookmarks" }'
SERVER = dict(accounts=30, config={"modules_enabled": MODULES})
NODE = "urn:xmpp:bookmarks:1"
ROOM, OTHER = "room@conference.example", "other@conference.example"
OPTIONS = {"access_model": "whitelist", "persist_items": "true", "max_items": "max", "send_last_published_item": "never"}


def storage(*conferences):
    return f"<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>{''.join(conferences)}</storage></query>"


def conference(jid, name=None, autojoin=None, inner=""):
    return f"<conference{ps.attrs(jid=jid, name=name, autojoin=autojoin)}>{inner}</conference>"


def payload(name=None, autojoin=None, inner=""):
    return f"<conference xmlns='{NODE}'{ps.attrs(name=name, autojoin=autojoin)}>{inner}</conference>"


def old(client):
    """What an old client sees: jid -> (name, autojoin, nick, password)"""
    reply = client.iq("get", storage())
    found = reply.child("query").child("storage", "storage:bookmarks").all("conference")
    return {c.get("jid"): (c.get("name"), c.get("autojoin"), c.child_text("nick"), c.child_text("password")) for c in found}


def new(client):
    """What a new one sees, likewise."""
    reply = ps.get(client, NODE)
    if reply.get("type") == "error":
        return None
    found = [(i.get("id"), i.child("conference", NODE)) for i in reply.child("pubsub").child("items").children]
    return {jid: (c.get("name"), c.get("autojoin"), c.child_text("nick"), c.child_text("password")) for jid, c in found}


def test_announced(server):
    c = server.login()
    features = {f.get("var") for f in c.iq("get", f"<query xmlns='{ps.INFO}'/>", to=c.bare).child("query").all("feature")}
    assert f"{NODE}#compat" in features, features


def test_from_new_to_old(server):
    c = server.login()
    equal(old(c), {})
    ps.publish(c, NODE, payload("Room", "1", "<nick>me</nick>"), ROOM, OPTIONS)
    ps.publish(c, NODE, payload(), OTHER, OPTIONS)
    equal(old(c), {ROOM: ("Room", "true", "me", None), OTHER: (None, None, None, None)})


def test_from_old_to_new(server):
    """Each change is one item's: other clients are told of it, and of nothing else."""
    c, other = server.login(), None
    other = server.login(c.user)
    ps.listen(other, NODE)
    equal(c.iq("set", storage(conference(ROOM, "Room", "1", "<nick>me</nick>"), conference("OTHER@conference.example"))).get("type"),
          "result")
    equal(new(c), {ROOM: ("Room", "true", "me", None), OTHER: (None, None, None, None)})
    equal({ps.told(other)[1].child("item").get("id") for _ in range(2)}, {ROOM, OTHER})
    c.iq("set", storage(conference(ROOM, "Another", "0", "<password>p</password>"), conference(OTHER)))
    equal(new(c), {ROOM: ("Another", None, None, "p"), OTHER: (None, None, None, None)})
    equal(ps.told(other)[1].child("item").get("id"), ROOM)
    c.iq("set", storage(conference(OTHER)))
    equal(ps.told(other)[1].child("retract").get("id"), ROOM)
    equal(c.iq("set", storage()).get("type"), "result")
    equal((new(c), old(c)), ({}, {}))
    equal(ps.told(other)[1].child("retract").get("id"), OTHER)
    settle(other)
    other.nothing()


def test_nobody_else_reads_them(server):
    a, b = server.friends()
    ps.create(a, NODE, {"access_model": "open"})
    a.iq("set", storage(conference(ROOM)))
    equal(ps.refusal(ps.get(b, NODE, to=a.bare))[2], "closed-node")
    got = ps.settings(a, NODE)
    equal((got["pubsub#access_model"], got["pubsub#max_items"], got["pubsub#send_last_published_item"]),
          (["whitelist"], ["max"], ["never"]))


def test_extensions_stay(server):
    c = server.login()
    ps.publish(c, NODE, payload("Room", inner="<extensions><state xmlns='urn:example:x'/></extensions>"), ROOM, OPTIONS)
    c.iq("set", storage(conference(ROOM, "New")))
    item = ps.get(c, NODE).child("pubsub").child("items").children[0].child("conference", NODE)
    equal(item.get("name"), "New")
    assert item.child("extensions", NODE).child("state", "urn:example:x") is not None, str(item)


@rows(("bad address", conference("@")), ("no address", "<conference name='x'/>"))
def test_refused(server, inner):
    c = server.login()
    equal(c.iq("set", storage(conference(ROOM), inner)).error(), ("modify", "jid-malformed"))
    equal(new(c), None)


def test_other_private_storage_is_as_it_was(server):
    c = server.login()
    c.iq("set", "<query xmlns='jabber:iq:private'><x xmlns='urn:example:x'>1</x></query>")
    equal(c.iq("get", "<query xmlns='jabber:iq:private'><x xmlns='urn:example:x'/></query>").child("query").child("x").text, "1")


def test_what_was_there_before(server):
    """Bookmarks of the time before the module are among the published ones when their owner connects, and not twice."""
    user = server.account()
    server.stop()
    text = f"<storage xmlns='storage:bookmarks'>{conference(ROOM, 'Old')}{conference(OTHER, 'Other')}</storage>"
    with sqlite3.connect(f"{server.dir}/data/prosody.sqlite") as db:
        db.execute("INSERT INTO owner (host, store, user) VALUES (?, 'private', ?)", (HOST, user))
        db.execute("INSERT INTO items SELECT id, 'storage:storage:bookmarks', ? FROM owner WHERE store = 'private' AND user = ?",
                   (text, user))
    server.start()
    c = server.login(user)
    while len(old(c)) < 2:
        pass  # every turn asks the server
    equal(new(c), {ROOM: ("Old", None, None, None), OTHER: ("Other", None, None, None)})
    c.iq("set", storage())
    c.close()
    c = server.login(user)
    settle(c)
    equal(old(c), {})
