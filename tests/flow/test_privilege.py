"""Components that act for accounts (XEP-0356): what each permission allows, and what without it is refused."""
from client import DEADLINE
from component import ask, passed, shake
from flow import HOST, alone, equal, rows, settle
from privilege import (ALL, NOTHING, NS, NS_FORWARD, NS_ROSTER, PUBSUB, SOME, TIME, UNLISTED, condition, contact_elsewhere, enter, options,
                       permissions, roster_set)

SERVER = options()


# ---- what it is told

def test_advertised(server):
    c = shake(server, ALL)
    message = c.expect("message", from_=HOST, to=ALL)
    got = permissions(message)
    equal((got["roster"].get("type"), got["roster"].get("push")), ("both", "true"))
    equal((got["message"].get("type"), got["presence"].get("type")), ("outgoing", "roster"))
    equal({n.get("ns"): n.get("type") for n in got["iq"].children}, {PUBSUB: "both", "urn:xmpp:ping": "get", TIME: "set"})
    equal(got["iq"].get("type"), None)
    assert message.get("id")


def test_advertised_some(server):
    got = permissions(shake(server, SOME).expect("message"))
    equal((got["roster"].get("type"), got["roster"].get("push")), ("get", "false"))
    equal((got["message"].get("type"), got["presence"].get("type"), "iq" in got), ("none", "managed_entity", False))


def test_mistakes_give_nothing(server):
    """Words that are none, and contacts' presence for who may not read rosters."""
    got = permissions(shake(server, NOTHING).expect("message"))
    equal([got[k].get("type") for k in ("roster", "message", "presence")], ["none"] * 3)
    for text in ('message: "all" is no permission', "presence of contacts is for who may get rosters",
                 f'"somebody@{HOST}"', f"iq: {NS} is for the component itself"):
        assert text in server.log(), text


def test_not_advertised(server):
    equal(passed(shake(server, UNLISTED)), [])


# ---- rosters

def test_roster(server):
    c, user = enter(server), server.online()
    equal(roster_set(c, user.bare).get("type"), "result")
    item = user.push()
    equal((item.get("jid"), item.get("name"), item.get("subscription"), item.child_text("group")),
          ("romeo@example.net", "Romeo", "none", "Friends"))
    got = ask(c, user.bare, f"<query xmlns='{NS_ROSTER}'/>", ident="g1")
    equal((got.get("type"), got.get("from"), got.get("to")), ("result", user.bare, ALL))
    query = got.child("query", NS_ROSTER)
    equal([i.get("jid") for i in query.children], ["romeo@example.net"])
    again = ask(c, user.bare, f"<query xmlns='{NS_ROSTER}' ver='{query.get('ver')}'/>", ident="g2")
    equal((again.get("type"), again.children), ("result", []))
    equal(roster_set(c, user.bare, inner="", name="", attrs="subscription='remove'", ident="s2").get("type"), "result")
    equal(user.push().get("subscription"), "remove")
    equal(user.roster(), {})
    c.close()


def test_roster_of_who_is_away(server):
    name = server.account()
    c, bare = enter(server), f"{name}@{HOST}"
    equal(roster_set(c, bare).get("type"), "result")
    equal(list(server.online(name).roster()), ["romeo@example.net"])
    c.close()


def test_roster_keeps_the_account_s_rules(server):
    c, user = enter(server), server.online()
    equal(condition(roster_set(c, user.bare, jid=user.bare, ident="a")), "not-allowed")
    equal(condition(roster_set(c, user.bare, jid="@", ident="b")), "jid-malformed")
    equal(condition(roster_set(c, user.bare, attrs="subscription='remove'", ident="c")), "item-not-found")
    equal(condition(ask(c, f"nobody@{HOST}", f"<query xmlns='{NS_ROSTER}'/>", ident="d")), "item-not-found")
    equal(roster_set(c, user.bare, attrs="subscription='both'", ident="e").get("type"), "result")
    equal(user.push().get("subscription"), "none")
    c.close()


def test_removed_contact_is_told(server):
    """The end of a subscription is the same as if the account had removed him."""
    a, b = server.friends()
    c = enter(server)
    equal(roster_set(c, a.bare, jid=b.bare, inner="", name="", attrs="subscription='remove'").get("type"), "result")
    equal(a.push().get("subscription"), "remove")
    equal({p.get("type") for p in (b.find("presence", type="unsubscribe"), b.find("presence", type="unsubscribed"))},
          {"unsubscribe", "unsubscribed"})
    c.close()


@rows(("set_without", SOME, "set", None, "forbidden"), ("get_without", NOTHING, "get", None, "forbidden"),
      ("of_nobody_s", UNLISTED, "get", None, "service-unavailable"),
      ("by_an_address_of_it", ALL, "get", f"bot@{ALL}", "service-unavailable"))
def test_roster_refused(server, domain, kind, sender, wanted):
    c, user = enter(server, domain), server.online()
    item = "<item jid='x@example.net'/>" if kind == "set" else ""
    equal(condition(ask(c, user.bare, f"<query xmlns='{NS_ROSTER}'>{item}</query>", kind, sender=sender)), wanted)
    equal(user.roster(), {})
    c.close()


def test_roster_by_an_account(server):
    """An address is not what makes somebody privileged."""
    a, b = server.online(), server.online()
    equal(condition(a.iq("get", f"<query xmlns='{NS_ROSTER}'/>", to=b.bare)), "service-unavailable")
    assert server.log().count("somebody@") >= 1


@alone(**options())
def test_another_component_s_address(server):
    """Where components may write any address, that of a privileged one is still its own."""
    text = server.config_file.read_text().replace(f'Component "{UNLISTED}"', f'Component "{UNLISTED}"\n    validate_from_addresses = false')
    server.config_file.write_text(text)
    server.ctl("reload")
    c, user = enter(server, UNLISTED), server.online()
    c.send(f"<iq type='get' id='x' from='{ALL}' to='{user.bare}'><query xmlns='{NS_ROSTER}'/></iq>")
    c.send(privileged_message(user.bare, user.bare).replace(f"from='{ALL}'", f"from='{ALL}' type='chat'", 1))
    equal([condition(e) for e in passed(c)], ["service-unavailable", "forbidden"])
    user.nothing()


def test_pushes(server):
    c, other, user = enter(server), enter(server, SOME), server.online()
    user.roster_set("mercutio@example.net", "Mercutio")
    user.push()
    push = c.find("iq", type="set", from_=user.bare)
    item = push.child("query", NS_ROSTER).child("item")
    equal((push.get("to"), item.get("jid"), item.get("name")), (ALL, "mercutio@example.net", "Mercutio"))
    user.roster_set("mercutio@example.net", subscription="remove")
    equal(c.find("iq", type="set", from_=user.bare).child("query").child("item").get("subscription"), "remove")
    equal([e for e in passed(other) if e.name == "iq"], [])
    c.close()
    other.close()


# ---- messages

def privileged_message(sender, to, body="in your name", domain=ALL, ident="p1", inner=""):
    return (f"<message from='{domain}' to='{HOST}' id='{ident}'><privilege xmlns='{NS}'><forwarded xmlns='{NS_FORWARD}'>"
            f"<message xmlns='jabber:client' id='inner' type='chat' {f'from={chr(39)}{sender}{chr(39)}' if sender else ''}"
            f" {f'to={chr(39)}{to}{chr(39)}' if to else ''}><body>{body}</body>{inner}</message>"
            f"</forwarded></privilege></message>")


def test_message(server):
    c, a, b = enter(server), server.online(), server.online()
    c.send(privileged_message(a.bare, b.jid))
    got = b.expect("message")
    equal((got.get("from"), got.get("to"), got.get("id"), got.child_text("body")), (a.bare, b.jid, "inner", "in your name"))
    c.send(privileged_message(HOST, b.bare, "from the host"))
    got = b.expect("message")
    equal((got.get("from"), got.child_text("body")), (HOST, "from the host"))
    c.send(privileged_message(f"{server.account()}@{HOST}", b.bare, "of one who is away"))
    equal(b.expect("message").child_text("body"), "of one who is away")
    c.send(privileged_message(a.bare, None, "to itself"))
    equal(a.expect("message").child_text("body"), "to itself")
    c.close()


def test_carbon_of_a_gateway(server):
    """What gateways do so that other clients see what was said elsewhere."""
    c, a = enter(server), server.online()
    carbon = (f"<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='{NS_FORWARD}'><message xmlns='jabber:client' from='{a.bare}'"
              f" to='friend@{ALL}'><body>said elsewhere</body></message></forwarded></sent>")
    c.send(privileged_message(a.bare, a.bare, "x", inner=carbon))
    sent = a.expect("message", from_=a.bare).child("sent", "urn:xmpp:carbons:2")
    equal(sent.child("forwarded").child("message").child_text("body"), "said elsewhere")
    c.close()


@rows(("a_full_address", f"user1@{HOST}/there", f"user2@{HOST}", "forbidden"), ("no_address", None, f"user2@{HOST}", "forbidden"),
      ("another_host_of_ours", "user1@other.example", f"user2@{HOST}", "forbidden"), ("a_foreign_host", "user1@example.com", f"user2@{HOST}", "forbidden"),
      ("no_such_account", f"nobody@{HOST}", f"user2@{HOST}", "forbidden"), ("no_jid", "@", f"user2@{HOST}", "forbidden"),
      ("to_nobody", HOST, None, "bad-request"), ("to_no_jid", f"user1@{HOST}", "@", "jid-malformed"))
def test_message_refused(server, sender, to, wanted):
    c = enter(server)
    c.send(privileged_message(sender, to))
    got = c.find("message", id="p1")
    equal((condition(got), got.get("from")), (wanted, HOST))
    c.close()


@rows(("unlisted", UNLISTED), ("without", SOME))
def test_message_without_permission(server, domain):
    c, user = enter(server, domain), server.online()
    c.send(privileged_message(user.bare, user.bare, domain=domain))
    equal(condition(c.find("message", id="p1")), "forbidden")
    user.nothing()
    c.close()


def test_message_of_an_account(server):
    a, b = server.online(), server.online()
    a.send(privileged_message(b.bare, b.bare).replace(f"from='{ALL}'", "", 1))
    equal(condition(a.expect("message")), "forbidden")
    b.nothing()


@rows(("nothing", ""), ("two", f"<forwarded xmlns='{NS_FORWARD}'><message xmlns='jabber:client'/><message xmlns='jabber:client'/></forwarded>"),
      ("presence", f"<forwarded xmlns='{NS_FORWARD}'><presence xmlns='jabber:client' from='user1@{HOST}'/></forwarded>"),
      ("an_iq", f"<forwarded xmlns='{NS_FORWARD}'><iq xmlns='jabber:client' from='user1@{HOST}' id='1' type='get'/></forwarded>"))
def test_message_malformed(server, inner):
    c = enter(server)
    c.send(f"<message from='{ALL}' to='{HOST}' id='p1'><privilege xmlns='{NS}'>{inner}</privilege></message>")
    equal(condition(c.find("message", id="p1")), "bad-request")
    c.close()


def test_message_in_a_message(server):
    """What is sent in somebody's name is nobody's privilege: it does not go round."""
    c, user = enter(server), server.online()
    once = privileged_message(user.bare, user.bare, "inside")
    nested = (f"<message from='{ALL}' to='{HOST}' id='p1'><privilege xmlns='{NS}'><forwarded xmlns='{NS_FORWARD}'>"
              + once.replace("<message", "<message xmlns='jabber:client'", 1).replace(f"from='{ALL}'", f"from='{user.bare}'", 1)
              + "</forwarded></privilege></message>")
    c.send(nested)
    equal([e for e in passed(c) if e.name == "message"], [])
    server.log_has(f"refused to {user.bare}: no messages in the name of others")
    user.nothing()


def test_blocked_recipient(server):
    """It may do what the account may: who is blocked gets nothing."""
    c, a, b = enter(server), server.online(), server.online()
    equal(a.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{b.bare}'/></block>").get("type"), "result")
    settle(a, b)
    c.send(privileged_message(a.bare, b.bare))
    equal(condition(c.find("message", id="p1")), "not-acceptable")
    got = privileged_iq(c, a.bare, "<ping xmlns='urn:xmpp:ping'/>", "get", to=b.jid)
    equal(condition(got), "not-acceptable")
    b.nothing()


# ---- requests

def privileged_iq(c, bare, payload, kind="set", ident="q1", to=None, sender=None, outer=None, xmlns="jabber:client"):
    inner = (f"<iq xmlns='{xmlns}' type='{kind}' id='inner' {f'to={chr(39)}{to}{chr(39)}' if to else ''}"
             f" {f'from={chr(39)}{sender}{chr(39)}' if sender else ''}>{payload}</iq>")
    return ask(c, bare, f"<privileged_iq xmlns='{NS}'>{inner}</privileged_iq>", outer or kind, ident)


def answer_in(reply):
    equal(reply.get("type"), "result")
    return reply.child("privilege", NS).child("forwarded", NS_FORWARD).child("iq", "client")


PUBLISH = f"<pubsub xmlns='{PUBSUB}'><publish node='urn:example:mood'><item id='current'><mood xmlns='urn:example:mood'/></item></publish></pubsub>"


def test_iq_to_the_account_itself(server):
    """A node is published for it, without an address and with its own."""
    c, user = enter(server), server.online()
    for n, to in enumerate((None, user.bare)):
        reply = privileged_iq(c, user.bare, PUBLISH, ident=f"q{n}", to=to)
        equal((reply.get("from"), reply.get("to")), (user.bare, ALL))
        inner = answer_in(reply)
        equal((inner.get("type"), inner.get("id"), inner.get("to")), ("result", "inner", user.bare))
    items = user.iq("get", f"<pubsub xmlns='{PUBSUB}'><items node='urn:example:mood'/></pubsub>")
    equal(len(items.child("pubsub").child("items").children), 1)
    c.close()


def test_iq_to_somebody_else(server):
    c, a, b = enter(server), server.online(), server.online()
    c.send(f"<iq type='get' id='q1' from='{ALL}' to='{a.bare}'><privileged_iq xmlns='{NS}'><iq xmlns='jabber:client' type='get'"
           f" id='inner' to='{b.jid}' from='{a.bare}'><ping xmlns='urn:xmpp:ping'/></iq></privileged_iq></iq>")
    asked = b.expect("iq", type="get", from_=a.bare)
    assert asked.child("ping", "ping") and asked.get("id") != "inner"
    b.send(f"<iq type='error' id='{asked.get('id')}' to='{a.bare}'><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    inner = answer_in(c.find("iq", id="q1"))
    equal((inner.get("type"), inner.get("id"), inner.get("from"), inner.error()[1]), ("error", "inner", b.jid, "conflict"))
    a.nothing()
    c.close()


def test_iq_answer_of_somebody_else(server):
    """Only who was asked can answer."""
    c, a, b, thief = enter(server), server.online(), server.online(), server.online()
    c.send(f"<iq type='get' id='q1' from='{ALL}' to='{a.bare}'><privileged_iq xmlns='{NS}'><iq xmlns='jabber:client' type='get'"
           f" id='inner' to='{b.jid}'><ping xmlns='urn:xmpp:ping'/></iq></privileged_iq></iq>")
    asked = b.expect("iq", type="get")
    thief.send(f"<iq type='result' id='{asked.get('id')}' to='{a.bare}'/>")
    thief.sync()
    equal([e for e in passed(c) if e.name == "iq"], [])
    b.send(f"<iq type='result' id='{asked.get('id')}' to='{a.bare}'/>")
    equal(answer_in(c.find("iq", id="q1")).get("from"), b.jid)
    c.close()


@rows(("of_a_namespace", "<query xmlns='jabber:iq:private'/>", "get", {}, "forbidden"),
      ("of_a_type", "<ping xmlns='urn:xmpp:ping'/>", "set", {}, "forbidden"),
      ("of_the_other_type", f"<time xmlns='{TIME}'/>", "get", {}, "forbidden"),
      ("of_this_very_namespace", f"<privileged_iq xmlns='{NS}'/>", "set", {}, "forbidden"),
      ("of_two_types", "<ping xmlns='urn:xmpp:ping'/>", "get", {"outer": "set"}, "forbidden"),
      ("not_of_a_client", "<ping xmlns='urn:xmpp:ping'/>", "get", {"xmlns": "jabber:server"}, "forbidden"),
      ("from_another", "<ping xmlns='urn:xmpp:ping'/>", "get", {"sender": f"user0@{HOST}"}, "forbidden"),
      ("from_a_session", "<ping xmlns='urn:xmpp:ping'/>", "get", {"sender": "own/there"}, "forbidden"),
      ("without_payload", "", "get", {}, "bad-request"), ("to_no_jid", "<ping xmlns='urn:xmpp:ping'/>", "get", {"to": "@"}, "jid-malformed"))
def test_iq_refused(server, payload, kind, more, wanted):
    c, user = enter(server), server.online()
    if more.get("sender", "").startswith("own/"):
        more = {"sender": more["sender"].replace("own", user.bare)}
    equal(condition(privileged_iq(c, user.bare, payload, kind, **more)), wanted)
    user.nothing()
    c.close()


def test_iq_to_no_account(server):
    c, user = enter(server), server.online()
    for n, to in enumerate((f"nobody@{HOST}", HOST, user.jid)):
        equal(condition(privileged_iq(c, to, "<ping xmlns='urn:xmpp:ping'/>", "get", ident=f"q{n}")), "forbidden")
    user.nothing()
    c.close()


@rows(("without", SOME), ("unlisted", UNLISTED))
def test_iq_without_permission(server, domain):
    c, user = enter(server, domain), server.online()
    equal(condition(privileged_iq(c, user.bare, "<ping xmlns='urn:xmpp:ping'/>", "get")), "forbidden")
    c.close()


def test_iq_of_an_account(server):
    a, b = server.online(), server.online()
    for to in (b.bare, a.bare, None):
        got = a.iq("get", f"<privileged_iq xmlns='{NS}'><iq xmlns='jabber:client' type='get' id='i'><ping xmlns='urn:xmpp:ping'/></iq></privileged_iq>", to=to)
        equal(condition(got), "forbidden")
    b.nothing()


@alone(**options(max_queries="1"))
def test_iq_too_many(server):
    c, a, b = enter(server), server.online(), server.online()
    c.send(f"<iq type='get' id='q1' from='{ALL}' to='{a.bare}'><privileged_iq xmlns='{NS}'><iq xmlns='jabber:client' type='get'"
           f" id='inner' to='{b.jid}'><ping xmlns='urn:xmpp:ping'/></iq></privileged_iq></iq>")
    asked = b.expect("iq", type="get")
    equal(condition(privileged_iq(c, a.bare, "<ping xmlns='urn:xmpp:ping'/>", "get", ident="q2", to=b.jid)), "resource-constraint")
    b.send(f"<iq type='result' id='{asked.get('id')}' to='{a.bare}'/>")
    answer_in(c.find("iq", id="q1"))


# ---- the server's life

@alone(**options())
def test_another_configuration(server):
    c, user = enter(server, SOME), server.online()
    unlisted = enter(server, UNLISTED)
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace('roster = "get"; push = false', 'roster = "both"; message = "outgoing"')
                                  .replace(f'["{NOTHING}"]', f'["{UNLISTED}"]'))
    server.ctl("reload")
    got = permissions(c.find("message", from_=HOST))
    equal([got[k].get("type") for k in ("roster", "message", "presence")], ["both", "outgoing", "managed_entity"])
    equal(roster_set(c, user.bare).get("type"), "result")
    server.config_file.write_text(text.replace(f'["{SOME}"]', '["gone.example"]'))
    server.ctl("reload")
    got = permissions(c.find("message", from_=HOST))
    equal([got[k].get("type") for k in ("roster", "message", "presence")], ["none"] * 3)
    equal(condition(roster_set(c, user.bare, ident="s2")), "service-unavailable")
    passed(unlisted)


@alone(**options())
def test_reload_and_late_load(server):
    gateway, c, juliet = enter(server, UNLISTED), enter(server), server.online()
    jid = contact_elsewhere(server, gateway, juliet, "romeo")
    gateway.send(f"<presence from='{jid}/here' to='{juliet.bare}'><status>there</status></presence>")
    c.find("presence", from_=f"{jid}/here")
    passed(c)
    server.ctl("module", "reload", HOST, "privilege")
    equal([e for e in passed(c) if e.name == "message"], [])  # it knows
    equal(roster_set(c, juliet.bare).get("type"), "result")
    other = shake(server, ALL.replace("all", "some"))
    other.close()
    c.close()
    c = shake(server, ALL)
    equal([p.child_text("status") for p in passed(c) if p.get("from") == f"{jid}/here"], ["there"])
    server.ctl("module", "unload", HOST, "privilege")
    equal(condition(roster_set(c, juliet.bare, ident="s2")), "service-unavailable")
    server.ctl("module", "load", HOST, "privilege")
    c.find("message", has="privilege", timeout=DEADLINE)
    equal(roster_set(c, juliet.bare, ident="s3").get("type"), "result")
