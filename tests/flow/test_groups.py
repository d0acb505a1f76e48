"""mod_groups: contacts that a file gives to accounts."""
from flow import HOST, NS, Server, equal, rows, settle

ENABLED = '{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "groups" }'
U = [f"user{n}@{HOST}" for n in range(12)]
FILE = f"""# a comment, and then members of "default"
{U[10]}
{U[11]} = Eleven

[Friends]
  {U[0]} = The First
{U[1].upper()}=Second = and last
{U[2]}
; another comment
[ Work ]
{U[1]}=At Work
{U[3]}
{U[0]}
not an address
user4@{HOST}/with-resource
[broken

[+Help]
{U[5]}=Helpdesk
"""


class Served:
    def __init__(self, text=FILE, **config):
        self.server = Server(accounts=12, config={"modules_enabled": ENABLED, **config})
        self.file = self.server.dir / "groups.txt"
        self.file.write_text(text)
        self.server.config_file.write_text(f'groups_file = "groups.txt"\n{self.server.config_file.read_text()}')

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *error):
        self.server.release()
        if error[0]:
            self.server.kill()
        else:
            self.server.stop()

    def login(self, n, **args):
        return self.server.login(f"user{n}", **args)

    def online(self, n):
        return self.server.online(f"user{n}")

    def friends(self):
        """Two who see each other, and have been told of those who are not there."""
        a, b = self.online(0), self.online(2)
        a.find("presence", from_=b.jid)
        b.find("presence", from_=a.jid)
        for client, away in (a, U[1]), (a, U[3]), (b, U[1]):
            client.find("presence", from_=away, type="unavailable")
        settle(a, b)
        return a, b

    def change(self, old, new):
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))
        self.server.ctl("reload")


def looks(item):
    return item.get("name"), item.get("subscription"), item.get("ask"), sorted(g.text for g in item.children)


def contacts(client):
    return {jid: looks(item) for jid, item in client.roster().items()}


HELP = {U[5]: ("Helpdesk", "both", None, ["Help"])}


def test_who_has_whom():
    with Served() as s:
        equal(contacts(s.login(0)), {U[1]: ("Second = and last", "both", None, ["Friends", "Work"]),
                                     U[2]: (None, "both", None, ["Friends"]), U[3]: (None, "both", None, ["Work"]), **HELP})
        equal(contacts(s.login(3)), {U[1]: ("At Work", "both", None, ["Work"]), U[0]: (None, "both", None, ["Work"]), **HELP})
        equal(contacts(s.login(10)), {U[11]: ("Eleven", "both", None, ["default"]), **HELP})
        equal(contacts(s.login(4)), HELP)
        equal(contacts(s.login(5)), {})
        for fault in (":14: that is not the address", ":15: that is not the address", ":16: the heading has no end"):
            assert f"groups.txt{fault}" in s.server.log(), fault


def test_presence_between_members():
    with Served() as s:
        a = s.online(0)
        b = s.online(2)
        equal(a.find("presence", from_=b.jid).get("type"), None)
        equal(b.find("presence", from_=a.jid).get("type"), None)
        stranger = s.online(4)
        b.presence("<show>away</show>")
        equal(a.find("presence", from_=b.jid).child_text("show"), "away")
        b.close()
        equal(a.find("presence", from_=b.jid).get("type"), "unavailable")
        stranger.nothing()


def test_members_of_public_groups():
    """Everybody sees them, whoever comes first, and they see nobody whom they do not know."""
    with Served() as s:
        early = s.online(4)
        helper = s.online(5)
        equal(early.find("presence", from_=helper.jid).get("type"), None)
        late = s.online(6)
        equal(late.find("presence", from_=helper.jid).get("type"), None)
        helper.presence("<show>dnd</show>")
        for c in (early, late):
            equal(c.find("presence", from_=helper.jid).child_text("show"), "dnd")
        helper.abort()
        for c in (early, late):
            equal(c.find("presence", from_=helper.jid).get("type"), "unavailable")
        late.nothing()


def test_cannot_be_removed_nor_unsubscribed():
    with Served() as s:
        a, b = s.friends()
        equal(a.roster_set(U[2], subscription="remove").error(), ("cancel", "not-allowed"))
        for kind in ("unsubscribe", "unsubscribed"):
            a.presence(to=U[2], type=kind)
        a.nothing()
        b.nothing()
        equal(contacts(a)[U[2]][1], "both")
        a.presence(to=U[2], type="subscribe")  # it is so already
        b.presence("<show>xa</show>")
        assert a.find("presence", from_=b.jid, has="show").child_text("show") == "xa"


def test_own_name_and_groups():
    """They are kept beside those of the list, and alone when the list no longer has the contact."""
    with Served() as s:
        a = s.login(0, roster=True)
        equal(a.roster_set(U[2], None, ["Friends"]).get("type"), "result")  # as it is
        a.push()
        equal(a.roster_set(U[1], "Mine", ["Friends", "Work", "Own"]).get("type"), "result")
        equal(looks(a.push()), ("Mine", "both", None, ["Friends", "Own", "Work"]))
        a.close()
        s.file.write_text(f"[Friends]\n{U[7]}\n")
        s.server.ctl("reload")
        equal(contacts(s.login(0)), {U[1]: ("Mine", "none", None, ["Own"])})


def test_own_subscription_comes_back():
    with Served(f"[G]\n{U[7]}\n") as s:
        a = s.login(0, roster=True)
        a.presence(to=U[2], type="subscribe")
        equal(looks(a.push()), (None, "none", "subscribe", []))
        s.file.write_text(f"[G]\n{U[0]}\n{U[2]}=Two\n")
        s.server.ctl("reload")
        equal(looks(a.push()), ("Two", "both", None, ["G"]))
        s.file.write_text("")
        s.server.ctl("reload")
        equal(looks(a.push()), (None, "none", "subscribe", []))


def test_version_changes_with_the_list():
    with Served() as s:
        a = s.login(2)
        query = a.iq("get", f"<query xmlns='{NS['roster']}'/>").child("query")
        asked = f"<query xmlns='{NS['roster']}' ver='{query.get('ver')}'/>"
        equal(a.iq("get", asked).child("query"), None)
        a.close()
        s.server.stop()
        s.server.start()
        equal(s.login(2).iq("get", asked).child("query"), None)
        s.change("The First", "Somebody")
        changed = s.login(2).iq("get", asked).child("query")
        assert changed is not None and changed.get("ver") != query.get("ver")


def test_reload():
    """Who comes, goes and is renamed is pushed; presence follows, both ways."""
    with Served() as s:
        a, b = s.friends()
        c = s.online(6)
        s.change("The First", "Chief")
        equal(looks(b.push()), ("Chief", "both", None, ["Friends"]))
        s.change(f"\n{U[2]}\n", f"\n{U[6]}\n")
        pushed = {item.get("jid"): item.get("subscription") for item in (a.push(), a.push())}
        equal(pushed, {U[2]: "remove", U[6]: "both"})
        equal(a.find("presence", from_=b.jid).get("type"), "unavailable")
        equal(b.find("presence", from_=a.jid).get("type"), "unavailable")
        equal(a.find("presence", from_=c.jid).get("type"), None)
        equal(c.find("presence", from_=a.jid).get("type"), None)
        b.roster()
        equal(set(contacts(b)), {U[5]})
        equal(set(contacts(c)), {U[0], U[1], U[5]})
        s.file.unlink()
        assert "cannot be read" in s.server.ctl("reload") + s.server.log()
        equal(set(contacts(c)), {U[0], U[1], U[5]})


def test_module_comes_and_goes():
    with Served() as s:
        a, b = s.friends()
        s.server.ctl("module", "reload", HOST, "groups")
        a.nothing()
        b.nothing()
        s.server.ctl("module", "unload", HOST, "groups")
        equal({a.push().get("subscription") for _ in range(4)}, {"remove"})
        equal(a.find("presence", from_=b.jid).get("type"), "unavailable")
        equal(contacts(a), {})
        s.server.ctl("module", "load", HOST, "groups")
        equal({a.push().get("subscription") for _ in range(4)}, {"both"})
        equal(a.find("presence", from_=b.jid).get("type"), None)


def test_nothing_is_stored():
    with Served() as s:
        s.online(0)
        s.server.stop()
        config = s.server.config_file.read_text().replace('"groups"', "").replace("groups_file", "-- groups_file")
        s.server.config_file.write_text(config)
        s.server.start()
        equal(contacts(s.login(0)), {})


def test_places_for_own_contacts():
    """Shared ones take none of them."""
    many = "[G]\n" + "".join(f"a{n}@{HOST}\n" for n in range(20)) + U[0]
    with Served(many, roster_max_items="2") as s:
        a = s.login(0, roster=True)
        equal(len(contacts(a)), 20)
        equal([a.roster_set(f"own{n}@{HOST}").get("type") for n in range(3)], ["result", "result", "error"])
        a.push(), a.push()
        equal(len(contacts(a)), 22)


@rows(("no file", "groups_file cannot be read", "nowhere.txt"), ("no option", "groups_file is not set", None))
def test_refused(why, path):
    s = Served()
    text = s.server.config_file.read_text()
    s.server.config_file.write_text(text.replace('groups_file = "groups.txt"', f'groups_file = "{path}"' if path else ""))
    try:
        s.server.start()
    except AssertionError:
        pass
    try:
        s.server.log_has(why)
    finally:
        if s.server.process:
            s.server.kill()
