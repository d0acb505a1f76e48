"""What a domain is, published for maps of the network: XEP-0485, XEP-0157."""
import time

from client import DEADLINE
from flow import HOST, Server, alone, equal

NS = "urn:xmpp:serverinfo:0"
PUBSUB = "http://jabber.org/protocol/pubsub"
CONFIG = {"modules_enabled": '{ "roster", "saslauth", "tls", "disco", "ping", "pubsub_serverinfo" }',
          "pubsub_serverinfo_service": '"pubsub.localhost"', "pubsub_serverinfo_interval": "0.2",
          "admins": '{ "localhost", "boss@localhost" }'}
SERVICE = 'Component "pubsub.localhost" "pubsub"\n'


def fetched(client):
    """The published item, as soon as it is there."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        reply = client.iq("get", f"<pubsub xmlns='{PUBSUB}'><items node='serverinfo'/></pubsub>", to="pubsub.localhost")
        items = reply.child("pubsub", PUBSUB).child("items").all("item") if reply.get("type") == "result" else []
        if items:
            return items
    raise AssertionError(f"nothing was published: {reply}")


@alone(accounts=1, config=CONFIG, extra=SERVICE)
def test_published(server):
    c = server.login()
    item, = fetched(c)
    equal((item.get("id"), [d.get("name") for d in item.child("serverinfo", NS).all("domain")]), ("current", [HOST]))


@alone(accounts=1, config=CONFIG, extra=SERVICE)
def test_announced(server):
    query = server.login().iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=HOST).child("query")
    assert NS in [f.get("var") for f in query.all("feature")], str(query)
    form, = [x for x in query.all("x") if "serverinfo" in str(x)]  # one form of that type, with the contacts
    found = {f.get("var"): f.child_text("value") for f in form.all("field")}
    equal(found["serverinfo-pubsub-node"], "xmpp:pubsub.localhost?;node=serverinfo")
    equal(found["admin-addresses"], "xmpp:localhost")


@alone(accounts=0, config={**CONFIG, "pubsub_serverinfo_service": '"nobody.localhost"'})
def test_service_is_not_there(server):
    server.log_has("does not take what is published")
    for _ in range(5):
        server.ctl("status")
    equal(server.log().count("does not take what is published"), 1)


def test_not_configured():
    server = Server(config={**CONFIG, "pubsub_serverinfo_service": None}, accounts=0).start()
    assert "pubsub_serverinfo_service is not set" in server.log()
    server.stop()
