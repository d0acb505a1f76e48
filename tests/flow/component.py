"""External components under the test's control (XEP-0114)."""
import hashlib
import re

from client import Client
from server import free_ports

SECRET = "a & secret"


def port_options():
    """Options of a server that components can connect to."""
    return {"component_ports": f"{{ {free_ports(1)[0]} }}", "component_interfaces": '{ "127.0.0.1" }'}


def component(server, to):
    """A stream for that domain, before the handshake."""
    port = re.search(r"component_ports = . (\d+)", server.config_file.read_text()).group(1)
    c = Client(int(port))
    server.clients.append(c)
    c.send_header(to=to, version=None, xmlns="jabber:component:accept")
    c.expect_header()
    return c


def proof(c, secret=SECRET):
    return hashlib.sha1((c.seen_header.get("id") + secret).encode()).hexdigest()


def shake(server, to, secret=SECRET):
    """A component that has connected."""
    c = component(server, to)
    c.send(f"<handshake>{proof(c, secret)}</handshake>")
    c.expect("handshake", "jabber:component:accept")
    c.jid = c.bare = to
    return c


def ask(c, to, payload, kind="get", ident="c1", sender=None):
    """An iq of the component, and its answer, maybe behind other stanzas, which stay."""
    c.send(f"<iq type='{kind}' id='{ident}' from='{sender or c.jid}' to='{to}'>{payload}</iq>")
    return c.find("iq", id=ident)


def passed(c, to="localhost"):
    """All stanzas that have come before the server has handled what the component sent so far."""
    c.send(f"<iq type='get' id='passed' from='{c.jid}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>")
    came = []
    while (element := c.next()).get("id") != "passed":
        came.append(element)
    return came


def leave(c):
    c.send("</stream:stream>")
    c.expect_end()
