"""Slixmpp's ComponentXMPP, as gateways and bots use it (XEP-0114), also as a privileged one (XEP-0356)."""
import asyncio

from client import DEADLINE
from flow import HOST, Skip, equal, settle
from peer import SERVER as _SERVER
from peer import scripted
from server import free_ports

try:
    import slixmpp
    from slixmpp.componentxmpp import ComponentXMPP
except ImportError:
    slixmpp = None

PORT, DOMAIN, SECRET = free_ports(1)[0], "echo.localhost", "component secret"
MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "privilege" }'
SERVER = dict(config={**_SERVER["config"], "component_ports": f"{{ {PORT} }}", "modules_enabled": MODULES}, accounts=4,
              hosts={HOST: {"privileged_entities": f'{{ ["{DOMAIN}"] = {{ roster = "both", message = "outgoing" }} }}'}},
              extra=f'Component "{DOMAIN}"\n    component_secret = "{SECRET}"\n')


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
