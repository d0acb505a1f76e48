"""Messages for those who are away: RFC 6121 section 8.5.2.2.1, XEP-0160, XEP-0203."""
from flow import HOST, alone, equal, rows

SERVER = dict(accounts=40)


def away(server):
    user = server.account()
    return user, f"{user}@{HOST}"


def bodies(elements):
    return [e.child_text("body") for e in elements if e.name == "message"]


def test_kept_with_their_time_and_order(server):
    user, bare = away(server)
    sender = server.login()
    for n in range(10):
        sender.message(bare, f"m{n}", type="chat" if n % 2 else None)
    assert not sender.sync()
    c = server.online(user)
    for n in range(10):
        message = c.find("message")
        equal((message.child_text("body"), message.get("from")), (f"m{n}", sender.jid))
        delay = message.child("delay", "delay")
        assert delay is not None and delay.get("stamp", "").endswith("Z"), str(message)
        assert delay.get("from") in (None, HOST, bare)


def test_delivered_once(server):
    user, bare = away(server)
    server.login().message(bare)
    c = server.online(user)
    c.find("message")
    c.sync()
    c.close()
    equal(bodies(server.online(user).sync()), [])


def test_not_to_a_negative_priority(server):
    user, bare = away(server)
    sender = server.login()
    sender.message(bare, "kept")
    sender.sync()
    low = server.login(user, presence="<priority>-1</priority>")
    equal(bodies(low.sync()), [])
    low.presence("<priority>0</priority>")
    equal(low.find("message").child_text("body"), "kept")


def test_not_before_presence(server):
    user, bare = away(server)
    sender = server.login()
    sender.message(bare, "kept")
    sender.sync()
    c = server.login(user, roster=True)
    equal(bodies(c.sync()), [])
    c.presence()
    c.find("message")


def test_full_address_of_a_resource_that_is_gone(server):
    user, bare = away(server)
    sender = server.login()
    sender.message(f"{bare}/gone", "kept")
    assert not sender.sync()
    equal(server.online(user).find("message").child_text("body"), "kept")


@rows(("headline", "headline", False), ("groupchat", "groupchat", True), ("error", "error", False))
def test_not_kept(server, kind, answered):
    user, bare = away(server)
    sender = server.login()
    sender.message(bare, type=kind)
    equal(bool(sender.sync()), answered)
    equal(bodies(server.online(user).sync()), [])


def test_forged_delay_is_no_harm(server):
    user, bare = away(server)
    sender = server.login()
    sender.message(bare, inner=f"<delay xmlns='urn:xmpp:delay' from='{HOST}' stamp='1999-01-01T00:00:00Z'/>")
    sender.sync()
    message = server.online(user).find("message")
    stamps = [d.get("stamp") for d in message.all("delay", "delay") if d.get("from") == HOST]
    assert "1999-01-01T00:00:00Z" not in stamps, "a stamp in the server's name that it did not make"


@alone(accounts=2)
def test_outlives_a_restart(server):
    sender = server.login(server.names[0])
    sender.message(f"{server.names[1]}@{HOST}", "kept")
    sender.sync()
    server.stop()
    server.start()
    equal(server.online(server.names[1]).find("message").child_text("body"), "kept")


@rows(("in_order", "</stream:stream>"), ("cut_off", ""))
def test_sender_leaves_at_once(server, end):
    """What came before the sender's end is kept, also what had to wait for the message before it."""
    user, bare = away(server)
    sender, witness = server.login(), server.online()
    messages = [f"<message to='{bare}' type='chat'><body>m{n}</body></message>" for n in range(8)]
    sender.send("".join(messages) + f"<message to='{witness.jid}' type='chat'><body>last</body></message>" + end)
    sender.abort()
    witness.find("message")
    c = server.online(user)
    for n in range(8):
        equal(c.find("message").child_text("body"), f"m{n}")
