"""What does not matter waits while nobody looks at a client: XEP-0352."""
import time

from client import SCALE
from flow import HOST, alone, equal, rows, settle

CSI = "urn:xmpp:csi:0"
CARBONS = "urn:xmpp:carbons:2"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "carbons", "csi_simple" }'
SERVER = dict(accounts=80, config={"modules_enabled": MODULES, "csi_resume_inactive_delay": "0"})


def inactive(client):
    client.send(f"<inactive xmlns='{CSI}'/>")


def active(client):
    client.send(f"<active xmlns='{CSI}'/>")


def phone(server, **args):
    """A client that is inactive, and a friend of it."""
    a, b = server.friends()
    inactive(a)
    a.sync()
    return a, b


def show(client, text, **args):
    client.presence(f"<status>{text}</status>", **args)


def statuses(elements, contact):
    return [e.child_text("status") for e in elements if e.name == "presence" and e.get("from") == contact.jid]


def came_until(client, ident):
    """Everything that has come, up to the message of that id."""
    came = []
    while True:
        element = client.next()
        came.append(element)
        if element.name == "message" and element.get("id") == ident:
            return came


def test_offered_behind_the_log_in(server):
    c = server.client()
    features = c.open()
    assert features.child("csi", CSI) is None, str(features)
    c.authenticate(server.account(), "secret")
    features = c.open()
    assert features.child("csi", CSI) is not None, str(features)


def test_nothing_before_binding(server):
    c = server.client()
    c.open()
    c.authenticate(server.account(), "secret")
    c.open()
    active(c)
    c.expect_stream_error("not-authorized", "unsupported-stanza-type")


def test_important_brings_the_rest(server):
    a, b = phone(server)
    show(b, "one")
    show(b, "two")
    b.send(f"<message to='{a.jid}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
    settle(b)
    ident = b.message(a.jid, "hello")
    came = came_until(a, ident)
    equal(statuses(came, b), ["two"])  # one was worth nothing any more
    equal([e.name for e in came], ["presence", "message", "message"])
    assert came[1].child("composing") is not None


def test_active_again(server):
    """All that was held comes before the answer to what the client asks next."""
    a, b = phone(server)
    show(b, "away")
    settle(b)
    active(a)
    equal(statuses(a.sync(), b), ["away"])
    show(b, "back")
    equal(a.find("presence", from_=b.jid).child_text("status"), "back")


def test_input_brings_it(server):
    a, b = phone(server)
    show(b, "away")
    settle(b)
    equal(statuses(a.sync(), b), ["away"])  # sync() asks something
    show(b, "back")
    settle(b)
    a.send(" ")  # a keepalive does not
    ident = b.message(a.jid)
    equal(statuses(came_until(a, ident), b), ["back"])


@rows(("body", "<message type='chat' to='{to}' id='i'><body>x</body></message>"),
      ("body_of_a_room", "<message type='groupchat' to='{to}' id='i'><body>x</body></message>"),
      ("subject", "<message to='{to}' id='i'><subject>x</subject></message>"),
      ("encrypted", "<message to='{to}' id='i'><encryption xmlns='urn:xmpp:eme:0'/></message>"),
      ("call", "<message to='{to}' id='i'><propose xmlns='urn:xmpp:jingle-message:0'/></message>"),
      ("invitation", "<message to='{to}' id='i'><x xmlns='jabber:x:conference'/></message>"),
      ("mediated_invitation", "<message to='{to}' id='i'><x xmlns='http://jabber.org/protocol/muc#user'><invite/></x></message>"),
      ("error", "<message to='{to}' id='i' type='error'/>"),
      ("iq", "<iq type='get' to='{to}' id='i'><x xmlns='urn:example'/></iq>"),
      ("subscription", "<presence type='subscribe' to='{bare}' id='i'/>"))
def test_important(server, stanza):
    a, b = server.online(), server.online()
    inactive(a)
    a.sync()
    b.send(stanza.format(to=a.jid, bare=a.bare))
    equal(a.next().get("from").split("/")[0], b.bare)


@rows(("chat_state", "<message type='chat' to='{to}' id='i'><active xmlns='http://jabber.org/protocol/chatstates'/></message>"),
      ("marker", "<message to='{to}' id='i'><displayed xmlns='urn:xmpp:chat-markers:0' id='m'/></message>"),
      ("headline", "<message to='{to}' id='i' type='headline'><body>x</body></message>"),
      ("presence", "<presence to='{to}' id='i'/>"),
      ("unavailable", "<presence to='{to}' type='unavailable' id='i'/>"),
      ("payload_of_no_note", "<message to='{to}' id='i'><x xmlns='urn:example'/></message>"))
def test_unimportant(server, stanza):
    a, b = server.online(), server.online()
    settle(a, b)
    inactive(a)
    a.sync()
    b.send(stanza.format(to=a.jid))
    settle(b)
    ident = b.message(a.jid, "last")
    equal([e.get("id") for e in came_until(a, ident)], ["i", ident])
    b.send(stanza.format(to=a.jid))
    settle(b)
    server.ctl("stats")
    assert not a.queue, f"came at once: {a.queue}"


def test_copies(server):
    """Of a copy what is in it counts; what another client of the account has read does, too."""
    a, b = server.online(), server.online()
    other = server.login(a.user)
    other.presence()
    a.iq("set", f"<enable xmlns='{CARBONS}'/>")
    settle(a, b, other)
    inactive(a)
    a.sync()
    marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='m'/>"
    b.send(f"<message to='{other.jid}' type='chat'>{marker}</message>")
    settle(b)
    other.send(f"<message to='{b.jid}' type='chat'>{marker}</message>")
    equal([e.child(None, CARBONS).name for e in (a.find("message"), a.find("message"))], ["received", "sent"])
    b.send(f"<message to='{other.jid}' type='chat'><body>x</body></message>")
    assert a.find("message").child("received", CARBONS) is not None


@alone(accounts=3, config={"modules_enabled": MODULES, "csi_resume_inactive_delay": "0",
                           "csi_important_payloads": '{ "urn:example:alarm", "{urn:example}alarm" }'})
def test_configured(server):
    a, b = server.online(), server.online()
    settle(a, b)
    inactive(a)
    a.sync()
    for payload in "<x xmlns='urn:example:alarm'/>", "<alarm xmlns='urn:example'/>":
        b.send(f"<message to='{a.jid}'>{payload}</message>")
        a.find("message")
    b.send(f"<message to='{a.jid}' id='other'><x xmlns='urn:example'/></message>")
    settle(b)
    ident = b.message(a.jid)
    equal(len(came_until(a, ident)), 2)


@alone(accounts=3, config={"modules_enabled": MODULES, "csi_resume_inactive_delay": "0", "csi_queue_size": "5"})
def test_so_much(server):
    a, b = phone(server)
    for n in range(5):
        b.send(f"<message to='{a.jid}' id='n{n}'><x xmlns='urn:example'/></message>")
    equal([a.find("message").get("id") for _ in range(5)], [f"n{n}" for n in range(5)])
    for n in range(20):  # of presences the last one counts
        show(b, str(n))
    settle(b)
    ident = b.message(a.jid)
    equal(statuses(came_until(a, ident), b), ["19"])


@alone(accounts=3, config={"modules_enabled": MODULES, "csi_resume_inactive_delay": "0", "csi_queue_bytes": "2000"})
def test_so_many_bytes(server):
    a, b = phone(server)
    b.send(f"<message to='{a.jid}' id='large'><x xmlns='urn:example'>{'x' * 3000}</x></message>")
    equal(a.find("message").get("id"), "large")


@alone(accounts=3, config={"modules_enabled": MODULES, "csi_resume_inactive_delay": "0", "csi_hold_time": "0.3"})
def test_so_long(server):
    a, b = phone(server)
    begin = time.monotonic()
    show(b, "away")
    equal(a.find("presence", from_=b.jid).child_text("status"), "away")
    assert 0.2 < time.monotonic() - begin < 5 * SCALE


@alone(accounts=3, config={"modules_enabled": MODULES, "csi_resume_inactive_delay": '"1 hour"'})
def test_all_passes_while_the_radio_is_awake(server):
    a, b = phone(server)
    show(b, "one")
    settle(b)
    b.message(a.jid)
    a.find("message")
    show(b, "two")
    equal(a.find("presence", from_=b.jid).child_text("status"), "one")
    equal(a.find("presence", from_=b.jid).child_text("status"), "two")


def test_presence_in_rooms_is_all_kept(server):
    a, b = server.online(), server.online()
    settle(a, b)
    inactive(a)
    a.sync()
    for n in range(3):
        b.presence(f"<status>{n}</status><x xmlns='http://jabber.org/protocol/muc#user'/>", to=a.jid)
    settle(b)
    ident = b.message(a.jid)
    equal(statuses(came_until(a, ident), b), ["0", "1", "2"])


def test_leaving(server):
    """A client that goes with something held leaves nothing behind."""
    a, b = phone(server)
    show(b, "away")
    settle(b)
    a.abort()
    b.find("presence", type="unavailable")
    a = server.online(a.user)
    inactive(a)
    inactive(a)
    active(a)
    active(a)
    a.sync()


def test_reload(server):
    a, b = phone(server)
    show(b, "away")
    settle(b)
    server.ctl("module", "reload", HOST, "csi_simple")
    server.ctl("module", "reload", HOST, "csi")
    show(b, "gone")
    settle(b)
    ident = b.message(a.jid)
    equal(statuses(came_until(a, ident), b), ["gone"])
    show(b, "late")
    settle(b)
    server.ctl("module", "unload", HOST, "csi_simple")
    equal(a.find("presence", from_=b.jid).child_text("status"), "late")
    show(b, "later")
    equal(a.find("presence", from_=b.jid).child_text("status"), "later")
    server.ctl("module", "load", HOST, "csi_simple")
