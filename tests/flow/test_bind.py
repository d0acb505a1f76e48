"""Resource binding: RFC 6120 section 7."""
from flow import HOST, NS, PASSWORD, alone, equal, rows

SERVER = dict(accounts=30)


def authenticated(server, user=None):
    c = server.client()
    c.open()
    c.authenticate(user or server.account(), PASSWORD)
    c.open()
    return c


def test_wanted(server):
    c = authenticated(server)
    equal(c.bind("balcony"), f"{c.bare}/balcony")


@rows(("no resource", None), ("empty resource", ""))
def test_made_by_the_server(server, wanted):
    a, b = authenticated(server), authenticated(server)
    one, two = (c.bind(wanted).partition("/")[2] for c in (a, b))
    assert len(one) >= 8 and one != two, (one, two)


@rows(("spaces", "my laptop", "my laptop"), ("case", "HoMe", "HoMe"), ("slash", "a/b", "a/b"),
      ("compatibility form", "ﬁ", "fi"), ("longest", "x" * 1023, "x" * 1023))
def test_prepared(server, wanted, got):
    c = authenticated(server)
    equal(c.bind(wanted), f"{c.bare}/{got}")


@rows(("too long", "x" * 1024), ("private use", "\ue000"), ("replacement character", "\ufffd"),
      ("bidirectional mark", "\u200e"))
def test_refused(server, wanted):
    c = authenticated(server)
    reply = c.iq("set", f"<bind xmlns='{NS['bind']}'><resource>{wanted}</resource></bind>")
    assert reply.error() in (("modify", "bad-request"), ("modify", "jid-malformed")), str(reply)
    c.bind("good")


def test_conflict_ends_the_old(server):
    user = server.account()
    old = server.login(user, "same")
    new = server.login(user, "same")
    old.expect_stream_error("conflict")
    equal(new.jid, f"{user}@{HOST}/same")
    new.nothing()


@alone(config={"conflict_resolve": '"kick_new"'}, accounts=1)
def test_conflict_refuses_the_new(server):
    old = server.login(server.names[0], "same")
    new = authenticated(server, server.names[0])
    reply = new.iq("set", f"<bind xmlns='{NS['bind']}'><resource>same</resource></bind>")
    equal(reply.error()[1], "conflict")
    new.bind("other")
    old.nothing()


@alone(config={"conflict_resolve": '"random"'}, accounts=1)
def test_conflict_renames_the_new(server):
    old = server.login(server.names[0], "same")
    new = authenticated(server, server.names[0])
    assert new.bind("same") != old.jid
    old.nothing()


def test_twice(server):
    c = server.login(resource="one")
    reply = c.iq("set", f"<bind xmlns='{NS['bind']}'><resource>two</resource></bind>")
    assert reply.get("type") == "error", str(reply)
    c.nothing()


def test_get_is_no_binding(server):
    c = authenticated(server)
    reply = c.iq("get", f"<bind xmlns='{NS['bind']}'/>")
    assert reply.get("type") == "error", str(reply)
    c.bind("r")


def test_session_is_harmless(server):
    """Old clients ask for a session (RFC 3921 section 3)."""
    c = server.login()
    equal(c.iq("set", f"<session xmlns='{NS['session']}'/>").get("type"), "result")


def test_several_resources(server):
    user = server.account()
    clients = [server.login(user, f"r{n}") for n in range(5)]
    for c in clients:
        c.nothing()


@alone(config={"max_resources": "3"}, accounts=1)
def test_resources_are_bounded(server):
    for n in range(3):
        server.login(server.names[0], f"r{n}")
    c = authenticated(server, server.names[0])
    reply = c.iq("set", f"<bind xmlns='{NS['bind']}'><resource>r3</resource></bind>")
    equal(reply.error()[1], "resource-constraint")
