"""What the tests of privileged components share: four of them, and what each may."""
from component import SECRET, ask, port_options, shake
from flow import HOST, equal, settle

NS, NS_FORWARD, NS_ROSTER = "urn:xmpp:privilege:2", "urn:xmpp:forward:0", "jabber:iq:roster"
ALL, SOME, NOTHING, UNLISTED = (f"{name}.{HOST}" for name in ("all", "some", "nothing", "unlisted"))
PUBSUB = "http://jabber.org/protocol/pubsub"
TIME = "urn:xmpp:time"
ENTITIES = f"""{{
    ["{ALL}"] = {{ roster = "both"; message = "outgoing"; presence = "roster";
        iq = {{ ["{PUBSUB}"] = "both"; ["urn:xmpp:ping"] = "get"; ["{TIME}"] = "set"; ["{NS}"] = "both" }} }};
    ["{SOME}"] = {{ roster = "get"; push = false; presence = "managed_entity" }};
    ["{NOTHING}"] = {{ roster = "none"; message = "all"; presence = "roster" }};
    ["somebody@{HOST}"] = {{ roster = "both" }};
}}"""
COMPONENTS = "".join(f'Component "{name}"\n    component_secret = "{SECRET}"\n    component_conflict_resolve = "kick_old"\n    modules_enabled = {{ "privilege" }}\n'
                     for name in (ALL, SOME, NOTHING, UNLISTED))


def options(entities=ENTITIES, more="", **config):
    modules = f'{{ "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "pep", "blocklist", "time", "privilege" {more} }}'
    return dict(config={"modules_enabled": modules, **port_options(), **config},
                hosts={HOST: {"privileged_entities": entities}, "other.example": {}}, extra=COMPONENTS)


def enter(server, domain=ALL):
    """The component, behind what it is told first."""
    c = shake(server, domain)
    if domain != UNLISTED:
        c.find("message", has="privilege")
    return c


def permissions(message):
    return {p.get("access"): p for p in message.child("privilege", NS).children}


def condition(element):
    equal(element.get("type"), "error")
    return element.error()[1]



def roster_set(c, bare, jid="romeo@example.net", inner="<group>Friends</group>", name="name='Romeo'", attrs="", ident="s1"):
    return ask(c, bare, f"<query xmlns='{NS_ROSTER}'><item jid='{jid}' {name} {attrs}>{inner}</item></query>", "set", ident)


def contact_elsewhere(server, gateway, user, name):
    """A contact at another domain, subscribed by the account."""
    jid = f"{name}@{UNLISTED}"
    user.presence(to=jid, type="subscribe")
    gateway.find("presence", type="subscribe", to=jid)
    gateway.send(f"<presence type='subscribed' from='{jid}' to='{user.bare}'/>")
    user.find("presence", type="subscribed")
    settle(user)
    return jid
