"""Slixmpp: two people who meet, over STARTTLS and over direct TLS."""
import asyncio
import logging
import ssl

from client import DEADLINE
from flow import HOST, PASSWORD, Skip, rows
from peer import SERVER as _SERVER

SERVER = _SERVER

try:
    import slixmpp
except ImportError:
    slixmpp = None


class Person:
    """A slixmpp client; what happens to it lies in a queue for each event."""
    EVENTS = ("session_start", "failed_auth", "disconnected", "message", "roster_update", "presence_subscribe",
              "presence_subscribed", "presence_available", "presence_unavailable")

    def __init__(self, server, user, direct=False, binding=False, plugins=(), events=(), password=PASSWORD):
        self.server, self.direct = server, direct
        self.bare = f"{user}@{HOST}"
        self.x = slixmpp.ClientXMPP(self.bare, password)
        self.x.auto_authorize, self.x.auto_subscribe = None, False
        for plugin in ("xep_0030", "xep_0199", "xep_0203", *plugins):
            self.x.register_plugin(plugin)
        self.x.ssl_context.check_hostname = False
        self.x.ssl_context.verify_mode = ssl.CERT_NONE
        if not binding:
            self.x.add_event_handler("tls_success", self.forget_binding)
        self.came = {event: asyncio.Queue() for event in (*self.EVENTS, *events)}
        for event, queue in self.came.items():
            self.x.add_event_handler(event, queue.put_nowait)

    def forget_binding(self, _):
        """Slixmpp 1.8 knows tls-unique alone, which TLS 1.3 does not have: it says it can bind, and
        then cannot. Without binding data it says that it cannot."""
        mechanisms = self.x.plugin["feature_mechanisms"]
        real = mechanisms._default_credentials
        mechanisms.sasl_callback = lambda *values: {**real(*values), "channel_binding": None}

    async def wait(self, event):
        return await asyncio.wait_for(self.came[event].get(), DEADLINE)

    def connect(self):
        port = self.server.tls_port if self.direct else self.server.port
        if hasattr(self.x, "enable_direct_tls"):  # slixmpp 1.9 and newer
            self.x.enable_direct_tls, self.x.enable_starttls = self.direct, not self.direct
            self.x.connect("127.0.0.1", port)
        else:
            self.x.connect(("127.0.0.1", port), use_ssl=self.direct, force_starttls=not self.direct)

    async def online(self):
        self.connect()
        await self.wait("session_start")
        await self.x.get_roster()
        self.x.send_presence()
        return self

    async def presence_of(self, bare):
        while True:
            presence = await self.wait("presence_available")
            if presence["from"].bare == bare:
                return presence

    async def ping(self):
        """The server has handled what was sent before."""
        await self.x["xep_0199"].send_ping(HOST)

    async def leave(self):
        self.x.disconnect()
        await self.wait("disconnected")


async def found(client, *args, **attrs):
    """What a scripted client finds, while the loop goes on."""
    return await asyncio.to_thread(client.find, *args, **attrs)


def play(scene):
    """Runs the coroutine with an event loop of its own, all errors of which count."""
    if not slixmpp:
        raise Skip("slixmpp is not installed")
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.wait_for(scene, 4 * DEADLINE))
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)


async def subscribe(one, other):
    """Both ways."""
    for a, b in ((one, other), (other, one)):
        a.x.send_presence_subscription(b.bare, ptype="subscribe")
        assert (await b.wait("presence_subscribe"))["from"].bare == a.bare
        b.x.send_presence_subscription(a.bare, ptype="subscribed")
        assert (await a.wait("presence_subscribed"))["from"].bare == b.bare
        await a.presence_of(b.bare)


async def meet(server, direct):
    romeo = await Person(server, server.account(), direct).online()
    user = server.account()
    juliet = await Person(server, user, direct).online()

    await romeo.x.update_roster(juliet.bare, name="Juliet", groups=["Capulet"])
    assert romeo.x.client_roster[juliet.bare]["name"] == "Juliet"
    await subscribe(romeo, juliet)
    while romeo.x.client_roster[juliet.bare]["subscription"] != "both":
        await romeo.wait("roster_update")

    for one, other in ((romeo, juliet), (juliet, romeo)):
        one.x.send_message(other.bare, f"from {one.bare}", mtype="chat")
        message = await other.wait("message")
        assert (message["body"], message["from"].bare) == (f"from {one.bare}", one.bare)

    await juliet.leave()
    assert (await romeo.wait("presence_unavailable"))["from"].bare == juliet.bare
    romeo.x.send_message(juliet.bare, "while you were away", mtype="chat")
    await romeo.ping()
    juliet = await Person(server, user, direct).online()
    message = await juliet.wait("message")
    assert message["body"] == "while you were away" and message["delay"]["stamp"]

    info = await juliet.x["xep_0030"].get_info(HOST)
    assert ("server", "im") in {identity[:2] for identity in info["disco_info"]["identities"]}
    assert "urn:xmpp:ping" in info["disco_info"]["features"]
    await juliet.leave()
    await romeo.leave()


@rows(("starttls", False), ("direct tls", True))
def test_two_people(server, direct):
    async def scene():
        await meet(server, direct)
    play(scene())


def test_unmodified(server):
    """As it comes: it tries one mechanism after the other, and gets in."""
    async def scene():
        person = await Person(server, server.account(), binding=True).online()
        await person.leave()
    play(scene())


def test_wrong_password(server):
    async def scene():
        person = Person(server, server.account())
        person.x.credentials["password"] = "wrong"
        person.connect()
        await person.wait("failed_auth")
    play(scene())
