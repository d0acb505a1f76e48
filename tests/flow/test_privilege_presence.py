"""Presence that components are told (XEP-0356): of accounts, and of their contacts."""
from component import passed, shake
from flow import HOST, alone, equal, settle
from privilege import ALL, SOME, UNLISTED, contact_elsewhere, enter, options

SERVER = options()


def of(came, *users):
    """(bare, type) of the presences that came of these."""
    names = {u.bare for u in users}
    return [(p.get("from"), p.get("type")) for p in came if p.name == "presence" and p.get("from").split("/")[0] in names]


def test_presence_of_accounts(server):
    """The first of a session and its last, and no other."""
    c, user = enter(server, SOME), server.online(presence="<show>chat</show><status>on the balcony</status>")
    got = c.find("presence", from_=user.jid)
    equal((got.get("to"), got.child_text("show"), got.child_text("status")), (SOME, "chat", "on the balcony"))
    user.presence("<show>away</show>")
    user.presence(type="unavailable", to=f"x@{UNLISTED}")
    user.presence(type="unavailable")
    equal(c.find("presence", from_=user.jid).get("type"), "unavailable")
    user.presence()
    equal(c.find("presence", from_=user.jid).get("type"), None)
    user.close()
    equal(c.find("presence", from_=user.jid).get("type"), "unavailable")
    equal(of(passed(c), user), [])
    c.close()


def test_presence_of_who_was_there(server):
    users = [server.online(presence=f"<status>{n}</status>") for n in range(3)]
    silent = server.login(roster=True)
    c = shake(server, SOME)
    came = passed(c)
    for n, user in enumerate(users):
        [got] = [p for p in came if p.get("from") == user.jid]
        equal((got.child_text("status"), got.get("to"), got.get("type")), (str(n), SOME, None))
    equal(of(came, silent), [])
    c.close()


def test_presence_of_contacts_once(server):
    """Who is a contact of two accounts is told once, also when he changes, and by accounts that are away."""
    server_has = server.account()
    romeo, away = server.online(), f"{server_has}@{HOST}"
    juliet, nurse = server.online(), server.online()
    for one in (juliet, nurse, server.online(server_has)):
        one.presence(to=romeo.bare, type="subscribe")
        romeo.find("presence", type="subscribe")
        romeo.presence(to=one.bare, type="subscribed")
        one.find("presence", type="subscribed")
        settle(romeo, one)
        if one.bare == away:
            one.close()
    c = enter(server)
    of(passed(c), romeo)
    romeo.presence("<show>dnd</show>")
    settle(romeo, juliet, nurse)
    got = c.find("presence", from_=romeo.jid)
    equal((got.get("to"), got.child_text("show")), (ALL, "dnd"))
    equal(of(passed(c), romeo), [])
    romeo.presence(type="unavailable")
    settle(romeo, juliet, nurse)
    equal(c.find("presence", from_=romeo.jid).get("type"), "unavailable")
    equal(of(passed(c), romeo), [])
    c.close()


def test_presence_of_contacts_elsewhere(server):
    gateway, c, juliet, stranger = enter(server, UNLISTED), enter(server), server.online(), server.online()
    jid = contact_elsewhere(server, gateway, juliet, "romeo")
    gateway.send(f"<presence from='{jid}/here' to='{juliet.bare}'><status>there</status></presence>")
    juliet.find("presence", from_=f"{jid}/here")
    got = c.find("presence", from_=f"{jid}/here")
    equal((got.get("to"), got.child_text("status")), (ALL, "there"))
    # The same again, to a session: not told twice. Of who is no contact, and other kinds: never.
    gateway.send(f"<presence from='{jid}/here' to='{juliet.jid}'><status>there</status></presence>")
    gateway.send(f"<presence from='{jid}/here' to='{stranger.bare}'><status>who?</status></presence>")
    gateway.send(f"<presence from='{jid}' type='probe' to='{juliet.bare}'/>")
    passed(gateway)
    settle(juliet, stranger)
    equal([p for p in passed(c) if p.get("from", "").startswith(jid)], [])
    # Also while the account is away; and who connects later gets what it would have had.
    juliet.close()
    gateway.send(f"<presence from='{jid}/here' to='{juliet.bare}'><status>still there</status></presence>")
    equal(c.find("presence", from_=f"{jid}/here").child_text("status"), "still there")
    c.close()
    c = shake(server, ALL)
    [again] = [p for p in passed(c) if p.get("from") == f"{jid}/here"]
    equal((again.child_text("status"), again.get("to")), ("still there", ALL))
    gateway.send(f"<presence from='{jid}/here' type='unavailable' to='{juliet.bare}'/>")
    equal(c.find("presence", from_=f"{jid}/here").get("type"), "unavailable")
    gateway.send(f"<presence from='{jid}/here' type='unavailable' to='{juliet.bare}'/>")
    gateway.send(f"<presence from='{jid}/there' type='unavailable' to='{juliet.bare}'/>")
    passed(gateway)
    server.online(juliet.user).close()  # behind the roster that was asked for
    equal([p for p in passed(c) if p.get("from", "").startswith(jid)], [])
    c.close()
    gateway.close()


@alone(**options(privilege_max_contacts="0"))
def test_presence_of_too_many(server):
    gateway, c, juliet = enter(server, UNLISTED), enter(server), server.online()
    jid = contact_elsewhere(server, gateway, juliet, "romeo")
    gateway.send(f"<presence from='{jid}/here' to='{juliet.bare}'/>")
    juliet.find("presence", from_=f"{jid}/here")
    user = server.online()
    c.find("presence", from_=user.jid)
    equal([p for p in passed(c) if p.get("from", "").startswith(jid)], [])


@alone(**options(), accounts=205)
def test_presence_of_many(server):
    """More than goes out before the network has taken it; who leaves meanwhile is told as one who left, or not at all."""
    users = {u.jid: u for u in (server.login(presence=True) for _ in range(205))}
    c = shake(server, SOME)
    *_, last = users.values()
    last.close()
    missing, of_last = set(users) - {last.jid}, []
    while missing or "unavailable" not in of_last:
        p = c.find("presence")
        missing.discard(p.get("from"))
        if p.get("from") == last.jid:
            of_last.append(p.get("type"))
    assert of_last in (["unavailable"], [None, "unavailable"]), of_last
