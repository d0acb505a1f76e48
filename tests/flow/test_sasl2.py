"""SASL2, Bind 2 and what goes along with them: XEP-0388, 0386, 0480, 0515."""
import hashlib
import sqlite3

import sasl
import sasl2
from flow import HOST, PASSWORD, alone, equal, rows
from sasl2 import AGENT, BIND, NS, agent, condition, login, opened, scram

CARBONS = "urn:xmpp:carbons:2"
CSI = "urn:xmpp:csi:0"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "carbons", "csi_simple" }'
SERVER = dict(accounts=60, config={"modules_enabled": MODULES})


def bind(inner="", tag="Test"):
    return f"<bind xmlns='{BIND}'>{f'<tag>{tag}</tag>' if tag is not None else ''}{inner}</bind>"


# ---- features

def test_offered_under_tls_only(server):
    c = server.client()
    features = c.open()
    assert features.child("mechanisms", "urn:ietf:params:xml:ns:xmpp-sasl") and not features.child("authentication", NS)
    sasl2.authenticate(c, "SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", "a", "b").first())
    equal(condition(c.next()), "encryption-required")
    c.starttls()
    offer = c.open().child("authentication", NS)
    names = [m.text for m in offer.all("mechanism")]
    assert "SCRAM-SHA-256-PLUS" in names and "SCRAM-SHA-1" in names and "PLAIN" in names, str(offer)
    inline = offer.child("inline", NS).child("bind", BIND)
    found = [f.get("var") for f in inline.child("inline", BIND).all("feature")]
    assert CARBONS in found and CSI in found, str(inline)
    equal({u.text for u in offer.all("upgrade")}, {f"UPGR-SCRAM-SHA-{n}" for n in (1, 256, 512)})


@alone(accounts=1, config={"sasl2": "false"})
def test_switched_off(server):
    _, features = opened(server)
    assert features.child("authentication", NS) is None, str(features)


# ---- the exchange

@rows(*((m, m) for m in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")))
def test_mechanisms(server, mechanism):
    user = server.account()
    c, _ = opened(server)
    if mechanism == "PLAIN":
        sasl2.authenticate(c, "PLAIN", sasl.plain(user, PASSWORD))
        success = c.next()
    else:
        success = scram(c, user, mechanism=mechanism)
    equal(success.child_text("authorization-identifier"), f"{user}@{HOST}")
    features = c.expect("features", "stream")  # no restart
    assert features.child("bind", "urn:ietf:params:xml:ns:xmpp-bind") and not features.child("authentication", NS)
    c.bind("classic")
    c.user = user
    c.nothing()


@rows(("tls_exporter", "tls-exporter"), ("tls_server_end_point", "tls-server-end-point"))
def test_plus(server, kind):
    user = server.account()
    c, _ = opened(server)
    end = scram(c, user, mechanism="SCRAM-SHA-256-PLUS", gs2=f"p={kind},,", binding=sasl.channel_binding(c.sock, kind))
    assert end.matches("success", NS), str(end)


def test_tls_version_in_the_challenge(server):
    """XEP-0515: 0304 for TLS 1.3, in both profiles."""
    c, _ = opened(server)
    sasl2.authenticate(c, "SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD).first())
    fields = sasl.unb64(c.expect("challenge", NS).text).decode().split(",")
    equal(fields[-1], "t=0304" if c.sock.version() == "TLSv1.3" else "t=0303")
    c = server.client()
    c.open()
    c.auth("SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD).first())
    assert ",t=" not in sasl.unb64(c.next().text).decode()


def test_empty_first(server):
    """A client that sends no initial response is asked for it."""
    user = server.account()
    c, _ = opened(server)
    exchange = sasl.Scram("SCRAM-SHA-1", user, PASSWORD)
    sasl2.authenticate(c, "SCRAM-SHA-1")
    equal(c.expect("challenge", NS).text, "")
    sasl2.respond(c, exchange.first())
    sasl2.respond(c, exchange.final(c.expect("challenge", NS).text))
    exchange.verify(c.expect("success", NS).child_text("additional-data"))


@rows(("wrong_password", "<>", "not-authorized"),
      ("unknown_mechanism", "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'/>", "invalid-mechanism"),
      ("no_mechanism", "<authenticate xmlns='urn:xmpp:sasl:2'/>", "invalid-mechanism"),
      ("bad_base64", "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>!</initial-response></authenticate>",
       "incorrect-encoding"),
      ("malformed", "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AA==</initial-response></authenticate>",
       "malformed-request"),
      ("response_first", "<response xmlns='urn:xmpp:sasl:2'/>", "malformed-request"),
      ("next_first", "<next xmlns='urn:xmpp:sasl:2' task='UPGR-SCRAM-SHA-1'/>", "malformed-request"),
      ("task_data_first", "<task-data xmlns='urn:xmpp:sasl:2'/>", "malformed-request"),
      ("abort_first", "<abort xmlns='urn:xmpp:sasl:2'/>", "aborted"))
def test_refused(server, element, wanted):
    user = server.account()
    c, _ = opened(server)
    if element == "<>":
        failure = scram(c, user, "wrong", extra=bind() + agent())
    else:
        c.send(element)
        failure = c.next()
    equal(condition(failure), wanted)
    assert scram(c, user).matches("success", NS)  # the stream is as it was


def test_aborted(server):
    user = server.account()
    c, _ = opened(server)
    sasl2.authenticate(c, "SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", user, PASSWORD).first())
    c.expect("challenge", NS)
    c.send(f"<abort xmlns='{NS}'><text>no</text></abort>")
    equal(condition(c.next()), "aborted")


def test_both_profiles_do_not_mix(server):
    user = server.account()
    c, _ = opened(server)
    exchange = sasl.Scram("SCRAM-SHA-1", user, PASSWORD)
    sasl2.authenticate(c, "SCRAM-SHA-1", exchange.first())
    c.respond(exchange.final(c.expect("challenge", NS).text))
    c.expect("failure", "sasl")
    c.auth("SCRAM-SHA-1", exchange.first())
    c.expect("challenge", "sasl")
    sasl2.respond(c, "")
    equal(condition(c.next()), "malformed-request")


def test_twice(server):
    c, _, _ = login(server, server.account())
    sasl2.authenticate(c, "PLAIN", sasl.plain(c.user, PASSWORD))
    c.expect_stream_error("policy-violation")


def test_a_stanza_meanwhile(server):
    c, _ = opened(server)
    sasl2.authenticate(c, "SCRAM-SHA-1", sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD).first())
    c.expect("challenge", NS)
    c.send("<message to='a@localhost'><body>x</body></message>")
    c.expect_stream_error("not-authorized")


def test_from_of_the_stream(server):
    """Who says under TLS to be somebody must turn out to be that."""
    c = server.client(tls=True)
    c.open(extra=f" from='other@{HOST}'")
    exchange = sasl.Scram("SCRAM-SHA-1", server.account(), PASSWORD)
    sasl2.authenticate(c, "SCRAM-SHA-1", exchange.first())
    sasl2.respond(c, exchange.final(c.expect("challenge", NS).text))
    came = c.next()
    assert came.name in ("failure", "error"), str(came)


# ---- Bind 2

def test_bound_in_one_go(server):
    user = server.account()
    c, success, features = login(server, user, bind(f"<enable xmlns='{CARBONS}'/>") + agent())
    bare, _, resource = c.jid.partition("/")
    equal(bare, f"{user}@{HOST}")
    assert resource.startswith("Test/") and AGENT not in resource, resource
    assert success.child("bound", BIND) is not None and features.child("bind", "urn:ietf:params:xml:ns:xmpp-bind") is None
    c.presence()
    peer = server.online()
    other = server.login(user)
    other.presence()
    peer.message(other.jid, "to the other")
    assert c.find("message").child("received", CARBONS) is not None  # enabled along with it


def test_inactive_from_the_start(server):
    c, _, _ = login(server, server.account(), bind(f"<inactive xmlns='{CSI}'/>") + agent())
    peer = server.online()
    c.presence()
    peer.presence("<status>x</status>", to=c.jid)
    peer.sync()
    peer.message(c.jid)
    equal([e.name for e in (c.next(), c.next())], ["presence", "message"])


@rows(("no_tag", None), ("empty_tag", ""), ("long_tag", "x" * 500), ("control_character", "a&#x9;b"))
def test_tags(server, tag):
    c, _, _ = login(server, server.account(), bind(tag=tag))
    resource = c.jid.partition("/")[2]
    assert 8 <= len(resource) < 300 and "\t" not in resource, resource
    c.sync()


def test_the_same_client_again(server):
    """It has the same resource, and its earlier session ends."""
    user = server.account()
    a, _, _ = login(server, user, bind() + agent())
    b, _, _ = login(server, user, bind() + agent())
    equal(a.jid, b.jid)
    a.expect_stream_error("conflict")
    other, _, _ = login(server, user, bind() + agent(sasl2.OTHER_AGENT))
    assert other.jid != b.jid
    b.sync()


@alone(accounts=1, config={"conflict_resolve": '"kick_new"'})
def test_the_same_client_again_where_old_ones_stay(server):
    user = server.account()
    a, _, _ = login(server, user, bind() + agent())
    b, _, _ = login(server, user, bind() + agent())
    a.expect_stream_error("conflict")
    b.sync()


@alone(accounts=1, config={"max_resources": "1"})
def test_no_room(server):
    user = server.account()
    login(server, user, bind() + agent())
    c, _ = opened(server)
    exchange = sasl.Scram("SCRAM-SHA-1", user, PASSWORD)
    sasl2.authenticate(c, "SCRAM-SHA-1", exchange.first(), bind() + agent(sasl2.OTHER_AGENT))
    sasl2.respond(c, exchange.final(c.expect("challenge", NS).text))
    c.expect_stream_error("resource-constraint")


# ---- upgrades

def salted(element, name):
    return hashlib.pbkdf2_hmac(name, PASSWORD.encode(), sasl.unb64(element.text), int(element.get("iterations")))


def old_account(server):
    """One with keys of SHA-1 alone, as those are that came from elsewhere."""
    server.stop()
    user = server.account()
    with sqlite3.connect(next(server.dir.glob("data/*.sqlite"))) as db:
        (value, owner), = db.execute("SELECT i.value, i.owner FROM items i JOIN owner o ON o.id = i.owner"
                                     " WHERE o.user = ? AND i.key = 'scram'", (user,)).fetchall()
        first = next(part for part in value.split() if part.startswith("SHA-1,"))
        db.execute("UPDATE items SET value = ? WHERE owner = ? AND key = 'scram'", (first, owner))
    db.close()
    server.start()
    return user


@alone(accounts=2)
def test_upgrade(server):
    user = old_account(server)
    upgrade = "".join(f"<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-{n}</upgrade>" for n in (256, 512))
    c, _ = opened(server)
    asked = scram(c, user, mechanism="SCRAM-SHA-1", extra=upgrade + bind() + agent())
    for n in 256, 512:
        equal([t.text for t in asked.child("tasks").all("task")], [f"UPGR-SCRAM-SHA-{n}"])
        c.send(f"<next xmlns='{NS}' task='UPGR-SCRAM-SHA-{n}'/>")
        salt = c.expect("task-data", NS).child("salt", "urn:xmpp:scram-upgrade:0")
        c.send(f"<task-data xmlns='{NS}'><hash xmlns='urn:xmpp:scram-upgrade:0'>"
               f"{sasl.b64(salted(salt, f'sha{n}'))}</hash></task-data>")
        asked = c.next()
    assert asked.matches("success", NS) and asked.child("bound", BIND) is not None, str(asked)
    assert asked.child("additional-data") is None  # that was said with <continue/>
    for mechanism in "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1":
        login(server, user, mechanism=mechanism)


@alone(accounts=1)
def test_upgrade_refused(server):
    user = old_account(server)
    for element in ("<next xmlns='urn:xmpp:sasl:2' task='UPGR-SCRAM-SHA-512'/>", "<next xmlns='urn:xmpp:sasl:2'/>",
                    "<task-data xmlns='urn:xmpp:sasl:2'/>", "<response xmlns='urn:xmpp:sasl:2'/>",
                    "<hash xmlns='urn:xmpp:scram-upgrade:0'>AAAA</hash>", "<hash xmlns='urn:xmpp:scram-upgrade:0'>!</hash>",
                    "<x xmlns='urn:example'/>"):
        c, _ = opened(server)
        scram(c, user, mechanism="SCRAM-SHA-1",
              extra="<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>")
        if NS not in element:
            c.send(f"<next xmlns='{NS}' task='UPGR-SCRAM-SHA-256'/>")
            c.expect("task-data", NS)
            element = f"<task-data xmlns='{NS}'>{element}</task-data>"
        c.send(element)
        equal(condition(c.next()), "malformed-request")
    login(server, user, mechanism="SCRAM-SHA-1")  # and nothing has changed
    c, _ = opened(server)
    equal(condition(scram(c, user)), "not-authorized")


def test_upgrade_not_needed(server):
    """Keys that are there already are not made again."""
    upgrade = "".join(f"<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-{n}</upgrade>" for n in (1, 256, 512, 3))
    c, success, _ = login(server, server.account(), upgrade + bind())
    assert success.child("bound", BIND) is not None
    c.sync()
