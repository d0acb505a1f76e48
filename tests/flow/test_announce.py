"""Announcements and the message of the day (XEP-0133): by prosody-ctl, by ad-hoc commands, by messages to the host; and who
may not."""
import json
import subprocess

from adhoc import COMMANDS, FORMS, Command, details, submit
from flow import HOST, NS, alone, equal, rows
from server import BUILD, SCALE

ADMIN = "http://jabber.org/protocol/admin"
OTHER = "other.example"
SERVER = dict(config={"modules_enabled": '{ "roster", "saslauth", "disco", "adhoc", "announce", "motd" }'},
              hosts={HOST: {"admins": '{ "boss@localhost" }'}, OTHER: {"admins": '{ "chief@other.example" }', "motd_text": '"as configured"'}},
              accounts=25)
MOTD = ("set-motd", "edit-motd", "delete-motd")


def ctl(server, *args, status=0):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, *args], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}"
    return done.stdout


def person(server, name, host=HOST):
    server.ctl("adduser", f"{name}@{host}", "secret", check=False)
    return server.client(host).login(name, "secret", f"r{next(server.resources)}", presence=True, roster=True)


def clear(server):
    subprocess.run([BUILD / "prosody-ctl", "-c", server.config_file, "motd", "delete", HOST], capture_output=True, check=False)


def said(client):
    message = client.find("message", type="headline")
    return message.get("from"), message.child_text("subject"), message.child_text("body")


def test_by_prosody_ctl(server):
    clear(server)
    here, there, silent = server.online(), person(server, "x", OTHER), server.login()
    there.find("message", type="headline")  # of the day
    assert "it was sent to" in ctl(server, "announce", HOST, "We move at <nine>")
    equal(said(here), (HOST, None, "We move at <nine>"))
    there.nothing()
    ctl(server, "announce", "all", "And all of us")
    equal((said(here), said(there)), ((HOST, None, "And all of us"), (OTHER, None, "And all of us")))
    silent.nothing()
    ctl(server, "announce", "elsewhere.example", "x", status=4)
    ctl(server, "announce", HOST, " ", status=2)
    ctl(server, "announce", HOST, status=2)
    here.nothing()


def test_by_a_message(server):
    clear(server)
    boss, user = person(server, "boss"), server.online()
    boss.send(f"<message to='{HOST}/announce/online' id='a'><subject>Tonight</subject><body>We move</body></message>")
    equal(said(user), (HOST, "Tonight", "We move"))
    equal(said(boss)[2], "We move")
    boss.send(f"<message to='{HOST}/announce/online' id='b'/>")
    equal(boss.find("message", type="error").error()[1], "bad-request")
    user.nothing()


@rows(("announce", "announce/online"), ("motd", "announce/motd"))
def test_who_may_not(server, resource):
    clear(server)
    user, chief, third = server.online(), person(server, "chief", OTHER), server.online()
    for client in (user, chief):
        client.send(f"<message to='{HOST}/{resource}' id='a'><body>mine</body></message>")
        equal(client.find("message", type="error").error(), ("auth", "forbidden"))
    for name in ("announce", *MOTD):
        for client in (user, chief):
            equal(Command(client, f"{ADMIN}#{name}").send().error(), ("cancel", "forbidden"))
    third.nothing()
    ctl(server, "motd", "show", HOST, status=4)


def test_other_resources_are_left_alone(server):
    boss = person(server, "boss")
    boss.send(f"<message to='{HOST}/announce/nonsense' id='a'><body>x</body></message>")
    assert boss.find("message", type="error").error()[1] != "forbidden"


@alone(**SERVER)
def test_message_of_the_day(server):
    """Set, told at once and later, kept over a restart, deleted."""
    boss, user = person(server, "boss"), server.online()
    ctl(server, "motd", "show", HOST, status=4)
    ctl(server, "motd", "delete", HOST, status=4)
    ctl(server, "motd", "set", HOST, "Bring a hat")
    equal((said(boss), said(user)), ((HOST, None, "Bring a hat"),) * 2)
    equal(said(server.online())[2], "Bring a hat")
    ctl(server, "module", "reload", HOST, "motd")
    equal(json.loads(ctl(server, "--json", "motd", "show", HOST))["rows"], [{"text": "Bring a hat", "configured": False}])
    boss.send(f"<message to='{HOST}/announce/motd' id='a'><body>Bring\ntwo hats</body></message>")
    equal(said(user)[2], "Bring\ntwo hats")
    server.release()
    server.stop()
    server.start()
    equal(said(server.online())[2], "Bring\ntwo hats")
    ctl(server, "motd", "set", HOST, " ", status=2)
    ctl(server, "motd", "set", HOST, "x" * 11000, status=2)
    ctl(server, "motd", "delete", HOST)
    server.online().nothing()
    # what is configured comes back
    equal(said(person(server, "y", OTHER))[2], "as configured")
    ctl(server, "motd", "set", OTHER, "as set")
    equal(said(person(server, "y", OTHER))[2], "as set")
    ctl(server, "motd", "delete", OTHER)
    equal(said(person(server, "y", OTHER))[2], "as configured")


@alone(**SERVER)
def test_ad_hoc(server):
    boss, user = person(server, "boss"), server.online()
    listed = boss.iq("get", f"<query xmlns='{NS['disco#items']}' node='{COMMANDS}'/>", to=HOST).child("query").all("item")
    assert {f"{ADMIN}#{name}" for name in ("announce", *MOTD)} <= {i.get("node") for i in listed}
    equal(Command(boss, f"{ADMIN}#delete-motd").send().error()[1], "item-not-found")
    c = Command(boss, f"{ADMIN}#set-motd")
    c.run()
    equal(details(c.send("complete", submit({"motd": [" "]}))), ("bad-request", "bad-payload"))
    c = Command(boss, f"{ADMIN}#set-motd")
    c.run()
    c.fill_in({"motd": ["One line", "and another"]})
    equal(said(user)[2], "One line\nand another")
    c = Command(boss, f"{ADMIN}#edit-motd")
    form = c.run().child("command").child("x", FORMS)
    field = next(f for f in form.all("field") if f.get("var") == "motd")
    equal([v.text for v in field.all("value")], ["One line", "and another"])
    c.fill_in({"motd": ["One line"]})
    equal(said(user)[2], "One line")
    Command(boss, f"{ADMIN}#delete-motd").run(status="completed")
    user.nothing()
    server.online().nothing()
