"""Streams between servers with stream management (XEP-0198), of either side, under the test's control."""
import re
import time

from client import DEADLINE
from federation import A, BIDI, C, EXTERNAL

NS3, NS2 = "urn:xmpp:sm:3", "urn:xmpp:sm:2"
SM = f"<sm xmlns='{NS3}'/><sm xmlns='{NS2}'/>"
EVE = f"eve@{C}"
MESSAGE = "<message from='{}' to='{}' type='chat'><body>{}</body></message>"


# ---- streams that we open

def proved(f, features=SM, ways=EXTERNAL):
    """The next stream to the test's server, with what is offered behind its proof."""
    link = f.remotes[C].accept()
    link.answer_tls(ways)
    if BIDI in ways:
        link.expect("bidi", "bidi")
    link.take_external(features)
    return link


def enabled(f, token="token", **args):
    link = proved(f, **args)
    link.expect("enable", NS3, resume="true")
    link.send(f"<enabled xmlns='{NS3}'{f' id={chr(39)}{token}{chr(39)} resume={chr(39)}true{chr(39)}' if token else ''}/>")
    return link


def ack(link, h):
    link.send(f"<a xmlns='{NS3}' h='{h}'/>")


def bodies(link, n, delayed=None):
    """The bodies of the next messages; they have, or have not, a stamp of when they were sent first."""
    came = [link.find("message") for _ in range(n)]
    for m in came:
        assert delayed is None or bool(m.child("delay", "urn:xmpp:delay")) is delayed, str(m)
    return [m.child_text("body") for m in came]


def say(client, *texts, to=EVE):
    for text in texts:
        client.message(to, text)


def until(f, text):
    """The command s2s list says it."""
    deadline = time.monotonic() + DEADLINE
    while text not in f.servers[0].ctl("s2s", "list", A):
        assert time.monotonic() < deadline, f.servers[0].ctl("s2s", "list", A)


def until_settled(f):
    """Nothing waits, and all is acknowledged, or has gone back."""
    deadline = time.monotonic() + DEADLINE
    while re.search(r"\b[1-9]\d* (unacknowledged|waiting)", f.servers[0].ctl("s2s", "list", A)):
        assert time.monotonic() < deadline, f.servers[0].ctl("s2s", "list", A)


def until_gone(f, direction):
    """The server has seen the end of the stream."""
    deadline = time.monotonic() + DEADLINE
    while direction in f.servers[0].ctl("s2s", "list", A):
        assert time.monotonic() < deadline, f.servers[0].ctl("s2s", "list", A)


# ---- streams that are opened to us

def inbound(f, bidi=False, here=C):
    link = f.connect(here=here, cert=f.ca.make(f"shown-{here}", here)).external(bidi=bidi)
    assert link.features.child("sm", NS3) and link.features.child("sm", NS2), str(link.features)
    return link


def managed(f, resume=True, **args):
    link = inbound(f, **args)
    link.send(f"<enable xmlns='{NS3}'{' resume=' + chr(39) + 'true' + chr(39) if resume else ''}/>")
    link.token = link.expect("enabled", NS3, resume="true" if resume else None).get("id")
    return link


def resume(f, token, h=0, **args):
    link = inbound(f, **args)
    link.token = token
    link.send(f"<resume xmlns='{NS3}' previd='{token}' h='{h}'/>")
    return link


def counted(link, h):
    link.send(f"<r xmlns='{NS3}'/>")
    link.find("a", NS3, h=str(h))
