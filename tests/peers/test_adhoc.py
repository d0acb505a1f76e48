"""Slixmpp's client for ad-hoc commands: an administrator makes an account, and others may not."""
import asyncio

from client import DEADLINE
from flow import HOST
from test_slixmpp import Person, play

from peer import SERVER as _SERVER

ADMIN = "http://jabber.org/protocol/admin"
ENABLED = '{ "roster", "saslauth", "tls", "disco", "ping", "admin_adhoc" }'

SERVER = {**_SERVER, "config": {**_SERVER["config"], "modules_enabled": ENABLED, "admins": f'{{ "boss@{HOST}" }}'}}


class Caller(Person):
    def __init__(self, server, user):
        super().__init__(server, user)
        for plugin in ("xep_0004", "xep_0050"):
            self.x.register_plugin(plugin)
        self.commands = self.x["xep_0050"]

    async def nodes(self):
        reply = await self.commands.get_commands(HOST)
        return {item[1] for item in reply["disco_items"]["items"]}

    async def ended(self, node, fill_in):
        """Begins the command, completes it by the form that `fill_in` filled in; the last answer."""
        over = asyncio.get_running_loop().create_future()

        def on_form(iq, session):
            form = iq["command"]["form"]
            fill_in(form)
            session.update(payload=form, next=on_end)
            form["type"] = "submit"
            self.commands.complete_command(session)

        def on_end(iq, session):
            over.set_result(iq)

        def on_error(iq, session):
            over.set_result(iq)

        self.commands.start_command(HOST, node, {"next": on_form, "error": on_error})
        return await asyncio.wait_for(over, DEADLINE)


def test_add_user(server):
    server.ctl("adduser", f"boss@{HOST}", "secret", check=False)

    def fill_in(form):
        assert form.get_fields()["accountjid"]["type"] == "jid-single"
        form.set_values({"accountjid": f"new@{HOST}", "password": "secret", "password-verify": "secret"})

    async def scene():
        boss, user = await Caller(server, "boss").online(), await Caller(server, server.account()).online()
        assert f"{ADMIN}#add-user" in await boss.nodes()
        assert not await user.nodes()
        answer = await boss.ended(f"{ADMIN}#add-user", fill_in)
        assert (answer["type"], answer["command"]["status"]) == ("result", "completed"), str(answer)
        assert answer["command"]["notes"] == [("info", "The account was made")], str(answer)
        answer = await user.ended(f"{ADMIN}#add-user", fill_in)
        assert (answer["type"], answer["error"]["condition"]) == ("error", "forbidden"), str(answer)
        fresh = await Person(server, "new").online()
        for person in (boss, user, fresh):
            await person.leave()

    play(scene())
