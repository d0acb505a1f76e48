"""Slixmpp: an avatar and bookmarks by PEP (XEP-0084, XEP-0402), old vCards, a pubsub host (XEP-0060)."""
from flow import HOST
from peer import SERVER as _SERVER
from test_slixmpp import Person, play

HERE = "pubsub.localhost"
SERVER = dict(_SERVER, accounts=10, extra=f'Component "{HERE}" "pubsub"\n',
              config={**_SERVER["config"], "admins": f'{{ "user8@{HOST}" }}',
                      "modules_enabled": '{ "roster", "saslauth", "tls", "disco", "ping", "private", "pep", "bookmarks",'
                                         ' "vcard_legacy" }'})
PLUGINS = ("xep_0004", "xep_0048", "xep_0049", "xep_0054", "xep_0060", "xep_0084", "xep_0115", "xep_0153", "xep_0163")
PICTURE = bytes(range(256)) * 4
BOOKMARKS, ROOM = "urn:xmpp:bookmarks:1", "room@conference.example"


class Publisher(Person):
    EVENTS = (*Person.EVENTS, "avatar_metadata_publish", "pubsub_publish")

    def __init__(self, server, user):
        super().__init__(server, user)
        for plugin in PLUGINS:
            self.x.register_plugin(plugin)

    async def ready(self, *nodes):
        """Online, with capabilities that want to hear of these nodes."""
        self.connect()
        await self.wait("session_start")
        await self.x.get_roster()
        for node in nodes:
            self.x["xep_0163"].add_interest(node)
        await self.x["xep_0115"].update_caps()
        self.x.send_presence()
        return self


async def friends(server):
    one, other = [await Publisher(server, server.account()).ready("urn:xmpp:avatar:metadata") for _ in range(2)]
    for a, b in ((one, other), (other, one)):
        a.x.send_presence_subscription(b.bare, ptype="subscribe")
        await b.wait("presence_subscribe")
        b.x.send_presence_subscription(a.bare, ptype="subscribed")
        await a.wait("presence_subscribed")
    return one, other


async def avatar(server):
    romeo, juliet = await friends(server)
    pictures = romeo.x["xep_0084"]
    await pictures.publish_avatar(PICTURE)
    ident = pictures.generate_id(PICTURE)
    await pictures.publish_avatar_metadata([{"id": ident, "type": "image/png", "bytes": len(PICTURE)}])
    message = await juliet.wait("avatar_metadata_publish")
    info = list(message["pubsub_event"]["items"])[0]["avatar_metadata"]["items"][0]
    assert (message["from"].bare, info["id"]) == (romeo.bare, ident), str(message)
    reply = await juliet.x["xep_0084"].retrieve_avatar(romeo.bare, ident)
    assert reply["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE
    card = await juliet.x["xep_0054"].get_vcard(romeo.bare)
    assert card["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE, "old clients see it, too"
    for person in (romeo, juliet):
        await person.leave()


async def bookmarks(server):
    romeo = await Publisher(server, server.account()).ready()
    storage = romeo.x["xep_0048"].stanza.Bookmarks()
    storage.add_conference(ROOM, "me", autojoin=True, name="Room")
    await romeo.x["xep_0049"].store(storage)
    reply = await romeo.x["xep_0060"].get_items(romeo.bare, BOOKMARKS)
    found = list(reply["pubsub"]["items"])
    assert [item["id"] for item in found] == [ROOM], str(reply)
    assert found[0]["payload"].get("name") == "Room", str(reply)
    kept = await romeo.x["xep_0049"].retrieve("bookmarks")
    assert [c["jid"] for c in kept["private"]["bookmarks"]["conferences"]] == [ROOM], str(kept)
    await romeo.x["xep_0060"].retract(romeo.bare, BOOKMARKS, ROOM, notify=True)
    kept = await romeo.x["xep_0049"].retrieve("bookmarks")
    assert not kept["private"]["bookmarks"]["conferences"], str(kept)
    await romeo.leave()


async def service(server):
    owner, reader = Publisher(server, "user8"), Publisher(server, "user9")
    for person in (owner, reader):
        await person.ready()
    pubsub = owner.x["xep_0060"]
    await pubsub.create_node(HERE, "news")
    await reader.x["xep_0060"].subscribe(HERE, "news")
    payload = slixmpp_element("<entry xmlns='urn:example:entry'>hello</entry>")
    await pubsub.publish(HERE, "news", id="one", payload=payload)
    message = await reader.wait("pubsub_publish")
    assert message["pubsub_event"]["items"]["item"]["id"] == "one", str(message)
    reply = await reader.x["xep_0060"].get_items(HERE, "news")
    assert [item["id"] for item in reply["pubsub"]["items"]] == ["one"]
    nodes = await reader.x["xep_0060"].get_nodes(HERE)
    assert (HERE, "news") in [item[:2] for item in nodes["disco_items"]["items"]], str(nodes)
    await pubsub.retract(HERE, "news", "one", notify=True)
    reply = await reader.x["xep_0060"].get_items(HERE, "news")
    assert not list(reply["pubsub"]["items"])
    for person in (owner, reader):
        await person.leave()


def slixmpp_element(text):
    from slixmpp.xmlstream import ET
    return ET.fromstring(text)


def test_avatar(server):
    play(avatar(server))


def test_bookmarks(server):
    play(bookmarks(server))


def test_service(server):
    play(service(server))
