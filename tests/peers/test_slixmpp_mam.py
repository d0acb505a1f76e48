"""Slixmpp pages through its archive (xep_0313), forwards, backwards and by contact."""
from flow import rows
from peer import SERVER as _SERVER
from test_slixmpp import Person, play

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "message", "iq", "mam" }'
SERVER = {**_SERVER, "config": {**_SERVER["config"], "modules_enabled": MODULES}}


async def talk(server, n):
    """Juliet has n messages of Romeo's, and one of her own behind them."""
    romeo = await Person(server, server.account()).online()
    juliet = await Person(server, server.account()).online()
    for person in (romeo, juliet):
        person.x.register_plugin("xep_0313")
    for i in range(n):
        romeo.x.send_message(juliet.bare, f"m{i}", mtype="chat")
    for _ in range(n):
        await juliet.wait("message")
    juliet.x.send_message("nurse@example.org", "to somebody else", mtype="chat")
    await juliet.x["xep_0199"].send_ping(juliet.x.boundjid.domain)
    return romeo, juliet


def body(result):
    return result["mam_result"]["forwarded"]["stanza"]["body"]


@rows(("forwards", False, 10), ("backwards", True, 10), ("large pages", False, 50))
def test_pages(server, reverse, amount):
    async def scene():
        romeo, juliet = await talk(server, 35)
        got = [body(r) async for r in juliet.x["xep_0313"].iterate(with_jid=romeo.bare, reverse=reverse,
                                                                   rsm={"max": amount})]
        wanted = [f"m{i}" for i in range(35)]
        assert got == (wanted[::-1] if reverse else wanted), got
        got = [body(r) async for r in juliet.x["xep_0313"].iterate(reverse=True, total=2)]
        assert got == ["to somebody else", "m34"], got
        for person in (romeo, juliet):
            await person.leave()
    play(scene())


def test_fields_and_metadata(server):
    async def scene():
        romeo, juliet = await talk(server, 2)
        form = await juliet.x["xep_0313"].get_fields()
        assert {"with", "start", "end", "before-id", "after-id", "ids"} <= set(form.get_fields()), form
        metadata = (await juliet.x["xep_0313"].get_archive_metadata())["mam_metadata"]
        first = [r async for r in juliet.x["xep_0313"].iterate(total=1)][0]
        assert metadata["start"]["id"] == first["mam_result"]["id"] != metadata["end"]["id"]
        for person in (romeo, juliet):
            await person.leave()
    play(scene())
