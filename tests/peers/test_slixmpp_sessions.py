"""Slixmpp with several sessions of one account, and with one that it comes back to: carbons, stream
management, client state, push."""
import asyncio
from xml.etree import ElementTree

from flow import HOST, alone, rows
from peer import scripted, shipped
from test_slixmpp import Person, play

SERVER = shipped()
MANAGED = dict(plugins=["xep_0198"], events=["sm_enabled", "session_resumed", "sm_failed", "stanza_acked"])
CARBONS = dict(plugins=["xep_0280"], events=["carbon_received", "carbon_sent"])
PUSH = "urn:xmpp:push:0"


async def found(client, *args, **attrs):
    """What a scripted client finds, while the loop goes on."""
    return await asyncio.to_thread(client.find, *args, **attrs)


def test_carbons(server):
    async def scene():
        user, other = server.account(), scripted(server)
        desk = await Person(server, user, **CARBONS).online()
        phone = await Person(server, user, **CARBONS).online()
        for person in (desk, phone):
            await person.x["xep_0280"].enable()
        other.message(desk.x.boundjid.full, "to the desk")
        assert (await desk.wait("message"))["body"] == "to the desk"
        copy = (await phone.wait("carbon_received"))["carbon_received"]
        assert (copy["body"], copy["from"].full) == ("to the desk", other.jid), copy
        phone.x.send_message(other.bare, "from the phone", mtype="chat")
        assert (await found(other, "message", has="body")).get("from") == phone.x.boundjid.full
        copy = (await desk.wait("carbon_sent"))["carbon_sent"]
        assert (copy["body"], copy["to"].bare) == ("from the phone", other.bare), copy
        await phone.x["xep_0280"].disable()
        other.message(desk.x.boundjid.full, "not for the phone")
        await desk.wait("message")
        await phone.ping()
        assert phone.came["carbon_received"].empty()
        for person in (desk, phone):
            await person.leave()
    play(scene())


async def back(person):
    """It comes back to the session that it had."""
    person.connect()
    await person.wait("session_resumed")
    assert person.came["sm_failed"].empty()


async def messages(person, n):
    return [(await person.wait("message"))["body"] for _ in range(n)]


def test_resumes(server):
    """Its connection is cut; what was said meanwhile comes once, what it said counts once."""
    async def scene():
        other, person = scripted(server), await Person(server, server.account(), **MANAGED).online()
        await person.wait("sm_enabled")
        full = person.x.boundjid.full
        for turn in range(3):
            other.message(full, f"{turn} before")
            assert await messages(person, 1) == [f"{turn} before"]
            person.x.transport.abort()
            await person.wait("disconnected")
            other.message(full, f"{turn} meanwhile")
            await back(person)
            assert await messages(person, 1) == [f"{turn} meanwhile"]
            person.x.send_message(other.bare, f"{turn} here", mtype="chat")
            assert (await found(other, "message", has="body")).child_text("body") == f"{turn} here"
        await person.ping()
        assert person.came["message"].empty() and person.came["session_start"].empty()
        await person.leave()
    play(scene())


@alone(**SERVER)
@rows(("kill", "kill"), ("stop", "stop"))
def test_resumes_after_restart(server, how):
    """The server is killed, or stopped and started: it comes back to its session all the same."""
    async def scene():
        other, person = scripted(server), await Person(server, server.account(), **MANAGED).online()
        await person.wait("sm_enabled")
        for n in range(5):
            other.message(person.x.boundjid.full, f"{n}")
        assert await messages(person, 5) == [f"{n}" for n in range(5)]
        other.sync()
        getattr(server, how)()
        await person.wait("disconnected")
        server.start()
        other = scripted(server)
        other.message(person.x.boundjid.full, "before it is back")
        await back(person)
        assert (await messages(person, 1)) == ["before it is back"]
        person.x.send_message(other.bare, "as if nothing had been", mtype="chat")
        assert (await found(other, "message", has="body")).get("from") == person.x.boundjid.full
        await person.ping()
        assert person.came["message"].empty()
        await person.leave()
    play(scene())


def test_sleeps(server):
    """An inactive client is left alone with presence and typing, and gets both before a message."""
    async def scene():
        other, person = scripted(server), await Person(server, server.account(), plugins=["xep_0352"]).online()
        person.x["xep_0352"].send_inactive()
        await person.ping()
        other.presence("<status>one</status>", to=person.x.boundjid.full, reflected=False)
        other.presence("<status>two</status>", to=person.x.boundjid.full, reflected=False)
        other.sync()
        assert person.came["presence_available"].qsize() == 1, "its own alone"
        person.x["xep_0352"].send_active()
        for status in ("one", "two"):
            assert (await person.presence_of(other.bare))["status"] == status
        await person.leave()
    play(scene())


def test_push(server):
    """It names a push service, sleeps with its connection cut, and the service hears of a message."""
    async def scene():
        service, other = scripted(server), scripted(server)
        person = await Person(server, server.account(), **MANAGED).online()
        await person.wait("sm_enabled")
        iq = person.x.make_iq_set()
        iq.append(ElementTree.Element(f"{{{PUSH}}}enable", {"jid": service.jid, "node": "phone"}))
        await iq.send()
        person.x.transport.abort()
        await person.wait("disconnected")
        other.message(person.bare, "wake up")
        push = await found(service, "iq", type="set", has="pubsub")
        assert push.get("from") == HOST and push.child("pubsub").child("publish").get("node") == "phone", push
        service.send(f"<iq type='result' to='{HOST}' id='{push.get('id')}'/>")
        await back(person)
        assert await messages(person, 1) == ["wake up"]
        await person.leave()
    play(scene())
