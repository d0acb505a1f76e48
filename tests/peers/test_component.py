"""Slixmpp's ComponentXMPP, as gateways and bots use it (XEP-0114), also as a privileged one (XEP-0356), and as one that
answers for a namespace of the server (XEP-0355)."""
import asyncio
from xml.etree import ElementTree

from client import DEADLINE
from flow import HOST, Skip, equal, settle
from peer import SERVER as _SERVER
from peer import scripted
from server import free_ports

try:
    import slixmpp
    from slixmpp.componentxmpp import ComponentXMPP
    from slixmpp.xmlstream.handler import Callback
    from slixmpp.xmlstream.matcher import MatchXPath
except ImportError:
    slixmpp = None

PORT, DOMAIN, SECRET = free_ports(1)[0], "echo.localhost", "component secret"
NOTES, DELEGATION, FORWARD = "urn:example:notes", "urn:xmpp:delegation:2", "urn:xmpp:forward:0"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "privilege", "delegation" }'
SERVER = dict(config={**_SERVER["config"], "component_ports": f"{{ {PORT} }}", "modules_enabled": MODULES}, accounts=4,
              hosts={HOST: {"privileged_entities": f'{{ ["{DOMAIN}"] = {{ roster = "both", message = "outgoing" }} }}',
                            "delegations": f'{{ ["{NOTES}"] = {{ jid = "{DOMAIN}" }} }}'}},
              extra=f'Component "{DOMAIN}"\n    component_secret = "{SECRET}"\n    modules_enabled = {{ "delegation" }}\n')


async def echo(server):
    component = ComponentXMPP(DOMAIN, SECRET, "127.0.0.1", PORT)
    component.register_plugin("xep_0030")
    component.register_plugin("xep_0199")
    started = asyncio.get_running_loop().create_future()
    component.add_event_handler("session_start", started.set_result)
    component.add_event_handler("message", lambda m: m.reply(f"you said: {m['body']}").send())
    component.connect()
    await asyncio.wait_for(started, DEADLINE)
    talk = asyncio.get_running_loop().run_in_executor(None, talk_to_it, server)
    await asyncio.wait_for(talk, DEADLINE)
    component.disconnect()
    await asyncio.wait_for(component.disconnected, DEADLINE)


def talk_to_it(server):
    user = server.login(tls=True)
    user.message(f"bot@{DOMAIN}", "hello")
    got = user.expect("message")
    equal((got.get("from"), got.child_text("body")), (f"bot@{DOMAIN}", "you said: hello"))
    info = user.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=DOMAIN)
    equal(info.get("type"), "result")


def test_echo(server):
    if slixmpp is None:
        raise Skip("python3-slixmpp is not installed")
    asyncio.run(echo(server))


async def act_for(user, friend):
    """What a gateway does for an account: its roster, and what it said elsewhere."""
    component = ComponentXMPP(DOMAIN, SECRET, HOST, PORT)
    component.register_plugin("xep_0356")
    told = asyncio.get_running_loop().create_future()
    component.add_event_handler("privileges_advertised", lambda _: told.done() or told.set_result(None))
    component.connect("127.0.0.1", PORT)
    await asyncio.wait_for(told, DEADLINE)
    plugin = component["xep_0356"]
    equal({k: plugin.granted_privileges[k] for k in ("roster", "message", "presence")},
          {"roster": "both", "message": "outgoing", "presence": "none"})
    contact = f"romeo@{DOMAIN}"
    await plugin.set_roster(user.bare, {contact: {"name": "Romeo", "groups": ["Elsewhere"]}}, timeout=DEADLINE)
    roster = await plugin.get_roster(user.bare, timeout=DEADLINE)
    equal((list(roster["roster"]["items"]), roster["roster"]["items"][contact]["name"]), ([contact], "Romeo"))
    message = component.make_message(mto=friend.bare, mfrom=user.bare, mbody="said elsewhere", mtype="chat")
    message["id"] = "elsewhere"
    plugin.send_privileged_message(message)
    await asyncio.get_running_loop().run_in_executor(None, sees, user, friend, contact)
    component.disconnect()
    await asyncio.wait_for(component.disconnected, DEADLINE)


def sees(user, friend, contact):
    equal(user.push().get("jid"), contact)
    got = friend.find("message", has="body")
    equal((got.get("from"), got.child_text("body")), (user.bare, "said elsewhere"))


def test_privileged(server):
    if slixmpp is None:
        raise Skip("python3-slixmpp is not installed")
    user, friend = scripted(server), scripted(server)
    settle(user, friend)
    asyncio.run(act_for(user, friend))


def answered(iq):
    """The answer to what was forwarded: the notes of who asks, or of an account."""
    inner = iq.xml.find(f"{{{DELEGATION}}}delegation/{{{FORWARD}}}forwarded/{{jabber:client}}iq")
    reply = iq.reply()
    forwarded = ElementTree.SubElement(ElementTree.SubElement(reply.xml, f"{{{DELEGATION}}}delegation"), f"{{{FORWARD}}}forwarded")
    result = ElementTree.SubElement(forwarded, "{jabber:client}iq", type="result", id=inner.get("id"), to=inner.get("from"))
    ElementTree.SubElement(result, f"{{{NOTES}}}notes").text = f"of {inner.get('from')}"
    return reply


async def answer_for(user):
    component = ComponentXMPP(DOMAIN, SECRET, HOST, PORT)
    told = asyncio.get_running_loop().create_future()
    component.register_handler(Callback("told", MatchXPath(f"{{jabber:component:accept}}message/{{{DELEGATION}}}delegation"),
                                        lambda m: told.done() or told.set_result(m)))
    component.register_handler(Callback("asked", MatchXPath(f"{{jabber:component:accept}}iq/{{{DELEGATION}}}delegation"),
                                        lambda iq: answered(iq).send()))
    component.connect("127.0.0.1", PORT)
    message = await asyncio.wait_for(told, DEADLINE)
    equal([d.get("namespace") for d in message.xml.iter(f"{{{DELEGATION}}}delegated")], [NOTES])
    await asyncio.get_running_loop().run_in_executor(None, asks, user)
    component.disconnect()
    await asyncio.wait_for(component.disconnected, DEADLINE)


def asks(user):
    got = user.iq("get", f"<notes xmlns='{NOTES}'/>")
    equal((got.get("type"), got.child_text("notes")), ("result", f"of {user.jid}"))


def test_delegated(server):
    if slixmpp is None:
        raise Skip("python3-slixmpp is not installed")
    user = scripted(server)
    settle(user)
    asyncio.run(answer_for(user))
    error = user.iq("get", f"<notes xmlns='{NOTES}'/>")
    equal(error.get("type"), "error")
