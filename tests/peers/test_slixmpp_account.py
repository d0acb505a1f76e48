"""Slixmpp and what the server keeps for its account: a vCard, who is blocked and reported, the password."""
from xml.etree import ElementTree

from flow import HOST
from peer import shipped
from test_slixmpp import Person, play, slixmpp, subscribe

SERVER = shipped("register", "spam_reporting", registration_throttle_max="100")
BLOCKING = dict(plugins=["xep_0191"], events=["blocked", "unblocked"])


async def friends(server, **args):
    one = await Person(server, server.account(), **args).online()
    other = await Person(server, server.account(), **args).online()
    await subscribe(one, other)
    return one, other


def test_vcard(server):
    async def scene():
        romeo, juliet = await friends(server, plugins=["xep_0054"])
        card = romeo.x["xep_0054"].make_vcard()
        card["FN"], card["NICKNAME"] = "Romeo Montague", "Romeo"
        await romeo.x["xep_0054"].publish_vcard(card)
        got = await juliet.x["xep_0054"].get_vcard(romeo.bare, cached=False)
        assert got["vcard_temp"]["FN"] == "Romeo Montague", got
        for person in (romeo, juliet):
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
