"""Components as other servers see them (XEP-0114): at a subdomain of a host, by streams of their own, proved by the host's
certificate or by dialback; gateways, rooms, and what becomes of those that are not connected."""
from component import leave, passed, shake
from federation import A, B, Federation, one
from flow import NS, equal, rows

GW = f"gw.{A}"
PING = f"<ping xmlns='{NS['ping']}'/>"


def two(options=None, certs=None):
    """A component of a's, and b."""
    options = options or {}
    return Federation([([A], {**options, "components": [GW]}), ([B], options)], certs=certs)


def reach(bob, gw):
    """An iq and a message there, and the answers."""
    ident = bob.iq("get", PING, to=GW, wait=False)
    asked = gw.find("iq", to=GW, from_=bob.jid)
    gw.send(f"<iq type='result' id='{asked.get('id')}' from='{GW}' to='{bob.jid}'/>")
    bob.find("iq", id=ident, type="result", from_=GW)
    bob.message(f"someone@{GW}", "there")
    equal(gw.find("message", from_=bob.jid, to=f"someone@{GW}").child_text("body"), "there")
    gw.send(f"<message from='someone@{GW}/x' to='{bob.bare}' type='chat'><body>back</body></message>")
    equal(bob.find("message", from_=f"someone@{GW}/x").child_text("body"), "back")


@rows(("bidi", {}, f"{GW} is known by its address only: its certificate is for another name"),
      ("one_way", {"s2s_bidi": "false"}, f"stream from {GW}: proved by dialback"))
def test_reached(options, says):
    """It shows the certificate of the host above it, which is not of its name: dialback proves it."""
    with two(options) as f:
        gw, bob = shake(f.servers[0], GW), f.online("bob", B)
        reach(bob, gw)
        assert says in f.servers[1].log(), says
        ann = f.online("ann", A)
        bob.message(ann.jid, "beside it")
        equal(ann.find("message").child_text("body"), "beside it")
        leave(gw)


@rows(("trusted", True), ("of_the_host_above", False))
def test_certificates_alone(own):
    """Where these are insisted on, the component needs one that names it."""
    with two({"s2s_secure_auth": "true"}) as f:
        if own:
            f.ca.make("both", A, GW)
            for kind in ("crt", "key"):
                (f.servers[0].dir / "certs" / f"{A}.{kind}").write_bytes((f.ca.dir / f"both.{kind}").read_bytes())
            f.servers[0].ctl("reload")
        gw, bob = shake(f.servers[0], GW), f.online("bob", B)
        if own:
            reach(bob, gw)
            return
        bob.message(f"someone@{GW}", "there")
        equal(bob.find("message", type="error").error()[1], "remote-server-timeout")
        f.servers[1].log_has("it is not trusted: its certificate is for another name")
        equal(passed(gw, A), [])


def test_presence_of_a_user():
    """A contact behind a gateway: requests, presence, probes both ways."""
    with two() as f:
        gw, bob = shake(f.servers[0], GW), f.online("bob", B)
        bob.presence(to=f"someone@{GW}", type="subscribe")
        gw.find("presence", type="subscribe", from_=bob.bare, to=f"someone@{GW}")
        for kind in ("subscribed", "subscribe"):
            gw.send(f"<presence from='someone@{GW}' to='{bob.bare}' type='{kind}'/>")
            bob.find("presence", type=kind, from_=f"someone@{GW}")
        gw.send(f"<presence from='someone@{GW}/x' to='{bob.bare}'><show>dnd</show></presence>")
        equal(bob.find("presence", from_=f"someone@{GW}/x").child_text("show"), "dnd")
        bob.presence(to=f"someone@{GW}", type="subscribed")
        gw.find("presence", type=None, from_=bob.jid, to=f"someone@{GW}")
        gw.send(f"<presence from='someone@{GW}' to='{bob.bare}' type='probe'/>")
        gw.find("presence", type=None, from_=bob.jid)
        again = f.online("bob", B, "again")
        gw.find("presence", type="probe", to=f"someone@{GW}")
        again.close()
        bob.close()
        gw.find("presence", type="unavailable", from_=bob.jid)


def test_room():
    """Joined from elsewhere: directed presence there, what occupants say back, and leaving by losing the connection."""
    with two() as f:
        room, gw, bob = f"room@{GW}", shake(f.servers[0], GW), f.online("bob", B)
        bob.presence("<x xmlns='http://jabber.org/protocol/muc'/>", to=f"{room}/bob")
        gw.find("presence", type=None, from_=bob.jid, to=f"{room}/bob")
        gw.send(f"<presence from='{room}/ann' to='{bob.jid}'/><presence from='{room}/bob' to='{bob.jid}'/>"
                f"<message from='{room}/ann' to='{bob.jid}' type='groupchat'><body>hello</body></message>")
        bob.find("presence", from_=f"{room}/bob")
        equal(bob.find("message", from_=f"{room}/ann", type="groupchat").child_text("body"), "hello")
        bob.message(room, "hi", type="groupchat")
        gw.find("message", type="groupchat", to=room)
        bob.abort()
        gw.find("presence", type="unavailable", from_=bob.jid, to=f"{room}/bob")


def test_not_connected():
    with two() as f:
        bob = f.online("bob", B)
        bob.message(f"someone@{GW}", "x")
        equal(bob.find("message", type="error").error(), ("wait", "remote-server-timeout"))
        equal(bob.iq("get", PING, to=GW).error()[1], "remote-server-timeout")
        bob.send(f"<presence to='someone@{GW}'/>")
        bob.nothing()
        reach(bob, shake(f.servers[0], GW))


def test_below_it():
    """What lies below a component's domain is another one, that nobody has."""
    with two() as f:
        gw, bob = shake(f.servers[0], GW), f.online("bob", B)
        port = f.ports[A]
        f.zone.table[(f"_xmpp-server._tcp.x.{GW}", 33)] = ("SRV", [(0, 0, port, "xmpp.example")])
        bob.message(f"someone@x.{GW}", "x")
        equal(bob.find("message", type="error").error()[1], "remote-server-not-found")
        f.servers[1].log_has("it says host-unknown")
        equal(passed(gw, A), [])


def test_as_others():
    """A component says nothing in the name of a server elsewhere, and no server in the component's."""
    with two() as f:
        gw, bob = shake(f.servers[0], GW), f.online("bob", B)
        link = f.connect(here=GW, there=B, cert=f.ca.make("liar", "liar.example"))
        assert not link.begin_tls().child("mechanisms", "sasl")
        link.result("a key of mine")
        link.expect("result", type="invalid")
        gw.send(f"<message from='ann@{A}' to='{bob.jid}'><body>x</body></message>")
        gw.expect_stream_error("invalid-from")
        bob.nothing()


def test_our_own_certificate_is_no_proof_to_us():
    """Who has the host's certificate is not let in as the host or its component."""
    with one(components=[GW]) as f:
        for name in (A, GW):
            link = f.connect(here=name, cert=A)
            link.send_header(to=A, xmlns="jabber:server", extra=f" from='{name}'")
            link.expect_header()
            link.expect_stream_error("invalid-from")
