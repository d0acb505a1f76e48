"""Push notifications: XEP-0357. The push service is a client that gets the publications."""
import smacks
from flow import HOST, alone, equal, rows

PUSH = "urn:xmpp:push:0"
PUBSUB = "http://jabber.org/protocol/pubsub"
OPTIONS = f"{PUBSUB}#publish-options"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "carbons", "mam", "smacks", "cloud_notify" }'
CONFIG = {"modules_enabled": MODULES, "smacks_max_ack_delay": "1"}
SERVER = dict(accounts=100, config=CONFIG)


def enable(client, service, node="n", form="", what="enable"):
    node = f" node='{node}'" if node is not None else ""
    return client.iq("set", f"<{what} xmlns='{PUSH}' jid='{service}'{node}>{form}</{what}>")


def options(secret="s3cret", kind=OPTIONS):
    return (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{kind}</value></field>"
            f"<field var='secret'><value>{secret}</value></field></x>")


def fields(x):
    return {f.get("var"): f.child_text("value") for f in x.all("field")}


def pushed(service, answer=True):
    """The next publication: its node, its summary, and the publish options."""
    iq = service.find("iq", type="set", has="pubsub")
    equal(iq.get("from"), HOST)
    publish = iq.child("pubsub", PUBSUB).child("publish")
    summary = fields(publish.child("item").child("notification", PUSH).child("x", "jabber:x:data"))
    equal(summary["FORM_TYPE"], "urn:xmpp:push:summary")
    extra = iq.child("pubsub", PUBSUB).child("publish-options")
    if answer:
        service.send(f"<iq type='result' to='{HOST}' id='{iq.get('id')}'/>")
    else:
        service.send(f"<iq type='error' to='{HOST}' id='{iq.get('id')}'><error type='cancel'>"
                     f"<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    return publish.get("node"), summary, fields(extra.child("x", "jabber:x:data")) if extra is not None else None


def nothing_pushed(server, service):
    """Whatever was to be written or read meanwhile has been: the server has answered twice since."""
    for _ in range(3):
        server.ctl("status")
        assert not [e for e in service.sync() if e.name == "iq"], "pushed"


def phone(server, **args):
    """An account whose only client has gone in order, its push service, and somebody else."""
    a, service, peer = server.online(), server.online(), server.online()
    equal(enable(a, service.jid, form=options(), **args).get("type"), "result")
    a.close()
    return a, service, peer


def test_announced(server):
    c = server.login()
    reply = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=c.bare)
    assert PUSH in [f.get("var") for f in reply.child("query").all("feature")], str(reply)


def test_nobody_is_there(server):
    a, service, peer = phone(server)
    peer.message(a.bare, "are you there?")
    node, summary, extra = pushed(service)
    equal((node, extra["secret"], extra["FORM_TYPE"]), ("n", "s3cret", OPTIONS))
    equal((summary["message-count"], summary["last-message-body"]), ("1", "New Message!"))
    assert "last-message-sender" not in summary
    server.online(a.user)
    peer.message(a.bare, "now you are")
    # its client has not enabled it in this session, so it is one more that has none
    pushed(service)


@alone(accounts=4, config={**CONFIG, "push_notification_with_body": "true", "push_notification_with_sender": "true"})
def test_with_body_and_sender(server):
    a, service, peer = phone(server)
    peer.message(a.bare, "are you <there>?")
    _, summary, _ = pushed(service)
    equal((summary["last-message-sender"], summary["last-message-body"]), (peer.jid, "are you <there>?"))
    peer.send(f"<message to='{a.bare}' type='chat'><encryption xmlns='urn:xmpp:eme:0'/><store xmlns='urn:xmpp:hints'/></message>")
    equal(pushed(service)[1]["last-message-body"], "New Message!")


@rows(("chat_state", "<message to='{to}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"),
      ("receipt", "<message to='{to}' type='chat'><received xmlns='urn:xmpp:receipts' id='x'/></message>"),
      ("headline", "<message to='{to}' type='headline'><body>x</body></message>"),
      ("error", "<message to='{to}' type='error'><body>x</body></message>"))
def test_not_worth_waking(server, stanza):
    a, service, peer = phone(server)
    peer.send(stanza.format(to=a.bare))
    peer.sync()
    nothing_pushed(server, service)


def test_another_client_is_there(server):
    """The phone has no session, a desktop has: what is archived for the phone is told to it."""
    a, service, peer = phone(server)
    desktop = server.online(a.user)
    ident = peer.message(desktop.jid, "on the desktop")
    equal(desktop.find("message").get("id"), ident)
    pushed(service)
    desktop.message(peer.jid, "answer")  # one's own messages wake nobody
    peer.find("message")
    nothing_pushed(server, service)
    enable(desktop, service.jid)  # it is this client's now, and that is there
    peer.message(desktop.jid, "again")
    desktop.find("message")
    nothing_pushed(server, service)


def sleeping(server, **args):
    """A session that has lost its connection and waits for its client."""
    a, service, peer = smacks.managed(server), server.online(), server.online()
    enable(a, service.jid)
    a.sync()
    smacks.lost(server, a)
    return a, service, peer


def test_of_a_sleeping_session(server):
    a, service, peer = sleeping(server)
    peer.presence(to=a.jid)
    peer.sync()
    nothing_pushed(server, service)
    peer.message(a.jid, "one")
    pushed(service)
    peer.message(a.jid, "two")  # it knows already
    peer.sync()
    nothing_pushed(server, service)


def test_it_is_waited_for_longer(server):
    a, _, _ = sleeping(server)
    line, = [line for line in server.ctl("smacks", "list", HOST).splitlines() if a.jid in line]
    assert [word for word in line.split() if word.isdigit() and 71 * 3600 < int(word) <= 72 * 3600], line


def test_a_client_that_does_not_answer(server):
    a, service, peer = smacks.managed(server, answers=False), server.online(), server.online()
    enable(a, service.jid)
    peer.message(a.jid, "into the void")
    pushed(service)  # a does not acknowledge for smacks_max_ack_delay


# ---- enabling and disabling

@rows(("no_service", "<enable xmlns='urn:xmpp:push:0'/>"), ("bad_service", "<enable xmlns='urn:xmpp:push:0' jid='@'/>"),
      ("other_form", f"<enable xmlns='urn:xmpp:push:0' jid='a.b'>{options(kind='x')}</enable>"),
      ("long_form", f"<enable xmlns='urn:xmpp:push:0' jid='a.b'>{options('x' * 9000)}</enable>"),
      ("long_node", f"<enable xmlns='urn:xmpp:push:0' jid='a.b' node='{'x' * 1100}'/>"),
      ("disable_nothing", "<disable xmlns='urn:xmpp:push:0'/>"), ("disable_bad", "<disable xmlns='urn:xmpp:push:0' jid='@'/>"))
def test_refused(server, payload):
    equal(server.login().iq("set", payload).error()[1], "bad-request")


def test_not_for_others(server):
    a, b = server.online(), server.online()
    equal(a.iq("set", f"<enable xmlns='{PUSH}' jid='{a.jid}'/>", to=b.bare).error()[1], "service-unavailable")


def test_disabled(server):
    a, service, peer = server.online(), server.online(), server.online()
    for node in "one", "two", "three", None:
        enable(a, service.jid, node)
    equal(enable(a, service.jid, "two", what="disable").get("type"), "result")
    equal(enable(a, "other.example", None, what="disable").get("type"), "result")
    a.close()
    peer.message(a.bare)
    equal({pushed(service)[0] for _ in range(3)}, {"one", "three", None})
    a = server.online(a.user)
    enable(a, service.jid, None, what="disable")  # all of that service
    a.close()
    peer.message(a.bare)
    peer.sync()
    nothing_pushed(server, service)


def test_kept(server):
    a, service, peer = phone(server)
    server.stop()
    server.start()
    service, peer = server.online(service.user, service.jid.partition("/")[2]), server.online(peer.user)
    peer.message(a.bare)
    equal(pushed(service)[2]["secret"], "s3cret")
    server.stop()
    server.start()
    c = server.online(a.user)
    enable(c, service.jid, "n", what="disable")  # before anybody has read it
    c.close()
    service, peer = server.online(service.user, service.jid.partition("/")[2]), server.online(peer.user)
    peer.message(a.bare)
    peer.sync()
    nothing_pushed(server, service)


@alone(accounts=4, config={**CONFIG, "push_max_devices": "2"})
def test_so_many(server):
    a, service, peer = server.online(), server.online(), server.online()
    for node in "one", "two", "three":
        enable(a, service.jid, node)
    a.close()
    peer.message(a.bare)
    equal({pushed(service)[0] for _ in range(2)}, {"two", "three"})
    nothing_pushed(server, service)


@alone(accounts=4, config={**CONFIG, "push_max_errors": "3"})
def test_errors(server):
    a, service, peer = phone(server)
    for answer in False, False, True, False, False, False:  # in a row counts
        peer.message(a.bare)
        pushed(service, answer)
        service.sync()
    peer.message(a.bare)
    peer.sync()
    nothing_pushed(server, service)
    server.log_has("is not told through it any more")


def test_a_flood_of_messages_is_not_one_of_notifications(server):
    a, service, peer = phone(server)
    for _ in range(50):
        peer.message(a.bare)
    peer.sync()
    iq = service.find("iq", type="set", has="pubsub")
    nothing_pushed(server, service)
    service.send(f"<iq type='result' to='{HOST}' id='{iq.get('id')}'/>")
    pushed(service)
    nothing_pushed(server, service)


def test_the_service_stops_it(server):
    """Section 8, by that service alone."""
    a, service, peer = phone(server)
    note = f"<message to='{a.bare}'><pubsub xmlns='{PUBSUB}' node='n'><affiliation jid='{a.bare}' affiliation='none'/></pubsub></message>"
    peer.send(note)
    peer.sync()
    peer.message(a.bare)
    pushed(service)
    service.send(note)
    service.sync()
    peer.message(a.bare)
    peer.sync()
    nothing_pushed(server, service)


def test_reload(server):
    a, service, peer = sleeping(server)
    server.ctl("module", "reload", HOST, "cloud_notify")
    peer.message(a.jid)
    pushed(service)
    b, service, peer = phone(server)
    peer.message(b.bare)
    iq = service.find("iq", type="set", has="pubsub")
    server.ctl("module", "reload", HOST, "cloud_notify")
    service.send(f"<iq type='result' to='{HOST}' id='{iq.get('id')}'/>")
    peer.message(b.bare)
    pushed(service)
