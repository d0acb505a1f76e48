"""Slixmpp: a client whose socket is cut comes back to its session (XEP-0198)."""
import asyncio

from flow import rows
from peer import SERVER as _SERVER
from peer import scripted, until
from server import DEFAULTS
from test_slixmpp import Person, found, play

SERVER = dict(_SERVER, config={**_SERVER["config"],
                               "modules_enabled": DEFAULTS["modules_enabled"].replace("}", ', "smacks" }')})


class Managed(Person):
    EVENTS = (*Person.EVENTS, "sm_enabled", "session_resumed", "stanza_acked", "sm_failed")

    def __init__(self, server, user):
        super().__init__(server, user)
        self.x.register_plugin("xep_0198", {"window": 1})

    async def cut(self):
        """No end of the stream, no end of TLS."""
        self.x.transport.abort()
        await self.wait("disconnected")

    async def back(self):
        self.connect()
        resumed = await self.wait("session_resumed")
        return int(resumed["h"])


async def loses_its_connection(server):
    juliet = await Managed(server, server.account()).online()
    await juliet.wait("sm_enabled")
    romeo = await Person(server, server.account()).online()
    romeo.x.send_message(juliet.bare, "before", mtype="chat")
    assert (await juliet.wait("message"))["body"] == "before"
    for turn in range(3):
        juliet.x.send_message(romeo.bare, f"from juliet {turn}", mtype="chat")
        assert (await romeo.wait("message"))["body"] == f"from juliet {turn}"
        await juliet.x["xep_0199"].send_ping("localhost")  # it asks before it sends: this time for the message
        await juliet.wait("stanza_acked")
        await juliet.cut()
        await asyncio.get_running_loop().run_in_executor(None, until, lambda: waits(server, juliet), "hibernation")
        romeo.x.send_message(juliet.bare, f"while cut {turn}", mtype="chat")
        await romeo.x["xep_0199"].send_ping("localhost")
        assert await juliet.back() > turn
        message = await juliet.wait("message")
        assert message["body"] == f"while cut {turn}" and message["delay"]["stamp"]
    assert juliet.came["message"].empty() and juliet.came["sm_failed"].empty()
    await juliet.leave()
    await romeo.leave()


def waits(server, person):
    return any(person.bare in line and "waits for its client" in line
               for line in server.ctl("smacks", "list", "localhost").splitlines())


def test_cut(server):
    play(loses_its_connection(server))


async def over_a_restart(server, how):
    other, juliet = scripted(server), await Managed(server, server.account()).online()
    await juliet.wait("sm_enabled")
    full = juliet.x.boundjid.full
    for n in range(5):
        other.message(full, f"{n}")
        assert (await juliet.wait("message"))["body"] == f"{n}"
    getattr(server, how)()
    await juliet.wait("disconnected")
    await asyncio.get_running_loop().run_in_executor(None, server.start)
    other = scripted(server)
    other.message(full, "before she is back")
    await juliet.back()
    assert (await juliet.wait("message"))["body"] == "before she is back"
    juliet.x.send_message(other.bare, "as if nothing had been", mtype="chat")
    assert (await found(other, "message", has="body")).get("from") == full
    await juliet.ping()
    assert juliet.came["message"].empty() and juliet.came["sm_failed"].empty()
    await juliet.leave()


@rows(("kill", "kill"), ("stop", "stop"))
def test_over_a_restart(server, how):
    """The server is killed, or stopped, and started; the client goes on as if its connection had been cut."""
    play(over_a_restart(server, how))
