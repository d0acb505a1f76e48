"""Components that answer for namespaces (XEP-0355): what is forwarded, what counts as an answer, what service discovery
says."""
from component import SECRET, ask, passed, port_options, shake
from flow import HOST, alone, equal, rows, settle

NS, NS_FORWARD = "urn:xmpp:delegation:2", "urn:xmpp:forward:0"
INFO, ITEMS = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"
PUBSUB, MAM, OWN, DOWN = "http://jabber.org/protocol/pubsub", "urn:xmpp:mam:2", "urn:example:own", "urn:example:down"
PUB, OTHER, AWAY = f"pub.{HOST}", f"other.{HOST}", f"away.{HOST}"
DELEGATIONS = f"""{{
    ["{PUBSUB}"] = {{ jid = "{PUB}" }};
    ["{MAM}"] = {{ jid = "{PUB}", filtering = {{ "extra", "queryid" }} }};
    ["jabber:iq:roster"] = {{ jid = "{PUB}", filtering = "filtered" }};
    ["{OWN}"] = {{ jid = "{OTHER}" }};
    ["{DOWN}"] = {{ jid = "{AWAY}" }};
    ["urn:example:abroad"] = {{ jid = "abroad.example.net" }};
    ["{NS}:bare:disco#info:*"] = {{ jid = "{PUB}" }};
    ["{NS}:bare:disco#items:*"] = {{ jid = "{PUB}" }};
    ["{NS}"] = {{ jid = "{PUB}" }};
    ["urn:xmpp:privilege:2"] = {{ jid = "{PUB}" }};
    ["urn:ietf:params:xml:ns:xmpp-bind"] = {{ jid = "{PUB}" }};
    ["urn:example:broken"] = {{ jid = "user0@{HOST}" }};
}}"""
ENTITIES = f'{{ ["{PUB}"] = {{ iq = {{ ["{PUBSUB}"] = "both" }} }} }}'
COMPONENTS = "".join(f'Component "{name}"\n    component_secret = "{SECRET}"\n    component_conflict_resolve = "kick_old"\n'
                     f'    modules_enabled = {{ "delegation" }}\n' for name in (PUB, OTHER, AWAY))


def options(delegations=DELEGATIONS, **config):
    modules = '{ "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "pep", "mam", "caps", "blocklist", "privilege", "delegation" }'
    return dict(config={"modules_enabled": modules, **port_options(), **config},
                hosts={HOST: {"delegations": delegations, "privileged_entities": ENTITIES}}, extra=COMPONENTS)


SERVER = options()


def enter(server, domain=PUB):
    """The component, behind what it is told and asked first: it has nothing to say of nodes."""
    c = shake(server, domain)
    c.find("message", has="delegation")
    for element in passed(c):
        if element.get("type") == "get":
            refuse(c, element)
    return c


def refuse(c, iq, condition="item-not-found"):
    c.send(f"<iq type='error' id='{iq.get('id')}' from='{c.jid}' to='{iq.get('from')}'><error type='cancel'>"
           f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")


def forwarded(c):
    """What the component is given: the outer iq, and the one in it."""
    outer = c.find("iq", type="set", has="delegation")
    equal((outer.get("from"), outer.get("to")), (HOST, c.jid))
    return outer, outer.child("delegation", NS).child("forwarded", NS_FORWARD).child("iq", "client")


def wrapped(iq):
    return f"<delegation xmlns='{NS}'><forwarded xmlns='{NS_FORWARD}'>{iq}</forwarded></delegation>"


def answer(c, outer, inner, payload="", outer_id=None, **attrs):
    """The component's answer; `attrs` change the inner iq, None leaves one out."""
    attrs = {"type": "result", "id": inner.get("id"), "to": inner.get("from"), **attrs}
    text = "".join(f" {key.rstrip('_')}='{value}'" for key, value in attrs.items() if value is not None)
    c.send(f"<iq type='result' id='{outer_id or outer.get('id')}' from='{c.jid}' to='{HOST}'>"
           + wrapped(f"<iq xmlns='jabber:client'{text}>{payload}</iq>") + "</iq>")


def condition(element):
    equal(element.get("type"), "error")
    return element.error()[1]


PUBLISH = f"<pubsub xmlns='{PUBSUB}'><publish node='mood'><item><mood xmlns='urn:example:mood'/></item></publish></pubsub>"


# ---- what it is told

def test_advertised(server):
    message = shake(server, PUB).find("message", has="delegation")
    equal((message.get("from"), message.get("to")), (HOST, PUB))
    got = {d.get("namespace"): [a.get("name") for a in d.children] for d in message.child("delegation", NS).children}
    equal(got, {PUBSUB: [], MAM: ["extra", "queryid"], "jabber:iq:roster": ["filtered"], f"{NS}:bare:disco#info:*": [],
                f"{NS}:bare:disco#items:*": []})
    for text in (f"{NS} cannot be delegated", "urn:xmpp:privilege:2 cannot be delegated", "xmpp-bind cannot be delegated",
                 "urn:example:broken: { jid"):
        assert text in server.log(), text


# ---- what is forwarded

@rows(("without_to", None), ("to_the_account", "own"), ("to_another_account", f"user59@{HOST}"), ("to_nobody_s_account", f"nobody@{HOST}"),
      ("to_the_host", HOST))
def test_forwarded(server, to):
    c, user = enter(server), server.login()
    to = user.bare if to == "own" else to
    ident = user.iq("set", PUBLISH, to=to, wait=False)
    outer, inner = forwarded(c)
    equal((inner.get("from"), inner.get("to"), inner.get("id"), inner.get("type")), (user.jid, to, ident, "set"))
    assert inner.child("pubsub", PUBSUB).child("publish"), inner
    assert outer.get("id") != ident
    answer(c, outer, inner, f"<pubsub xmlns='{PUBSUB}'><publish node='mood'/></pubsub>")
    got = user.expect("iq", id=ident, type="result")
    equal((got.get("from"), got.get("to")), (to, user.jid))
    assert got.child("pubsub", PUBSUB).child("publish")
    ident = user.iq("get", f"<pubsub xmlns='{PUBSUB}'/>", to=to, wait=False)
    outer, inner = forwarded(c)
    equal(inner.get("type"), "get")
    answer(c, outer, inner, from_=to)
    equal(user.expect("iq", id=ident).children, [])
    c.close()


def test_attributes(server):
    """All of them must be there; else the server does what it would do anyway."""
    c, user = enter(server), server.online()
    for attrs in ("", "extra='n'", "queryid='q'"):
        user.send(f"<iq type='set' id='m'><query xmlns='{MAM}' {attrs}/></iq>")
        equal(user.find("iq", id="m").get("type"), "result")
    equal(list(user.roster()), [])
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    user.send(f"<iq type='set' id='m'><query xmlns='{MAM}' queryid='q' extra='n'/></iq>")
    outer, inner = forwarded(c)
    answer(c, outer, inner)
    equal(user.expect("iq", id="m").get("type"), "result")
    user.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster' filtered='x'/></iq>")
    answer(c, *forwarded(c))
    equal(user.expect("iq", id="r").children, [])
    c.close()


def test_not_forwarded(server):
    """To a session, to a resource of the host; results; to another domain."""
    c, other, a, b = enter(server), enter(server, OTHER), server.online(), server.online()
    ident = a.iq("get", f"<pubsub xmlns='{PUBSUB}'/>", to=b.jid, wait=False)
    equal(b.find("iq", type="get").get("id"), ident)
    b.send(f"<iq type='result' id='{ident}' to='{a.jid}'/>")
    a.find("iq", id=ident)
    a.send(f"<iq type='result' id='x' to='{b.bare}'><pubsub xmlns='{PUBSUB}'/></iq>")
    a.iq("get", f"<pubsub xmlns='{PUBSUB}'/>", to=f"{HOST}/resource")
    a.iq("get", f"<pubsub xmlns='{PUBSUB}'/>", to=OTHER, wait=False)
    settle(a, b)
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    other.find("iq", type="get", from_=a.jid)
    c.close()


def test_of_another_component(server):
    """Who asks need not be a client."""
    c, other, user = enter(server), enter(server, OTHER), server.login()
    other.send(f"<iq type='get' id='o1' from='bot@{OTHER}/x' to='{user.bare}'><pubsub xmlns='{PUBSUB}'/></iq>")
    outer, inner = forwarded(c)
    equal(inner.get("from"), f"bot@{OTHER}/x")
    answer(c, outer, inner)
    got = other.find("iq", id="o1")
    equal((got.get("type"), got.get("to"), got.get("from")), ("result", f"bot@{OTHER}/x", user.bare))
    other.close()
    c.close()


def test_of_itself(server):
    """No loops: what the component sends on its namespace is handled here, also in an account's name."""
    c, user = enter(server), server.online()
    got = ask(c, user.bare, f"<pubsub xmlns='{PUBSUB}'><items node='nothing'/></pubsub>")
    equal(condition(got), "item-not-found")
    c.send(f"<iq type='set' id='q' from='{PUB}' to='{user.bare}'><privileged_iq xmlns='urn:xmpp:privilege:2'>"
           f"<iq xmlns='jabber:client' type='set' id='inner'>{PUBLISH}</iq></privileged_iq></iq>")
    reply = c.find("iq", id="q")
    equal(reply.child("privilege").child("forwarded").child("iq").get("type"), "result")
    # The same where it has to wait on its way: for the list of those whom somebody who is away has blocked.
    c.send(f"<iq type='get' id='r' from='{PUB}' to='{user.bare}'><privileged_iq xmlns='urn:xmpp:privilege:2'><iq xmlns='jabber:client' "
           f"type='get' id='inner' to='{server.account()}@{HOST}'><pubsub xmlns='{PUBSUB}'><items node='n'/></pubsub></iq></privileged_iq></iq>")
    equal(c.find("iq", id="r").child("privilege").child("forwarded").child("iq").error()[1], "item-not-found")
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    c.close()


def test_asking_component_has_gone(server):
    """It is answered all the same: by its address."""
    c, other, user = enter(server), enter(server, OTHER), server.login()
    other.send(f"<iq type='get' id='o1' from='{OTHER}' to='{user.bare}'><pubsub xmlns='{PUBSUB}'/></iq>")
    outer, inner = forwarded(c)
    other.close()
    other = enter(server, OTHER)
    answer(c, outer, inner)
    equal(other.find("iq", id="o1").get("type"), "result")
    other.close()
    c.close()


# ---- answers

@rows(("another_id", {"id": "other"}), ("no_id", {"id": None}), ("another_recipient", {"to": f"user1@{HOST}/x"}), ("no_recipient", {"to": None}),
      ("the_bare_recipient", {"to": "bare"}), ("another_sender", {"from_": f"user58@{HOST}"}), ("an_error", {"type": "error"}),
      ("a_request", {"type": "set"}), ("another_namespace", {"xmlns": "jabber:server"}))
def test_bad_answer(server, attrs):
    c, user, other = enter(server), server.login(), server.login()
    ident = user.iq("set", PUBLISH, to=other.bare, wait=False)
    outer, inner = forwarded(c)
    if attrs.get("to") == "bare":
        attrs = {"to": user.bare}
    if "xmlns" in attrs:
        c.send(f"<iq type='result' id='{outer.get('id')}' from='{PUB}' to='{HOST}'>"
               + wrapped(f"<iq xmlns='jabber:server' type='result' id='{ident}' to='{user.jid}'/>") + "</iq>")
    else:
        answer(c, outer, inner, **attrs)
    got = user.expect("iq", id=ident)
    equal((condition(got), got.get("from")), ("service-unavailable", other.bare))
    other.nothing()
    answer(c, outer, inner)  # the second one is nobody's
    passed(c)
    user.nothing()
    c.close()


@rows(("nothing", ""), ("no_delegation", "<other xmlns='urn:example'/>"), ("nothing_forwarded", f"<delegation xmlns='{NS}'/>"),
      ("nothing_in_it", wrapped("")), ("a_message", wrapped(f"<message xmlns='jabber:client' to='user0@{HOST}'/>")),
      ("two", wrapped("<iq xmlns='jabber:client' type='result' id='i'/><iq xmlns='jabber:client' type='result' id='i'/>")))
def test_malformed_answer(server, payload):
    c, user = enter(server), server.login()
    ident = user.iq("set", PUBLISH, wait=False)
    outer, _ = forwarded(c)
    c.send(f"<iq type='result' id='{outer.get('id')}' from='{PUB}' to='{HOST}'>{payload}</iq>")
    equal(condition(user.expect("iq", id=ident)), "service-unavailable")
    c.close()


def test_error_of_the_component(server):
    c, user = enter(server), server.login()
    ident = user.iq("set", PUBLISH, wait=False)
    outer, _ = forwarded(c)
    refuse(c, outer, "conflict")
    equal(condition(user.expect("iq", id=ident)), "service-unavailable")
    c.close()


def test_answer_of_somebody_else(server):
    """Neither another component nor another address of it, nor a client; then the right one."""
    c, other, user, thief = enter(server), enter(server, OTHER), server.login(), server.login()
    ident = user.iq("set", PUBLISH, wait=False)
    outer, inner = forwarded(c)
    for who, sender in ((other, OTHER), (c, f"bot@{PUB}")):
        who.send(f"<iq type='result' id='{outer.get('id')}' from='{sender}' to='{HOST}'>"
                 + wrapped(f"<iq xmlns='jabber:client' type='result' id='{ident}' to='{user.jid}'/>") + "</iq>")
        passed(who)
    thief.send(f"<iq type='result' id='{outer.get('id')}' to='{HOST}'>"
               + wrapped(f"<iq xmlns='jabber:client' type='result' id='{ident}' to='{user.jid}'/>") + "</iq>")
    thief.sync()
    user.nothing()
    answer(c, outer, inner, f"<pubsub xmlns='{PUBSUB}'/>")
    equal(user.expect("iq", id=ident).get("type"), "result")
    other.close()
    c.close()


def test_answers_find_their_requests(server):
    """Two sessions of an account that use one id, answered the other way round."""
    c, name = enter(server), server.account()
    a, b = server.login(name), server.login(name)
    for session in (a, b):
        session.iq("set", PUBLISH, ident="same", wait=False)
    asked = {inner.get("from"): (outer, inner) for outer, inner in (forwarded(c), forwarded(c))}
    for session in (b, a):
        answer(c, *asked[session.jid], f"<mine xmlns='urn:example'>{session.jid}</mine>")
    for session in (a, b):
        equal(session.expect("iq", id="same").child_text("mine"), session.jid)
    c.close()


def test_asker_has_gone(server):
    """The answer is for the session that asked, not for one that has its name now."""
    c, name = enter(server), server.account()
    user = server.login(name, "here")
    user.iq("set", PUBLISH, wait=False)
    outer, inner = forwarded(c)
    user.close()
    again = server.login(name, "here")
    answer(c, outer, inner)
    passed(c)
    again.nothing()
    c.close()


@rows(("away", DOWN), ("not_of_ours", "urn:example:abroad"))
def test_not_available(server, ns):
    user = server.login()
    equal(condition(user.iq("get", f"<query xmlns='{ns}'/>")), "service-unavailable")
    equal(condition(user.iq("set", f"<query xmlns='{ns}'/>", to=HOST)), "service-unavailable")


@alone(**options(delegation_timeout="0.5"))
def test_no_answer(server):
    c, user = enter(server), server.login()
    ident = user.iq("set", PUBLISH, wait=False)
    outer, inner = forwarded(c)
    equal(condition(user.expect("iq", id=ident)), "service-unavailable")
    answer(c, outer, inner)
    passed(c)
    user.nothing()


@alone(**options())
def test_too_many(server):
    c, user, other = enter(server), server.login(), server.login()
    idents = [user.iq("set", PUBLISH, wait=False) for _ in range(33)]
    equal(condition(user.expect("iq", id=idents[-1])), "resource-constraint")
    ident = other.iq("set", PUBLISH, wait=False)  # others are not in his way
    asked = [forwarded(c) for _ in range(33)]
    for outer, inner in asked:
        answer(c, outer, inner)
    equal([user.expect("iq").get("id") for _ in range(32)], idents[:-1])
    equal(other.expect("iq", id=ident).get("type"), "result")
    server.ctl("module", "unload", HOST, "delegation")


@alone(**options())
def test_component_hangs(server):
    """What waits for it leaves room for others."""
    c, other = enter(server), enter(server, OTHER)
    users = [server.login() for _ in range(5)]
    idents = [user.iq("set", f"<query xmlns='{OWN}'/>", wait=False) for user in users[:4] for _ in range(32)]
    for _ in idents:
        forwarded(other)
    equal(condition(users[4].iq("set", f"<query xmlns='{OWN}'/>")), "resource-constraint")
    ident = users[4].iq("set", PUBLISH, wait=False)
    answer(c, *forwarded(c))
    equal(users[4].expect("iq", id=ident).get("type"), "result")


@alone(**options())
def test_module_goes(server):
    c, user = enter(server), server.login()
    ident = user.iq("set", PUBLISH, wait=False)
    forwarded(c)
    server.ctl("module", "unload", HOST, "delegation")
    equal(condition(user.expect("iq", id=ident)), "service-unavailable")
    user.sync()


# ---- service discovery

def info(client, to=HOST, node=None):
    node = f" node='{node}'" if node else ""
    return client.iq("get", f"<query xmlns='{INFO}'{node}/>", to=to).child("query", "disco#info")


def features(query):
    return {f.get("var") for f in query.all("feature")}


def identities(query):
    return {(i.get("category"), i.get("type")) for i in query.all("identity")}


FORM = ("<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>{}</value></field>"
        "<field var='limit'><value>7</value></field></x>")


def say(c, asked, inner):
    c.send(f"<iq type='result' id='{asked.get('id')}' from='{c.jid}' to='{HOST}'><query xmlns='{INFO}'"
           f" node='{asked.child('query').get('node')}'>{inner}</query></iq>")


def questions(c):
    """The nodes that the component was asked for when it connected."""
    return {e.child("query").get("node"): e for e in passed(c) if e.get("type") == "get" and e.child("query", "disco#info")}


@alone(**options())
def test_nested(server):
    user = server.online()
    assert not {f for f in features(info(user)) | features(info(user, user.bare)) if f.startswith(PUBSUB)}
    assert ("pubsub", "pep") not in identities(info(user, user.bare))
    c = shake(server, PUB)
    asked = questions(c)
    equal(set(asked), {f"{NS}{kind}{ns}" for kind in ("::", ":bare:") for ns in (PUBSUB, MAM, "jabber:iq:roster")})
    say(c, asked[f"{NS}::{PUBSUB}"], f"<identity category='pubsub' type='service' name='Pub'/><feature var='{PUBSUB}'/>"
        f"<feature var='{PUBSUB}#publish'/>{FORM.format(PUBSUB + '#meta-data')}<nonsense xmlns='urn:example'/>")
    say(c, asked[f"{NS}:bare:{PUBSUB}"], f"<identity category='pubsub' type='pep'/><feature var='{PUBSUB}#auto-create'/>")
    refuse(c, asked[f"{NS}::{MAM}"])
    passed(c)
    host = info(user)
    assert {NS, PUBSUB, f"{PUBSUB}#publish", "urn:xmpp:ping"} <= features(host), features(host)
    assert ("pubsub", "service") in identities(host) and ("server", "im") in identities(host)
    equal([c.name for c in host.children if c.name == "nonsense"], [])
    form = host.child("x", "jabber:x:data")
    equal([f.child_text("value") for f in form.children], [f"{PUBSUB}#meta-data", "7"])
    account = info(user, user.bare)
    assert f"{PUBSUB}#auto-create" in features(account) and f"{PUBSUB}#publish" not in features(account)
    equal(identities(account) & {("pubsub", "pep"), ("account", "registered")}, {("pubsub", "pep"), ("account", "registered")})
    # Another one that connects says something else; what it does not say goes.
    c.close()
    c = shake(server, PUB)
    asked = questions(c)
    say(c, asked[f"{NS}::{PUBSUB}"], f"<feature var='{PUBSUB}#other'/>")
    passed(c)
    host = info(user)
    assert f"{PUBSUB}#other" in features(host) and PUBSUB not in features(host) and host.child("x", "jabber:x:data") is None
    # The hash of it all is that of the answer.
    late = server.client()
    seen = late.open().child("c", "http://jabber.org/protocol/caps")
    late.authenticate(server.account(), "secret")
    seen = seen or late.open().child("c", "http://jabber.org/protocol/caps")
    node = f"{seen.get('node')}#{seen.get('ver')}"
    equal(features(info(user, node=node)), features(host))
    server.ctl("module", "reload", HOST, "delegation")
    equal([e for e in passed(c) if e.name == "message"], [])
    server.ctl("module", "unload", HOST, "delegation")
    assert f"{PUBSUB}#other" not in features(info(user)) and NS not in features(info(user))
    assert ("pubsub", "pep") in identities(info(user, user.bare))


def test_unknown_node_of_an_account(server):
    c, user, friend = enter(server), server.online(), server.account()
    ident = user.iq("get", f"<query xmlns='{INFO}' node='urn:xmpp:microblog:0'/>", to=user.bare, wait=False)
    outer, inner = forwarded(c)
    equal((inner.get("id"), inner.get("to"), inner.child("query", "disco#info").get("node")), (ident, user.bare, "urn:xmpp:microblog:0"))
    answer(c, outer, inner, f"<query xmlns='{INFO}' node='urn:xmpp:microblog:0'><identity category='pubsub' type='leaf'/></query>")
    equal(identities(user.expect("iq", id=ident).child("query")), {("pubsub", "leaf")})
    # Who may not see the account is answered by the component as well.
    ident = user.iq("get", f"<query xmlns='{INFO}' node='n'/>", to=f"{friend}@{HOST}", wait=False)
    answer(c, *forwarded(c), f"<query xmlns='{INFO}' node='n'/>")
    equal(user.expect("iq", id=ident).get("from"), f"{friend}@{HOST}")
    equal(condition(user.iq("get", f"<query xmlns='{INFO}'/>", to=f"{friend}@{HOST}")), "service-unavailable")
    equal(condition(user.iq("get", f"<query xmlns='{INFO}' node='n'/>", to=HOST)), "item-not-found")
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    c.close()


def test_items_of_an_account(server):
    c, user = enter(server), server.online()
    for node in ("", " node='urn:xmpp:microblog:0'"):
        ident = user.iq("get", f"<query xmlns='{ITEMS}'{node}/>", to=user.bare, wait=False)
        outer, inner = forwarded(c)
        assert inner.child("query", "disco#items")
        answer(c, outer, inner, f"<query xmlns='{ITEMS}'{node}><item jid='{user.bare}' node='mood'/></query>")
        equal([i.get("node") for i in user.expect("iq", id=ident).child("query").children], ["mood"])
    assert user.iq("get", f"<query xmlns='{ITEMS}'/>", to=HOST).child("query").children
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    c.close()


def test_discovery_by_the_component(server):
    """It does not get its own questions back."""
    c, user = enter(server), server.online()
    equal(ask(c, user.bare, f"<query xmlns='{ITEMS}'/>", ident="a").child("query", "disco#items").children, [])
    equal(condition(ask(c, user.bare, f"<query xmlns='{INFO}' node='n'/>", ident="b")), "service-unavailable")
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    c.close()


# ---- the server's life

@alone(**options())
def test_another_configuration(server):
    c, other, user = enter(server), enter(server, OTHER), server.login()
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace(f'["{OWN}"] = {{ jid = "{OTHER}" }}', f'["{PUBSUB}"] = {{ jid = "{OTHER}" }}')
                                  .replace(f'["{PUBSUB}"] = {{ jid = "{PUB}" }};', "", 1))
    server.ctl("reload")
    told = other.find("message", has="delegation").child("delegation").children
    equal([d.get("namespace") for d in told], [PUBSUB])
    told = c.find("message", has="delegation").child("delegation").children
    assert PUBSUB not in [d.get("namespace") for d in told] and len(told) == 4
    ident = user.iq("set", PUBLISH, wait=False)
    answer(other, *forwarded(other))
    equal(user.expect("iq", id=ident).get("type"), "result")
    equal(condition(user.iq("get", f"<query xmlns='{OWN}'/>")), "service-unavailable")
    equal([e for e in passed(c) if e.get("type") == "set"], [])
    server.config_file.write_text(text)
    server.ctl("reload")
    equal([d.get("namespace") for d in other.find("message", has="delegation").child("delegation").children], [OWN])
