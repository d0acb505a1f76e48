"""A client that speaks stream management (XEP-0198), under the test's control: it counts, but says only
what it is told to say."""
import time

from client import DEADLINE, Client
from flow import HOST, PASSWORD
from server import DEFAULTS

NS3, NS2 = "urn:xmpp:sm:3", "urn:xmpp:sm:2"
CONFIG = {"modules_enabled": DEFAULTS["modules_enabled"].replace("}", ', "smacks", "carbons" }')}
STANZAS = ("message", "presence", "iq")


def with_options(**options):
    """Arguments of a server that has these."""
    return dict(accounts=12, config={**CONFIG, **{k: str(v) for k, v in options.items()}})


class Managed(Client):
    """`h` counts the stanzas that have come since it was enabled; <r/> is answered where `answers`."""
    ns, h, counting, answers, token, resumed = NS3, 0, False, True, None, None

    def next(self, timeout=None):
        while True:
            element = super().next(timeout)
            if self.counting and element.name in STANZAS and element.ns == "jabber:client":
                if not getattr(element, "counted", False):
                    element.counted = True
                    self.h = (self.h + 1) % 2**32
            if element.matches("r", self.ns):
                if self.answers:
                    self.ack()
                continue
            return element

    def nothing(self):
        """But for answers to what acked() has asked more than once."""
        came = [element for element in self.sync() if not element.matches("a", self.ns)]
        assert not came, f"something came: {came}"

    def ack(self, h=None):
        self.send(f"<a xmlns='{self.ns}' h='{self.h if h is None else h}'/>")

    def enable(self, resume=True, extra="", ns=NS3):
        self.ns = ns
        attrs = (" resume='true'" if resume else "") + extra
        self.send(f"<enable xmlns='{ns}'{attrs}/>")
        enabled = self.find("enabled", ns)
        self.counting, self.h, self.token = True, 0, enabled.get("id")
        return enabled

    def acked(self, wanted=None):
        """Asks, and waits for an h, that one if it is told; asks again, since what is told is what is on
        the disk by then."""
        deadline = time.monotonic() + 2 * DEADLINE
        while True:
            self.send(f"<r xmlns='{self.ns}'/>")
            h = int(self.find("a", self.ns).get("h"))
            if wanted is None or h == wanted:
                return h
            assert time.monotonic() < deadline, f"{h} are acknowledged, not {wanted}"


def connect(server, user, cls=Managed):
    """Authenticated, not bound."""
    c = cls(server.port, HOST)
    server.clients.append(c)
    c.open()
    c.authenticate(user, PASSWORD, "PLAIN")
    c.features = c.open()
    return c


def managed(server, user=None, resource=None, presence=True, resume=True, extra="", ns=NS3, answers=True):
    """Online, with stream management enabled, and nothing on its way."""
    c = connect(server, user or server.account())
    c.answers = answers
    c.bind(resource)
    if presence:
        c.roster()
        c.presence()
    c.enable(resume, extra, ns)
    return c


def resume(server, old, h=None, token=None, ns=None):
    """Another connection that asks for the session of `old`; what the server says to that."""
    c = connect(server, old.user)
    c.ns, c.answers, c.jid, c.bare = ns or old.ns, old.answers, old.jid, old.bare
    c.send(f"<resume xmlns='{c.ns}' previd='{token or old.token}' h='{old.h if h is None else h}'/>")
    c.resumed = c.next()
    if c.resumed.name == "resumed":
        c.counting, c.h, c.token = True, old.h if h is None else h, old.token
    return c


def taken_up(server, old, **args):
    """The same, which must succeed."""
    c = resume(server, old, **args)
    assert c.resumed.matches("resumed", c.ns, previd=old.token), f"not resumed: {c.resumed}"
    return c


def refused(server, old, condition="item-not-found", **args):
    c = resume(server, old, **args)
    assert c.resumed.matches("failed", c.ns), c.resumed
    assert c.resumed.child(condition, "stanzas"), c.resumed
    return c


def waiting(server, *clients):
    """How many sessions wait: those of these clients, or all."""
    lines = [line for line in server.ctl("smacks", "list", HOST).splitlines() if "waits for its client" in line]
    return len(lines) if not clients else sum(line.split()[0] in [c.jid for c in clients] for line in lines)


def until_waiting(server, *clients, n=1):
    deadline = time.monotonic() + DEADLINE
    while waiting(server, *clients) != n:
        assert time.monotonic() < deadline, f"{server.ctl('smacks', 'list', HOST)}\n{server.log_tail()}"


def lost_for_long(server, c):
    """The same where a session does not wait long enough to be seen waiting; and then its end."""
    c.abort()
    server.log_has(f"{c.jid} waits for its client")
    until_waiting(server, c, n=0)


def lost(server, *clients):
    """Their connections break, and the server has seen it."""
    for c in clients:
        c.abort()
    until_waiting(server, *clients, n=len(clients))


def messages(c, n):
    """The bodies of so many messages; then nothing comes any more."""
    came = [c.find("message") for _ in range(n)]
    c.nothing()
    return [m.child_text("body") for m in came]


def bodies(elements):
    return [e.child_text("body") for e in elements if e.name == "message"]
