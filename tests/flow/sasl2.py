"""SASL2 for scripted clients: XEP-0388, 0386, 0480, 0484."""
import hmac
from xml.sax.saxutils import quoteattr

import sasl
from flow import PASSWORD

NS = "urn:xmpp:sasl:2"
BIND = "urn:xmpp:bind:0"
FAST = "urn:xmpp:fast:0"
FAILURES = "urn:ietf:params:xml:ns:xmpp-sasl"
AGENT = "d4565fa7-4d72-4749-b3d3-740edbf87770"
OTHER_AGENT = "11111111-4d72-4749-b3d3-740edbf87770"


def agent(ident=AGENT):
    return f"<user-agent id='{ident}'><software>Test</software><device>This one</device></user-agent>"


def authenticate(client, mechanism, initial=None, extra=""):
    initial = f"<initial-response>{initial}</initial-response>" if initial is not None else ""
    client.send(f"<authenticate xmlns='{NS}' mechanism={quoteattr(mechanism)}>{initial}{extra}</authenticate>")


def respond(client, text):
    client.send(f"<response xmlns='{NS}'>{text}</response>")


def condition(failure):
    assert failure.matches("failure", NS), str(failure)
    return [c.name for c in failure.children if c.ns == FAILURES][0]


def scram(client, user, password=PASSWORD, mechanism="SCRAM-SHA-256", extra="", **args):
    """One log-in to the element that ends the exchange."""
    exchange = sasl.Scram(mechanism, user, password, **args)
    authenticate(client, mechanism, exchange.first(), extra)
    challenge = client.next()
    if challenge.name != "challenge":
        return challenge
    assert challenge.ns == NS, str(challenge)
    respond(client, exchange.final(challenge.text))
    end = client.next()
    if end.name in ("success", "continue"):
        exchange.verify(end.child_text("additional-data"))
    return end


def opened(server, **args):
    """A client under TLS, and the features that it got."""
    client = server.client(tls=True, **args)
    return client, client.open()


def identified(client, success):
    client.jid = success.child_text("authorization-identifier")
    client.bare = client.jid.partition("/")[0]
    client.user = client.bare.partition("@")[0]
    return client.jid


def login(server, user, extra="", password=PASSWORD, **args):
    """A client that has logged in, its <success/>, and the features behind it."""
    client, _ = opened(server)
    success = scram(client, user, password, extra=extra, **args)
    assert success.matches("success", NS), str(success)
    identified(client, success)
    return client, success, client.expect("features", "stream")


# ---- tokens

BINDINGS = {"NONE": None, "EXPR": "tls-exporter", "ENDP": "tls-server-end-point"}


def channel(client, mechanism):
    kind = BINDINGS[mechanism.rpartition("-")[2]]
    return sasl.channel_binding(client.sock, kind) if kind else b""


def proof(client, mechanism, token, role):
    return hmac.new(token.encode(), role + channel(client, mechanism), "sha256").digest()


def send_token(client, user, token, mechanism="HT-SHA-256-NONE", attrs="", extra="", ident=AGENT, bytes_=None):
    message = user.encode() + b"\0" + (bytes_ or proof(client, mechanism, token, b"Initiator"))
    authenticate(client, mechanism, sasl.b64(message), f"{agent(ident)}<fast xmlns='{FAST}'{attrs}/>{extra}")


def by_token(client, *args, **options):
    """The answer to a token: see send_token()."""
    send_token(client, *args, **options)
    return client.next()
