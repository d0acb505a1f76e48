"""What operators know of accounts: when they were used last, and flags."""
import json
import re
import sqlite3

import sasl2
from flow import HOST, PASSWORD, equal, rows
from test_accounts import eventually

SERVER = dict(config={"modules_enabled": '{ "roster", "saslauth", "tls", "account_activity", "flags" }'}, accounts=20)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def activity(server, user):
    return server.ctl("user", "activity", f"{user}@{HOST}", check=False).strip()


# ---- activity

def test_life_of_an_account(server):
    user = server.account()
    equal(activity(server, user), f"{user}@{HOST}: logged in never, left never")
    c = server.login(user, "desk")
    eventually(lambda: re.fullmatch(rf"\S+: logged in {TIME}, left never, by desk, is online", activity(server, user)))
    c.close()
    eventually(lambda: re.fullmatch(rf"\S+: logged in {TIME}, left {TIME}, by desk", activity(server, user)))


def test_the_client_names_itself(server):
    user = server.account()
    c, _ = sasl2.opened(server)
    success = sasl2.scram(c, user, PASSWORD, extra=sasl2.agent() + "<bind xmlns='urn:xmpp:bind:0'/>")
    equal(success.name, "success")
    name = re.search("<software>(.*)</software>", sasl2.agent()).group(1)
    eventually(lambda: f", by {name}, is online" in activity(server, user))


def test_goes_with_the_account(server):
    user = server.account()
    c = server.login(user)
    server.ctl("deluser", f"{user}@{HOST}")
    c.expect_stream_error("not-authorized")
    assert "no such account" in activity(server, user)
    server.ctl("adduser", f"{user}@{HOST}", PASSWORD)
    equal(activity(server, user), f"{user}@{HOST}: logged in never, left never")


def inactive(server, days):
    return {r["user"]: r["last"] for r in json.loads(server.ctl("--json", "user", "inactive", HOST, days))["rows"]}


def test_list_of_the_inactive(server):
    never, old, there = (server.account() for _ in range(3))
    for user in (old, there):
        server.login(user).close()
        eventually(lambda: "left 2" in activity(server, user))
    with sqlite3.connect(server.dir / "data" / "prosody.sqlite", timeout=30) as db:
        db.execute("UPDATE items SET value = '1000000000' WHERE owner = (SELECT id FROM owner WHERE"
                   " store = 'account_activity' AND user = ?) AND key != 'client'", (old,))
    found = inactive(server, "30")
    equal((found[never], found[old], there in found), (None, "2001-09-09T01:46:40Z", False))
    server.login(old)
    assert old not in inactive(server, "0") and never in inactive(server, "0")


@rows(("no days", "many"), ("negative", "-1"), ("too many", "99999999999999999999"))
def test_wrong_days(server, days):
    assert "not a number of days" in server.ctl("user", "inactive", HOST, "--", days, check=False) or \
        "usage" in server.ctl("user", "inactive", HOST, days, check=False)


def test_reload(server):
    user = server.account()
    c = server.login(user, "kept")
    server.ctl("module", "reload", HOST, "account_activity")
    c.close()
    eventually(lambda: re.search(rf"left {TIME}, by kept$", activity(server, user)))


# ---- flags

def flags(server, *words):
    return server.ctl("flags", *words, check=False).strip()


def test_flags(server):
    user = server.account()
    jid = f"{user}@{HOST}"
    equal(flags(server, "list", jid), "0 flags")
    equal(flags(server, "add", jid, "spam-suspect", "three reports & a <smile>"), "flag added")
    equal(flags(server, "add", jid, "vip"), "flag added")
    assert "already" in flags(server, "add", jid, "vip")
    listed = flags(server, "list", jid).splitlines()
    assert re.fullmatch(rf"{jid}  spam-suspect  since {TIME}  three reports & a <smile>", listed[0]), listed
    assert re.fullmatch(rf"{jid}  vip  since {TIME}", listed[1]), listed
    equal(json.loads(server.ctl("--json", "flags", "find", HOST, "vip"))["rows"][0]["user"], user)
    server.ctl("module", "reload", HOST, "flags")
    equal(flags(server, "remove", jid, "vip"), "flag removed")
    assert "no such flag" in flags(server, "remove", jid, "vip")
    equal(flags(server, "find", HOST, "vip"), "0 accounts")
    server.ctl("deluser", jid)
    equal(flags(server, "find", HOST, "spam-suspect"), "0 accounts")


@rows(("nobody", ("add", f"nobody@{HOST}", "x"), "no such account"), ("a host", ("add", HOST, "x"), "not the address"),
      ("name", ("add", f"user0@{HOST}", "a b"), "a flag has"), ("long", ("add", f"user0@{HOST}", "x" * 65), "a flag has"),
      ("long comment", ("add", f"user0@{HOST}", "x", "y" * 1024), "too long"), ("missing", ("remove", f"user0@{HOST}", "x"),
                                                                             "no such flag"))
def test_wrong_flags(server, words, wanted):
    assert wanted in flags(server, *words), flags(server, *words)
