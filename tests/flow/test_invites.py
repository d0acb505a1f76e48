"""Invitations: links to register with and to become a contact (XEP-0401, XEP-0379, XEP-0445)."""
import os
import pty
import re
import sqlite3
import subprocess
import time

from adhoc import Command, notes, submit, values
from server import BUILD
from flow import HOST, NS, PASSWORD, alone, equal, rows, settle
from test_accounts import attempt, eventually
from test_registration import condition, fields, query, register, stranger

PREAUTH = "urn:xmpp:pars:0"
ENABLED = ('{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "message", "iq", "register", "adhoc", '
           '"invites", "invites_register", "invites_adhoc" %s }')
CONFIG = {"modules_enabled": ENABLED % "", "admins": f'{{ "user0@{HOST}" }}'}
SERVER = dict(config=CONFIG, accounts=60)
INVITE, ACCOUNT = "urn:xmpp:invite#invite", "urn:xmpp:invite#create-account"


def token_of(link):
    return re.search(r"preauth=([\w-]+)", link).group(1)


def invite(server, *words):
    """The token of a new invitation, by prosody-ctl."""
    return token_of(server.ctl("invite", *words))


def show(client, token):
    """The error of <preauth/>, or None."""
    reply = client.iq("set", f"<preauth xmlns='{PREAUTH}' token='{token}'/>", to=HOST)
    return reply.error() if reply.get("type") == "error" else None


def redeem(server, token, user, password="pw"):
    """The error of registering with that invitation, or None."""
    c = stranger(server)
    error = show(c, token)
    return error or register(server, user, password, client=c)


def contact(client, jid):
    """(subscription, ask) of that contact; None: there is none."""
    item = client.roster().get(jid)
    return item and (item.get("subscription"), item.get("ask"))


# ---- registering

def test_offered_to_strangers(server):
    c = server.client()
    features = c.open()
    assert features.child("register", "urn:xmpp:ibr-token:0") is not None
    assert features.child("register", "http://jabber.org/features/iq-register") is not None
    c.authenticate(server.account(), PASSWORD)
    assert c.open().child("register", "urn:xmpp:ibr-token:0") is None


def test_nobody_registers_without(server):
    c = stranger(server)
    equal(condition(c.iq("get", query("")).error()), "not-allowed")
    equal(register(server, "intruder", client=c), ("cancel", "not-allowed"))
    equal(attempt(server, "intruder", "pw", "PLAIN"), "not-authorized")


def test_registering_once(server):
    """XEP-0445: the token is shown, the form is got, the account is made; then the token is used up."""
    link = server.ctl("invite", HOST).strip()
    assert re.fullmatch(rf"xmpp:{HOST}\?register;preauth=[\w-]{{22}}", link), link
    c = stranger(server)
    equal(show(c, token_of(link)), None)
    equal(c.iq("get", query("")).get("type"), "result")
    equal(register(server, "once", client=c), None)
    equal(attempt(server, "once", "pw", "SCRAM-SHA-1"), "success")
    eventually(lambda: token_of(link) not in server.ctl("invite", "list", HOST))
    equal(redeem(server, token_of(link), "twice"), ("cancel", "item-not-found"))
    equal(attempt(server, "twice", "pw", "PLAIN"), "not-authorized")


def test_token_is_not_used_up_by_failures(server):
    token = invite(server, "create-account", HOST)
    taken = server.account()
    c = stranger(server)
    equal(show(c, token), None)
    equal(register(server, taken, client=c), ("cancel", "conflict"))
    eventually(lambda: "being redeemed" not in server.ctl("invite", "list", HOST))
    c.abort()
    equal(redeem(server, token, "secondtry"), None)


def test_raced_by_two(server):
    token = invite(server, "create-account", HOST)
    clients = [stranger(server) for _ in range(8)]
    for c in clients:
        equal(show(c, token), None)
    for n, c in enumerate(clients):
        c.iq("set", fields(username=f"racer{n}", password="pw"), wait=False, ident="r")
    results = [c.find("iq", id="r") for c in clients]
    winners = [n for n, r in enumerate(results) if r.get("type") == "result"]
    equal(len(winners), 1)
    listed = server.ctl("-q", "user", "list", HOST, "racer*").split()
    equal(listed, [f"racer{winners[0]}@{HOST}"])


def test_guessed(server):
    c = stranger(server)
    for token in ("", "x" * 22, ":once", "-", "y" * 500):
        equal(condition(show(c, token)), "item-not-found") if token != "y" * 500 else \
            c.send(f"<iq type='set' id='z'><preauth xmlns='{PREAUTH}' token='{token}'/></iq>")
    c.find("iq", id="z")
    c.expect_stream_error("policy-violation")


def test_malformed(server):
    c = stranger(server)
    equal(condition(c.iq("set", f"<preauth xmlns='{PREAUTH}'/>").error()), "bad-request")
    equal(register(server, "nobody", client=c), ("cancel", "not-allowed"))


def test_fixed_name(server):
    link = server.ctl("invite", "create-account", f"fixed@{HOST}").strip()
    assert link.startswith(f"xmpp:fixed@{HOST}?register;preauth="), link
    equal(redeem(server, token_of(link), "other"), ("modify", "not-acceptable"))
    free = invite(server, "create-account", HOST)
    equal(redeem(server, free, "fixed"), ("cancel", "conflict"))  # reserved
    assert "already" in server.ctl("invite", "create-account", f"fixed@{HOST}", check=False)
    equal(redeem(server, token_of(link), "Fixed"), None)
    assert "already" in server.ctl("invite", "create-account", f"fixed@{HOST}", check=False)
    equal(redeem(server, free, "unfixed"), None)


def test_expired(server):
    """Expiry counts when the token is shown, and not afterwards (XEP-0445); a name is free again then."""
    c = stranger(server)
    token = invite(server, "create-account", f"brief@{HOST}", "ttl=1s")
    equal(show(c, token), None)
    eventually(lambda: condition(show(stranger(server), token)) == "item-not-found")
    equal(register(server, "brief", client=c), None)
    token = invite(server, "create-account", f"late@{HOST}", "ttl=1s")
    eventually(lambda: condition(show(stranger(server), token)) == "item-not-found")
    equal(redeem(server, invite(server, "create-account", f"late@{HOST}"), "late"), None)


def test_reusable(server):
    token = invite(server, "create-account", HOST, "reusable")
    for n in range(3):
        equal(redeem(server, token, f"many{n}"), None)
    assert "deleted" in server.ctl("invite", "delete", HOST, token)
    equal(redeem(server, token, "many3"), ("cancel", "item-not-found"))


def test_revoked_between(server):
    c = stranger(server)
    token = invite(server, HOST)
    equal(show(c, token), None)
    server.ctl("invite", "delete", HOST, token)
    equal(register(server, "revoked", client=c), ("cancel", "item-not-found"))
    assert "no such invitation" in server.ctl("invite", "show", HOST, token, check=False)


def test_password_reset(server):
    user = server.account()
    link = server.ctl("invite", "create-reset", f"{user}@{HOST}").strip()
    equal(redeem(server, token_of(link), server.account(), "new"), ("modify", "not-acceptable"))
    equal(redeem(server, token_of(link), user, "new"), None)
    equal(attempt(server, user, "new", "PLAIN"), "success")
    equal(attempt(server, user, PASSWORD, "PLAIN"), "not-authorized")
    eventually(lambda: redeem(server, token_of(link), user, "again") == ("cancel", "item-not-found"))
    assert "no such account" in server.ctl("invite", "create-reset", f"nobody@{HOST}", check=False)


@rows(("address", ("create-contact", HOST)), ("resource", ("create-account", f"a@{HOST}/x")),
      ("option", ("create-account", HOST, "forever")), ("ttl", ("create-account", HOST, "ttl=soon")),
      ("zero ttl", ("create-account", HOST, "ttl=0")), ("reusable name", ("create-account", f"a@{HOST}", "reusable")),
      ("reusable reset", ("create-reset", f"user1@{HOST}", "reusable")))
def test_wrong_words(server, words):
    assert "preauth" not in server.ctl("invite", *words, check=False)


@alone(config={**CONFIG, "allow_registration": "true", "registration_invite_only": "false"}, accounts=2)
def test_open_to_others_too(server):
    equal(register(server, "anybody"), None)
    invite(server, "create-account", f"reserved@{HOST}")
    equal(register(server, "reserved"), ("cancel", "conflict"))


@alone(config={**CONFIG, "allow_registration": "true"}, accounts=2)
def test_invite_only(server):
    equal(register(server, "anybody"), ("cancel", "not-allowed"))


@alone(config={**CONFIG, "c2s_require_encryption": "true"}, accounts=2)
def test_only_under_tls(server):
    c = server.client()
    assert c.open().child("register", "urn:xmpp:ibr-token:0") is None
    equal(show(c, invite(server, HOST)), ("modify", "policy-violation"))


# ---- contacts

def test_inviter_and_invitee_become_contacts(server):
    """XEP-0401: the inviter is told by a push at once."""
    anna = server.online()
    reply = Command(anna, INVITE).run(status="completed")
    uri = values(reply)["uri"][0]
    equal(uri.split("preauth=")[0], f"xmpp:{anna.bare}?roster;")
    assert "ibr=y" not in uri  # users may not let others register here
    equal(condition(show(stranger(server), token_of(uri))), "item-not-found")
    token = invite(server, "create-contact", anna.bare, "register")
    equal(redeem(server, token, "invitee"), None)
    item = anna.push()
    equal((item.get("jid"), item.get("subscription"), item.get("ask")), (f"invitee@{HOST}", "both", None))
    new = server.client().login("invitee", "pw", "r")
    eventually(lambda: contact(new, anna.bare) == ("both", None))


def test_both_offline(server):
    user = server.account()
    equal(redeem(server, invite(server, "create-account", f"quiet@{HOST}", f"inviter={user}"), "quiet"), None)
    c = server.client().login("quiet", "pw", "r")
    eventually(lambda: contact(c, f"{user}@{HOST}") == ("both", None))
    equal(contact(server.login(user), f"quiet@{HOST}"), ("both", None))


def ask(client, to, token):
    client.presence(f"<preauth xmlns='{PREAUTH}' token='{token}'/>", to=to, type="subscribe")


@rows(("online", True), ("offline", False))
def test_subscription_is_approved(server, online):
    """XEP-0379: who shows the token is approved, and is asked in return."""
    anna = server.online()
    token = token_of(values(Command(anna, INVITE).run(status="completed"))["uri"][0])
    if not online:
        anna.close()
    bert, carl = server.online(), server.online()
    ask(bert, anna.bare, token)
    bert.find("presence", type="subscribed")
    bert.find("presence", type="subscribe")
    bert.presence(to=anna.bare, type="subscribed")
    eventually(lambda: contact(bert, anna.bare) == ("both", None))
    ask(carl, anna.bare, token)  # used: a request like any other
    settle(carl)
    equal(contact(carl, anna.bare), ("none", "subscribe"))


@rows(("guessed", "x" * 22), ("somebody else's", None))
def test_subscription_is_not_approved(server, token):
    anna, bert = server.online(), server.online()
    if token is None:
        token = invite(server, "create-contact", f"{server.account()}@{HOST}")
    ask(bert, anna.bare, token)
    anna.find("presence", type="subscribe")
    settle(bert)
    equal(contact(bert, anna.bare), ("none", "subscribe"))


def test_raced_by_two_contacts(server):
    anna = server.online()
    others = [server.online() for _ in range(4)]
    token = invite(server, "create-contact", anna.bare)
    for c in others:
        ask(c, anna.bare, token)
    settle(anna, *others)
    eventually(lambda: sum(contact(anna, c.bare) is not None for c in others) == 1)


# ---- the inviter

def test_after_the_inviter_was_removed(server):
    user = server.account()
    token = invite(server, "create-contact", f"{user}@{HOST}", "register")
    c = stranger(server)
    equal(show(c, token), None)
    server.ctl("deluser", f"{user}@{HOST}")
    equal(register(server, "orphan", client=c), ("cancel", "item-not-found"))
    equal(condition(show(stranger(server), token)), "item-not-found")
    server.ctl("adduser", f"{user}@{HOST}", "pw")  # somebody else by that name
    equal(condition(show(stranger(server), token)), "item-not-found")


def test_while_the_inviter_is_disabled(server):
    user = server.account()
    token = invite(server, "create-contact", f"{user}@{HOST}", "register")
    server.ctl("user", "disable", f"{user}@{HOST}")
    equal(condition(show(stranger(server), token)), "item-not-found")
    server.ctl("user", "enable", f"{user}@{HOST}")
    equal(show(stranger(server), token), None)


@alone(config={**CONFIG, "invites_per_user": "3"}, accounts=3)
def test_too_many_of_one(server):
    c = server.login("user1")
    for _ in range(3):
        Command(c, INVITE).run(status="completed")
    reply = Command(c, INVITE).run(status="completed")
    equal(notes(reply), [("error", "You have too many invitations out")])


# ---- from clients

def items(client):
    reply = client.iq("get", f"<query xmlns='{NS['disco#items']}' node='http://jabber.org/protocol/commands'/>", to=HOST)
    return {item.get("node") for item in reply.child("query").all("item")}


def test_who_may_what(server):
    equal(items(server.login("user0")) & {INVITE, ACCOUNT}, {INVITE, ACCOUNT})
    c = server.login("user1")
    equal(items(c) & {INVITE, ACCOUNT}, {INVITE})
    equal(Command(c, ACCOUNT).send().error()[1], "forbidden")


@alone(config={**CONFIG, "allow_user_invites": "true", "allow_contact_invites": "false",
               "invites_page": '"https://{host}/i?{invite.token}"', "invite_expiry": '"never"'}, accounts=3)
def test_other_choices(server):
    c, admin = server.login("user1"), server.login("user0")
    equal(items(c) & {INVITE, ACCOUNT}, set())
    found = values(Command(admin, INVITE).run(status="completed"))
    assert found["uri"][0].endswith(";ibr=y"), found
    equal(found["landing-url"], [f"https://{HOST}/i?{token_of(found['uri'][0])}"])
    assert "expire" not in found
    assert server.ctl("invite", HOST).startswith(f"https://{HOST}/i?")


def test_account_by_command(server):
    admin = server.login("user0")
    command = Command(admin, ACCOUNT)
    command.run()
    found = values(command.fill_in({"username": "Wanted", "roster-subscription": "1"}))
    assert found["uri"][0].startswith(f"xmpp:wanted@{HOST}?register;preauth="), found
    equal(found["FORM_TYPE"], ["urn:xmpp:invite#invitation"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["expire"][0]), found
    equal(redeem(server, token_of(found["uri"][0]), "wanted"), None)
    c = server.client().login("wanted", "pw", "r")
    eventually(lambda: contact(c, admin.bare) == ("both", None))
    command = Command(admin, ACCOUNT)
    command.run()
    equal(notes(command.fill_in({"username": "wanted"}))[0][0], "error")
    command = Command(admin, ACCOUNT)
    command.run()
    equal(command.send("complete", submit({"username": "not a name"})).error()[1], "bad-request")


def test_strangers_get_none(server):
    c = stranger(server)
    reply = c.iq("set", f"<command xmlns='http://jabber.org/protocol/commands' node='{INVITE}'/>", to=HOST, wait=False)
    del reply
    c.expect_stream_error("not-authorized")


# ---- the server's life

def test_roles_and_reloads(server):
    token = invite(server, "create-account", HOST, "role=prosody:member")
    c = stranger(server)
    equal(show(c, token), None)
    for module in ("invites", "invites_register", "invites_adhoc", "register_ibr"):
        server.ctl("module", "reload", HOST, module)
    equal(register(server, "member", client=c), None)
    eventually(lambda: "prosody:member" in server.ctl("user", "role", f"member@{HOST}"))
    assert "role: prosody:admin" in server.ctl("invite", "show", HOST, invite(server, "create-account", HOST,
                                                                              "role=prosody:admin"))


@alone(config=CONFIG, accounts=2)
def test_kept_over_a_restart(server):
    token = invite(server, "create-account", f"later@{HOST}")
    server.stop()
    server.start()
    equal(redeem(server, token, "later"), None)
    server.kill()
    server.start()
    equal(redeem(server, token, "later"), ("cancel", "item-not-found"))


def claim(server, token, by):
    """As a process leaves it that dies in the middle."""
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite") as db:
        text, = db.execute("SELECT value FROM items WHERE key = ?", (token,)).fetchone() or ("",)
        assert text.endswith("/>"), text
        changed = text[:-2] + f" claimed-by='{by}' claimed='{int(time.time() * 1000)}'/>"
        db.execute("UPDATE items SET value = ? WHERE key = ? AND value = ?", (changed, token, text))


@alone(config=CONFIG, accounts=3)
def test_what_a_crash_left_undone(server):
    """An account that is there gets its contact; where there is none, the invitation is good again."""
    made, unmade, asked = (invite(server, "create-contact", f"user1@{HOST}", "register") for _ in range(3))
    reset = invite(server, "create-reset", f"user2@{HOST}")
    server.stop()
    server.ctl("adduser", f"there@{HOST}", "pw")
    for token, by in ((made, "there"), (unmade, "missing"), (asked, "someone@example.org"), (reset, "user2")):
        claim(server, token, by)
    server.start()
    c = server.client().login("there", "pw", "r")
    eventually(lambda: contact(c, f"user1@{HOST}") == ("both", None))
    equal(contact(server.login("user1"), f"there@{HOST}"), ("both", None))
    eventually(lambda: redeem(server, made, "again") == ("cancel", "item-not-found"))
    eventually(lambda: redeem(server, reset, "user2") == ("cancel", "item-not-found"))
    eventually(lambda: "being redeemed" not in server.ctl("invite", "list", HOST))
    equal(redeem(server, unmade, "missing"), None)
    equal(redeem(server, asked, "second"), None)
    eventually(lambda: "being redeemed" not in server.ctl("invite", "list", HOST))
    server.release()
    server.ctl("status")


def test_link_on_a_terminal(server):
    """A QR code stands below it, in half blocks; without a terminal there is the link alone."""
    command = [BUILD / "prosody-ctl", "-c", server.config_file, "invite", HOST]
    main, other = pty.openpty()
    done = subprocess.Popen(command, stdout=other, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"})
    os.close(other)
    text = b""
    try:
        while chunk := os.read(main, 65536):
            text += chunk
    except OSError:
        pass  # the other side has been closed
    equal(done.wait(), 0)
    lines = [line.rstrip("\r") for line in text.decode().strip().split("\n")]
    assert lines[0].startswith("xmpp:"), lines
    code = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines[1:]]
    width = len(code[0])
    assert {len(line) for line in code} == {width} and len(code) == (width + 1) // 2, code
    assert (width - 4 - 17) % 4 == 0, "no version of the code has that width"
    equal(set("".join(code)) - set(" \u2580\u2584\u2588"), set())
    # The finder pattern of the upper left corner, dark being what is not drawn.
    finder = [line[2:9] for line in code[1:5]]
    equal(finder, [" \u2584\u2584\u2584\u2584\u2584 ", " \u2588   \u2588 ", " \u2588\u2584\u2584\u2584\u2588 ", "\u2584\u2584\u2584\u2584\u2584\u2584\u2584"])
