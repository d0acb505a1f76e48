"""Message archives: XEP-0313, with XEP-0059 for pages, XEP-0359 for ids, XEP-0334 for hints."""
import sqlite3

from flow import HOST, equal, rows
from mam import MAM, SID, form, payload, query, stanza_id

MODULES = ('{ "roster", "saslauth", "tls", "disco", "ping", "offline", "presence", "message", "iq", "carbons",'
           ' "blocklist", "mam" }')
CONFIG = {"modules_enabled": MODULES}
SERVER = dict(config=CONFIG, accounts=300)
BODY = "<body>words</body>"


def pair(server):
    return server.online(), server.online()


def say(a, b, *texts):
    for text in texts:
        a.message(b.bare, text)
        b.find("message")


def fill(server, n=10):
    """A client with n messages m0..m{n-1} in its archive, that it got from another one."""
    sender, c = pair(server)
    for i in range(n):
        sender.message(c.bare, f"m{i}")
    sender.sync()
    return c, sender


# ---- what is kept

def test_both_archives_once_each(server):
    a, b = pair(server)
    second = server.online(b.user)
    a.message(b.bare, "to both of them")
    ids = {stanza_id(c.find("message", type="chat"), b.bare) for c in (b, second)}
    page_a, page_b = query(a), query(b)
    equal((page_a.bodies, page_b.bodies), (["to both of them"], ["to both of them"]))
    equal(ids, {page_b.ids[0]})
    assert page_a.ids != page_b.ids
    for page, (frm, to) in ((page_a, (a.jid, b.bare)), (page_b, (a.jid, b.bare))):
        equal((page.messages[0].get("from"), page.messages[0].get("to")), (frm, to))
        assert page.complete and page.count == 1 and page.index == 0
        equal((page.first, page.last), (page.ids[0], page.ids[0]))
        assert page.stamps[0].endswith("Z")


@rows(("chat", "chat", BODY, True), ("normal", None, BODY, True), ("headline", "headline", BODY, False),
      ("groupchat", "groupchat", BODY, False), ("nothing", "chat", "", False),
      ("chat state", "chat", "<active xmlns='http://jabber.org/protocol/chatstates'/>", False),
      ("no-store", "chat", BODY + "<no-store xmlns='urn:xmpp:hints'/>", False),
      ("no-permanent-store", "chat", BODY + "<no-permanent-store xmlns='urn:xmpp:hints'/>", False),
      ("store", "chat", "<store xmlns='urn:xmpp:hints'/>", True),
      ("store a headline", "headline", "<store xmlns='urn:xmpp:hints'/>", False),
      ("both hints", "chat", "<store xmlns='urn:xmpp:hints'/><no-store xmlns='urn:xmpp:hints'/>", False),
      ("subject", None, "<subject>words</subject>", True),
      ("receipt", "chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", True),
      ("marker", "chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", True),
      ("encrypted", "chat", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/><x xmlns='y'/>", True),
      ("invitation", None, "<x xmlns='jabber:x:conference' jid='room@muc'/>", True),
      ("mediated invitation", None, "<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>", True),
      ("room status", None, "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>", False),
      ("call", "chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", True),
      ("other", "chat", "<other xmlns='urn:example:other'/>", False))
def test_what_is_kept(server, kind, inner, kept):
    a, b = pair(server)
    a.message(b.jid, None, type=kind, inner=inner)
    a.sync()
    for c in (a, b):
        equal(len(query(c).ids), int(kept))


def test_error_for_a_full_address_only(server):
    a, b = pair(server)
    for to in (b.jid, b.bare):
        a.message(to, None, type="error", inner=BODY + "<error type='cancel'><gone xmlns='urn:ietf:params:xml:"
                                                       "ns:xmpp-stanzas'/></error>")
    a.sync()
    equal([m.get("to") for m in query(b).messages], [b.jid])
    equal(query(a).ids, [])


def test_left_out_elements(server):
    a, b = pair(server)
    a.message(b.bare, "words", inner="<active xmlns='http://jabber.org/protocol/chatstates'/><other xmlns='urn:x:y'/>")
    message = b.find("message", type="chat")
    assert message.child("active") is not None
    for c in (a, b):
        kept = query(c).messages[0]
        assert kept.child("active") is None and kept.child("other", "urn:x:y") is not None, str(kept)


def test_to_oneself_once(server):
    a = server.online()
    second = server.online(a.user)
    second.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    a.message(a.jid, "note")
    got = a.find("message", type="chat")
    copy = second.find("message").child("sent", "urn:xmpp:carbons:2").child("forwarded").child("message")
    page = query(a)
    equal(page.bodies, ["note"])
    equal((stanza_id(got, a.bare), stanza_id(copy, a.bare)), (page.ids[0], page.ids[0]))
    equal(query(a, {"with": a.bare}).bodies, ["note"])
    a.message(a.jid, None, inner="<other xmlns='urn:x:y'/>")
    assert stanza_id(a.find("message", has="other"), a.bare) is None, "an id that is another message's"


def test_nobody_there(server):
    a = server.online()
    a.message(f"nobody-at-all@{HOST}", "words")
    a.find("message", type="error")
    equal(query(a).bodies, ["words"])
    with sqlite3.connect(server.dir / "data/prosody.sqlite") as db:
        equal(db.execute("SELECT count(*) FROM owner WHERE user = 'nobody-at-all'").fetchone(), (0,))


def test_blocked_is_not_kept(server):
    a, b = pair(server)
    b.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{a.bare}'/></block>")
    a.message(b.bare, "unwanted")
    a.sync()
    equal(query(b).ids, [])
    b.message(a.bare, "refused")
    b.find("message", type="error")
    equal(query(b).ids, [])


# ---- ids

def test_forged_ids_go(server):
    a, b = pair(server)
    forged = "".join(f"<stanza-id xmlns='{SID}' by='{by}' id='forged'/>"
                     for by in (a.bare, b.bare, a.bare.upper(), HOST, b.jid, "other@example.org"))
    a.message(b.bare, "words", inner=forged)
    got = b.find("message", type="chat")
    equal([c.get("by") for c in got.all("stanza-id") if c.get("id") == "forged"], ["other@example.org"])
    equal(stanza_id(got, b.bare), query(b).ids[0])
    equal([i.get("by") for i in query(b).messages[0].all("stanza-id")], ["other@example.org"])
    equal([i.get("by") for i in query(a).messages[0].all("stanza-id")], [b.bare, b.jid, "other@example.org"])


def test_own_clients_are_told_and_others_not(server):
    a, b = pair(server)
    second = server.online(a.user)
    second.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    a.message(b.bare, "words")
    copy = second.find("message").child("sent", "urn:xmpp:carbons:2").child("forwarded").child("message")
    equal(stanza_id(copy, a.bare), query(a).ids[0])
    got = b.find("message", type="chat")
    assert stanza_id(got, a.bare) is None
    equal(stanza_id(got, b.bare), query(b).ids[0])


# ---- pages

def test_pages_forwards(server):
    c, _ = fill(server)
    got, after, n = [], None, 0
    while True:
        page = query(c, page={"max": 4, **({"after": after} if after else {})})
        equal((page.count, page.index), (10, len(got)))
        got, after, n = got + page.bodies, page.last, n + 1
        if page.complete:
            break
    equal((got, n), ([f"m{i}" for i in range(10)], 3))


def test_pages_backwards(server):
    c, _ = fill(server)
    got, before, n = [], "", 0
    while True:
        page = query(c, page={"max": 4, "before": before})
        equal(page.bodies, sorted(page.bodies))
        got, before, n = page.bodies + got, page.first, n + 1
        equal((page.count, page.index), (10, None))
        if page.complete:
            break
    equal((got, n), ([f"m{i}" for i in range(10)], 3))


@rows(("forwards", {"max": 3, "after": 2}, "m5 m4 m3"), ("last", {"max": 3, "before": ""}, "m9 m8 m7"),
      ("backwards", {"max": 3, "before": 5}, "m4 m3 m2"))
def test_flipped(server, page, wanted):
    c, _ = fill(server)
    ids = query(c).ids
    page = {key: ids[value] if isinstance(value, int) and key != "max" else value for key, value in page.items()}
    straight, flipped = query(c, page=page), query(c, page=page, more="<flip-page/>")
    equal(flipped.bodies, wanted.split())
    equal((flipped.ids[::-1], flipped.first, flipped.last), (straight.ids, straight.first, straight.last))


@rows(("above", {"after-id": 3}, None, "m4 m5 m6 m7 m8 m9", 6), ("below", {"before-id": 3}, None, "m0 m1 m2", 3),
      ("between", {"after-id": 2, "before-id": 6}, None, "m3 m4 m5", 3),
      ("nothing between", {"after-id": 6, "before-id": 2}, None, "", 0),
      ("page between", {"after-id": 2, "before-id": 8}, {"max": 2, "after": 4}, "m5 m6", 5),
      ("page that begins before", {"after-id": 5}, {"max": 2, "after": 1}, "m6 m7", 4),
      ("last page below", {"before-id": 5}, {"max": 2, "before": ""}, "m3 m4", 5),
      ("ids", {"ids": [7, 1]}, None, "m1 m7", 2), ("page of ids", {"ids": [7, 1, 3]}, {"max": 2}, "m1 m3", 3),
      ("count", {}, {"max": 0}, "", 10), ("more than there are", {}, {"max": 99999999999}, "m0 m1 m2 m3 m4 m5 m6 m7"
                                                                                            " m8 m9", 10))
def test_ids_in_queries(server, fields, page, wanted, count):
    c, _ = fill(server)
    ids = query(c).ids

    def real(value):
        return [ids[v] for v in value] if isinstance(value, list) else ids[value] if isinstance(value, int) else value

    got = query(c, {k: real(v) for k, v in fields.items()},
                page and {k: v if k == "max" else real(v) for k, v in page.items()})
    equal((" ".join(got.bodies), got.count), (wanted, count))


def test_page_is_capped(server):
    c, _ = fill(server, 70)
    page = query(c)
    equal((len(page.ids), page.complete, page.count), (50, False, 70))
    equal(len(query(c, page={"max": 1000}).ids), 50)


def test_large_messages_make_short_pages(server):
    sender, c = pair(server)
    for _ in range(7):
        sender.message(c.bare, "x" * 200000)
    sender.sync()
    page = query(c)
    assert len(page.ids) < 7 and not page.complete, len(page.ids)
    rest = query(c, page={"after": page.last})
    assert rest.complete and len(page.ids) + len(rest.ids) == 7


@rows(("bare", "bare", 3), ("full", "jid", 2), ("other", "other", 1), ("stranger", "stranger", 0))
def test_with(server, who, n):
    a, b = pair(server)
    third = server.online()
    a.message(b.jid, "to this one")
    a.message(b.bare, "to any")
    b.message(a.bare, "back")
    third.message(a.bare, "else")
    for c in (b, third):
        c.sync()
    jid = {"bare": b.bare, "jid": b.jid, "other": third.bare, "stranger": f"x@{HOST}"}[who]
    equal(len(query(a, {"with": jid}).ids), n)
    equal(len(query(a, {"with": jid.upper().replace(jid.partition("/")[2].upper(), jid.partition("/")[2])
                        if "/" in jid else jid.upper()}).ids), n)


def test_times(server):
    c, sender = fill(server, 3)
    stamps = query(c).stamps
    equal(query(c, {"start": stamps[0]}).bodies, ["m0", "m1", "m2"])
    equal(query(c, {"end": stamps[2]}).bodies, ["m0", "m1", "m2"])
    equal(query(c, {"start": "2100-01-01T00:00:00Z"}).bodies, [])
    equal(query(c, {"end": "1970-01-01T00:00:00Z"}).bodies, [])
    equal(query(c, {"start": "1970-01-01T00:00:00Z", "end": "2100-01-01T00:00:00+01:00"}).count, 3)


def test_empty_archive(server):
    c = server.online()
    page = query(c)
    assert page.complete and page.count == 0 and page.first is None, str(page.iq)
    reply = c.iq("get", f"<metadata xmlns='{MAM}'/>")
    equal(reply.child("metadata", MAM).children, [])


def test_metadata(server):
    c, _ = fill(server, 4)
    page = query(c)
    metadata = c.iq("get", f"<metadata xmlns='{MAM}'/>", to=c.bare).child("metadata", MAM)
    for name, at in (("start", 0), ("end", 3)):
        end = metadata.child(name)
        equal((end.get("id"), end.get("timestamp")), (page.ids[at], page.stamps[at]))


def test_form(server):
    c = server.online()
    x = c.iq("get", f"<query xmlns='{MAM}'/>").child("query", MAM).child("x", "jabber:x:data")
    fields = {f.get("var"): f for f in x.all("field")}
    equal({k: f.get("type") for k, f in fields.items()},
          {"FORM_TYPE": "hidden", "with": "jid-single", "start": "text-single", "end": "text-single",
           "before-id": "text-single", "after-id": "text-single", "ids": "list-multi",
           "include-groupchat": "boolean"})
    validate = fields["ids"].child("validate", "http://jabber.org/protocol/xdata-validate")
    assert validate.get("datatype") == "xs:string" and validate.child("open") is not None


def test_features(server):
    c = server.online()
    info = c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=c.bare)
    features = {f.get("var") for f in info.child("query").all("feature")}
    assert {MAM, f"{MAM}#extended", f"{MAM}#groupchat-field", SID, "urn:xmpp:message-retract:1",
            "urn:xmpp:message-retract:1#tombstone"} <= features, features
    assert "urn:xmpp:fulltext:0" not in features


# ---- refusals

NOT_FOUND, BAD, UNKNOWN = ("cancel", "item-not-found"), ("modify", "bad-request"), ("cancel", "feature-not-implemented")


@rows(("after", {}, {"after": "x"}, NOT_FOUND), ("before", {}, {"before": "x"}, NOT_FOUND),
      ("after-id", {"after-id": "x"}, None, NOT_FOUND), ("before-id", {"before-id": "x"}, None, NOT_FOUND),
      ("ids", {"ids": ["x"]}, None, NOT_FOUND), ("one of the ids", {"ids": ["x", "KNOWN"]}, None, NOT_FOUND),
      ("ids made of SQL", {"ids": ["') OR 1=1 --"]}, None, NOT_FOUND),
      ("after made of SQL", {}, {"after": "' OR '1'='1"}, NOT_FOUND),
      ("long id", {"after-id": "x" * 50000}, None, NOT_FOUND),
      ("start", {"start": "yesterday"}, None, BAD), ("end", {"end": "2024-13-01T00:00:00Z"}, None, BAD),
      ("with", {"with": "@"}, None, BAD), ("with space", {"with": "a b@c"}, None, BAD),
      ("boolean", {"include-groupchat": "maybe"}, None, BAD),
      ("max", {}, {"max": "-1"}, BAD), ("max text", {}, {"max": "all"}, BAD), ("index", {}, {"index": "5"}, UNKNOWN),
      ("many ids", {"ids": ["x"] * 1500}, None, BAD),
      ("unknown field", {"{urn:x}y": "z"}, None, UNKNOWN),
      ("full text", {"{urn:xmpp:fulltext:0}fulltext": "words"}, None, UNKNOWN),
      ("form type", {"FORM_TYPE": "urn:xmpp:mam:1"}, None, BAD))
def test_refused(server, fields, page, error):
    c, _ = fill(server, 1)
    known = query(c).ids[0]
    fields = {k: [known if i == "KNOWN" else i for i in v] if isinstance(v, list) else v for k, v in fields.items()}
    got = query(c, fields, page)
    equal((got.iq.error(), got.ids), (error, []))
    equal(query(c).bodies, ["m0"])


@rows(("with a sql pattern", {"with": "%@%"}), ("wildcard", {"with": f"*@{HOST}"}))
def test_matches_nothing(server, fields):
    c, _ = fill(server, 1)
    page = query(c, fields)
    assert page.ids == [] and (page.iq.error() in (None, BAD)), str(page.iq)


@rows(("no form type", "<x xmlns='jabber:x:data' type='submit'/>", BAD),
      ("form", form({}).replace("submit", "form"), BAD), ("cancel", form({}).replace("submit", "cancel"), BAD),
      ("node", None, NOT_FOUND))
def test_malformed(server, inner, error):
    c, _ = fill(server, 1)
    node = "" if inner else " node='x'"
    equal(c.iq("set", f"<query xmlns='{MAM}'{node}>{inner or ''}</query>").error(), error)


PAYLOADS = (("query", "set", payload()), ("form", "get", f"<query xmlns='{MAM}'/>"),
            ("metadata", "get", f"<metadata xmlns='{MAM}'/>"), ("prefs", "get", f"<prefs xmlns='{MAM}'/>"),
            ("prefs_set", "set", f"<prefs xmlns='{MAM}' default='never'><always/><never/></prefs>"))


@rows(*PAYLOADS)
def test_of_another(server, kind, inner):
    c, sender = fill(server, 1)
    for to in (c.bare, f"nobody@{HOST}"):
        equal(sender.iq(kind, inner, to=to).error(), ("auth", "forbidden"))
    equal(query(c).bodies, ["m0"])
    equal(c.iq("get", f"<prefs xmlns='{MAM}'/>").child("prefs").get("default"), "always")


def test_of_the_host(server):
    c = server.online()
    equal(c.iq("set", payload(), to=HOST).error(), ("cancel", "service-unavailable"))


def test_results_cannot_be_made_up(server):
    """What a peer wraps as a result comes with the peer's address, and is never the server's."""
    a, b = pair(server)
    a.message(b.bare, None, inner=f"<result xmlns='{MAM}' queryid='q' id='x'><forwarded xmlns='urn:xmpp:forward:0'>"
                                  f"<message xmlns='jabber:client' from='{HOST}'>{BODY}</message></forwarded></result>")
    a.sync()
    for e in b.sync():
        if e.name == "message":
            equal(e.get("from"), a.jid)


# ---- many

def test_queries_do_not_hold_up_messages(server):
    c, sender = fill(server, 60)
    for _ in range(10):
        c.iq("set", payload(), wait=False)
    c.message(sender.bare, "in front of the pages")
    sender.find("message", type="chat")
    ends = [c.find("iq", has="fin") for _ in range(10)]
    assert all(e.get("type") == "result" for e in ends)


def test_endless_queries(server):
    """So many at once are refused; those in time are all answered, in order."""
    c, _ = fill(server, 60)
    idents = [c.iq("set", payload(), wait=False) for _ in range(200)]
    answers = {}
    while len(answers) < len(idents):
        e = c.next()
        if e.name == "iq":
            answers[e.get("id")] = e
    served = [i for i in idents if answers[i].get("type") == "result"]
    assert len(served) >= 16
    equal({answers[i].error() for i in idents if i not in served} - {("wait", "resource-constraint")}, set())
    equal(query(c).iq.get("type"), "result")


def test_one_who_leaves_in_the_middle(server):
    c, _ = fill(server, 60)
    for _ in range(16):
        c.iq("set", payload(), wait=False)
    c.abort()
    other, _ = fill(server, 1)
    equal(query(other).bodies, ["m0"])


def test_order_of_two_sessions(server):
    c, sender = fill(server, 5)
    second = server.online(c.user)
    for client in (c, second):
        equal(query(client).bodies, [f"m{i}" for i in range(5)])
