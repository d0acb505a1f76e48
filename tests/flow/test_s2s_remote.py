"""Contacts whose server is the test's (RFC 6121): subscriptions, probes, presence, what they may ask of accounts, messages
in carbons, archives and offline stores, and blocking."""
from federation import A, C, one
from flow import NS, equal, rows
from mam import MAM, SID, payload, query

EVE, ANN, NOBODY = f"eve@{C}", f"ann@{A}", f"nobody@{A}"
EVERYTHING = ('{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "message", "iq", "carbons", "mam", "pep",'
              ' "blocklist", "vcard_legacy", "private", "lastactivity", "version", "time", "register", "csi", "smacks",'
              ' "bookmarks", "mds", "caps" }')


def peer(f, name=C):
    """A stream of the test's server, both ways."""
    return f.connect(here=name, cert=f.ca.make(name, name)).external(bidi=True)


def say(link, kind, to, inner="", from_=EVE + "/pda", **attrs):
    more = "".join(f" {k.rstrip('_')}='{v}'" for k, v in attrs.items())
    link.send(f"<{kind} from='{from_}' to='{to}'{more}>{inner}</{kind}>")


def passed(link):
    """What has come until the server had handled what was sent so far."""
    say(link, "iq", A, f"<ping xmlns='{NS['ping']}'/>", from_=C, type="get", id="passed")
    came = []
    while (element := link.next()).get("id") != "passed":
        came.append(element)
    return came


def quiet(link):
    equal(passed(link), [])


def answer(link, to, inner, type="get", from_=EVE + "/pda"):
    say(link, "iq", to, inner, from_, type=type, id="asked")
    return link.find("iq", id="asked")


def settle(link, *clients):
    for _ in range(2):
        for c in clients:
            c.sync()
        passed(link)


def befriend(link, ann, both=True):
    """Eve sees ann, and ann eve."""
    say(link, "presence", ANN, from_=EVE, type="subscribe")
    ann.find("presence", type="subscribe")
    ann.presence(to=EVE, type="subscribed")
    link.find("presence", type="subscribed")
    if both:
        ann.presence(to=EVE, type="subscribe")
        link.find("presence", type="subscribe", from_=ANN, to=EVE)
        say(link, "presence", ANN, from_=EVE, type="subscribed")
        ann.find("presence", type="subscribed")
    settle(link, ann)


# ---- subscriptions

def test_subscribed_unasked():
    """RFC 6121 3.1.6: it changes nothing, and nobody is told."""
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        for kind in ("subscribed", "unsubscribed", "unsubscribe"):
            say(link, "presence", ANN, from_=EVE, type=kind)
        quiet(link)
        ann.nothing()
        equal(ann.roster(), {})


def test_approved_beforehand():
    """RFC 6121 3.4: nobody elsewhere hears of it; the request is answered in the account's name."""
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        ann.presence(to=EVE, type="subscribed")
        equal(ann.push().get("approved"), "true")
        quiet(link)
        say(link, "presence", ANN, from_=EVE, type="subscribe", id="s")
        link.expect("presence", type="subscribed", from_=ANN, to=EVE)
        link.expect("presence", type=None, from_=ann.jid, to=EVE)
        item = ann.push()
        equal((item.get("subscription"), item.get("approved")), ("from", None))
        ann.nothing()


def test_approval_is_taken_back():
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        ann.presence(to=EVE, type="subscribed")
        ann.push()
        ann.presence(to=EVE, type="unsubscribed")
        settle(link, ann)
        say(link, "presence", ANN, from_=EVE, type="subscribe")
        ann.find("presence", type="subscribe", from_=EVE)
        quiet(link)


def test_request_while_away():
    """It waits, once, and the answer to a second one is the same."""
    with one() as f:
        link = peer(f)
        for _ in range(2):
            say(link, "presence", ANN, "<status>please</status>", from_=EVE, type="subscribe")
        quiet(link)
        ann = f.online("ann", A)
        equal(ann.find("presence", type="subscribe").child_text("status"), "please")
        ann.nothing()


def test_contact_s_server_is_away():
    """What is changed meanwhile stands, is asked for again at the next log-in, and told at the next probe."""
    with one(s2s_timeout=1) as f:
        ann = f.online("ann", A)
        ann.presence(to=EVE, type="subscribe")
        f.servers[0].log_has(f"no stream to {C}")
        equal(ann.roster()[EVE].get("ask"), "subscribe")
        ann.close()
        f.servers[0].ctl("s2s", "close", A, C, check=False)
        link = peer(f)
        ann = f.online("ann", A)
        link.find("presence", type="subscribe", from_=ANN, to=EVE)
        say(link, "presence", ANN, from_=EVE, type="subscribed")
        ann.find("presence", type="subscribed", from_=EVE)
        equal(ann.roster()[EVE].get("subscription"), "to")


def test_withdrawn_while_the_server_was_away():
    with one(s2s_timeout=1) as f:
        link, ann = peer(f), f.online("ann", A)
        befriend(link, ann)
        link.close()
        ann.presence(to=EVE, type="unsubscribed")
        f.servers[0].log_has(f"no stream to {C}")
        link = peer(f)
        say(link, "presence", ANN, from_=EVE, type="probe")
        link.expect("presence", type="unsubscribed", from_=ANN, to=EVE)
        quiet(link)


def test_push_of_somebody_else():
    """RFC 6121 2.1.6: whoever sends one to the account changes nothing in it."""
    item = f"<query xmlns='jabber:iq:roster'><item jid='{EVE}' subscription='both'/></query>"
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        for kind in ("get", "set"):
            equal(answer(link, ANN, item, kind).error()[1], "service-unavailable")
        equal(answer(link, A, item, "set").error()[1], "service-unavailable")
        equal(ann.roster(), {})
        say(link, "presence", ANN, from_=EVE, type="probe")
        link.expect("presence", type="unsubscribed")


# ---- probes and presence

@rows(("online", True, ANN), ("online_full", True, f"{ANN}/r"), ("away", False, ANN), ("no_account", False, NOBODY))
def test_probe_of_a_stranger(online, to):
    """RFC 6121 4.3.2: one answer, whoever is there."""
    with one() as f:
        link, ann = peer(f), f.online("ann", A) if online else None
        say(link, "presence", to, type="probe")
        came = passed(link)
        equal([str(c) for c in came],
              [f'<presence xmlns="jabber:server" type="unsubscribed" from="{to.split("/")[0]}" to="{EVE}"/>'])
        if ann:
            ann.nothing()


def test_probe_of_a_subscriber():
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        befriend(link, ann, both=False)
        say(link, "presence", ANN, type="probe")
        link.expect("presence", type=None, from_=ann.jid, to=f"{EVE}/pda")
        say(link, "presence", ANN, from_=f"eve.{EVE}", type="probe")
        link.expect("presence", type="unsubscribed", to=f"eve.{EVE}")
        ann.close()
        link.find("presence", type="unavailable", from_=ann.jid, to=EVE)
        say(link, "presence", ANN, type="probe")
        link.expect("presence", type="unavailable", from_=ANN)


@rows(("closes", "close"), ("breaks", "abort"))
def test_leaving_is_told(how):
    """To those who are subscribed, and to those who were told in particular (RFC 6121 4.5, 4.6)."""
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        befriend(link, ann, both=False)
        ann.presence(to=f"room@{C}/ann")
        link.expect("presence", type=None, to=f"room@{C}/ann")
        ann.presence("<show>away</show>")
        link.expect("presence", type=None, to=EVE)
        quiet(link)
        getattr(ann, how)()
        equal({link.expect("presence", type="unavailable", from_=ann.jid).get("to") for _ in range(2)}, {EVE, f"room@{C}/ann"})
        quiet(link)


def test_stopping_is_told():
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        befriend(link, ann, both=False)
        ann.presence(to=f"room@{C}/ann")
        link.expect("presence", type=None)
        f.servers[0].stop()
        equal({link.expect("presence", type="unavailable", from_=ann.jid).get("to") for _ in range(2)}, {EVE, f"room@{C}/ann"})


def test_contact_s_server_goes():
    """Who is asked for and cannot be reached is not there: an error to the session in the contact's name."""
    with one(s2s_timeout=1) as f:
        link, ann = peer(f), f.online("ann", A)
        befriend(link, ann)
        link.close()
        ann.presence("<show>away</show>")
        error = ann.find("presence", type="error")
        equal((error.get("from"), error.error()[1]), (EVE, "remote-server-not-found"))
        ann.nothing()


def test_errors_of_presence():
    """They reach the session that they are for, and nobody in the account's name."""
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        say(link, "presence", ann.jid, error, type="error")
        equal(ann.expect("presence", type="error").get("from"), f"{EVE}/pda")
        for to in (ANN, f"{ANN}/gone", NOBODY, A):
            say(link, "presence", to, error, type="error")
        quiet(link)
        ann.nothing()


# ---- what others may ask

QUESTIONS = {
    "disco_info": ("get", f"<query xmlns='{NS['disco#info']}'/>"),
    "disco_items": ("get", f"<query xmlns='{NS['disco#items']}'/>"),
    "vcard": ("get", "<vCard xmlns='vcard-temp'/>"),
    "set_vcard": ("set", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>"),
    "pep": ("get", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:avatar:metadata'/></pubsub>"),
    "pep_publish": ("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item><x xmlns='y'/></item>"
                           "</publish></pubsub>"),
    "pep_subscribe": ("set", f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='{EVE}'/></pubsub>"),
    "pep_owner": ("get", "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='n'/></pubsub>"),
    "last": ("get", "<query xmlns='jabber:iq:last'/>"),
    "version": ("get", "<query xmlns='jabber:iq:version'/>"),
    "time": ("get", "<time xmlns='urn:xmpp:time'/>"),
    "ping": ("get", f"<ping xmlns='{NS['ping']}'/>"),
    "private": ("get", "<query xmlns='jabber:iq:private'><x xmlns='urn:example'/></query>"),
    "register": ("get", "<query xmlns='jabber:iq:register'/>"),
    "remove_account": ("set", "<query xmlns='jabber:iq:register'><remove/></query>"),
    "password": ("set", "<query xmlns='jabber:iq:register'><username>ann</username><password>x</password></query>"),
    "blocklist": ("get", "<blocklist xmlns='urn:xmpp:blocking'/>"),
    "archive": ("set", payload()),
    "archive_form": ("get", f"<query xmlns='{MAM}'/>"),
    "archive_preferences": ("get", f"<prefs xmlns='{MAM}'/>"),
    "archive_extent": ("get", f"<metadata xmlns='{MAM}'/>"),
    "carbons": ("set", "<enable xmlns='urn:xmpp:carbons:2'/>"),
    "session": ("set", f"<session xmlns='{NS['session']}'/>"),
    "bind": ("set", f"<bind xmlns='{NS['bind']}'/>"),
    "unknown": ("get", "<query xmlns='urn:example'/>"),
}
REFUSED = ("service-unavailable", "forbidden", "not-allowed", "item-not-found", "subscription-required", "not-authorized")
NOTHING = f'[<query xmlns="{NS["disco#items"]}"/>]'


@rows(*((name, *question) for name, question in QUESTIONS.items()))
def test_who_is_there_is_not_told(type_, inner):
    """An account whose contacts the asker is not of answers like one that is missing, and nothing is changed."""
    with one(modules_enabled=EVERYTHING) as f:
        link, ann = peer(f), f.online("ann", A)
        answers = []
        for name in ("ann", "bob", "nobody"):
            reply = answer(link, f"{name}@{A}", inner, type_)
            assert (reply.error()[1] in REFUSED) if reply.error() else str(reply.children) == NOTHING, str(reply)
            answers.append(str(reply).replace(f"{name}@", "account@"))
        equal(len(set(answers)), 1)
        ann.nothing()
        f.online("ann", A, "again")


def test_iq_of_a_session():
    """It goes there, and the answer comes back; what nobody has asked for is answered by nobody (RFC 6120 8.2.3)."""
    with one() as f:
        link, ann = peer(f), f.online("ann", A)
        say(link, "iq", ann.jid, "<query xmlns='urn:example'/>", type="get", id="q")
        asked = ann.expect("iq", id="q", from_=f"{EVE}/pda")
        ann.send(f"<iq type='result' id='q' to='{asked.get('from')}'/>")
        link.expect("iq", id="q", type="result", from_=ann.jid)
        for to in (ANN, f"{ANN}/gone", NOBODY, A, f"{A}/x"):
            for kind in ("result", "error"):
                say(link, "iq", to, type=kind, id="u")
        quiet(link)
        ann.nothing()
        equal(answer(link, f"{ANN}/gone", "<query xmlns='urn:example'/>").error()[1], "service-unavailable")
        for text in ("<a/><b/>", ""):
            equal(answer(link, ann.jid, text).error()[1], "bad-request")
        ann.nothing()


# ---- messages

def test_message_to_an_account():
    """One that is there gets it, another a copy (XEP-0280), the archive keeps it under an id of ours alone (XEP-0359)."""
    with one(modules_enabled=EVERYTHING) as f:
        link, ann, other = peer(f), f.online("ann", A), f.online("ann", A, "other")
        other.send("<presence><priority>-1</priority></presence>")
        other.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
        ann.sync(), other.sync()
        forged = "".join(f"<stanza-id xmlns='{SID}' id='forged' by='{by}'/>" for by in (ANN, "ANN@A.EXAMPLE", f"{ANN}/r", A))
        say(link, "message", ANN, f"<body>x</body><stanza-id xmlns='{SID}' id='theirs' by='{C}'/>{forged}", type="chat", id="m",
            **{"xml:lang": "de"})
        got = ann.expect("message", id="m")
        copy = other.expect("message", from_=ANN).child("received", "urn:xmpp:carbons:2").child("forwarded").child("message")
        kept = query(ann).messages
        equal(len(kept), 1)
        ids = []
        for message in (got, copy):
            equal({key for key in message.attrs}, {"from", "to", "type", "id", "http://www.w3.org/XML/1998/namespace lang"})
            equal(message.child_text("body"), "x")
            ids += [(s.get("by"), s.get("id")) for s in message.all("stanza-id", SID)]
        assert "forged" not in {ident for _, ident in ids}, ids
        equal(sorted(by for by, _ in ids), [ANN, ANN, C, C])
        equal(kept[0].get("from"), f"{EVE}/pda")


def test_message_while_away():
    """It is kept, with the time at which it came: nobody else's word is taken for that (XEP-0203)."""
    with one(modules_enabled=EVERYTHING) as f:
        link = peer(f)
        for by in (A, "A.Example", ANN):
            say(link, "message", ANN, f"<body>{by}</body><delay xmlns='{NS['delay']}' from='{by}' stamp='2001-01-01T00:00:00Z'/>",
                type="chat")
        say(link, "message", ANN, f"<body>{C}</body><delay xmlns='{NS['delay']}' from='{C}' stamp='2002-01-01T00:00:00Z'/>",
            type="chat")
        quiet(link)
        ann = f.online("ann", A)
        for by in (A, "A.Example", ANN, C):
            message = ann.find("message", from_=f"{EVE}/pda")
            equal(message.child_text("body"), by)
            stamps = {d.get("from"): d.get("stamp")[:4] for d in message.all("delay", "delay")}
            assert stamps[A] > "2020" and stamps.get(C) == ("2002" if by == C else None), str(message)
            assert "2001" not in [stamps.get(A), stamps.get("A.Example")], str(message)


@rows(("headline", "headline", None), ("groupchat", "groupchat", "service-unavailable"), ("error", "error", None))
def test_kinds_while_away(type_, condition):
    """RFC 6121 8.5.2.2.1: none of them waits."""
    with one(modules_enabled=EVERYTHING) as f:
        link = peer(f)
        say(link, "message", ANN, "<body>x</body>", type=type_, id="m")
        came = passed(link)
        equal([c.error()[1] for c in came], [condition] if condition else [])
        ann = f.online("ann", A)
        ann.nothing()


def test_nobody():
    """RFC 6121 8.5.1: an error, or nothing."""
    with one(modules_enabled=EVERYTHING) as f:
        link = peer(f)
        for type_ in ("chat", "normal", "groupchat"):
            for to in (NOBODY, f"{NOBODY}/x"):
                say(link, "message", to, "<body>x</body>", type=type_, id="m")
                equal(link.expect("message", id="m", from_=to, to=f"{EVE}/pda").error()[1], "service-unavailable")
        for type_ in ("headline", "error"):
            say(link, "message", NOBODY, "<body>x</body>", type=type_, id="m")
        for type_ in ("subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable"):
            say(link, "presence", NOBODY, type=type_)
        say(link, "presence", NOBODY)
        quiet(link)


# ---- blocking (XEP-0191)

@rows(("domain", C), ("account", EVE), ("session", f"{EVE}/pda"))
def test_blocked(jid):
    with one(modules_enabled=EVERYTHING) as f:
        link, ann = peer(f), f.online("ann", A)
        befriend(link, ann)
        equal(ann.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{jid}'/></block>").get("type"), "result")
        settle(link, ann)
        say(link, "message", ANN, "<body>x</body>", type="chat")
        say(link, "message", ann.jid, "<body>x</body>", type="chat")
        say(link, "presence", ANN)
        say(link, "presence", ANN, type="probe")
        quiet(link)
        equal(answer(link, ann.jid, "<query xmlns='urn:example'/>").error()[1], "service-unavailable")
        ann.nothing()
        ann.message(f"{EVE}/pda", "x")
        equal(ann.expect("message", type="error").error()[1], "not-acceptable")
        if jid != f"{EVE}/pda":
            ann.presence("<show>away</show>")
            quiet(link)
        other = peer(f, "d.example")
        say(other, "message", ANN, "<body>y</body>", from_="eve@d.example/pda", type="chat")
        equal(ann.expect("message").child_text("body"), "y")


def test_blocked_while_away():
    with one(modules_enabled=EVERYTHING) as f:
        link, ann = peer(f), f.online("ann", A)
        ann.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{C}'/></block>")
        ann.close()
        say(link, "message", ANN, "<body>x</body>", type="chat")
        say(link, "presence", ANN, from_=EVE, type="subscribe")
        quiet(link)
        ann = f.online("ann", A)
        ann.nothing()
        equal(query(ann).messages, [])
