"""What has been displayed, told in a message that is sent anyway: XEP-0490."""
import pubsub as ps
from flow import equal, settle

SERVER = dict(accounts=20, config={"modules_enabled": '{ "roster", "saslauth", "tls", "disco", "ping", "pep", "mds" }'})
NODE = "urn:xmpp:mds:displayed:0"


def displayed(ident, by):
    return f"<displayed xmlns='{NODE}'><stanza-id xmlns='urn:xmpp:sid:0' id='{ident}' by='{by}'/></displayed>"


def test_announced(server):
    c = server.login()
    features = {f.get("var") for f in c.iq("get", f"<query xmlns='{ps.INFO}'/>", to=c.bare).child("query").all("feature")}
    assert "urn:xmpp:mds:server-assist:0" in features, features


def test_assist(server):
    """It is published for the account's other clients, nobody else gets it."""
    a, b = server.friends()
    other = server.login(a.user)
    ps.listen(other, NODE)
    settle(a, b)
    marker = f"<displayed xmlns='urn:xmpp:chat-markers:0' id='m'/>{displayed('s1', a.bare)}"
    a.message(b.bare, body=None, inner=marker)
    got = b.find("message", from_=a.jid)
    equal([c.ns for c in got.all("displayed")], ["urn:xmpp:chat-markers:0"])
    item = ps.told(other, NODE)[1].child("item")
    equal((item.get("id"), item.child("displayed", NODE).child("stanza-id").get("id")), (b.bare, "s1"))
    a.message(b.bare, inner=displayed("s2", a.bare))
    equal(ps.told(other, NODE)[1].child("item").child("displayed").child("stanza-id").get("id"), "s2")
    equal(ps.ids(ps.get(a, NODE)), [b.bare])
    got = ps.settings(a, NODE)
    equal((got["pubsub#access_model"], got["pubsub#max_items"], got["pubsub#send_last_published_item"]),
          (["whitelist"], ["max"], ["never"]))
    equal(ps.refusal(ps.get(b, NODE, to=a.bare))[2], "closed-node")


def test_it_never_leaves(server):
    """Also where it cannot be published as it must be."""
    a, b = server.friends()
    ps.create(a, NODE, {"access_model": "open"})
    a.message(b.jid, inner=displayed("s1", a.bare) * 2)
    equal(b.find("message", from_=a.jid).all("displayed"), [])
    equal(ps.ids(ps.get(a, NODE)), [])
