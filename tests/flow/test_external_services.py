"""Services beside XMPP: XEP-0215."""
import base64
import hmac
import time

from flow import HOST, alone, equal, rows

NS = "urn:xmpp:extdisco:2"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "external_services" }'
SERVICES = """{
    { type = "stun", transport = "udp", host = "stun.example", port = 3478 };
    { type = "turn", transport = "udp", host = "turn.example", port = 3479, secret = "hidden", ttl = 3600, username = "me" };
    { type = "turns", transport = "tcp", port = 5349 };
    { type = "ftp", host = "ftp.example", port = 21, username = "guest", password = "open", name = "Files", restricted = true };
}"""
SERVER = dict(accounts=20, config={"modules_enabled": MODULES, "external_services": SERVICES,
                                   "external_service_secret": '"shared"', "external_service_port": "1234"})


def ask(client, inner="", kind="services", attrs="", ns=NS):
    return client.iq("get", f"<{kind} xmlns='{ns}'{attrs}>{inner}</{kind}>", to=HOST)


def services(reply, kind="services", ns=NS):
    equal(reply.get("type"), "result")
    return reply.child(kind, ns).all("service")


def is_made_of(service, secret, ttl, name=None):
    """The credentials are those that a TURN server with this secret takes."""
    user = service.get("username")
    until = int(user.partition(":")[0])
    equal(user.partition(":")[2], name or "")
    assert abs(until - time.time() - ttl) < 60, until
    password = base64.b64encode(hmac.new(secret.encode(), user.encode(), "sha1").digest()).decode()
    equal(service.get("password"), password)
    equal(service.get("expires"), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until)))
    equal(service.get("restricted"), "1")


def test_announced(server):
    reply = server.login().iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=HOST)
    assert NS in [f.get("var") for f in reply.child("query").all("feature")], str(reply)


@rows(("now", NS), ("before", "urn:xmpp:extdisco:1"))
def test_all(server, ns):
    stun, turn, turns, ftp = services(ask(server.login(), ns=ns), ns=ns)
    equal((stun.get("host"), stun.get("port"), stun.get("transport"), stun.get("password")), ("stun.example", "3478", "udp", None))
    is_made_of(turn, "hidden", 3600, "me")
    equal((turns.get("host"), turns.get("port")), (HOST, "5349"))
    is_made_of(turns, "shared", 86400)
    equal([ftp.get(a) for a in ("username", "password", "name", "restricted", "expires")], ["guest", "open", "Files", "1", None])


def test_of_a_type(server):
    reply = ask(server.login(), attrs=" type='turn'")
    equal([s.get("host") for s in services(reply)], ["turn.example"])
    equal(reply.child("services", NS).get("type"), "turn")
    equal(services(ask(server.login(), attrs=" type='none'")), [])


def test_credentials(server):
    c = server.login()
    one, = services(ask(c, "<service type='turn' host='turn.example'/>", "credentials"), "credentials")
    is_made_of(one, "hidden", 3600, "me")
    both = services(ask(c, "<service type='turn' host='turn.example' port='3479'/><service type='ftp' host='ftp.example'/>",
                        "credentials"), "credentials")
    equal([s.get("type") for s in both], ["turn", "ftp"])


@rows(("none", "", "bad-request"), ("no_type", "<service host='turn.example'/>", "bad-request"),
      ("no_host", "<service type='turn'/>", "bad-request"), ("other", "<x type='turn' host='turn.example'/>", "bad-request"),
      ("unknown", "<service type='turn' host='other.example'/>", "item-not-found"),
      ("other_port", "<service type='turn' host='turn.example' port='1'/>", "item-not-found"),
      ("without_credentials", "<service type='stun' host='stun.example'/>", "item-not-found"))
def test_credentials_refused(server, inner, wanted):
    equal(ask(server.login(), inner, "credentials").error()[1], wanted)


@alone(accounts=2, config={"modules_enabled": MODULES, "external_services": SERVICES,
                           "external_service_access": '{ "user0@localhost" }'})
def test_who_may_know(server):
    equal(len(services(ask(server.login("user0")))), 4)
    equal(ask(server.login("user1")).error(), ("auth", "forbidden"))
    equal(ask(server.login("user1"), "<service type='turn' host='turn.example'/>", "credentials").error(), ("auth", "forbidden"))


@alone(accounts=1, hosts={HOST: {}, "other.localhost": {}}, config={"modules_enabled": MODULES, "external_services": SERVICES})
def test_not_for_strangers(server):
    c = server.login()
    reply = c.iq("get", f"<services xmlns='{NS}'/>", to="other.localhost")
    equal(reply.error(), ("auth", "forbidden"))


@alone(accounts=1, config={"modules_enabled": '{ "saslauth", "tls", "turn_external" }', "turn_external_secret": '"s3cret"',
                           "turn_external_host": '"turn.example"', "turn_external_ttl": '"2 hours"',
                           "turn_external_tcp": "true", "turn_external_tls_port": "5349"})
def test_turn_external(server):
    found = services(ask(server.login()))
    equal([(s.get("type"), s.get("transport"), s.get("port")) for s in found],
          [("stun", "udp", "3478"), ("turn", "udp", "3478"), ("stun", "tcp", "3478"), ("turn", "tcp", "3478"),
           ("stuns", "tcp", "5349"), ("turns", "tcp", "5349")])
    for service in found:
        equal(service.get("host"), "turn.example")
        if service.get("type").startswith("turn"):
            is_made_of(service, "s3cret", 7200)
        else:
            equal(service.get("password"), None)


@alone(accounts=1, config={"modules_enabled": '{ "saslauth", "tls", "turn_external" }'})
def test_turn_without_a_secret(server):
    assert "turn_external_secret is not set" in server.log()
    server.login()
