"""Rosters: RFC 6121 section 2, versions as in XEP-0237."""
from flow import HOST, NS, alone, equal, rows

SERVER = dict(accounts=60)
QUERY = f"<query xmlns='{NS['roster']}'>"


def test_empty(server):
    equal(server.login().roster(), {})


def test_add_and_push(server):
    c = server.login(roster=True)
    equal(c.roster_set("nurse@example.com", "Nurse", ["Servants", "Home"]).get("type"), "result")
    item = c.push()
    equal((item.get("jid"), item.get("name"), item.get("subscription"), item.get("ask")),
          ("nurse@example.com", "Nurse", "none", None))
    equal(sorted(g.text for g in item.children), ["Home", "Servants"])
    equal(str(c.roster()["nurse@example.com"].get("name")), "Nurse")


def test_push_goes_to_interested_resources_only(server):
    user = server.account()
    one, two, three = server.login(user, roster=True), server.login(user, roster=True), server.login(user)
    one.roster_set("a@example.com")
    one.push()
    equal(two.push().get("jid"), "a@example.com")
    three.nothing()


def test_change(server):
    c = server.login(roster=True)
    c.roster_set("a@example.com", "One", ["G"])
    c.roster_set("a@example.com", "Two")
    c.push()
    item = c.push()
    equal((item.get("name"), item.children), ("Two", []))
    equal(len(c.roster()), 1)


def test_remove(server):
    c = server.login(roster=True)
    c.roster_set("a@example.com")
    c.push()
    equal(c.roster_set("a@example.com", subscription="remove").get("type"), "result")
    equal(c.push().get("subscription"), "remove")
    equal(c.roster(), {})


def test_remove_what_is_not_there(server):
    c = server.login(roster=True)
    equal(c.roster_set("a@example.com", subscription="remove").error(), ("cancel", "item-not-found"))


def test_subscription_of_a_set_is_ignored(server):
    """Only the server changes it (2.1.2.5)."""
    c = server.login(roster=True)
    c.roster_set("a@example.com", subscription="both")
    equal(c.push().get("subscription"), "none")
    c.roster_set("b@example.com", ask="subscribe", approved="true")
    item = c.push()
    equal((item.get("ask"), item.get("approved")), (None, None))


def test_address_is_prepared(server):
    c = server.login(roster=True)
    c.roster_set("NURSE@Example.COM")
    equal(c.push().get("jid"), "nurse@example.com")


@rows(
    ("no item", QUERY + "</query>", "bad-request"),
    ("two items", QUERY + "<item jid='a@b.c'/><item jid='d@e.f'/></query>", "bad-request"),
    ("no jid", QUERY + "<item/></query>", "bad-request"),
    ("bad jid", QUERY + "<item jid='a@b@c'/></query>", "jid-malformed", "bad-request"),
    ("group twice", QUERY + "<item jid='a@b.c'><group>G</group><group>G</group></item></query>", "bad-request"),
    ("empty group", QUERY + "<item jid='a@b.c'><group/></item></query>", "not-acceptable", "bad-request"),
    ("long name", QUERY + f"<item jid='a@b.c' name='{'n' * 5000}'/></query>", "not-acceptable", "bad-request"),
    ("long group", QUERY + f"<item jid='a@b.c'><group>{'g' * 5000}</group></item></query>", "not-acceptable",
     "bad-request"),
)
def test_bad_set(server, payload, *conditions):
    c = server.login(roster=True)
    error = c.iq("set", payload).error()
    assert error and error[1] in conditions, error
    equal(c.roster(), {})


@rows(("get", "get", ""), ("set", "set", "<item jid='a@example.com'/>"))
def test_of_somebody_else(server, kind, item):
    c, other = server.login(roster=True), server.login(roster=True)
    error = c.iq(kind, f"{QUERY}{item}</query>", to=other.bare).error()
    assert error and error[1] in ("forbidden", "service-unavailable"), error
    other.nothing()
    equal(other.roster(), {})


def test_to_the_own_account_by_name(server):
    c = server.login()
    equal(c.iq("get", f"{QUERY}</query>", to=c.bare).get("type"), "result")


def test_versioning(server):
    c = server.client()
    c.open()
    c.authenticate(server.account(), "secret")
    assert c.open().child("ver", "rosterver") is not None, "roster versioning is not announced"
    c.bind()
    first = c.iq("get", f"<query xmlns='{NS['roster']}' ver=''/>").child("query").get("ver")
    assert first is not None
    c.roster_set("a@example.com")
    iq = c.find("iq", type="set", has="query")
    version = iq.child("query").get("ver")
    assert version and version != first
    reply = c.iq("get", f"<query xmlns='{NS['roster']}' ver='{version}'/>")
    assert reply.child("query") is None, "sent though it is the same"
    reply = c.iq("get", f"<query xmlns='{NS['roster']}' ver='{first}'/>")
    assert reply.child("query") is not None or c.find("iq", type="set", has="query")


@alone(accounts=2)
def test_outlives_a_restart(server):
    user = server.names[0]
    c = server.login(user, roster=True)
    c.roster_set("a@example.com", "A", ["G"])
    c.presence(to=f"{server.names[1]}@{HOST}", type="subscribe")
    c.sync()
    server.stop()
    server.start()
    roster = server.login(user).roster()
    equal(roster["a@example.com"].children[0].text, "G")
    equal(roster[f"{server.names[1]}@{HOST}"].get("ask"), "subscribe")


@alone(accounts=1)
def test_acknowledged_is_kept_when_killed(server):
    c = server.login(server.names[0], roster=True)
    for n in range(20):
        equal(c.roster_set(f"c{n}@example.com").get("type"), "result")
    server.kill()
    server.start()
    equal(len(server.login(server.names[0]).roster()), 20)
