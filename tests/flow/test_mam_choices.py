"""Archives: what accounts want kept (XEP-0441), what is taken back (XEP-0424), what is found by words (XEP-0431)."""
from flow import HOST, NS, PASSWORD, alone, equal, rows
from mam import MAM, query
from test_mam import CONFIG, pair, say

RETRACT = "urn:xmpp:message-retract:1"
TEXT = "{urn:xmpp:fulltext:0}fulltext"
SERVER = dict(config={**CONFIG, "archive_full_text": "true"}, accounts=200)


# ---- preferences

def jids(prefs, name):
    return [j.text for j in prefs.child(name, MAM).all("jid")]


def set_prefs(c, default="always", always=(), never=()):
    lists = "".join(f"<{name}>{''.join(f'<jid>{j}</jid>' for j in these)}</{name}>"
                    for name, these in (("always", always), ("never", never)))
    default = f" default='{default}'" if default else ""
    return c.iq("set", f"<prefs xmlns='{MAM}'{default}>{lists}</prefs>")


def test_prefs(server):
    c = server.online()
    prefs = c.iq("get", f"<prefs xmlns='{MAM}'/>").child("prefs", MAM)
    equal((prefs.get("default"), jids(prefs, "always"), jids(prefs, "never")), ("always", [], []))
    reply = set_prefs(c, "roster", ["b@x.example", "A@x.example", "both@x.example"], ["n@x.example/R", "both@x.example"])
    for prefs in (reply.child("prefs", MAM), c.iq("get", f"<prefs xmlns='{MAM}'/>").child("prefs", MAM)):
        equal((prefs.get("default"), jids(prefs, "always"), jids(prefs, "never")),
              ("roster", ["a@x.example", "b@x.example"], ["both@x.example", "n@x.example/R"]))
    equal(set_prefs(c, "never").child("prefs", MAM).get("default"), "never")


def test_chosen_at_once(server):
    """What is chosen while the account is still being read holds."""
    for _ in range(30):
        c, user = server.client(), server.account()
        c.open()
        c.authenticate(user, PASSWORD)
        c.open()
        c.send(f"<iq type='set' id='b'><bind xmlns='{NS['bind']}'/></iq><iq type='set' id='p'><prefs xmlns='{MAM}'"
               " default='never'><always/><never/></prefs></iq>")
        c.find("iq", id="p")
        equal(c.iq("get", f"<prefs xmlns='{MAM}'/>").child("prefs", MAM).get("default"), "never")


@rows(("no default", None, [], ("modify", "bad-request")), ("unknown", "sometimes", [], ("modify", "bad-request")),
      ("bad address", "always", ["@"], ("modify", "jid-malformed")),
      ("many", "always", [f"u{n}@x.example" for n in range(1001)], ("wait", "resource-constraint")))
def test_prefs_refused(server, default, always, error):
    c = server.online()
    set_prefs(c, "roster")
    equal(set_prefs(c, default, always).error(), error)
    equal(c.iq("get", f"<prefs xmlns='{MAM}'/>").child("prefs", MAM).get("default"), "roster")


@rows(("never", "never", (), (), False), ("always", "always", (), (), True),
      ("always this one", "never", ("bare",), (), True), ("never this one", "always", (), ("bare",), False),
      ("never this client", "always", (), ("jid",), False), ("other client", "always", (), ("other",), True),
      ("client before account", "always", ("jid",), ("bare",), True), ("roster", "roster", (), (), False))
def test_policy(server, default, always, never, kept):
    a, b = pair(server)
    names = {"bare": a.bare, "jid": a.jid, "other": f"{a.bare}/elsewhere"}
    set_prefs(b, default, [names[n] for n in always], [names[n] for n in never])
    a.message(b.bare, "in")
    b.message(a.jid, "out")
    a.find("message", type="chat")
    a.sync()
    b.find("message", type="chat")
    equal(query(b).bodies, ["in", "out"] if kept else [])
    equal(query(a).bodies, ["in", "out"])


def test_roster_policy(server):
    a, b = server.friends()
    stranger = server.online()
    set_prefs(b, "roster")
    stranger.message(b.bare, "stranger")
    stranger.sync()
    say(a, b, "friend")
    equal(query(b).bodies, ["friend"])
    b.close()
    for c, text in ((a, "friend again"), (stranger, "stranger again")):
        c.message(b.bare, text)
        c.sync()
    equal(query(server.login(b.user)).bodies, ["friend", "friend again"])


@alone(accounts=2, config={**CONFIG, "default_archive_policy": '"roster"'})
def test_default_policy(server):
    a, b = (server.online(n) for n in server.names)
    say(a, b, "not kept")
    equal((query(a).bodies, query(b).bodies), ([], []))
    equal(a.iq("get", f"<prefs xmlns='{MAM}'/>").child("prefs", MAM).get("default"), "roster")


@alone(accounts=2, config={**CONFIG, "mam_smart_enable": "true"})
def test_begins_with_the_first_query(server):
    a, b = (server.online(n) for n in server.names)
    say(a, b, "before")
    equal(query(b).bodies, [])
    say(a, b, "after")
    equal(query(b).bodies, ["after"])
    b.close()
    server.stop()
    server.start()
    a = server.online(server.names[0])
    a.message(f"{server.names[1]}@{HOST}", "away")
    a.sync()
    equal(query(server.online(server.names[1])).bodies, ["after", "away"])


@alone(accounts=2, config=CONFIG)
def test_prefs_outlive_a_kill(server):
    a, b = (server.online(n) for n in server.names)
    equal(set_prefs(b, "never").get("type"), "result")
    server.kill()
    server.start()
    a, b = (server.online(n) for n in server.names)
    say(a, b, "words")
    equal(query(b).bodies, [])


# ---- retraction

def retract(c, to, target, body="gone"):
    return c.message(to, body, inner=f"<retract xmlns='{RETRACT}' id='{target}'/><store xmlns='urn:xmpp:hints'/>")


def tombstone(message):
    return None if message is None else message.child("retracted", RETRACT)


def until_buried(c, n=1):
    """Looked for behind the retraction's back: asks until so many are there."""
    for _ in range(2000):
        page = query(c)
        if sum(tombstone(m) is not None for m in page.messages) >= n:
            return page
    raise AssertionError([str(m) for m in page.messages])


def test_retracted(server):
    a, b = pair(server)
    target = a.message(b.bare, "to be forgotten", inner="<other xmlns='urn:x:y'/>")
    a.message(b.bare, "stays")
    ident = retract(a, b.bare, target)
    for _ in range(3):
        b.find("message", type="chat")
    ids = query(b).ids
    for c in (a, b):
        page = until_buried(c)
        message = page.messages[0]
        stone = tombstone(message)
        equal((message.get("id"), message.get("from"), message.get("type")), (target, a.jid, "chat"))
        equal((stone.get("id"), len(message.children)), (ident, 1))
        assert stone.get("stamp").endswith("Z")
        equal(page.bodies[1:], ["stays", "gone"])
        assert page.messages[2].child("retract", RETRACT) is not None
        equal(query(c, {TEXT: "forgotten"}).ids, [])
    equal(query(b).ids, ids)


def test_retracted_by_others(server):
    """Only the author takes back; neither the recipient nor a stranger."""
    a, b = pair(server)
    third = server.online()
    target = a.message(b.bare, "stays")
    retract(b, a.bare, target)
    retract(third, b.bare, target)
    retract(third, a.bare, target)
    for c in (b, third):
        c.sync()
    own = a.message(b.bare, "goes")
    retract(a, b.bare, own)
    for c in (a, b):
        page = until_buried(c)
        equal((page.bodies.count("stays"), page.bodies.count("goes")), (1, 0))


@rows(("of nothing", "missing"), ("of itself", "own"), ("sql", "' OR '1'='1"))
def test_retraction_of_nothing(server, target):
    a, b = pair(server)
    last = a.message(b.bare, "last")
    a.send(f"<message to='{b.bare}' type='chat' id='own'><body>x</body>"
           f"<retract xmlns='{RETRACT}' id=\"{target}\"/></message>")
    retract(a, b.bare, last)  # they are looked for one after the other
    equal(until_buried(b).bodies, [None, "x", "gone"])


def test_many_retractions_at_once(server):
    a, b = pair(server)
    targets = [a.message(b.bare, f"m{n}") for n in range(30)]
    for t in targets:
        retract(a, b.bare, t)
    a.sync()
    for c in (a, b):
        page = until_buried(c, 30)
        assert all(m.child("body") is None for m in page.messages[:30])


# ---- words

def test_found_by_words(server):
    a, b = pair(server)
    other = server.online()
    say(a, b, "the quick brown fox", "jumps over", "the lazy dog's back")
    other.message(b.bare, "a quick dog")
    other.sync()
    for words, wanted in (("quick", ["the quick brown fox", "a quick dog"]), ("THE", ["the quick brown fox", "the lazy dog's back"]),
                          ("dog quick", ["a quick dog"]), ("missing", []), ("qui*", []), ("quick OR lazy", []),
                          ('"', []), ("' OR 1=1", []), ("owner:o1", [])):
        page = query(b, {TEXT: words})
        equal((words, page.bodies, page.count), (words, wanted, len(wanted)))
    page = query(b, {TEXT: "quick", "with": a.bare})
    equal((page.bodies, page.count), (["the quick brown fox"], 1))
    page = query(b, {TEXT: "quick"}, {"max": 1, "before": ""})
    equal((page.bodies, page.count, page.complete), (["a quick dog"], 2, False))
    equal(query(b, {TEXT: "quick"}, {"max": 1, "after": query(b, {TEXT: "fox"}).ids[0]}).index, 1)
    equal(query(b, {TEXT: "quick"}, {"max": 1, "before": page.first}).bodies, ["the quick brown fox"])
    equal(query(other, {TEXT: "lazy"}).bodies, [])


def test_feature_of_words(server):
    c = server.online()
    info = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=c.bare)
    assert "urn:xmpp:fulltext:0" in {f.get("var") for f in info.child("query").all("feature")}
    x = c.iq("get", f"<query xmlns='{MAM}'/>").child("query", MAM).child("x", "jabber:x:data")
    assert TEXT in [f.get("var") for f in x.all("field")]


@alone(accounts=2, config={**CONFIG, "archive_full_text": "true", "default_storage": '"memory"',
                           "storage": '{ accounts = "sqlite" }'})
def test_memory_knows_no_words(server):
    a, b = (server.online(n) for n in server.names)
    say(a, b, "words")
    equal(query(b).bodies, ["words"])
    equal(query(b, {TEXT: "words"}).iq.error(), ("cancel", "feature-not-implemented"))
