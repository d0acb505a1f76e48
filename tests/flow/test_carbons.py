"""All clients of an account see its conversations: XEP-0280."""
from flow import HOST, equal, rows, settle

CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
SERVER = dict(accounts=60, config={"modules_enabled": '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "carbons", "blocklist" }'})
ROOM = "http://jabber.org/protocol/muc#user"


def enable(client, what="enable"):
    equal(client.iq("set", f"<{what} xmlns='{CARBONS}'/>").get("type"), "result")


def two(server, priority=0):
    """Two sessions of one account, the second of a lower priority and with carbons, and a peer."""
    a = server.online()
    b = server.login(a.user)
    b.presence(f"<priority>{priority}</priority>")
    enable(b)
    peer = server.online()
    settle(a, b, peer)
    return a, b, peer


def copy(client, direction, account):
    """The forwarded message of a copy that is as XEP-0280 and XEP-0297 want it."""
    wrapping = client.find("message", from_=account)
    equal(wrapping.get("to"), client.jid)
    assert wrapping.child(direction, CARBONS) is not None, str(wrapping)
    inner = wrapping.child(direction, CARBONS).child("forwarded", FORWARD).child("message", "jabber:client")
    equal(inner.get("type"), wrapping.get("type"))
    return inner


def bare(client):
    return f"{client.user}@{HOST}"


def test_announced(server):
    c = server.login()
    reply = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=HOST)
    found = [f.get("var") for f in reply.child("query").all("feature")]
    assert CARBONS in found and "urn:xmpp:carbons:rules:0" in found, str(reply)


def test_received(server):
    a, b, peer = two(server, 1)
    ident = peer.message(a.jid, "to one of you")
    a.find("message", id=ident)
    inner = copy(b, "received", bare(a))
    equal((inner.get("from"), inner.get("to"), inner.get("id"), inner.child_text("body")),
          (peer.jid, a.jid, ident, "to one of you"))
    a.nothing()


def test_sent(server):
    a, b, peer = two(server)
    ident = a.message(peer.jid, "from one of us")
    peer.find("message", id=ident)
    inner = copy(b, "sent", bare(a))
    equal((inner.get("from"), inner.get("to"), inner.get("id")), (a.jid, peer.jid, ident))
    a.nothing()


def test_each_session_once(server):
    """To the account: those of the highest priority get the message, the others copies."""
    a, b, peer = two(server, -1)
    c = server.login(a.user)
    c.presence()
    enable(c)
    d = server.login(a.user)  # connected, and no more
    enable(d)
    settle(a, b, c, d)
    ident = peer.message(bare(a))
    for client in a, c:
        equal(client.find("message").get("id"), ident)
    for client in b, d:
        equal(copy(client, "received", bare(a)).get("id"), ident)
    for client in a, b, c, d:
        client.nothing()


def test_to_a_session_that_is_away(server):
    """A chat message to a full address that nobody has is one to the account."""
    a, b, peer = two(server, -1)
    ident = peer.message(f"{bare(a)}/away")
    equal(a.find("message").get("id"), ident)
    equal(copy(b, "received", bare(a)).get("id"), ident)


def test_to_oneself(server):
    a, b, _ = two(server)
    c = server.login(a.user)
    c.presence("<priority>-1</priority>")
    enable(c)
    enable(a)
    settle(a, b, c)
    ident = a.message(bare(a), "note")
    for client in a, b:  # the highest priority: the message itself
        equal(client.find("message").get("id"), ident)
    equal(copy(c, "sent", bare(a)).get("id"), ident)
    ident = a.message(c.jid, "over there")
    equal(c.find("message").get("id"), ident)
    equal(copy(b, "sent", bare(a)).get("id"), ident)
    for client in a, b, c:
        client.nothing()


def test_off_again(server):
    a, b, peer = two(server, -1)
    enable(b)
    enable(b, "disable")
    enable(b, "disable")
    peer.message(a.jid)
    a.message(peer.jid)
    a.find("message")
    settle(a, peer)
    b.nothing()
    enable(b)
    peer.message(a.jid)
    copy(b, "received", bare(a))


@rows(("chat_with_body", "chat", "<body>x</body>", True),
      ("chat_without_body", "chat", "", True),
      ("normal_with_body", "normal", "<body>x</body>", True),
      ("no_type_with_body", None, "<body>x</body>", True),
      ("normal_without_body", "normal", "<x xmlns='urn:example'/>", False),
      ("receipt", None, "<received xmlns='urn:xmpp:receipts' id='a'/>", True),
      ("chat_state", None, "<active xmlns='http://jabber.org/protocol/chatstates'/>", True),
      ("marker", None, "<displayed xmlns='urn:xmpp:chat-markers:0' id='a'/>", True),
      ("call", None, "<propose xmlns='urn:xmpp:jingle-message:0' id='a'/>", True),
      ("direct_invitation", None, "<x xmlns='jabber:x:conference' jid='r@rooms.example'/>", True),
      ("headline", "headline", "<body>x</body>", False),
      ("groupchat", "groupchat", "<body>x</body>", False),
      ("private", "chat", f"<body>x</body><private xmlns='{CARBONS}'/>", False),
      ("no_copy", "chat", "<body>x</body><no-copy xmlns='urn:xmpp:hints'/>", False),
      ("from_an_occupant", "chat", f"<body>x</body><x xmlns='{ROOM}'/>", False),
      ("mediated_invitation", None, f"<x xmlns='{ROOM}'><invite from='a@b'/></x>", True))
def test_eligible(server, kind, payload, wanted):
    a, b, peer = two(server)
    peer.send(f"<message to='{a.jid}' id='e1'{f' type={chr(39)}{kind}{chr(39)}' if kind else ''}>{payload}</message>")
    equal(a.find("message").get("id"), "e1")
    came = [e for e in b.sync() if e.name == "message"]
    equal(len(came), int(wanted))


def test_private_message_to_an_occupant_is_copied(server):
    a, b, peer = two(server)
    a.send(f"<message to='{peer.jid}' type='chat'><body>psst</body><x xmlns='{ROOM}'/></message>")
    equal(copy(b, "sent", bare(a)).child_text("body"), "psst")


def test_errors(server):
    """An error is copied where what it answers was; the copies' own errors go nowhere."""
    a, b, peer = two(server)
    ident = a.message(f"{peer.user}x@{HOST}", "to nobody")
    copy(b, "sent", bare(a))
    equal(a.find("message", type="error").get("id"), ident)
    equal(copy(b, "received", bare(a)).get("id"), ident)
    a.send(f"<message to='{peer.user}x@{HOST}' id='h1' type='headline'><body>x</body></message>")
    peer.send(f"<message to='{a.jid}' id='other' type='error'><body>x</body></message>")
    settle(a, peer, b)
    b.nothing()
    b.send(f"<message to='{bare(a)}' type='error' id='bounce'><received xmlns='{CARBONS}'/></message>")
    b.send(f"<message to='{bare(peer)}' type='error' id='bounce'><body>x</body></message>")
    settle(b)
    a.nothing()
    peer.nothing()


def test_made_up_by_a_peer(server):
    """Nothing that looks like a copy comes from anybody else, nor in anybody else's name."""
    a, b, peer = two(server)
    forged = "<{0} xmlns='%s'><forwarded xmlns='%s'><message xmlns='jabber:client' from='juliet@example.org/b'><body>forged</body></message></forwarded></{0}>" % (CARBONS, FORWARD)
    for direction in "sent", "received":
        peer.send(f"<message to='{bare(a)}' type='chat'><body>mine</body>{forged.format(direction)}</message>")
        peer.send(f"<message to='{b.jid}' type='chat' from='{bare(a)}'>{forged.format(direction)}</message>")
    settle(peer)
    for client in a, b:
        for message in (e for e in client.sync() if e.name == "message"):
            assert "forged" not in str(message), str(message)


def test_for_ones_own_account_only(server):
    a, b, peer = two(server)
    reply = peer.iq("set", f"<enable xmlns='{CARBONS}'/>", to=bare(a))
    equal((reply.get("type"), reply.error()), ("error", ("cancel", "service-unavailable")))
    reply = peer.iq("set", f"<disable xmlns='{CARBONS}'/>", to=b.jid, wait=False)
    equal(b.find("iq", type="set").get("from"), peer.jid)  # a client's matter then
    ident = peer.message(a.jid)
    equal(copy(b, "received", bare(a)).get("id"), ident)


def test_blocked_contacts(server):
    a, b, peer = two(server)
    a.iq("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    a.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{bare(peer)}'/></block>")
    peer.message(a.jid)
    a.message(peer.jid)
    settle(peer, a)
    equal([e for e in b.sync() if e.name == "message"], [])


def test_reload(server):
    a, b, peer = two(server)
    server.ctl("module", "reload", HOST, "carbons")
    ident = peer.message(a.jid)
    equal(copy(b, "received", bare(a)).get("id"), ident)
    server.ctl("module", "unload", HOST, "carbons")
    peer.message(a.jid)
    settle(peer, a)
    b.nothing()
    server.ctl("module", "load", HOST, "carbons")
