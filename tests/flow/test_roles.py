"""Roles of accounts: who has which, what it may do, and what the configuration says of that."""
from adhoc import COMMANDS, Command
from flow import HOST, NS, alone, equal

ENABLED = '{ "roster", "saslauth", "tls", "disco", "ping", "adhoc", "admin_adhoc", "register" }'
ADMINS = f'{{ "user29@{HOST}" }}'
SERVER = dict(config={"modules_enabled": ENABLED, "admins": ADMINS}, accounts=30)
LIST = "http://jabber.org/protocol/admin#get-registered-users-num"
ADD = "http://jabber.org/protocol/admin#add-user"


def role(server, user, *to):
    return server.ctl("-q", "user", "role", f"{user}@{HOST}", *to, check=False).strip()


def offered(client):
    reply = client.iq("get", f"<query xmlns='{NS['disco#items']}' node='{COMMANDS}'/>", to=HOST)
    return {item.get("node") for item in reply.child("query").all("item")}


def test_set_and_shown(server):
    user = server.account()
    equal(role(server, user), "prosody:registered")
    equal(offered(server.login(user)), set())
    equal(role(server, user, "prosody:admin"), "")
    equal(role(server, user), "prosody:admin")
    assert {LIST, ADD} <= offered(server.login(user))
    assert f"{user}@{HOST}  prosody:admin" in server.ctl("user", "roles", HOST)
    role(server, user, "default")
    equal(role(server, user), "prosody:registered")
    assert user + "@" not in server.ctl("user", "roles", HOST)


def test_sessions_end_with_their_role(server):
    user = server.account()
    a, b = server.login(user), server.login(user)
    role(server, user, "prosody:admin")
    a.expect_stream_error("reset")
    b.expect_stream_error("reset")


def test_configuration_comes_first(server):
    user = "user29"
    role(server, user, "prosody:guest")
    equal(role(server, user), "prosody:operator")
    assert ADD in offered(server.login(user))
    role(server, user, "default")


def test_wrong_words(server):
    user = server.account()
    assert "no such role" in role(server, user, "prosody:king")
    assert "no such account" in role(server, "nobody", "prosody:admin")
    assert "no such account" in role(server, "nobody")
    assert "not the address" in server.ctl("user", "role", HOST, check=False)
    equal(role(server, user), "prosody:registered")


def test_goes_with_the_account(server):
    user = server.account()
    role(server, user, "prosody:admin")
    server.ctl("deluser", f"{user}@{HOST}")
    server.ctl("adduser", f"{user}@{HOST}", "pw")
    equal(role(server, user), "prosody:registered")


def test_reload(server):
    user = server.account()
    role(server, user, "prosody:member")
    c = server.login(user)
    server.ctl("module", "reload", HOST, "authz_internal")
    equal(role(server, user), "prosody:member")
    c.sync()  # nobody is sent away by it


@alone(config={"modules_enabled": ENABLED,
               "custom_roles": '''{
                   { name = "clerk", inherits = { "prosody:registered" }, allow = { "admin_adhoc:list-users" } },
                   { name = "head", inherits = "clerk", allow = { "admin_adhoc:add-user", "admin_adhoc:delete-user" },
                     deny = { "admin_adhoc:delete-user" } },
                   { name = "a", inherits = { "b" } }, { name = "b", inherits = { "a" } } }''',
               "add_permissions": '{ ["prosody:member"] = { "admin_adhoc:end-user-session" }, clerk = { "admin_adhoc:user-stats" } }',
               "remove_permissions": '{ ["prosody:admin"] = { "admin_adhoc:shutdown", "admin_adhoc:add-user" } }'}, accounts=8)
def test_roles_of_the_configuration(server):
    def may(user, of):
        if of:
            equal(role(server, user, of), "")
        nodes = offered(server.login(user))
        return {node.split("#")[1] for node in nodes}
    equal(may("user0", None), set())
    clerk = may("user1", "clerk")
    assert {"get-registered-users-num", "user-stats"} <= clerk and not clerk & {"add-user", "delete-user"}, clerk
    equal(may("user2", "head") - clerk, {"add-user"})
    equal(may("user3", "prosody:member"), {"end-user-session"})
    admin = may("user4", "prosody:admin")
    assert "delete-user" in admin and "add-user" not in admin, admin
    assert "add-user" not in may("user5", "prosody:operator")  # it has it from there
    equal(may("user6", "a"), set())
    equal(Command(server.login("user6"), ADD).send().error()[1], "forbidden")
    server.stop()
    server.start()
    equal(role(server, "user1"), "clerk")
    equal(may("user1", None), clerk)


@alone(config={"modules_enabled": ENABLED, "default_user_role": '"prosody:admin"'}, accounts=3)
def test_default_role(server):
    equal(role(server, "user1"), "prosody:admin")
    role(server, "user1", "prosody:guest")
    equal(offered(server.login("user1")), set())
