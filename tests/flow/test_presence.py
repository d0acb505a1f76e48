"""Presence and subscriptions: RFC 6121 sections 3 and 4."""
from flow import HOST, equal, rows, settle

SERVER = dict(accounts=80)


def state(client, other):
    """(subscription, ask) of the other one's item, None where there is no item."""
    item = client.roster().get(other.bare)
    return item and (item.get("subscription"), item.get("ask"))


def presences(elements, *types):
    return [(e.get("from"), e.get("type")) for e in elements if e.name == "presence" and e.get("type") in types]


def test_reflected_to_the_own_resources(server):
    user = server.account()
    one = server.online(user)
    two = server.online(user)
    one.find("presence", from_=two.jid)
    two.find("presence", from_=one.jid)


def test_subscribe_and_approve(server):
    a, b = server.online(), server.online()
    a.presence(to=b.bare, type="subscribe")
    item = a.push()
    equal((item.get("subscription"), item.get("ask")), ("none", "subscribe"))
    equal(b.find("presence", type="subscribe").get("from"), a.bare)
    equal(state(b, a), None)
    b.presence(to=a.bare, type="subscribed")
    equal(b.push().get("subscription"), "from")
    equal(a.find("presence", type="subscribed").get("from"), b.bare)
    equal(a.push().get("subscription"), "to")
    a.find("presence", from_=b.jid, type=None)
    settle(a, b)
    equal((state(a, b), state(b, a)), (("to", None), ("from", None)))


def test_subscribe_to_a_full_address(server):
    """The server takes it as the bare one (3.1.2)."""
    a, b = server.online(), server.online()
    a.presence(to=b.jid, type="subscribe")
    equal(b.find("presence", type="subscribe").get("from"), a.bare)
    equal(state(a, b), ("none", "subscribe"))


def test_refuse(server):
    a, b = server.online(), server.online()
    a.presence(to=b.bare, type="subscribe")
    b.find("presence", type="subscribe")
    b.presence(to=a.bare, type="unsubscribed")
    a.find("presence", type="unsubscribed", from_=b.bare)
    settle(a, b)
    equal(state(a, b), ("none", None))


def test_request_waits_for_the_next_login(server):
    a, user = server.online(), server.account()
    a.presence("<status>let me</status>", to=f"{user}@{HOST}", type="subscribe")
    a.sync()
    for _ in range(2):  # until it is answered, at each log-in
        b = server.online(user)
        equal(b.find("presence", type="subscribe").child_text("status"), "let me")
        b.close()
    b = server.online(user)
    b.find("presence", type="subscribe")
    b.presence(to=a.bare, type="subscribed")
    a.find("presence", type="subscribed")
    b.sync()
    b.close()
    assert not presences(server.online(user).sync(), "subscribe")


def test_request_is_stored_once(server):
    a, user = server.online(), server.account()
    for _ in range(5):
        a.presence(to=f"{user}@{HOST}", type="subscribe")
    a.sync()
    equal(presences(server.online(user).sync(), "subscribe"), [(a.bare, "subscribe")])


def test_to_nobody(server):
    a = server.online()
    a.presence(to=f"nobody@{HOST}", type="subscribe")
    assert not presences(a.sync(), "subscribed", None), "a subscription to nobody"


def test_approved_while_away(server):
    a, b = server.online(), server.online()
    a.presence(to=b.bare, type="subscribe")
    b.find("presence", type="subscribe")
    a.close()
    b.presence(to=a.bare, type="subscribed")
    b.sync()
    again = server.online(a.user)
    equal(state(again, b), ("to", None))
    again.find("presence", from_=b.jid)


def test_unsubscribe(server):
    a, b = server.friends()
    a.presence(to=b.bare, type="unsubscribe")
    b.find("presence", type="unsubscribe", from_=a.bare)
    a.find("presence", type="unavailable", from_=b.jid)
    settle(a, b)
    equal((state(a, b), state(b, a)), (("from", None), ("to", None)))
    b.presence("<status>x</status>")
    b.sync()
    assert not presences(a.sync(), None)


def test_cancel(server):
    a, b = server.friends()
    a.presence(to=b.bare, type="unsubscribed")
    b.find("presence", type="unsubscribed", from_=a.bare)
    b.find("presence", type="unavailable", from_=a.jid)
    settle(a, b)
    equal((state(a, b), state(b, a)), (("to", None), ("from", None)))


def test_remove_from_the_roster_ends_both(server):
    a, b = server.friends()
    a.roster_set(b.bare, subscription="remove")
    b.find("presence", type="unsubscribe")
    b.find("presence", type="unsubscribed")
    b.find("presence", type="unavailable")
    a.find("presence", type="unavailable")
    settle(a, b)
    equal((state(a, b), state(b, a)), (None, ("none", None)))


def test_unasked_approval_changes_nothing(server):
    a, b = server.online(), server.online()
    b.presence(to=a.bare, type="subscribed")
    b.sync()
    assert not presences(a.sync(), "subscribed", None)
    equal(state(a, b), None)


def test_broadcast(server):
    a, b = server.friends()
    a.presence("<show>away</show><status>tea</status>")
    got = b.find("presence", from_=a.jid)
    equal((got.child_text("show"), got.child_text("status"), got.get("to")), ("away", "tea", b.bare))


def test_login_learns_of_contacts(server):
    a, b = server.friends()
    late = server.online(b.user)
    late.find("presence", from_=a.jid, type=None)
    a.find("presence", from_=late.jid, type=None)


def test_leaving(server):
    a, b = server.friends()
    a.presence("<status>bye</status>", type="unavailable")
    equal(b.find("presence", from_=a.jid, type="unavailable").child_text("status"), "bye")
    a.close()
    assert not presences(b.sync(), "unavailable"), "told twice"


@rows(("close", lambda c: c.close()), ("lost connection", lambda c: c.abort()))
def test_gone(server, leave):
    a, b = server.friends()
    leave(a)
    b.find("presence", from_=a.jid, type="unavailable")


def test_directed(server):
    """It goes to one, who learns of the end as well (4.6)."""
    a, b, c = server.online(), server.online(), server.online()
    a.presence("<status>hi</status>", to=b.jid)
    b.find("presence", from_=a.jid, to=b.jid, type=None)
    a.sync()
    c.nothing()
    a.close()
    b.find("presence", from_=a.jid, type="unavailable")


def test_directed_unavailable_is_final(server):
    a, b = server.online(), server.online()
    a.presence(to=b.jid)
    a.presence(to=b.jid, type="unavailable")
    b.find("presence", from_=a.jid, type="unavailable")
    a.close()
    assert not presences(b.sync(), "unavailable")


def test_stranger_learns_nothing(server):
    a, b = server.online(), server.online()
    a.presence(to=b.bare, type="probe")
    assert not presences(a.sync(), None)
    b.presence("<status>secret</status>")
    b.sync()
    assert not presences(a.sync(), None)


@rows(("text", "high"), ("too high", "128"), ("too low", "-129"), ("empty", ""))
def test_odd_priority(server, value):
    """Either refused or taken as some priority; the stream goes on."""
    c = server.login()
    c.presence(f"<priority>{value}</priority>", reflected=False)
    c.sync()
    c.presence("<priority> 5 </priority>")


def test_unknown_type(server):
    c, b = server.online(), server.online()
    c.presence(to=b.bare, type="nonsense")
    equal(c.find("presence", type="error").error()[1], "bad-request")
    assert not presences(b.sync(), "nonsense")


def test_subscribing_to_oneself(server):
    c = server.online()
    c.presence(to=c.bare, type="subscribe")
    c.sync()
    assert c.bare not in c.roster() or c.roster()[c.bare].get("ask") is None
