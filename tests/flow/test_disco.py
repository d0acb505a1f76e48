"""Service discovery (XEP-0030) and ping (XEP-0199)."""
from flow import HOST, NS, alone, equal, rows

SERVER = dict(accounts=15)


def info(client, to=None, node=None):
    node = f" node='{node}'" if node else ""
    return client.iq("get", f"<query xmlns='{NS['disco#info']}'{node}/>", to=to)


def test_host(server):
    reply = info(server.login(), HOST)
    equal((reply.get("type"), reply.get("from")), ("result", HOST))
    query = reply.child("query", "disco#info")
    assert ("server", "im") in {(i.get("category"), i.get("type")) for i in query.all("identity")}, str(query)
    features = [f.get("var") for f in query.all("feature")]
    for feature in (NS["disco#info"], NS["disco#items"], NS["ping"]):
        assert feature in features, feature
    equal(len(features), len(set(features)))


def test_host_items(server):
    reply = server.login().iq("get", f"<query xmlns='{NS['disco#items']}'/>", to=HOST)
    assert reply.get("type") == "result" and reply.child("query", "disco#items") is not None


@rows(("own account", True), ("no to", False))
def test_own_account(server, by_name):
    c = server.login()
    query = info(c, c.bare if by_name else None).child("query", "disco#info")
    assert ("account", "registered") in {(i.get("category"), i.get("type")) for i in query.all("identity")}, str(query)


def test_unknown_node(server):
    equal(info(server.login(), HOST, "nonsense").error(), ("cancel", "item-not-found"))


def test_account_of_a_stranger(server):
    """One who is not subscribed learns neither features nor that there is such an account."""
    c, other = server.login(), server.online()
    there, not_there = info(c, other.bare), info(c, f"nobody@{HOST}")
    equal(there.error(), ("cancel", "service-unavailable"))
    equal(not_there.error(), there.error())


def test_account_of_a_friend(server):
    a, b = server.friends()
    equal(info(a, b.bare).get("type"), "result")


@rows(("host", lambda c: HOST), ("own account", lambda c: c.bare), ("no to", lambda c: None))
def test_ping(server, to):
    c = server.login()
    equal(c.iq("get", f"<ping xmlns='{NS['ping']}'/>", to=to(c)).get("type"), "result")


def test_ping_of_another_host_name(server):
    c = server.login()
    equal(c.iq("get", f"<ping xmlns='{NS['ping']}'/>", to="LOCALHOST").get("type"), "result")


def component(domain, **config):
    return f'Component "{domain}"\n' + "".join(f"    {key} = {value}\n" for key, value in config.items())


@alone(accounts=1, extra=component("rooms.localhost", name='"Rooms"', component_secret='"x"')
       + component("secret.localhost", name='"Secret"', disco_hidden="true", component_secret='"x"')
       + component("plain.localhost", component_secret='"x"')
       + component("elsewhere.example", name='"Elsewhere"', component_secret='"x"')
       + component("notlocalhost", component_secret='"x"'))
def test_components_among_the_items(server):
    """Those below the host, with their names, but for the hidden ones; a reload is enough."""
    c = server.login()

    def items():
        query = c.iq("get", f"<query xmlns='{NS['disco#items']}'/>", to=HOST).child("query", "disco#items")
        return {i.get("jid"): i.get("name") for i in query.all("item")}

    equal(items(), {"rooms.localhost": "Rooms", "plain.localhost": None})
    text = server.config_file.read_text()
    server.config_file.write_text(text.replace("disco_hidden = true", "disco_hidden = false").replace('"Rooms"', '"Halls"'))
    server.ctl("reload")
    equal(items(), {"rooms.localhost": "Halls", "plain.localhost": None, "secret.localhost": "Secret"})
