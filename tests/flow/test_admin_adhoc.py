"""Service administration (XEP-0133) from a client, and who may not."""
from adhoc import COMMANDS, FORMS, Command, details, notes, submit, values
from flow import HOST, NS, alone, equal, rows

ADMIN = "http://jabber.org/protocol/admin"
MODULES = "http://prosody.im/protocol/modules"
CONFIG = "http://prosody.im/protocol/config"
OTHER = "other.example"
ENABLED = '{ "roster", "saslauth", "disco", "ping", "offline", "admin_adhoc" }'

SERVER = dict(config={"modules_enabled": ENABLED, "admins": '{ "root@localhost" }'},
              hosts={HOST: {"admins": '{ "boss@localhost" }'}, OTHER: {"admins": '{ "chief@other.example" }'}},
              accounts=60)
ALL = {f"{ADMIN}#{name}" for name in (
    "add-user", "delete-user", "disable-user", "reenable-user", "change-user-password", "end-user-session", "user-stats", "get-registered-users-num",
    "get-registered-users-list", "get-online-users-num", "get-online-users-list", "announce", "get-active-users-num",
    "get-active-users", "get-idle-users-num", "get-idle-users", "get-disabled-users-num", "get-disabled-users-list", "get-user-roster")} | \
    {f"{MODULES}#{name}" for name in ("list", "load", "unload", "reload")}
OPERATORS = {f"{ADMIN}#shutdown", f"{ADMIN}#restart", f"{CONFIG}#reload"}


def admin(server, name="boss", host=HOST):
    server.ctl("adduser", f"{name}@{host}", "secret", check=False)
    return server.client(host).login(name, "secret", f"r{next(server.resources)}", presence=True, roster=True)


def command(client, name, space=ADMIN, to=HOST):
    return Command(client, f"{space}#{name}", to)


def run(client, name, form, space=ADMIN, status="completed"):
    c = command(client, name, space)
    c.run()
    return c.fill_in(form, status=status)


def refused(client, name, form):
    c = command(client, name)
    c.run()
    return details(c.send("complete", submit(form)))


def listed(client):
    reply = client.iq("get", f"<query xmlns='{NS['disco#items']}' node='{COMMANDS}'/>", to=HOST)
    return {i.get("node") for i in reply.child("query").all("item")}


def test_each_sees_what_he_may_do(server):
    equal(listed(admin(server)), ALL)
    equal(listed(admin(server, "root")), ALL | OPERATORS)
    equal(listed(server.login()), set())
    equal(listed(admin(server, "chief", OTHER)), set())


@rows(*((node.split("#")[1] + " of " + node.split("/")[2], node) for node in sorted(ALL | OPERATORS)))
def test_refused(server, node):
    """To an account without rights, and to the administrator of another host."""
    for client in (server.login(), admin(server, "chief", OTHER)):
        equal(Command(client, node).send().error(), ("cancel", "forbidden"))
    assert (Command(admin(server), node).send().error() is not None) == (node in OPERATORS)


def test_the_other_host_has_its_own(server):
    c = command(admin(server, "chief", OTHER), "add-user", to=OTHER)
    c.run()
    c.fill_in({"accountjid": f"new@{OTHER}", "password": "x", "password-verify": "x"})
    server.client(OTHER).login("new", "x", "r").close()
    c = command(c.client, "add-user", to=OTHER)
    c.run()
    equal(details(c.send("complete", submit({"accountjid": f"new2@{HOST}", "password": "x", "password-verify": "x"}))),
          ("bad-request", "bad-payload"))


def test_life_of_an_account(server):
    boss = admin(server)
    account = {"accountjid": f"kim@{HOST}"}
    form = command(boss, "add-user").run().child("command").child("x", FORMS)
    equal((form.get("type"), form.child("field").child_text("value")), ("form", ADMIN))
    run(boss, "add-user", {**account, "password": "one", "password-verify": "one"})
    equal(refused(boss, "add-user", {**account, "password": "one", "password-verify": "one"}), ("conflict", None))
    kim = server.client().login("kim", "one", "a", presence=True, roster=True)
    kim.roster_set("friend@elsewhere.example")
    run(boss, "change-user-password", {**account, "password": "two"})
    server.client().login("kim", "two", "b")
    reply = run(boss, "user-stats", account)
    stats = values(reply)
    equal((stats["rostersize"], sorted(stats["onlineresources"])), (["1"], ["a", "b"]))
    equal(set(stats["ipaddresses"]), {"127.0.0.1"})
    equal(notes(run(boss, "end-user-session", {"accountjids": [f"kim@{HOST}/b"]})), [("info", "1 ended")])
    equal(notes(run(boss, "disable-user", {"accountjids": [f"kim@{HOST}", f"nobody@{HOST}"]})),
          [("error", f"nobody@{HOST}: there is no such account"), ("info", "1 of 2 disabled")])
    kim.find("error", "stream")
    equal(notes(run(boss, "reenable-user", {"accountjids": [f"kim@{HOST}"]})), [("info", "1 of 1 enabled")])
    kim = server.client().login("kim", "two", "b")
    equal(notes(run(boss, "delete-user", {"accountjids": [f"kim@{HOST}", f"nobody@{HOST}"]})),
          [("error", f"nobody@{HOST}: there is no such account"), ("info", "1 of 2 deleted")])
    kim.find("error", "stream")
    equal(refused(boss, "user-stats", account), ("item-not-found", None))


@rows(("passwords differ", "add-user", {"password": "a", "password-verify": "b"}, ("bad-request", "bad-payload")),
      ("no password", "add-user", {}, ("bad-request", "bad-payload")),
      ("bad name", "add-user", {"accountjid": f"a b@{HOST}", "password": "x", "password-verify": "x"},
       ("bad-request", "bad-payload")),
      ("resource", "change-user-password", {"accountjid": f"lee@{HOST}/r", "password": "x"},
       ("bad-request", "bad-payload")),
      ("nobody", "change-user-password", {"password": "x"}, ("item-not-found", None)),
      ("host alone", "delete-user", {"accountjids": [HOST]}, ("bad-request", "bad-payload")),
      ("another host", "delete-user", {"accountjids": [f"chief@{OTHER}"]}, ("bad-request", "bad-payload")))
def test_bad_answers(server, name, form, wanted):
    equal(refused(admin(server), name, {"accountjid": f"nobody@{HOST}", **form}), wanted)


def test_end_of_all_sessions(server):
    boss, user = admin(server), server.online()
    run(boss, "end-user-session", {"accountjids": [user.bare]})
    user.find("error", "stream")
    equal(notes(run(boss, "end-user-session", {"accountjids": [user.bare]})), [("error", "There is no such session")])


def test_lists(server):
    boss, user = admin(server), server.online()
    away = f"{server.account()}@{HOST}"
    everybody = values(run(boss, "get-registered-users-list", {"max_items": "none"}))["registereduserjids"]
    assert {boss.bare, user.bare, away} <= set(everybody), everybody
    count = int(values(command(boss, "get-registered-users-num").run(status="completed"))["registeredusersnum"][0])
    equal(count, len(everybody))
    few = run(boss, "get-registered-users-list", {"max_items": "25"})
    assert len(values(few)["registereduserjids"]) == 25 and notes(few)[0][0] == "warn", str(few)
    online = values(run(boss, "get-online-users-list", {}))["onlineuserjids"]
    assert {boss.bare, user.bare} <= set(online) and away not in online, online
    equal(len(online), len(set(online)))
    count = int(values(command(boss, "get-online-users-num").run(status="completed"))["onlineusersnum"][0])
    equal(count, len(online))


def counted(boss, name):
    return int(values(command(boss, f"get-{name}-users-num").run(status="completed"))[f"{name}usersnum"][0])


def test_who_is_active_idle_disabled(server):
    boss, here, away, gone = admin(server), server.online(), server.online(), server.login()
    away.presence("<show>away</show>")
    away.sync()
    for name, inside, outside, var in (("get-active-users", {here.bare}, {away.bare, gone.bare}, "activeuserjids"),
                                       ("get-idle-users", {away.bare, gone.bare}, {here.bare}, "activeuserjids")):
        listed = set(values(run(boss, name, {}))[var])
        assert inside <= listed and not outside & listed, (name, listed)
        equal(counted(boss, name.split("-")[1]), len(listed))
    second = server.online(away.bare.split("@")[0])  # with one session that is not away he is not idle
    assert away.bare in values(run(boss, "get-active-users", {}))["activeuserjids"]
    second.close()
    before = counted(boss, "disabled")
    run(boss, "disable-user", {"accountjids": [gone.bare]})
    assert gone.bare in values(run(boss, "get-disabled-users-list", {}))["disableduserjids"]
    equal(counted(boss, "disabled"), before + 1)


def test_roster_of_an_account(server):
    boss, user = admin(server), server.online()
    user.iq("set", "<query xmlns='jabber:iq:roster'><item jid='friend@elsewhere.example' name='A &amp; B'>"
            "<group>Friends</group></item></query>")
    user.close()
    x = run(boss, "get-user-roster", {"accountjid": user.bare}).child("command").child("x", FORMS)
    item = x.child("query", "jabber:iq:roster").child("item")
    equal((item.get("jid"), item.get("name"), item.get("subscription"), item.child_text("group")),
          ("friend@elsewhere.example", "A & B", "none", "Friends"))
    equal(refused(boss, "get-user-roster", {"accountjid": f"nobody@{HOST}"}), ("item-not-found", None))
    equal(refused(boss, "get-user-roster", {"accountjid": f"chief@{OTHER}"}), ("bad-request", "bad-payload"))


def test_restart_is_refused(server):
    """To operators, by saying who does it."""
    equal(Command(admin(server, "root"), f"{ADMIN}#restart").send().error()[1], "feature-not-implemented")


def test_announcement(server):
    boss, user, silent = admin(server), server.online(), server.login()
    run(boss, "announce", {"subject": "Tonight", "announcement": ["We move", "at nine"]})
    message = user.find("message", type="headline")
    equal((message.get("from"), message.child_text("subject"), message.child_text("body")),
          (HOST, "Tonight", "We move\nat nine"))
    silent.nothing()
    equal(refused(boss, "announce", {"subject": "nothing"}), ("bad-request", "bad-payload"))


def test_modules(server):
    boss = admin(server)
    equal(boss.iq("get", "<query xmlns='jabber:iq:version'/>", to=HOST).error()[1], "service-unavailable")
    run(boss, "load", {"module": "version"}, MODULES)
    equal(boss.iq("get", "<query xmlns='jabber:iq:version'/>", to=HOST).get("type"), "result")
    equal(boss.iq("get", "<query xmlns='jabber:iq:version'/>", to=OTHER).error()[1], "service-unavailable")
    lines = values(command(boss, "list", MODULES).run(status="completed"))["lines"]
    assert any("version" in line for line in lines), lines
    run(boss, "reload", {"module": "version"}, MODULES)
    run(boss, "unload", {"module": "version"}, MODULES)
    for what in ("load", "unload", "reload"):
        equal(notes(run(boss, what, {"module": "nonsense"}, MODULES))[0][0], "error")


def test_reloading_itself(server):
    """The answer comes from the code that was replaced meanwhile."""
    boss = admin(server)
    for module in ("admin_adhoc", "adhoc"):
        run(boss, "reload", {"module": module}, MODULES)


def test_reload_of_the_configuration(server):
    root = admin(server, "root")
    reply = command(root, "reload", CONFIG).run(status="completed")
    equal(notes(reply)[0][0], "info")
    good = server.config_file.read_text()
    server.config_file.write_text(good + "\nthis is no configuration\n")
    try:
        equal(notes(command(root, "reload", CONFIG).run(status="completed"))[0][0], "error")
    finally:
        server.config_file.write_text(good)


@alone(**{**SERVER, "accounts": 3})
def test_shutdown(server):
    root, user = admin(server, "root"), server.online()
    reply = run(root, "shutdown", {"delay": "0", "announcement": ["Good night"]})
    equal(notes(reply)[0][0], "info")
    equal(user.find("message", type="headline").child_text("body"), "Good night")
    user.expect_stream_error("system-shutdown")
    equal(server.process.wait(30), 0)
    server.process = None
