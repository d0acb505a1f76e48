"""Personal eventing: XEP-0163, and what of XEP-0060 an account's own service has; with options, as XEP-0222 and
XEP-0223 use it."""
import pubsub as ps
from flow import HOST, NS, equal, rows, settle
from pubsub import note

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "blocklist", "pep" }'
CONFIG = {"modules_enabled": MODULES, "pep_max_nodes": "8", "pep_max_payload_size": '"8 KiB"', "pep_max_size": '"64 KiB"'}
SERVER = dict(accounts=80, config=CONFIG)
NODE = "urn:example:tune"
MANY = {"max_items": "5", "persist_items": "true"}


def test_announced(server):
    c = server.login()
    query = c.iq("get", f"<query xmlns='{ps.INFO}'/>", to=c.bare).child("query")
    features = {f.get("var") for f in query.all("feature")}
    assert ("pubsub", "pep") in {(i.get("category"), i.get("type")) for i in query.all("identity")}, str(query)
    for name in ("publish", "auto-create", "auto-subscribe", "filtered-notifications", "publish-options", "access-presence",
                 "config-node-max", "rsm"):
        assert f"{ps.PUBSUB}#{name}" in features, name


def test_publish_and_get(server):
    c = server.login()
    equal(ps.published(ps.publish(c, NODE, note("a"), "one")), "one")
    equal(ps.items(ps.get(c, NODE)), [("one", "a")])
    equal(ps.published(ps.publish(c, NODE, note("b"), "two", to=c.bare)), "two")
    equal(ps.items(ps.get(c, NODE)), [("two", "b")])  # one is kept by default
    made = ps.published(ps.publish(c, NODE, note("c")))
    assert made, "an item without an id gets one"
    equal(ps.items(ps.get(c, NODE)), [(made, "c")])


def test_other_nodes_are_others(server):
    c = server.login()
    ps.publish(c, NODE, note("a"), "x")
    ps.publish(c, NODE + "s", note("b"), "x")
    equal(ps.items(ps.get(c, NODE)), [("x", "a")])
    equal(ps.items(ps.get(c, NODE + "s")), [("x", "b")])
    equal(ps.refusal(ps.get(c, "none")), ("cancel", "item-not-found", None, None))


def test_several_items(server):
    """Those beyond the number go, the oldest first; what is published again is the newest."""
    c = server.login()
    equal(ps.create(c, NODE, MANY).get("type"), "result")
    for n in range(4):
        ps.publish(c, NODE, note(str(n)), f"i{n}")
    ps.publish(c, NODE, note("again"), "i1")
    equal(ps.items(ps.get(c, NODE)), [("i0", "0"), ("i2", "2"), ("i3", "3"), ("i1", "again")])
    for n in range(4, 7):
        ps.publish(c, NODE, note(str(n)), f"i{n}")
    equal(ps.ids(ps.get(c, NODE)), ["i3", "i1", "i4", "i5", "i6"])
    equal(ps.ids(ps.get(c, NODE, max_items=2)), ["i5", "i6"])
    equal(ps.ids(ps.get(c, NODE, ids=["i4", "none", "i3"])), ["i3", "i4"])
    equal(ps.ids(ps.get(c, NODE, ids=["none"])), [])


def test_long_ids(server):
    c = server.login()
    long, marked = "x" * 900 + "@conference.example", "#" + "a" * 34
    ps.create(c, NODE, MANY)
    for id in (long, marked, long + "y"):
        equal(ps.published(ps.publish(c, NODE, note(), id)), id)
    equal(ps.ids(ps.get(c, NODE)), [long, marked, long + "y"])
    equal(ps.ids(ps.get(c, NODE, ids=[long])), [long])
    equal(ps.page(ps.get(c, NODE, page=f"<max>1</max><after>{long}</after>"))[:3], (marked, None, marked))
    equal(ps.retract(c, NODE, long).get("type"), "result")
    equal(ps.ids(ps.get(c, NODE)), [marked, long + "y"])
    equal(ps.refusal(ps.publish(c, NODE, note(), "x" * 1024))[1], "bad-request")


def test_pages(server):
    c = server.login()
    ps.create(c, NODE, MANY)
    for n in range(5):
        ps.publish(c, NODE, note(str(n)), f"i{n}")
    equal(ps.page(ps.get(c, NODE, page="<max>2</max>")), ("i0", "0", "i1", "5"))
    equal(ps.page(ps.get(c, NODE, page="<max>2</max><after>i1</after>")), ("i2", None, "i3", "5"))
    equal(ps.page(ps.get(c, NODE, page="<max>2</max><before/>")), ("i3", "3", "i4", "5"))
    equal(ps.page(ps.get(c, NODE, page="<max>2</max><before>i3</before>"))[::2], ("i1", "i2"))
    equal(ps.page(ps.get(c, NODE, page="<max>0</max>")), (None, None, None, "5"))
    equal(ps.ids(ps.get(c, NODE, page="<max>2</max><before>i3</before>")), ["i1", "i2"])
    equal(ps.refusal(ps.get(c, NODE, page="<after>none</after>"))[1], "item-not-found")
    equal(ps.refusal(ps.get(c, NODE, page="<max>x</max>"))[1], "bad-request")
    equal(ps.refusal(ps.get(c, NODE, page="<index>3</index>"))[1], "feature-not-implemented")
    equal(ps.refusal(ps.get(c, NODE, max_items="x"))[1], "bad-request")


def test_retract(server):
    c = server.login()
    ps.create(c, NODE, MANY)
    for n in range(3):
        ps.publish(c, NODE, note(), f"i{n}")
    equal(ps.retract(c, NODE, "i1").get("type"), "result")
    equal(ps.ids(ps.get(c, NODE)), ["i0", "i2"])
    equal(ps.refusal(ps.retract(c, NODE, "i1")), ("cancel", "item-not-found", None, None))
    equal(ps.refusal(ps.retract(c, NODE)), ("modify", "bad-request", "item-required", None))
    equal(ps.refusal(ps.retract(c, None, "i0")), ("modify", "bad-request", "nodeid-required", None))
    equal(ps.refusal(ps.retract(c, "none", "i0")), ("cancel", "item-not-found", None, None))


def owner(client, kind, node, ns=ps.OWNER):
    return ps.ask(client, "set", f"<{kind}{ps.attrs(node=node)}/>", ns=ns)


def test_purge_and_delete(server):
    c = server.login()
    ps.create(c, NODE, MANY)
    for n in range(3):
        ps.publish(c, NODE, note(), f"i{n}")
    equal(owner(c, "purge", NODE).get("type"), "result")
    equal(ps.ids(ps.get(c, NODE)), [])
    ps.publish(c, NODE, note(), "x")
    equal(owner(c, "delete", NODE).get("type"), "result")
    equal(ps.refusal(ps.get(c, NODE))[1], "item-not-found")
    equal(ps.refusal(owner(c, "delete", NODE))[1], "item-not-found")
    equal(ps.refusal(owner(c, "purge", NODE))[1], "item-not-found")
    equal(ps.refusal(owner(c, "delete", None))[1:3], ("bad-request", "nodeid-required"))
    ps.publish(c, NODE, note("new"), "y")
    equal(ps.items(ps.get(c, NODE)), [("y", "new")])  # nothing of the old one comes back


@rows(("two payloads", f"<publish node='n'><item>{note()}{note()}</item></publish>", ("modify", "bad-request", "invalid-payload", None)),
      ("no payload", "<publish node='n'><item/></publish>", ("modify", "bad-request", "payload-required", None)),
      ("no item", "<publish node='n'/>", ("modify", "bad-request", "item-required", None)),
      ("two items", f"<publish node='n'><item>{note()}</item><item>{note()}</item></publish>", ("modify", "bad-request", None, None)),
      ("no node", f"<publish><item>{note()}</item></publish>", ("modify", "bad-request", "nodeid-required", None)),
      ("too large", f"<publish node='n'><item>{note('x' * 9000)}</item></publish>", ("modify", "not-acceptable", "payload-too-big", None)),
      ("long name", f"<publish node='{'n' * 1024}'><item>{note()}</item></publish>", ("modify", "not-acceptable", None, None)),
      ("odd name", f"<publish node='a&#10;b'><item>{note()}</item></publish>", ("modify", "not-acceptable", None, None)),
      ("nothing", "", ("modify", "bad-request", None, None)),
      ("unknown", "<dance node='n'/>", ("cancel", "feature-not-implemented", None, None)),
      ("options", "<options node='n' jid='a@b'/>", ("cancel", "feature-not-implemented", "unsupported", "subscription-options")),
      ("default", "<default/>", ("cancel", "feature-not-implemented", None, None)))
def test_refused(server, payload, wanted):
    c = server.login()
    equal(ps.refusal(ps.ask(c, "set", payload)), wanted)
    equal(ps.refusal(ps.get(c, "n"))[1], "item-not-found")


# ---- nodes and their settings

def test_create(server):
    c = server.login()
    reply = ps.create(c)
    made = reply.child("pubsub", ps.PUBSUB).child("create").get("node")
    assert made, "an instant node has a name"
    equal(ps.ids(ps.get(c, made)), [])
    equal(ps.refusal(ps.create(c, made)), ("cancel", "conflict", None, None))


def test_configure(server):
    c = server.login()
    ps.create(c, NODE)
    before = ps.settings(c, NODE)
    equal(before["pubsub#access_model"], ["presence"])
    equal(before["pubsub#max_items"], ["1"])
    equal(before["pubsub#send_last_published_item"], ["on_sub_and_presence"])
    wanted = {"access_model": "roster", "roster_groups_allowed": ["A", "B"], "title": "Tunes & more", "max_items": "max",
              "notification_type": "normal", "deliver_payloads": "false", "item_expire": "3600"}
    equal(ps.configure(c, NODE, wanted).get("type"), "result")
    after = ps.settings(c, NODE)
    for key, value in {**wanted, "deliver_payloads": "0"}.items():
        equal(after[f"pubsub#{key}"], value if isinstance(value, list) else [value])
    server.stop()
    server.start()
    c = server.login(c.user)
    equal(ps.settings(c, NODE), after)


@rows(("bad choice", {"access_model": "friends"}, ("modify", "not-acceptable", None, None)),
      ("bad number", {"max_items": "-1"}, ("modify", "not-acceptable", None, None)),
      ("zero", {"max_items": "0"}, ("modify", "not-acceptable", None, None)),
      ("too many", {"max_items": "257"}, ("modify", "not-acceptable", None, None)),
      ("bad boolean", {"persist_items": "maybe"}, ("modify", "not-acceptable", None, None)),
      ("no leaf", {"node_type": "collection"}, ("modify", "not-acceptable", None, None)),
      ("too large", {"max_payload_size": "9000"}, ("modify", "not-acceptable", None, None)))
def test_bad_settings(server, config, wanted):
    c = server.login()
    equal(ps.refusal(ps.create(c, NODE, config)), wanted)
    equal(ps.refusal(ps.get(c, NODE))[1], "item-not-found")
    ps.create(c, NODE)
    before = ps.settings(c, NODE)
    equal(ps.refusal(ps.configure(c, NODE, {"title": "new", **config})), wanted)
    equal(ps.settings(c, NODE), before)


def test_form_of_another_kind(server):
    c = server.login()
    ps.create(c, NODE)
    for payload, condition in ((f"<configure node='{NODE}'/>", "bad-request"),
                               (f"<configure node='{NODE}'>{ps.form({}, 'urn:other')}</configure>", "not-acceptable")):
        equal(ps.refusal(ps.ask(c, "set", payload, ns=ps.OWNER))[1], condition)
    cancel = "<x xmlns='jabber:x:data' type='cancel'/>"
    equal(ps.ask(c, "set", f"<configure node='{NODE}'>{cancel}</configure>", ns=ps.OWNER).get("type"), "result")


def test_default_settings(server):
    c = server.login()
    reply = ps.ask(c, "get", "<default/>", ns=ps.OWNER)
    x = reply.child("pubsub", ps.OWNER).child("default").child("x")
    equal(ps.fields(x)["pubsub#access_model"], ["presence"])
    reply = ps.ask(c, "get", "<default/>")
    equal(ps.refusal(reply), ("cancel", "feature-not-implemented", "unsupported", "retrieve-default-sub"))


# ---- options with a publication

PRIVATE = {"access_model": "whitelist", "persist_items": "true", "max_items": "max", "send_last_published_item": "never"}


def test_publish_options(server):
    """As XEP-0222 and XEP-0223 use them: the item is only published where the node is what it must be."""
    c = server.login()
    equal(ps.published(ps.publish(c, NODE, note(), "a", options=PRIVATE)), "a")
    got = ps.settings(c, NODE)
    equal((got["pubsub#access_model"], got["pubsub#max_items"]), (["whitelist"], ["max"]))
    equal(ps.published(ps.publish(c, NODE, note(), "b", options={**PRIVATE, "persist_items": "1"})), "b")
    equal(ps.published(ps.publish(c, NODE, note(), "b", options={"max_items": "256"})), "b")  # what "max" is here
    equal(ps.refusal(ps.publish(c, NODE, note(), "c", options={"access_model": "open"})),
          ("cancel", "conflict", "precondition-not-met", None))
    equal(ps.refusal(ps.publish(c, NODE, note(), "c", options={"max_items": "300"})),
          ("cancel", "conflict", "precondition-not-met", None))
    equal(ps.refusal(ps.publish(c, NODE, note(), "c", options={"colour": "red"}))[1], "bad-request")
    equal(ps.refusal(ps.publish(c, "new", note(), "c", options={"colour": "red"}))[1], "bad-request")
    equal(ps.ids(ps.get(c, NODE)), ["a", "b"])


# ---- bounds

def test_nodes_are_bounded(server):
    c = server.login()
    for n in range(8):
        equal(ps.create(c, f"n{n}").get("type"), "result")
    equal(ps.refusal(ps.create(c, "more")), ("wait", "resource-constraint", "max-nodes-exceeded", None))
    equal(ps.refusal(ps.publish(c, "more"))[2], "max-nodes-exceeded")
    ps.ask(c, "set", "<delete node='n0'/>", ns=ps.OWNER)
    equal(ps.create(c, "more").get("type"), "result")


def test_bytes_are_bounded(server):
    c = server.login()
    ps.create(c, NODE, {"max_items": "max"})
    for n in range(8):
        equal(ps.published(ps.publish(c, NODE, note("x" * 7500), f"i{n}")), f"i{n}")
    equal(ps.refusal(ps.publish(c, NODE, note("x" * 7500), "more"))[1], "resource-constraint")
    equal(ps.published(ps.publish(c, NODE, note("y" * 7500), "i3")), "i3")  # in the old one's place
    ps.retract(c, NODE, "i0")
    equal(ps.published(ps.publish(c, NODE, note("x" * 7500), "more")), "more")
    ps.ask(c, "set", f"<purge node='{NODE}'/>", ns=ps.OWNER)
    equal(ps.published(ps.publish(c, "other", note("x" * 7500), "a")), "a")


def test_full_node(server):
    c = server.login()
    ps.create(c, NODE, {"max_items": "2", "publish_node_full": "reject"})
    for n in range(2):
        ps.publish(c, NODE, note(), f"i{n}")
    equal(ps.refusal(ps.publish(c, NODE, note(), "more")), ("cancel", "conflict", "node-full", None))
    equal(ps.published(ps.publish(c, NODE, note(), "i0")), "i0")
    ps.listen(c, NODE)
    equal(ps.told(c)[1].child("item").get("id"), "i0")
    ps.configure(c, NODE, {"publish_node_full": "retract-oldest"})
    ps.publish(c, NODE, note(), "i2")
    equal(ps.told(c)[1].child("retract").get("id"), "i1")
    equal(ps.told(c)[1].child("item").get("id"), "i2")


def test_items_expire(server):
    c = server.login()
    ps.create(c, NODE, {"max_items": "5", "item_expire": "1"})
    ps.publish(c, NODE, note(), "old")
    while ps.ids(ps.get(c, NODE)):
        pass  # every turn asks the server
    ps.publish(c, NODE, note(), "new")
    equal(ps.ids(ps.get(c, NODE)), ["new"])


def test_flood(server):
    """A thousand at once: each is answered, and what is told is what was kept."""
    a = server.login()
    ps.create(a, NODE, {"max_items": "20"})
    wanted = [ps.publish(a, NODE, note(str(n)), f"i{n % 50}", wait=False) for n in range(1000)]
    for ident in wanted:
        equal(a.find("iq", id=ident).get("type"), "result")
    equal(ps.ids(ps.get(a, NODE)), [f"i{n}" for n in range(30, 50)])


# ---- over restarts and reloads

def test_restart(server):
    c = server.login()
    ps.create(c, NODE, {**MANY, "access_model": "open"})
    for n in range(3):
        ps.publish(c, NODE, note(str(n)), f"i{n}")
    other = server.login()
    ps.subscribe(other, NODE, to=c.bare)
    ps.affiliate(c, NODE, **{"friend@example.org": "member"})
    server.stop()
    server.start()
    c, other = server.login(c.user), server.online(other.user)
    equal(ps.items(ps.get(c, NODE)), [("i0", "0"), ("i1", "1"), ("i2", "2")])
    ps.publish(c, NODE, note("3"), "i3")
    equal(ps.told(other)[1].child("item").get("id"), "i3")
    got = ps.ask(c, "get", f"<affiliations node='{NODE}'/>", ns=ps.OWNER).child("pubsub").child("affiliations").children
    equal({x.get("jid"): x.get("affiliation") for x in got}, {c.bare: "owner", "friend@example.org": "member"})


def test_what_was_answered_survives_a_kill(server):
    c = server.login()
    ps.create(c, NODE, {"max_items": "max"})
    for n in range(30):
        ps.published(ps.publish(c, NODE, note(str(n)), f"i{n}"))
    ps.retract(c, NODE, "i3")
    server.kill()
    server.start()
    c = server.login(c.user)
    equal(ps.ids(ps.get(c, NODE)), [f"i{n}" for n in range(30) if n != 3])


def test_reload(server):
    a, b = server.friends()
    features = ps.listen(b, NODE)
    ps.publish(a, NODE, note("a"), "x")
    ps.told(b)
    server.ctl("module", "reload", HOST, "pep")
    ps.publish(a, NODE, note("b"), "y")
    equal(ps.told(b)[1].child("item").get("id"), "y")
    b.presence(ps.caps(features) + "<show>dnd</show>")
    settle(b)
    b.nothing()
    server.ctl("module", "reload", HOST, "caps")
    ps.publish(a, NODE, note("c"), "z")
    settle(a)
    b.presence(ps.caps(features))
    settle(b)


def test_account_removed(server):
    c = server.login()
    ps.publish(c, NODE, note("a"), "x", options={"access_model": "open"})
    other = server.login()
    equal(ps.ids(ps.get(other, NODE, to=c.bare)), ["x"])
    server.ctl("deluser", c.bare)
    equal(ps.refusal(ps.get(other, NODE, to=c.bare))[1], "item-not-found")


# ---- service discovery

def disco(client, kind, to, node=None):
    return client.iq("get", f"<query xmlns='{NS['disco#' + kind]}'{ps.attrs(node=node)}/>", to=to)


def test_disco(server):
    a, b = server.friends()
    ps.create(a, NODE, {"title": "Tunes", **MANY})
    ps.create(a, "secret", {"access_model": "whitelist"})
    ps.publish(a, NODE, note("a"), "x")
    equal({(i.get("jid"), i.get("node"), i.get("name")) for i in disco(a, "items", a.bare).child("query").children if i.get("node")},
          {(a.bare, NODE, "Tunes"), (a.bare, "secret", None)})
    nodes = {i.get("node") for i in disco(b, "items", a.bare).child("query").children}
    assert NODE in nodes and "secret" not in nodes, nodes
    query = disco(b, "info", a.bare, NODE).child("query")
    equal([(i.get("category"), i.get("type")) for i in query.all("identity")], [("pubsub", "leaf")])
    meta = ps.fields(query.child("x"))
    equal((meta["FORM_TYPE"], meta["pubsub#title"], meta["pubsub#owner"]), ([f"{ps.PUBSUB}#meta-data"], ["Tunes"], [a.bare]))
    equal([i.get("name") for i in disco(b, "items", a.bare, NODE).child("query").children], ["x"])
    equal(disco(b, "info", a.bare, "secret").error(), ("cancel", "item-not-found"))
    equal(disco(b, "items", a.bare, "none").error(), ("cancel", "item-not-found"))


