"""Slixmpp with several sessions of one account, and with one that sleeps: carbons, client state, push."""
from xml.etree import ElementTree

from flow import HOST
from peer import scripted, shipped
from test_slixmpp import Person, found, play
from test_slixmpp_smacks import Managed

SERVER = shipped()
CARBONS = dict(plugins=["xep_0280"], events=["carbon_received", "carbon_sent"])
PUSH = "urn:xmpp:push:0"


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
        person = await Managed(server, server.account()).online()
        await person.wait("sm_enabled")
        iq = person.x.make_iq_set()
        iq.append(ElementTree.Element(f"{{{PUSH}}}enable", {"jid": service.jid, "node": "phone"}))
        await iq.send()
        await person.cut()
        other.message(person.bare, "wake up")
        push = await found(service, "iq", type="set", has="pubsub")
        assert push.get("from") == HOST and push.child("pubsub").child("publish").get("node") == "phone", push
        service.send(f"<iq type='result' to='{HOST}' id='{push.get('id')}'/>")
        await person.back()
        assert (await person.wait("message"))["body"] == "wake up"
        await person.leave()
    play(scene())
