"""Blocking: XEP-0191."""
import time

from client import SCALE
from flow import HOST, PASSWORD, alone, equal, rows, settle

BLOCKING = "urn:xmpp:blocking"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "blocklist" }'
SERVER = dict(accounts=60, config={"modules_enabled": MODULES})


def items(*jids):
    return "".join(f"<item jid='{jid}'/>" for jid in jids)


def block(client, *jids):
    return client.iq("set", f"<block xmlns='{BLOCKING}'>{items(*jids)}</block>")


def unblock(client, *jids):
    return client.iq("set", f"<unblock xmlns='{BLOCKING}'>{items(*jids)}</unblock>")


def blocked(client):
    reply = client.iq("get", f"<blocklist xmlns='{BLOCKING}'/>")
    equal(reply.get("type"), "result")
    return [item.get("jid") for item in reply.child("blocklist", BLOCKING).children]


def condition(stanza):
    error = stanza.child("error")
    return [c.name for c in error.children if c.ns == "urn:ietf:params:xml:ns:xmpp-stanzas" and c.name != "text"][0]


def refused(stanza, wanted):
    equal((stanza.get("type"), condition(stanza)), ("error", wanted))


def test_announced(server):
    c = server.login()
    reply = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=HOST)
    assert BLOCKING in [f.get("var") for f in reply.child("query").all("feature")], str(reply)


def test_list_block_unblock(server):
    c = server.login()
    equal(blocked(c), [])
    equal(block(c, "b@Example.org", "example.com", "a@example.org/x").get("type"), "result")
    equal(blocked(c), ["a@example.org/x", "b@example.org", "example.com"])
    equal(unblock(c, "example.com").get("type"), "result")
    equal(blocked(c), ["a@example.org/x", "b@example.org"])
    equal(unblock(c).get("type"), "result")
    equal(blocked(c), [])


def test_nothing_changes_nothing(server):
    c = server.login()
    blocked(c)
    block(c, "b@example.org")
    c.find("iq", type="set")
    equal(block(c, "b@example.org", "B@example.org").get("type"), "result")
    equal(unblock(c, "other@example.org").get("type"), "result")
    c.nothing()
    equal(blocked(c), ["b@example.org"])


@rows(("no_item", "<block xmlns='urn:xmpp:blocking'/>", "bad-request"),
      ("item_without_jid", "<block xmlns='urn:xmpp:blocking'><item/></block>", "bad-request"),
      ("bad_address", "<block xmlns='urn:xmpp:blocking'><item jid='@'/></block>", "jid-malformed"),
      ("one_bad_of_two", "<block xmlns='urn:xmpp:blocking'><item jid='a@b'/><item jid=''/></block>", "jid-malformed"),
      ("get", None, "service-unavailable"))
def test_refused(server, payload, wanted):
    c = server.login()
    if payload:
        refused(c.iq("set", payload), wanted)
    else:
        refused(c.iq("get", f"<block xmlns='{BLOCKING}'><item jid='a@b'/></block>"), wanted)
    equal(blocked(c), [])


def test_not_oneself(server):
    c = server.login()
    refused(block(c, c.bare), "not-allowed")


def test_not_anothers_list(server):
    a, b = server.login(), server.login()
    for kind, payload in (("get", f"<blocklist xmlns='{BLOCKING}'/>"),
                          ("set", f"<block xmlns='{BLOCKING}'>{items('x@example.org')}</block>")):
        equal(a.iq(kind, payload, to=b.bare).get("type"), "error")
    equal(blocked(b), [])


@alone(accounts=1, config={"modules_enabled": MODULES, "blocklist_max_items": "2"})
def test_bounded(server):
    c = server.login()
    block(c, "a@example.org")
    refused(block(c, "b@example.org", "c@example.org"), "resource-constraint")
    equal(block(c, "b@example.org").get("type"), "result")
    equal(blocked(c), ["a@example.org", "b@example.org"])


def test_many_at_once_cost_little(server):
    """A thousand addresses over a thousand contacts, and a request that repeats itself."""
    a, other = server.login(), server.login()
    many = [f"b{n}@example.org" for n in range(1000)]
    a.send("".join(f"<iq type='set' id='r{n}'><query xmlns='jabber:iq:roster'><item jid='c{n}@example.org'/></query></iq>"
                   for n in range(900)))
    a.sync()
    begin = time.monotonic()
    a.iq("set", f"<block xmlns='{BLOCKING}'>{items(*many)}</block>", wait=False)
    a.iq("set", f"<block xmlns='{BLOCKING}'>{items(*many * 3)}</block>", wait=False)
    other.sync()
    assert time.monotonic() - begin < 3 * SCALE, "others waited"
    equal(len(blocked(a)), 1000)
    refused(block(a, *(f"x{n}@example.org" for n in range(3000))), "resource-constraint")
    equal(unblock(a, *many * 3).get("type"), "result")
    equal(blocked(a), [])


def test_pushed_to_those_who_asked(server):
    user = server.account()
    a, b, c = (server.login(user) for _ in range(3))
    blocked(a), blocked(b)
    block(c, "x@example.org")
    for client in (a, b):
        iq = client.find("iq", type="set")
        equal([i.get("jid") for i in iq.child("block", BLOCKING).children], ["x@example.org"])
        client.send(f"<iq type='result' id='{iq.get('id')}'/>")
    c.nothing()
    unblock(a)
    equal(b.find("iq", type="set").child("unblock", BLOCKING).children, [])


@rows(("account", "{bare}"), ("resource", "{full}"), ("domain", HOST))
def test_messages_do_not_arrive(server, form):
    a, b = server.online(), server.online()
    block(a, form.format(bare=b.bare, full=b.jid))
    b.message(a.bare)
    b.message(a.jid)
    equal(b.sync(), [])
    equal([e for e in a.sync() if e.name == "message"], [])
    unblock(a)
    b.message(a.jid, "again")
    equal(a.find("message").child_text("body"), "again")


def test_another_resource_is_not_meant(server):
    a, b = server.online(), server.online()
    block(a, f"{b.bare}/other")
    b.message(a.bare, "hello")
    equal(a.find("message").child_text("body"), "hello")


@alone(accounts=2, config={"modules_enabled": MODULES, "bounce_blocked_messages": "true"})
def test_messages_bounce_where_wanted(server):
    a, b = server.online(), server.online()
    block(a, b.bare)
    b.message(a.bare)
    refused(b.find("message"), "service-unavailable")


def test_not_kept_for_later(server):
    user = server.account()
    a, b = server.login(user), server.online()
    block(a, b.bare)
    bare = a.bare
    a.close()
    b.message(bare)
    b.sync()
    equal([e for e in server.online(user).sync() if e.name == "message"], [])


def test_iqs_are_answered_as_if_nobody_were_there(server):
    a, b = server.online(), server.online()
    block(a, b.bare)
    refused(b.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=a.jid), "service-unavailable")
    refused(b.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=a.bare), "service-unavailable")
    a.nothing()


@rows(("message", "<message to='{to}' id='x'><body>hi</body></message>"),
      ("iq", "<iq to='{to}' id='x' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"),
      ("presence", "<presence to='{to}' id='x'/>"))
def test_nothing_leaves(server, stanza):
    a, b = server.online(), server.online()
    block(a, b.bare)
    a.send(stanza.format(to=b.jid))
    error = a.find(id="x")
    refused(error, "not-acceptable")
    assert error.child("error").child("blocked", "urn:xmpp:blocking:errors") is not None, str(error)
    b.nothing()


def test_replies_to_the_blocked_end(server):
    a, b = server.online(), server.online()
    ident = b.iq("get", "<query xmlns='urn:example:any'/>", to=a.jid, wait=False)
    a.find("iq", type="get")
    block(a, b.bare)
    a.send(f"<iq type='result' to='{b.jid}' id='{ident}'/>")
    a.nothing()
    b.nothing()


def test_presence_ends_and_comes_back(server):
    a, b = server.friends()
    block(a, b.bare)
    equal(b.find("presence").get("type"), "unavailable")
    a.presence("<show>away</show>")
    b.presence("<show>dnd</show>")
    a.nothing()
    b.nothing()
    unblock(a, b.bare)
    equal(b.find("presence", from_=a.jid).child_text("show"), "away")
    equal(a.find("presence", from_=b.jid).child_text("show"), "dnd")


def test_log_in_tells_the_blocked_nothing(server):
    a, b = server.friends()
    block(a, b.bare)
    user, _ = a.user, b.sync()
    a.close()
    b.nothing()
    again = server.online(user)
    again.sync()
    b.nothing()


def test_subscription_requests_do_not_come(server):
    a, b = server.online(), server.online()
    b.presence(to=a.bare, type="subscribe")
    a.find("presence", type="subscribe")
    block(a, b.bare)
    user = a.user
    a.close()
    again = server.online(user)
    equal([e for e in again.sync() if e.get("type") == "subscribe"], [])
    b.presence(to=again.bare, type="subscribe")
    b.sync()
    again.nothing()


@alone(accounts=2, config={"modules_enabled": MODULES, "blocklist_cache_size": "1"})
def test_lists_are_read_again(server):
    user = server.names[0]
    a, b = server.login(user), server.online(server.names[1])
    block(a, b.bare)
    bare = a.bare
    a.close()
    server.stop()
    server.start()
    b = server.online(server.names[1])
    b.message(bare)
    refused(b.iq("get", "<query xmlns='jabber:iq:version'/>", to=bare), "service-unavailable")
    a = server.online(user)
    equal([e for e in a.sync() if e.name == "message"], [])
    equal(blocked(a), [f"{server.names[1]}@{HOST}"])


@alone(accounts=2, config={"modules_enabled": MODULES})
def test_reload(server):
    a, b = server.online(server.names[0]), server.online(server.names[1])
    blocked(a)
    block(a, b.bare)
    a.find("iq", type="set")
    server.ctl("module", "reload", "blocklist")
    b.message(a.jid)
    settle(b)
    a.nothing()
    unblock(a)
    a.find("iq", type="set")
    server.ctl("module", "unload", HOST, "blocklist")
    b.message(a.jid, "through")
    equal(a.find("message").child_text("body"), "through")


@alone(accounts=1, config={"modules_enabled": MODULES})
def test_goes_with_the_account(server):
    user = server.names[0]
    c = server.login(user)
    block(c, "x@example.org")
    server.ctl("deluser", f"{user}@{HOST}")
    server.ctl("register", user, HOST, PASSWORD)
    equal(blocked(server.login(user)), [])
