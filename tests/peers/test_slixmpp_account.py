"""Slixmpp and what the server keeps for its account: avatars, vCards, bookmarks, who is blocked and reported,
the password."""
import base64
import hashlib
from xml.etree import ElementTree

from flow import HOST
from peer import shipped
from test_slixmpp import Person, play, slixmpp, subscribe

SERVER = shipped("register", "spam_reporting", registration_throttle_max="100")
PEP = dict(plugins=["xep_0084", "xep_0054", "xep_0048", "xep_0049"], events=["avatar_metadata_publish"])
BLOCKING = dict(plugins=["xep_0191"], events=["blocked", "unblocked"])
IMAGE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
                         "Jggg==")
HASH = hashlib.sha1(IMAGE).hexdigest()


async def friends(server, **args):
    one = await Person(server, server.account(), **args).online()
    other = await Person(server, server.account(), **args).online()
    await subscribe(one, other)
    return one, other


def test_avatar(server):
    """A contact is told of it, gets it, and finds it in the vCard, too."""
    async def scene():
        romeo, juliet = await friends(server, **PEP)
        await juliet.ping()
        await romeo.x["xep_0084"].publish_avatar(IMAGE)
        await romeo.x["xep_0084"].publish_avatar_metadata({"id": HASH, "type": "image/png", "bytes": len(IMAGE)})
        told = await juliet.wait("avatar_metadata_publish")
        while told["from"].bare != romeo.bare:
            told = await juliet.wait("avatar_metadata_publish")
        info = told["pubsub_event"]["items"]["item"]["avatar_metadata"]["items"]
        assert [i["id"] for i in info] == [HASH], told
        got = await juliet.x["xep_0084"].retrieve_avatar(romeo.bare, HASH)
        assert got["pubsub"]["items"]["item"]["avatar_data"]["value"] == IMAGE
        vcard = await juliet.x["xep_0054"].get_vcard(romeo.bare, cached=False)
        assert vcard["vcard_temp"]["PHOTO"]["BINVAL"] == IMAGE
        for person in (romeo, juliet):
            await person.leave()
    play(scene())


def test_vcard(server):
    async def scene():
        romeo, juliet = await friends(server, **PEP)
        card = romeo.x["xep_0054"].make_vcard()
        card["FN"], card["NICKNAME"] = "Romeo Montague", "Romeo"
        await romeo.x["xep_0054"].publish_vcard(card)
        got = await juliet.x["xep_0054"].get_vcard(romeo.bare, cached=False)
        assert got["vcard_temp"]["FN"] == "Romeo Montague", got
        for person in (romeo, juliet):
            await person.leave()
    play(scene())


def test_bookmarks(server):
    """What is kept the old way is there for clients of XEP-0402."""
    async def scene():
        person = await Person(server, server.account(), **PEP).online()
        rooms = person.x["xep_0048"].stanza.Bookmarks()
        rooms.add_conference("balcony@rooms.example", "romeo", autojoin=True, name="Balcony")
        await person.x["xep_0048"].set_bookmarks(rooms)
        new = await person.x["xep_0060"].get_items(person.bare, "urn:xmpp:bookmarks:1")
        items = new["pubsub"]["items"]["substanzas"]
        assert [i["id"] for i in items] == ["balcony@rooms.example"], new
        conference = items[0].xml.find("{urn:xmpp:bookmarks:1}conference")
        assert (conference.get("name"), conference.get("autojoin")) == ("Balcony", "true"), new
        await person.x["xep_0060"].retract(person.bare, "urn:xmpp:bookmarks:1", "balcony@rooms.example", notify=True)
        old = await person.x["xep_0048"].get_bookmarks()
        assert not old["private"]["bookmarks"]["conferences"], old
        await person.leave()
    play(scene())


def test_blocking(server):
    async def scene():
        romeo, juliet = await friends(server, **BLOCKING)
        listed = await juliet.x["xep_0191"].get_blocked()  # who has asked is told of changes
        assert not listed["blocklist"]["items"], listed
        await juliet.x["xep_0191"].block(romeo.bare)
        gone = await romeo.wait("presence_unavailable")
        assert gone["from"].full == juliet.x.boundjid.full, gone
        assert (await juliet.wait("blocked"))["block"]["items"] == {slixmpp.JID(romeo.bare)}
        romeo.x.send_message(juliet.bare, "do you hear me?", mtype="chat")
        await romeo.ping()
        listed = await juliet.x["xep_0191"].get_blocked()
        assert listed["blocklist"]["items"] == {slixmpp.JID(romeo.bare)}, listed
        await juliet.x["xep_0191"].unblock(romeo.bare)
        await juliet.wait("unblocked")
        await romeo.presence_of(juliet.bare)
        romeo.x.send_message(juliet.bare, "and now?", mtype="chat")
        assert (await juliet.wait("message"))["body"] == "and now?"
        for person in (romeo, juliet):
            await person.leave()
    play(scene())


def test_report(server):
    async def scene():
        person = await Person(server, server.account(), **BLOCKING).online()
        iq = person.x.make_iq_set()
        block = ElementTree.SubElement(iq.xml, "{urn:xmpp:blocking}block")
        item = ElementTree.SubElement(block, "{urn:xmpp:blocking}item", {"jid": "spammer@example.org"})
        ns = "urn:xmpp:reporting:1"
        report = ElementTree.SubElement(item, f"{{{ns}}}report", {"reason": "urn:xmpp:reporting:spam"})
        ElementTree.SubElement(report, f"{{{ns}}}text").text = "never came trouble like this"
        await iq.send()
        listed = server.ctl("report", "list", HOST)
        assert "spammer@example.org  spam  " + person.bare in listed and "never came trouble" in listed, listed
        await person.leave()
    play(scene())


def test_new_password(server):
    """In band (XEP-0077): the new one is good for the next log-in, the old one is not."""
    async def scene():
        user = server.account()
        person = await Person(server, user, plugins=["xep_0077"]).online()
        await person.x["xep_0077"].change_password("new one", jid=HOST)
        await person.leave()
        person = Person(server, user)
        person.connect()
        await person.wait("failed_auth")
        person = await Person(server, user, password="new one").online()
        await person.leave()
    play(scene())
