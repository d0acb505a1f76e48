"""Who is told of what an account publishes (XEP-0163 section 4), and what clients can do (XEP-0115)"""
import pubsub as ps
import test_component as component
from flow import HOST, NS, alone, equal, settle
from pubsub import note

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "blocklist", "pep" }'
CONFIG = {"modules_enabled": MODULES, "pep_max_nodes": "8", "pep_max_payload_size": '"8 KiB"', "pep_max_size": '"64 KiB"'}
SERVER = dict(accounts=80, config=CONFIG)
NODE = "urn:example:tune"
MANY = {"max_items": "5", "persist_items": "true"}


def test_own_sessions_are_told(server):
    a, other, deaf = server.login(), None, None
    other, deaf = server.login(a.user), server.login(a.user)
    ps.listen(other, NODE)
    ps.listen(deaf, "urn:example:else")
    settle(a, other, deaf)
    ps.publish(a, NODE, note("a"), "x")
    message, what = ps.told(other)
    equal((message.get("from"), message.get("to"), message.get("type")), (a.bare, other.jid, "headline"))
    assert message.get("id"), "it can be told from others"
    equal((what.name, what.get("node"), what.child("item").get("id")), ("items", NODE, "x"))
    equal(what.child("item").get("publisher"), None)
    equal(what.child("item").child("note", "urn:example:note").text, "a")
    deaf.nothing()


def test_contacts_are_told(server):
    a, b = server.friends()
    stranger = server.login()
    ps.listen(b, NODE)
    ps.listen(stranger, NODE)
    settle(a, b, stranger)
    ps.publish(a, NODE, note("a"), "x")
    message, what = ps.told(b)
    equal((message.get("from"), message.get("to"), what.child("item").get("id")), (a.bare, b.jid, "x"))
    ps.retract(a, NODE, "x")
    equal(ps.told(b)[1].child("retract").get("id"), "x")
    ps.publish(a, NODE, note("b"), "y")
    ps.told(b)
    ps.ask(a, "set", f"<purge node='{NODE}'/>", ns=ps.OWNER)
    equal(ps.told(b)[1].name, "purge")
    ps.ask(a, "set", f"<delete node='{NODE}'/>", ns=ps.OWNER)
    equal((ps.told(b)[1].name), "delete")
    b.nothing()
    stranger.nothing()


def test_those_who_may_not_read_are_not_told(server):
    a, b = server.friends()
    ps.listen(b, NODE)
    ps.publish(a, NODE, note("a"), "x", options={"access_model": "whitelist"})
    b.nothing()


def test_blocked_contacts_are_not_told(server):
    a, b = server.friends()
    ps.publish(a, NODE, note("a"), "x")
    ps.listen(b, NODE)
    ps.publish(a, NODE, note("b"), "y")
    ps.told(b)
    a.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{b.bare}'/></block>")
    settle(a, b)
    ps.publish(a, NODE, note("c"), "z")
    settle(a)
    b.nothing()
    again = server.login(b.user)
    ps.listen(again, NODE)
    again.sync()
    again.nothing()  # nor the last item
    a.close()
    b.close()
    late = server.login(b.user)
    ps.listen(late, NODE)
    settle(late)
    late.nothing()  # also while he is away


def test_nothing_from_whom_one_has_blocked(server):
    a, b = server.friends()
    ps.listen(b, NODE)
    b.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{a.bare}'/></block>")
    settle(a, b)
    ps.publish(a, NODE, note("a"), "x")
    settle(a)
    b.nothing()


def test_settings_of_notifications(server):
    a, b = server.friends()
    ps.listen(b, NODE)
    ps.create(a, NODE, {"notification_type": "normal", "deliver_payloads": "0", "itemreply": "publisher",
                        "notify_config": "1", "notify_delete": "0", "notify_retract": "0"})
    ps.publish(a, NODE, note("a"), "x")
    message, what = ps.told(b)
    equal((message.get("type"), what.child("item").children, what.child("item").get("publisher")), (None, [], a.bare))
    ps.retract(a, NODE, "x")
    ps.configure(a, NODE, {"deliver_notifications": "1", "title": "T"})
    equal((ps.told(b)[1].name), "configuration")
    ps.publish(a, NODE, note("a"), "x")
    ps.told(b)
    ps.retract(a, NODE, "x", notify="true")
    equal(ps.told(b)[1].child("retract").get("id"), "x")
    ps.configure(a, NODE, {"deliver_notifications": "0"})
    ps.publish(a, NODE, note("a"), "x")
    ps.ask(a, "set", f"<delete node='{NODE}'/>", ns=ps.OWNER)
    settle(a)
    b.nothing()


def test_items_that_are_not_kept(server):
    a, b = server.friends()
    ps.listen(b, NODE)
    ps.create(a, NODE, {"persist_items": "0"})
    equal(ps.published(ps.publish(a, NODE, note("a"), "x")), "x")
    equal(ps.told(b)[1].child("item").get("id"), "x")
    equal(ps.ids(ps.get(a, NODE)), [])
    equal(ps.refusal(ps.retract(a, NODE, "x")), ("cancel", "feature-not-implemented", "unsupported", "persistent-items"))
    equal(ps.refusal(ps.ask(a, "set", f"<purge node='{NODE}'/>", ns=ps.OWNER))[2:], ("unsupported", "persistent-items"))
    ps.configure(a, NODE, {"deliver_payloads": "0"})
    equal(ps.refusal(ps.publish(a, NODE, note("a"), "x"))[2], "item-forbidden")


# ---- the last item

def test_last_item_on_presence(server):
    a, b = server.friends()
    ps.publish(a, NODE, note("a"), "x")
    b.close()
    b = server.login(b.user)
    features = ps.listen(b, NODE)
    message, what = ps.told(b)
    equal((message.get("from"), message.get("to"), what.child("item").get("id")), (a.bare, b.jid, "x"))
    assert message.child("delay", NS["delay"]) is not None, str(message)
    b.presence(ps.caps(features) + "<show>away</show>")
    settle(b)
    b.nothing()  # once
    a.close()
    b.presence(type="unavailable")
    settle(b)
    b.presence(ps.caps(features))
    equal(ps.told(b)[1].child("item").get("id"), "x")  # also of one who is away


def test_own_last_item(server):
    a = server.login()
    ps.publish(a, NODE, note("a"), "x")
    ps.publish(a, "urn:example:other", note("b"), "y", options={"send_last_published_item": "never"})
    other = server.login(a.user)
    ps.listen(other, NODE, "urn:example:other")
    equal(ps.told(other)[1].get("node"), NODE)
    settle(other)
    other.nothing()


def test_who_is_approved_gets_the_last_item(server):
    a, b = server.online(), server.login()
    ps.publish(a, NODE, note("a"), "x")
    ps.listen(b, NODE)
    settle(a, b)
    b.presence(to=a.bare, type="subscribe")
    a.find("presence", type="subscribe")
    a.presence(to=b.bare, type="subscribed")
    equal(ps.told(b)[1].child("item").get("id"), "x")


def test_explicit_subscription(server):
    a, b = server.login(), server.login()
    ps.create(a, NODE, {"access_model": "open", "notify_sub": "1"})
    ps.publish(a, NODE, note("a"), "x")
    a.presence()
    b.presence()
    settle(a, b)
    equal(ps.state(ps.subscribe(b, NODE, b.jid, to=a.bare)), "subscribed")
    equal(ps.told(b)[1].child("item").get("id"), "x")
    equal(ps.told(a)[1].get("subscription"), "subscribed")
    ps.publish(a, NODE, note("b"), "y")
    equal(ps.told(b)[1].child("item").get("id"), "y")
    equal(ps.refusal(ps.subscribe(b, NODE, "other@example.org", to=a.bare)), ("modify", "bad-request", "invalid-jid", None))
    equal(ps.refusal(ps.subscribe(b, NODE, kind="unsubscribe", to=a.bare)), ("cancel", "unexpected-request", "not-subscribed", None))
    ps.configure(a, NODE, {"access_model": "whitelist"})
    ps.publish(a, NODE, note("c"), "z")
    settle(a)
    b.nothing()  # the settings of now count
    equal(ps.state(ps.subscribe(b, NODE, b.jid, kind="unsubscribe", to=a.bare)), "none")


def test_approval(server):
    a, b = server.online(), server.online()
    ps.create(a, NODE, {"access_model": "authorize"})
    ps.publish(a, NODE, note("a"), "x")
    equal(ps.state(ps.subscribe(b, NODE, to=a.bare)), "pending")
    asked = a.find("message", has="x")
    got = ps.fields(asked.child("x"))
    equal((got["pubsub#node"], got["pubsub#subscriber_jid"], got["pubsub#allow"]), ([NODE], [b.bare], ["0"]))
    answer = {"node": NODE, "subscriber_jid": b.bare, "allow": "true"}
    form = ps.form(answer, f"{ps.PUBSUB}#subscribe_authorization")
    b.send(f"<message to='{a.bare}' id='q'>{form}</message>")
    settle(b)
    equal(ps.refusal(ps.get(b, NODE, to=a.bare))[2], "pending-subscription")  # he cannot do it himself
    settle(a)
    a.send(f"<message to='{a.bare}'>{form}</message>")
    equal(ps.told(b)[1].get("subscription"), "subscribed")
    equal(ps.told(b)[1].child("item").get("id"), "x")
    equal(ps.items(ps.get(b, NODE, to=a.bare)), [("x", "a")])
    mine = ps.ask(b, "get", "<subscriptions/>", a.bare).child("pubsub").child("subscriptions").children
    equal([(s.get("node"), s.get("jid"), s.get("subscription")) for s in mine], [(NODE, b.bare, "subscribed")])


# ---- what clients can do

def test_caps_of_another_client_are_not_believed(server):
    """One who claims another's hash is believed for himself alone, and the next one is asked again."""
    a, liar, honest = server.login(), None, None
    liar, honest = server.login(a.user), server.login(a.user)
    features = [f"{NODE}+notify", "urn:example:honest"]
    liar.presence(ps.caps(features))
    ps.answer_info(liar, ["urn:example:nothing"])
    liar.sync()
    honest.presence(ps.caps(features))
    ps.answer_info(honest, features)
    settle(a, liar, honest)
    ps.publish(a, NODE, note("a"), "x")
    ps.told(honest)
    liar.nothing()


def test_caps_are_asked_for_once(server):
    a = server.login()
    features = ps.listen(a, NODE)
    b = server.login(a.user)
    b.presence(ps.caps(features))
    settle(a, b)
    ps.publish(a, NODE, note("a"), "x")
    ps.told(b)
    server.stop()
    server.start()
    b = server.login(a.user)
    b.presence(ps.caps(features))  # nobody asks: that is known
    ps.told(b)
    settle(b)
    b.nothing()


# ---- contacts elsewhere

@alone(accounts=4, config=CONFIG, hosts={HOST: {}, "other.localhost": {}})
def test_contacts_of_another_host(server):
    server.stop()
    server.add_accounts([("far", "other.localhost", "secret")])
    server.start()
    a = server.online()
    far = server.client("other.localhost").login("far", "secret", "r", roster=True, presence=True)
    for one, other in ((a, far), (far, a)):
        one.presence(to=other.bare, type="subscribe")
        other.find("presence", type="subscribe")
        other.presence(to=one.bare, type="subscribed")
        one.find("presence", type="subscribed")
    settle(a, far)
    ps.listen(far, NODE)
    ps.publish(a, NODE, note("a"), "x")
    equal(ps.told(far)[1].child("item").get("id"), "x")
    far.close()
    far = server.client("other.localhost").login("far", "secret", "s", roster=True)
    ps.listen(far, NODE)
    equal(ps.told(far)[1].child("item").get("id"), "x")


@alone(**component.options(**CONFIG))
def test_contacts_of_another_server(server):
    """A component stands for it: what it tells of its users' presence is what there is."""
    x, a = component.shake(server), server.online()
    far, bare = f"x@{component.DOMAIN}/r", f"x@{component.DOMAIN}"
    features = [f"{NODE}+notify"]
    a.presence(to=bare, type="subscribe")
    x.find("presence", type="subscribe")
    x.send(f"<presence from='{bare}' to='{a.bare}' type='subscribed'/><presence from='{bare}' to='{a.bare}' type='subscribe'/>")
    a.find("presence", type="subscribe")
    a.presence(to=bare, type="subscribed")
    x.find("presence", type="subscribed")
    settle(a)
    ps.publish(a, NODE, note("a"), "1")
    x.send(f"<presence from='{far}' to='{a.bare}'>{ps.caps(features)}</presence>")
    ps.answer_info(x, features, sender=far)
    message, what = ps.told(x)
    equal((message.get("from"), message.get("to"), what.child("item").get("id")), (a.bare, far, "1"))
    ps.publish(a, NODE, note("b"), "2")
    equal(ps.told(x)[1].child("item").get("id"), "2")
    server.ctl("module", "reload", HOST, "pep")
    x.send(f"<presence from='{far}' to='{a.bare}'>{ps.caps(features)}<show>away</show></presence>")
    ps.publish(a, NODE, note("c"), "3")
    equal(ps.told(x)[1].child("item").get("id"), "3")  # once: the presence was known
    x.send(f"<presence from='{far}' to='{a.bare}' type='unavailable'/>")
    a.find("presence", type="unavailable")
    ps.publish(a, NODE, note("d"), "4")
    settle(a)
    x.send(f"<presence from='{far}' to='{a.bare}'>{ps.caps(features)}</presence>")
    equal(ps.told(x)[1].child("item").get("id"), "4")
    stranger = f"s@{component.DOMAIN}/r"
    x.send(f"<presence from='{stranger}' to='{a.bare}'>{ps.caps(features)}</presence>")
    ps.publish(a, NODE, note("e"), "5")
    message, _ = ps.told(x)
    equal(message.get("to"), far)
