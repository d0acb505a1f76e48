"""Who may do what with an account's nodes (XEP-0060 4.1, 4.5, 8.9)"""
import pubsub as ps
from flow import HOST, equal, rows
from pubsub import note

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "blocklist", "pep" }'
CONFIG = {"modules_enabled": MODULES, "pep_max_nodes": "8", "pep_max_payload_size": '"8 KiB"', "pep_max_size": '"64 KiB"'}
SERVER = dict(accounts=80, config=CONFIG)
NODE = "urn:example:tune"
MANY = {"max_items": "5", "persist_items": "true"}


@rows(("open", "open", None, True), ("presence", "presence", "presence-subscription-required", True),
      ("whitelist", "whitelist", "closed-node", False), ("authorize", "authorize", "not-subscribed", False),
      ("roster", "roster", "not-in-roster-group", False))
def test_access(server, model, stranger_gets, friend_may):
    a, b = server.friends()
    stranger = server.login()
    ps.create(a, NODE, {"access_model": model})
    ps.publish(a, NODE, note("a"), "x")
    got = ps.get(stranger, NODE, to=a.bare)
    if stranger_gets is None:
        equal(ps.items(got), [("x", "a")])
    else:
        equal(ps.refusal(got)[2], stranger_gets)
        reply = ps.subscribe(stranger, NODE, to=a.bare)
        if model == "authorize":
            equal(ps.state(reply), "pending")
            equal(ps.refusal(ps.subscribe(stranger, NODE, to=a.bare))[2], "pending-subscription")
        else:
            equal(ps.refusal(reply)[2], stranger_gets)
    got = ps.get(b, NODE, to=a.bare)
    equal(got.get("type"), "result" if friend_may else "error")


def test_access_by_group(server):
    a, b = server.friends()
    a.roster_set(b.bare, groups=["Band"])
    ps.create(a, NODE, {"access_model": "roster", "roster_groups_allowed": ["Family", "Band"]})
    ps.publish(a, NODE, note("a"), "x")
    equal(ps.items(ps.get(b, NODE, to=a.bare)), [("x", "a")])
    a.roster_set(b.bare, groups=["Work"])
    equal(ps.refusal(ps.get(b, NODE, to=a.bare)), ("auth", "not-authorized", "not-in-roster-group", None))


def test_access_of_who_is_away(server):
    a, b = server.friends()
    ps.publish(a, NODE, note("a"), "x")
    a.close()
    equal(ps.items(ps.get(b, NODE, to=a.bare)), [("x", "a")])
    equal(ps.refusal(ps.get(server.login(), NODE, to=a.bare))[2], "presence-subscription-required")


@rows(("publish", lambda c, to: ps.publish(c, NODE, to=to)), ("create", lambda c, to: ps.create(c, "mine", to=to)),
      ("publish to none", lambda c, to: ps.publish(c, "none", to=to)),
      ("retract", lambda c, to: ps.retract(c, NODE, "x", to=to)),
      ("configure", lambda c, to: ps.configure(c, NODE, {"title": "x"}, to=to)),
      ("settings", lambda c, to: ps.ask(c, "get", f"<configure node='{NODE}'/>", to, ps.OWNER)),
      ("purge", lambda c, to: ps.ask(c, "set", f"<purge node='{NODE}'/>", to, ps.OWNER)),
      ("delete", lambda c, to: ps.ask(c, "set", f"<delete node='{NODE}'/>", to, ps.OWNER)),
      ("subscribers", lambda c, to: ps.ask(c, "get", f"<subscriptions node='{NODE}'/>", to, ps.OWNER)),
      ("affiliations", lambda c, to: ps.ask(c, "set", f"<affiliations node='{NODE}'><affiliation jid='{c.bare}'"
                                                      f" affiliation='owner'/></affiliations>", to, ps.OWNER)))
def test_what_others_may_not(server, action):
    a, b = server.friends()
    ps.create(a, NODE, {"access_model": "open"})
    ps.publish(a, NODE, note("a"), "x")
    equal(ps.refusal(action(b, a.bare)), ("auth", "forbidden", None, None))
    equal(ps.items(ps.get(a, NODE)), [("x", "a")])


def test_nobody(server):
    """An account that is not there is like one that has no such node."""
    c, other = server.login(), server.login()
    for to in (f"nobody@{HOST}", other.bare):
        equal(ps.refusal(ps.get(c, NODE, to=to)), ("cancel", "item-not-found", None, None))
        equal(ps.refusal(ps.publish(c, NODE, to=to)), ("auth", "forbidden", None, None))


def test_affiliations(server):
    a, b, c = server.login(), server.login(), server.login()
    ps.create(a, NODE, {"access_model": "whitelist", **MANY})
    ps.publish(a, NODE, note("a"), "x")
    equal(ps.affiliate(a, NODE, **{b.bare: "member", c.bare: "publisher"}).get("type"), "result")
    equal(ps.items(ps.get(b, NODE, to=a.bare)), [("x", "a")])
    equal(ps.refusal(ps.publish(b, NODE, to=a.bare))[1], "forbidden")
    equal(ps.published(ps.publish(c, NODE, note("c"), "y", to=a.bare)), "y")
    equal(ps.refusal(ps.retract(c, NODE, "x", to=a.bare))[1], "forbidden")  # another's
    equal(ps.retract(c, NODE, "y", to=a.bare).get("type"), "result")
    equal(ps.affiliate(a, NODE, **{c.bare: "publish-only"}).get("type"), "result")
    equal(ps.refusal(ps.get(c, NODE, to=a.bare))[1], "forbidden")
    equal(ps.published(ps.publish(c, NODE, note("c"), "z", to=a.bare)), "z")
    equal(ps.affiliate(a, NODE, **{b.bare: "outcast", c.bare: "none"}).get("type"), "result")
    equal(ps.refusal(ps.get(b, NODE, to=a.bare))[1], "forbidden")
    reply = ps.ask(a, "get", f"<affiliations node='{NODE}'/>", ns=ps.OWNER)
    got = {x.get("jid"): x.get("affiliation") for x in reply.child("pubsub").child("affiliations").children}
    equal(got, {a.bare: "owner", b.bare: "outcast"})
    mine = ps.ask(b, "get", "<affiliations/>", a.bare).child("pubsub").child("affiliations").children
    equal([(x.get("node"), x.get("affiliation")) for x in mine], [(NODE, "outcast")])


def test_affiliations_refused(server):
    a, b = server.login(), server.login()
    ps.create(a, NODE)
    reply = ps.affiliate(a, NODE, **{a.bare: "none", b.bare: "member", "c@example.org": "king"})
    equal(reply.error(), ("modify", "not-acceptable"))
    bad = reply.child("pubsub", ps.OWNER).child("affiliations").children
    equal({x.get("jid"): x.get("affiliation") for x in bad}, {a.bare: "owner", "c@example.org": "none"})
    got = ps.ask(a, "get", f"<affiliations node='{NODE}'/>", ns=ps.OWNER).child("pubsub").child("affiliations").children
    equal({x.get("jid"): x.get("affiliation") for x in got}, {a.bare: "owner", b.bare: "member"})
    twice = f"<affiliation jid='{b.bare}' affiliation='member'/>" * 2
    equal(ps.refusal(ps.ask(a, "set", f"<affiliations node='{NODE}'>{twice}</affiliations>", ns=ps.OWNER))[1], "bad-request")
