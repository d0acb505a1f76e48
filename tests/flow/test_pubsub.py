"""A host that is a publish-subscribe service: XEP-0060."""
import pubsub as ps
from flow import HOST, NS, alone, equal, rows, settle
from pubsub import note

HERE = "pubsub.localhost"


def options(**more):
    lines = "".join(f"    {key} = {value}\n" for key, value in more.items())
    return dict(accounts=80, config={"admins": f'{{ "user0@{HOST}" }}'}, extra=f'Component "{HERE}" "pubsub"\n{lines}')


SERVER = options(pubsub_max_items="20", pubsub_max_payload_size='"8 KiB"', pubsub_max_subscriptions="5")
NODE = "news"


class Service:
    """The service as one client sees it."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        function = getattr(ps, name)
        return lambda *args, **kwargs: function(self.client, *args, to=HERE, **kwargs)


_nodes = iter(range(1000))


def scene(server, config=None):
    """An administrator, who has made a node of that name, and two others."""
    admin = getattr(server, "admin", None)
    if admin is None or admin.eof or admin not in server.clients:
        admin = server.admin = server.login("user0")
    a, b = server.login(fresh(server)), server.login(fresh(server))
    node = f"{NODE}{next(_nodes)}"
    equal(Service(admin).create(node, config).get("type"), "result")
    return Service(admin), Service(a), Service(b), node


def fresh(server):
    name = server.account()
    return server.account() if name == "user0" else name


def owner(service, kind, payload):
    return service.ask(kind, payload, ns=ps.OWNER)


def test_announced(server):
    c = server.login(fresh(server))
    query = c.iq("get", f"<query xmlns='{ps.INFO}'/>", to=HERE).child("query")
    assert ("pubsub", "service") in {(i.get("category"), i.get("type")) for i in query.all("identity")}, str(query)
    features = {f.get("var") for f in query.all("feature")}
    assert f"{ps.PUBSUB}#publish" in features and f"{ps.PUBSUB}#auto-subscribe" not in features, features
    assert f"{ps.PUBSUB}#auto-create" not in features, features


def test_subscribe_publish_unsubscribe(server):
    admin, a, b, node = scene(server)
    equal(ps.state(a.subscribe(node)), "subscribed")
    equal(ps.state(b.subscribe(node, b.client.jid)), "subscribed")
    a.client.presence()
    equal(ps.published(admin.publish(node, note("1"), "one")), "one")
    for c in (a.client, b.client):
        message, what = ps.told(c, node)
        equal((message.get("from"), message.get("type"), what.child("item").get("id")), (HERE, "headline", "one"))
    equal(ps.items(a.get(node)), [("one", "1")])
    equal(ps.state(a.subscribe(node, kind="unsubscribe")), "none")
    admin.publish(node, note("2"), "two")
    equal(ps.told(b.client, node)[1].child("item").get("id"), "two")
    settle(a.client)
    a.client.nothing()
    equal(ps.ids(a.get(node)), ["one", "two"])


def test_last_item_on_subscription(server):
    admin, a, b, node = scene(server)
    admin.publish(node, note("1"), "one")
    a.subscribe(node, a.client.jid)
    message, what = ps.told(a.client, node)
    equal(what.child("item").get("id"), "one")
    assert message.child("delay", NS["delay"]) is not None, str(message)
    admin.configure(node, {"send_last_published_item": "never"})
    b.subscribe(node, b.client.jid)
    settle(b.client)
    b.client.nothing()


@rows(("publish", lambda s, node: s.publish(node), ("auth", "forbidden", None, None)),
      ("create", lambda s, node: s.create("mine"), ("auth", "forbidden", None, None)),
      ("create there", lambda s, node: s.create(node), ("cancel", "conflict", None, None)),
      ("no such node", lambda s, node: s.publish("none"), ("cancel", "item-not-found", None, None)),
      ("get of none", lambda s, node: s.get("none"), ("cancel", "item-not-found", None, None)),
      ("subscribe to none", lambda s, node: s.subscribe("none"), ("cancel", "item-not-found", None, None)),
      ("of another", lambda s, node: s.subscribe(node, "x@example.org"), ("modify", "bad-request", "invalid-jid", None)),
      ("bad jid", lambda s, node: s.subscribe(node, "@"), ("modify", "bad-request", "invalid-jid", None)),
      ("no jid", lambda s, node: s.ask("set", f"<subscribe node='{node}'/>"), ("modify", "bad-request", "jid-required", None)),
      ("no node", lambda s, node: s.subscribe(None), ("modify", "bad-request", "nodeid-required", None)),
      ("not subscribed", lambda s, node: s.subscribe(node, kind="unsubscribe"),
       ("cancel", "unexpected-request", "not-subscribed", None)),
      ("another's end", lambda s, node: s.subscribe(node, "x@example.org", kind="unsubscribe"), ("auth", "forbidden", None, None)),
      ("with options", lambda s, node: s.ask("set", f"<subscribe node='{node}' jid='{s.client.bare}'/><options/>"),
       ("cancel", "feature-not-implemented", "unsupported", "subscription-options")),
      ("configure", lambda s, node: s.configure(node, {"title": "x"}), ("auth", "forbidden", None, None)),
      ("delete", lambda s, node: owner(s, "set", f"<delete node='{node}'/>"), ("auth", "forbidden", None, None)),
      ("purge", lambda s, node: owner(s, "set", f"<purge node='{node}'/>"), ("auth", "forbidden", None, None)),
      ("subscribers", lambda s, node: owner(s, "get", f"<subscriptions node='{node}'/>"), ("auth", "forbidden", None, None)),
      ("affiliations", lambda s, node: owner(s, "get", f"<affiliations node='{node}'/>"), ("auth", "forbidden", None, None)),
      ("affiliate oneself", lambda s, node: s.affiliate(node, **{s.client.bare: "owner"}), ("auth", "forbidden", None, None)),
      ("nothing", lambda s, node: s.ask("get", ""), ("modify", "bad-request", None, None)))
def test_refused(server, action, wanted):
    _, a, _, node = scene(server)
    equal(ps.refusal(action(a, node)), wanted)


@rows(("presence", {"access_model": "presence"}, ("modify", "not-acceptable", "unsupported-access-model", None)),
      ("roster", {"access_model": "roster"}, ("modify", "not-acceptable", "unsupported-access-model", None)),
      ("too many", {"max_items": "21"}, ("modify", "not-acceptable", None, None)))
def test_bad_settings(server, config, wanted):
    admin, _, _, node = scene(server)
    equal(ps.refusal(admin.configure(node, config)), wanted)
    choices = owner(admin, "get", f"<configure node='{node}'/>").child("pubsub").child("configure").child("x")
    access = next(f for f in choices.all("field") if f.get("var") == "pubsub#access_model")
    equal([o.child_text("value") for o in access.all("option")], ["open", "authorize", "whitelist"])


def test_whitelist_and_publishers(server):
    admin, a, b, node = scene(server, {"access_model": "whitelist", "itemreply": "publisher"})
    equal(ps.refusal(a.subscribe(node)), ("cancel", "not-allowed", "closed-node", None))
    admin.affiliate(node, **{a.client.bare: "publisher", b.client.bare: "member"})
    equal(ps.state(b.subscribe(node, b.client.jid)), "subscribed")
    equal(ps.published(a.publish(node, note("1"), "one")), "one")
    equal(ps.told(b.client, node)[1].child("item").get("publisher"), a.client.bare)
    equal(ps.refusal(b.publish(node, note("1"), "one"))[1], "forbidden")
    admin.configure(node, {"publish_model": "subscribers"})
    equal(ps.published(b.publish(node, note("2"), "two")), "two")
    admin.affiliate(node, **{b.client.bare: "outcast"})
    what = None
    while what is None or what.name != "subscription":  # after his own item
        what = ps.told(b.client, node)[1]
    equal(what.get("subscription"), "none")
    equal(ps.refusal(b.subscribe(node))[1], "forbidden")
    a.publish(node, note("3"), "three")
    settle(a.client, b.client)
    b.client.nothing()
    equal(ps.refusal(admin.affiliate(node, **{admin.client.bare: "none"}))[1], "not-acceptable")


def test_subscribers_by_the_owner(server):
    admin, a, b, node = scene(server)
    a.subscribe(node, a.client.jid)

    def change(*entries):
        inner = "".join(f"<subscription jid='{jid}' subscription='{what}'/>" for jid, what in entries)
        return owner(admin, "set", f"<subscriptions node='{node}'>{inner}</subscriptions>")

    equal(change((b.client.jid, "subscribed"), (a.client.jid, "none")).get("type"), "result")
    equal(ps.told(b.client, node)[1].get("subscription"), "subscribed")
    equal(ps.told(a.client, node)[1].get("subscription"), "none")
    reply = change((b.client.jid, "none"), (a.client.jid, "strange"))
    equal(reply.error(), ("modify", "not-acceptable"))
    bad = reply.child("pubsub", ps.OWNER).child("subscriptions").children
    equal([(s.get("jid"), s.get("subscription")) for s in bad], [(a.client.jid, "none")])
    listed = owner(admin, "get", f"<subscriptions node='{node}'/>").child("pubsub").child("subscriptions").children
    equal(listed, [])


def test_approval_and_denial(server):
    admin, a, b, node = scene(server, {"access_model": "authorize", "notify_sub": "1"})
    admin.client.presence()
    for s in (a, b):
        equal(ps.state(s.subscribe(node, s.client.jid)), "pending")
    pending = a.ask("get", "<subscriptions/>").child("pubsub").child("subscriptions").children
    equal([(s.get("node"), s.get("subscription")) for s in pending], [(node, "pending")])
    for service, allow in ((a, "1"), (b, "0")):
        form = ps.form({"node": node, "subscriber_jid": service.client.jid, "allow": allow}, f"{ps.PUBSUB}#subscribe_authorization")
        admin.client.send(f"<message to='{HERE}'>{form}</message>")
        equal(ps.told(service.client, node)[1].get("subscription"), "subscribed" if allow == "1" else "none")
    admin.publish(node, note("1"), "one")
    equal(ps.told(a.client, node)[1].child("item").get("id"), "one")
    equal(ps.refusal(b.get(node))[2], "not-subscribed")
    form = ps.form({"node": "none", "subscriber_jid": "a@b", "allow": "1"}, f"{ps.PUBSUB}#subscribe_authorization")
    admin.client.send(f"<message to='{HERE}' id='m'>{form}</message>")
    equal(admin.client.find("message", id="m").error(), ("cancel", "item-not-found"))
    settle(b.client)
    b.client.nothing()
    admin.client.presence(type="unavailable")
    settle(admin.client)


def test_changes_are_bounded(server):
    admin, _, _, node = scene(server)
    equal(ps.refusal(admin.affiliate(node, **{f"a{n}@example.org": "member" for n in range(501)}))[1], "resource-constraint")
    many = "".join(f"<subscription jid='a{n}@example.org' subscription='subscribed'/>" for n in range(501))
    equal(ps.refusal(owner(admin, "set", f"<subscriptions node='{node}'>{many}</subscriptions>"))[1], "resource-constraint")
    equal(admin.affiliate(node, **{f"a{n}@example.org": "member" for n in range(500)}).get("type"), "result")


def test_subscriptions_are_bounded(server):
    _, a, b, node = scene(server)
    for n in range(5):
        equal(ps.state(a.subscribe(node, f"{a.client.bare}/{n}")), "subscribed")
    equal(ps.state(a.subscribe(node, f"{a.client.bare}/0")), "subscribed")  # it is there already
    equal(ps.refusal(b.subscribe(node)), ("wait", "policy-violation", "too-many-subscriptions", None))


def test_deletion_with_redirection(server):
    admin, a, _, node = scene(server)
    a.subscribe(node, a.client.jid)
    admin.publish(node, note("1"), "one")
    ps.told(a.client, node)
    uri = f"xmpp:{HERE}?;node=other"
    equal(owner(admin, "set", f"<delete node='{node}'><redirect uri='{uri}'/></delete>").get("type"), "result")
    what = ps.told(a.client, node)[1]
    equal((what.name, what.child("redirect").get("uri")), ("delete", uri))
    equal(a.ask("get", "<subscriptions/>").child("pubsub").child("subscriptions").children, [])
    equal(admin.create(node).get("type"), "result")
    equal(ps.ids(a.get(node)), [])


def disco(client, kind, node=None):
    return client.iq("get", f"<query xmlns='{NS['disco#' + kind]}'{ps.attrs(node=node)}/>", to=HERE)


def test_disco(server):
    admin, a, _, node = scene(server, {"title": "News", "description": "What is new"})
    secret = f"{node}-secret"
    admin.create(secret, {"access_model": "whitelist"})
    admin.publish(node, note("1"), "one")
    listed = {i.get("node"): i.get("name") for i in disco(a.client, "items").child("query").children}
    equal((listed[node], secret in listed), ("News", False))
    assert secret in {i.get("node") for i in disco(admin.client, "items").child("query").children}
    meta = ps.fields(disco(a.client, "info", node).child("query").child("x"))
    equal((meta["pubsub#title"], meta["pubsub#description"], meta["pubsub#owner"]), (["News"], ["What is new"], [admin.client.bare]))
    equal([i.get("name") for i in disco(a.client, "items", node).child("query").children], ["one"])
    equal(disco(a.client, "info", secret).error(), ("cancel", "item-not-found"))


def test_many_at_once(server):
    """Publishers, retractions and the end of the node from many sides: everybody is answered."""
    admin, a, b, node = scene(server, {"publish_model": "open", "max_items": "10"})
    clients = [Service(server.login(a.client.user)) for _ in range(8)]
    waiting = []
    for n in range(20):
        for i, s in enumerate(clients):
            waiting.append((s, s.publish(node, note(), f"{n % 7}-{i % 3}", wait=False)))
    for s, ident in waiting:
        equal(s.client.find("iq", id=ident).get("type"), "result")
    equal(len(ps.ids(a.get(node))), 10)
    waiting = [(s, s.publish(node, note(), f"{n}", wait=False)) for n in range(10) for s in clients]
    equal(owner(admin, "set", f"<delete node='{node}'/>").get("type"), "result")
    for s, ident in waiting:
        reply = s.client.find("iq", id=ident)
        assert reply.get("type") == "result" or reply.error() == ("cancel", "item-not-found"), str(reply)
    equal(ps.refusal(b.get(node))[1], "item-not-found")


@alone(**options(autocreate_on_publish="true", autocreate_on_subscribe="true", expose_publisher="true",
                 default_admin_affiliation='"publisher"', pubsub_max_items="300000", pubsub_max_nodes="3"))
def test_options(server):
    admin, a = Service(server.login("user0")), Service(server.login("user1"))
    equal(ps.refusal(a.publish(NODE)), ("auth", "forbidden", None, None))
    equal(ps.published(admin.publish(NODE, note("1"), "one", options={"title": "N", "max_items": "max"})), "one")
    equal(ps.settings(admin.client, NODE, HERE)["pubsub#title"], ["N"])  # who makes it owns it
    a.subscribe(NODE, a.client.jid)
    equal(ps.told(a.client)[1].child("item").get("publisher"), admin.client.bare)
    equal(ps.refusal(a.subscribe("none")), ("auth", "forbidden", None, None))
    equal(ps.state(admin.subscribe("made")), "subscribed")
    equal(admin.create("third").get("type"), "result")
    equal(ps.refusal(admin.create("fourth")), ("wait", "resource-constraint", "max-nodes-exceeded", None))


@alone(**options(pubsub_max_items="10000", expose_publisher="true"))
def test_large_node(server):
    """Nothing reads all of it: pages at both ends and in between, and the newest ones where no page is asked for."""
    admin, a = Service(server.login("user0")), Service(server.login("user1"))
    admin.create(NODE, {"max_items": "max"})
    wanted = []
    for n in range(2000):
        wanted.append(admin.publish(NODE, note(str(n)), f"i{n:05}", wait=False))
        if len(wanted) == 100:
            for ident in wanted:
                equal(admin.client.find("iq", id=ident).get("type"), "result")
            wanted = []
    equal(ps.page(a.get(NODE, page="<max>3</max>")), ("i00000", "0", "i00002", "2000"))
    equal(ps.page(a.get(NODE, page="<max>3</max><after>i01000</after>")), ("i01001", None, "i01003", "2000"))
    equal(ps.page(a.get(NODE, page="<max>3</max><before/>")), ("i01997", "1997", "i01999", "2000"))
    whole = a.get(NODE)
    equal((len(ps.ids(whole)), ps.page(whole)), (256, ("i01744", "1744", "i01999", "2000")))
    server.stop()
    server.start()
    a = Service(server.login("user1"))
    equal(ps.page(a.get(NODE, page="<max>1</max><before>i01999</before>")), ("i01998", None, "i01998", "2000"))
    equal(ps.refusal(a.publish(NODE))[1], "forbidden")


@alone(**options())
def test_restart_and_reload(server):
    admin, a = Service(server.login("user0")), Service(server.login("user1"))
    admin.create(NODE, {"access_model": "authorize", "title": "T"})
    admin.affiliate(NODE, **{a.client.bare: "member"})
    equal(ps.state(a.subscribe(NODE)), "subscribed")
    admin.publish(NODE, note("1"), "one")
    server.ctl("module", "reload", HERE, "pubsub")
    equal(ps.items(a.get(NODE)), [("one", "1")])
    server.stop()
    server.start()
    admin, a = Service(server.login("user0")), Service(server.login("user1", presence=True))
    equal(ps.items(a.get(NODE)), [("one", "1")])
    admin.publish(NODE, note("2"), "two")
    equal(ps.told(a.client)[1].child("item").get("id"), "two")
    equal(ps.settings(admin.client, NODE, HERE)["pubsub#title"], ["T"])


@alone(accounts=2, config={"admins": f'{{ "user0@{HOST}" }}'}, extra=f'Component "{HERE}" "pubsub"\n',
       hosts={HOST: {}, "anon.localhost": {"authentication": '"anonymous"'}})
def test_guests(server):
    admin = Service(server.login("user0"))
    admin.create(NODE)
    guest = server.client("anon.localhost")
    guest.open()
    guest.auth("ANONYMOUS")
    guest.expect("success", "sasl")
    guest.open()
    guest.bind("r")
    guest = Service(guest)
    equal(ps.refusal(guest.create("mine"))[1], "forbidden")
    equal(ps.state(guest.subscribe(NODE, guest.client.jid)), "subscribed")
    admin.publish(NODE, note("1"), "one")
    equal(ps.told(guest.client)[1].child("item").get("id"), "one")
