"""Small services of every day: private storage (XEP-0049), time (XEP-0202, 0090), last activity and uptime (XEP-0012), a
message of the day, contacts of the server (XEP-0157)."""
import re

from flow import HOST, alone, equal, rows

MODULES = ('{ "roster", "saslauth", "tls", "disco", "ping", "offline", "private", "time", "uptime", "lastactivity",'
           ' "motd", "server_contact_info" }')
CONTACTS = '{ abuse = { "mailto:abuse@example.org", "xmpp:abuse@example.org" }, support = "https://example.org/help" }'
SERVER = dict(accounts=40, config={"modules_enabled": MODULES, "contact_info": CONTACTS})
PRIVATE = "jabber:iq:private"
LAST = "jabber:iq:last"
INFO = "http://jabber.org/protocol/disco#info"


def condition(stanza):
    equal(stanza.get("type"), "error")
    return [c.name for c in stanza.child("error").children if c.ns.endswith("xmpp-stanzas") and c.name != "text"][0]


# ---- private storage

def put(client, inner):
    return client.iq("set", f"<query xmlns='{PRIVATE}'>{inner}</query>")


def take(client, inner):
    return client.iq("get", f"<query xmlns='{PRIVATE}'>{inner}</query>").child("query", PRIVATE).children[0]


def test_private_kept_and_replaced(server):
    c = server.login()
    equal(take(c, "<a xmlns='urn:x'/>").children, [])
    equal(put(c, "<a xmlns='urn:x'><b c='1'>text</b></a>").get("type"), "result")
    equal(put(c, "<a xmlns='urn:y'>other</a>").get("type"), "result")
    kept = take(c, "<a xmlns='urn:x'/>")
    equal((kept.child("b").get("c"), kept.child_text("b")), ("1", "text"))
    equal(put(c, "<a xmlns='urn:x'>new</a><z xmlns='urn:z'>second</z>").get("type"), "result")
    equal([take(c, f"<{e}/>").text for e in ("a xmlns='urn:x'", "a xmlns='urn:y'", "z xmlns='urn:z'")],
          ["new", "other", "second"])


def test_private_of_the_account_not_of_the_session(server):
    user = server.account()
    put(server.login(user), "<a xmlns='urn:x'>kept</a>")
    equal(take(server.login(user), "<a xmlns='urn:x'/>").text, "kept")


def test_private_removed_by_an_empty_one(server):
    c = server.login()
    put(c, "<a xmlns='urn:x'>kept</a>")
    put(c, "<a xmlns='urn:x'/>")
    equal(take(c, "<a xmlns='urn:x'/>").text, "")


@rows(("get_nothing", "get", "", "bad-request"), ("get_two", "get", "<a xmlns='u:a'/><b xmlns='u:b'/>", "bad-request"),
      ("set_nothing", "set", "", "bad-request"), ("get_without_namespace", "get", "<a/>", "not-acceptable"),
      ("set_without_namespace", "set", "<ok xmlns='u:ok'>1</ok><a>1</a>", "not-acceptable"),
      ("long_namespace", "set", "<a xmlns='u:%s'>1</a>" % ("x" * 1021), "not-acceptable"))
def test_private_refused(server, kind, inner, wanted):
    c = server.login()
    equal(condition(c.iq(kind, f"<query xmlns='{PRIVATE}'>{inner}</query>")), wanted)
    equal(take(c, "<ok xmlns='u:ok'/>").text, "")


def test_private_is_private(server):
    a, b = server.login(), server.login()
    put(a, "<a xmlns='urn:x'>secret</a>")
    for kind in ("get", "set"):
        equal(condition(b.iq(kind, f"<query xmlns='{PRIVATE}'><a xmlns='urn:x'/></query>", to=a.bare)), "forbidden")
    equal(take(a, "<a xmlns='urn:x'/>").text, "secret")


@alone(accounts=1, config={"modules_enabled": MODULES, "private_max_items": "2"})
def test_private_is_bounded(server):
    c = server.login()
    put(c, "<a xmlns='urn:a'>1</a><b xmlns='urn:b'>1</b>")
    equal(condition(put(c, "<c xmlns='urn:c'>1</c>")), "resource-constraint")
    equal(put(c, "<a xmlns='urn:a'>2</a>").get("type"), "result")


@alone(accounts=1, config={"modules_enabled": MODULES, "private_max_size": "20000"})
def test_private_is_bounded_in_bytes(server):
    """Also where one request brings the same element often, and what is full can be emptied."""
    c = server.login()
    big = "x" * 9000
    equal(put(c, f"<a xmlns='urn:a'>{big}</a><b xmlns='urn:b'>{big}</b>").get("type"), "result")
    equal(condition(put(c, f"<c xmlns='urn:c'>{big}</c>")), "resource-constraint")
    equal(put(c, f"<a xmlns='urn:a'>{big[:-1]}</a>").get("type"), "result")
    equal(put(c, "<a xmlns='urn:a'/>").get("type"), "result")
    equal(put(c, f"<c xmlns='urn:c'>{big}</c>").get("type"), "result")


# ---- time and uptime

def test_time(server):
    c = server.login()
    time = c.iq("get", "<time xmlns='urn:xmpp:time'/>", to=HOST).child("time", "urn:xmpp:time")
    equal(time.child_text("tzo"), "+00:00")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", time.child_text("utc")), str(time)
    old = c.iq("get", "<query xmlns='jabber:iq:time'/>", to=HOST).child("query", "jabber:iq:time")
    assert re.fullmatch(r"\d{8}T\d\d:\d\d:\d\d", old.child_text("utc")), str(old)


def test_uptime(server):
    query = server.login().iq("get", f"<query xmlns='{LAST}'/>", to=HOST).child("query", LAST)
    assert 0 <= int(query.get("seconds")) < 3600, str(query)


# ---- last activity

def last(client, to):
    return client.iq("get", f"<query xmlns='{LAST}'/>", to=to)


def test_last_activity_of_a_contact(server):
    a, b = server.friends()
    equal(last(a, b.bare).child("query").get("seconds"), "0")
    b.presence("<status>gone home</status>", type="unavailable")
    b.sync()
    query = last(a, b.bare).child("query", LAST)
    assert 0 <= int(query.get("seconds")) < 60, str(query)
    equal(query.text, "gone home")


def test_last_activity_after_a_cut(server):
    a, b = server.friends()
    b.abort()
    a.find("presence", type="unavailable")
    query = last(a, b.bare).child("query", LAST)
    assert 0 <= int(query.get("seconds")) < 60, str(query)
    equal(query.text, "")


def test_last_activity_while_another_resource_is_there(server):
    a, b = server.friends()
    second = server.online(b.user)
    b.close()
    equal(last(a, second.bare).child("query").get("seconds"), "0")


def test_last_activity_is_for_subscribers(server):
    a, b = server.online(), server.online()
    equal(condition(last(a, b.bare)), "forbidden")
    equal(condition(last(a, b.jid)), "forbidden")
    equal(condition(last(a, f"nobody@{HOST}")), "forbidden")
    b.nothing()


def test_last_activity_of_a_client_is_its_own_matter(server):
    a, b = server.friends()
    ident = a.iq("get", f"<query xmlns='{LAST}'/>", to=b.jid, wait=False)
    b.find("iq", id=ident)
    b.send(f"<iq type='result' id='{ident}' to='{a.jid}'><query xmlns='{LAST}' seconds='9'/></iq>")
    equal(a.find("iq", id=ident).child("query").get("seconds"), "9")


def test_last_activity_of_oneself(server):
    c = server.login()
    equal(c.iq("get", f"<query xmlns='{LAST}'/>").child("query").get("seconds"), "0")


def test_last_activity_of_one_who_was_never_there(server):
    a = server.online()
    user = server.account()
    b = server.login(user, roster=True)
    a.presence(to=b.bare, type="subscribe")
    a.sync()
    b.presence(to=a.bare, type="subscribed")
    b.sync()
    b.close()
    equal(condition(last(a, b.bare)), "item-not-found")


# ---- message of the day

@alone(accounts=1, config={"modules_enabled": MODULES, "motd_text": "[[First line\n      second line]]"})
def test_motd(server):
    c = server.login()
    c.presence()
    message = c.find("message", type="headline")
    equal((message.get("from"), message.child_text("body")), (HOST, "First line\nsecond line"))
    c.presence("<show>away</show>")
    c.nothing()


@alone(accounts=1, config={"modules_enabled": MODULES, "motd_text": '"hi"', "motd_jid": '"news@localhost"'})
def test_motd_from_somebody(server):
    c = server.login()
    c.presence()
    equal(c.find("message").get("from"), "news@localhost")


# ---- contacts of the server

def contacts(client):
    query = client.iq("get", f"<query xmlns='{INFO}'/>", to=HOST).child("query")
    form = [x for x in query.all("x") if x.children[0].child_text("value") == "http://jabber.org/network/serverinfo"]
    return {f.get("var"): [v.text for v in f.all("value")] for x in form for f in x.children[1:]}


def test_contacts(server):
    equal(contacts(server.login()), {"abuse-addresses": ["mailto:abuse@example.org", "xmpp:abuse@example.org"],
                                     "support-addresses": ["https://example.org/help"]})


@alone(accounts=1, config={"modules_enabled": MODULES, "admins": '{ "boss@localhost" }'})
def test_contacts_are_the_admins(server):
    c = server.login()
    equal(contacts(c), {"admin-addresses": ["xmpp:boss@localhost"]})
    config = server.config_file.read_text().replace('admins = { "boss@localhost" }', "admins = { }")
    server.config_file.write_text(config)
    server.ctl("reload")
    equal(contacts(c), {})


@alone(accounts=2, config={"modules_enabled": MODULES})
def test_reload_each(server):
    a = server.online(server.names[0])
    put(a, "<a xmlns='urn:x'>kept</a>")
    for module in ("private", "time", "uptime", "lastactivity", "motd", "server_contact_info"):
        server.ctl("module", "reload", module)
    equal(take(a, "<a xmlns='urn:x'/>").text, "kept")
    assert int(last(a, HOST).child("query").get("seconds")) >= 0
