"""Slixmpp's ComponentXMPP, as gateways and bots use it (XEP-0114)."""
import asyncio

from client import DEADLINE
from flow import Skip, equal
from peer import SERVER as _SERVER
from server import free_ports

try:
    import slixmpp
    from slixmpp.componentxmpp import ComponentXMPP
except ImportError:
    slixmpp = None

PORT, DOMAIN, SECRET = free_ports(1)[0], "echo.localhost", "component secret"
SERVER = dict(config={**_SERVER["config"], "component_ports": f"{{ {PORT} }}"}, accounts=2,
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
