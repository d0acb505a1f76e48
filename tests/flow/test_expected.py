"""Rosters that are read because somebody begins to log in: as good as those read later."""
from flow import HOST, PASSWORD, alone, equal
from sasl import Scram


@alone(accounts=3)
def test_a_removed_account_leaves_none(server):
    user = server.names[0]
    c = server.login(user)
    c.roster_set("friend@example.org")
    c.close()
    begun = server.client()
    begun.open()
    equal(begun.scram("SCRAM-SHA-1", user, "wrong").name, "failure")
    server.ctl("deluser", f"{user}@{HOST}")
    server.ctl("register", user, HOST, PASSWORD)
    equal(server.login(user).roster(), {})


@alone(accounts=3)
def test_what_came_meanwhile_is_in_it(server):
    one, other = server.names[:2]
    begun = server.client()
    begun.open()
    equal(begun.scram("SCRAM-SHA-1", one, "wrong").name, "failure")
    server.online(other).presence(to=f"{one}@{HOST}", type="subscribe")
    c = server.online(one)
    equal(c.find("presence", type="subscribe").get("from"), f"{other}@{HOST}")


@alone(accounts=100)
def test_many_who_only_begin(server):
    for name in server.names:
        c = server.client()
        c.open()
        c.auth("SCRAM-SHA-1", Scram("SCRAM-SHA-1", name, PASSWORD).first())
        c.expect("challenge", "sasl")
        c.close()
    for name in server.names[:70:10] + server.names[-1:]:
        c = server.login(name)
        c.roster_set("friend@example.org")
        equal(list(c.roster()), ["friend@example.org"])
        c.close()
        equal(list(server.login(name).roster()), ["friend@example.org"])
