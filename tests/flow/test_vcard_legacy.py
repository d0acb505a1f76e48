"""vCards and avatars of old and new clients: XEP-0054, XEP-0153, XEP-0084, XEP-0292, XEP-0398."""
import base64
import hashlib
import sqlite3

import pubsub as ps
from flow import HOST, alone, equal, rows, settle

MODULES = '{ "roster", "saslauth", "tls", "disco", "ping", "presence", "message", "iq", "pep", "vcard4", "vcard_legacy" }'
SERVER = dict(accounts=60, config={"modules_enabled": MODULES})
OLD, NEW, NODE = "vcard-temp", "urn:ietf:params:xml:ns:vcard-4.0", "urn:xmpp:vcard4"
DATA, METADATA = "urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"
PICTURE = bytes(range(256))
HASH = hashlib.sha1(PICTURE).hexdigest()


def photo(picture=PICTURE, kind="image/gif"):
    text = base64.encodebytes(picture).decode()
    return f"<PHOTO><TYPE>{kind}</TYPE><BINVAL>\n{text}</BINVAL></PHOTO>"


def set_card(client, inner, **args):
    return client.iq("set", f"<vCard xmlns='{OLD}'>{inner}</vCard>", **args)


def card(client, to=None):
    reply = client.iq("get", f"<vCard xmlns='{OLD}'/>", to=to)
    assert reply.get("type") == "result", str(reply)
    return reply.child("vCard", OLD)


def picture_of(vcard):
    found = vcard.child("PHOTO")
    return None if found is None else (found.child_text("TYPE"), base64.b64decode(found.child_text("BINVAL")))


def publish_avatar(client, picture=PICTURE, access="open"):
    ident = hashlib.sha1(picture).hexdigest()
    ps.publish(client, DATA, f"<data xmlns='{DATA}'>{base64.b64encode(picture).decode()}</data>", ident, {"access_model": access})
    info = f"<info bytes='{len(picture)}' id='{ident}' type='image/png'/>"
    ps.published(ps.publish(client, METADATA, f"<metadata xmlns='{METADATA}'><info url='http://x.example/a' bytes='1' id='{'0' * 40}'"
                            f" type='image/png'/>{info}</metadata>", ident, {"access_model": access}))
    return ident


def shown(presence):
    x = presence.child("x", "vcard-temp:x:update")
    return None if x is None else x.child_text("photo")


def test_announced(server):
    c = server.login()
    features = {f.get("var") for f in c.iq("get", f"<query xmlns='{ps.INFO}'/>", to=c.bare).child("query").all("feature")}
    assert {OLD, NEW, "urn:xmpp:pep-vcard-conversion:0"} <= features, features


FIELDS = ("<FN>Ann &amp; co</FN><N><FAMILY>Other</FAMILY><GIVEN>Ann</GIVEN></N><NICKNAME>a</NICKNAME><BDAY>1990-01-01</BDAY>"
          "<ADR><HOME/><STREET>Street 1</STREET><CTRY>Land</CTRY></ADR><TEL><WORK/><VOICE/><NUMBER>+1</NUMBER></TEL>"
          "<EMAIL><USERID>a@example.org</USERID></EMAIL><JABBERID>ann@example.org</JABBERID><TITLE>T</TITLE><ROLE>R</ROLE>"
          "<ORG><ORGNAME>Org</ORGNAME><ORGUNIT>Unit</ORGUNIT></ORG><DESC>D</DESC><URL>http://a.example</URL>")


def test_there_and_back(server):
    """All fields that both kinds have come back as they were set, and others see them, too."""
    c, other = server.login(), server.login()
    equal(card(c).children, [])
    equal(set_card(c, FIELDS).get("type"), "result")
    equal(str(card(c)), f'<vCard xmlns="{OLD}">' + "".join(map(str, card(other, c.bare).children)) + "</vCard>")
    got = card(other, c.bare)
    equal((got.child_text("FN"), got.child("N").child_text("GIVEN"), got.child("ORG").child_text("ORGUNIT")), ("Ann & co", "Ann", "Unit"))
    equal([t.name for t in got.child("TEL").children], ["WORK", "VOICE", "NUMBER"])
    equal((got.child("ADR").child("HOME") is not None, got.child_text("JABBERID"), got.child_text("BDAY")),
          (True, "ann@example.org", "1990-01-01"))
    names = ["FN", "N", "NICKNAME", "BDAY", "ADR", "TEL", "EMAIL", "JABBERID", "TITLE", "ROLE", "ORG", "DESC", "URL"]
    equal([child.name for child in got.children], names)
    published = ps.get(other, NODE, to=c.bare).child("pubsub").child("items").child("item").child("vcard", NEW)
    equal(published.child("fn").child_text("text"), "Ann & co")


def test_picture_by_old_client(server):
    """It is published as an avatar, with a hash that everybody can check."""
    a, b = server.friends()
    ps.listen(b, METADATA)
    equal(set_card(a, "<FN>A</FN>" + photo()).get("type"), "result")
    info = ps.told(b, METADATA)[1].child("item").child("metadata", METADATA).child("info")
    equal((info.get("id"), info.get("bytes"), info.get("type")), (HASH, str(len(PICTURE)), "image/gif"))
    equal(shown(b.find("presence", from_=a.jid)), HASH)
    equal(ps.items(ps.get(b, DATA, to=a.bare)), [(HASH, base64.b64encode(PICTURE).decode())])
    equal(picture_of(card(b, a.bare)), ("image/gif", PICTURE))
    set_card(a, "<FN>A</FN>")
    equal(ps.told(b, METADATA)[1].child("item").child("metadata", METADATA).children, [])
    equal(picture_of(card(b, a.bare)), None)
    settle(a, b)
    a.presence("<show>away</show>")
    equal(shown(b.find("presence", from_=a.jid)), None)


def test_picture_by_new_client(server):
    a, b = server.friends()
    publish_avatar(a)
    equal(shown(b.find("presence", from_=a.jid)), HASH)
    equal(picture_of(card(b, a.bare)), ("image/png", PICTURE))
    settle(a, b)
    other = bytes(300)
    ident = publish_avatar(a, other)
    equal(shown(b.find("presence", from_=a.jid)), ident)
    equal(picture_of(card(b, a.bare))[1], other)
    ps.ask(a, "set", f"<delete node='{METADATA}'/>", ns=ps.OWNER)
    a.presence("<show>away</show>")
    settle(a, b)
    equal(picture_of(card(a)), None)


@rows(("nothing", "", HASH), ("no photo", "<x xmlns='vcard-temp:x:update'/>", HASH),
      ("an empty one", "<x xmlns='vcard-temp:x:update'><photo/></x>", ""),
      ("another", f"<x xmlns='vcard-temp:x:update'><photo>{'1' * 40}</photo></x>", HASH))
def test_presence(server, inner, wanted):
    """Into the first presence of a session, and into directed ones."""
    a, b = server.friends()
    publish_avatar(a)
    settle(a, b)
    again = server.login(a.user)
    again.presence(inner)
    equal(shown(b.find("presence", from_=again.jid)), wanted)
    stranger = server.login()
    stranger.presence()
    again.presence(inner, to=stranger.jid)
    got = stranger.find("presence", from_=again.jid)
    equal((shown(got), len(got.all("x"))), (wanted, 1))


def test_presence_without_a_picture(server):
    a, b = server.friends()
    again = server.login(a.user)
    again.presence()
    equal(shown(b.find("presence", from_=again.jid)), None)


def test_who_may_not_see_it(server):
    a, b = server.friends()
    stranger = server.login()
    publish_avatar(a, access="presence")
    ps.publish(a, NODE, f"<vcard xmlns='{NEW}'><fn><text>A</text></fn></vcard>", "x", {"access_model": "whitelist"})
    equal([c.name for c in card(b, a.bare).children], ["PHOTO"])
    for to in (a.bare, f"nobody@{HOST}"):
        equal(stranger.iq("get", f"<vCard xmlns='{OLD}'/>", to=to).error(), ("cancel", "item-not-found"))
        equal(stranger.iq("get", f"<vcard xmlns='{NEW}'/>", to=to).error(), ("cancel", "item-not-found"))
    equal(set_card(a, "<FN>B</FN>").get("type"), "result")
    equal(ps.settings(a, NODE)["pubsub#access_model"], ["whitelist"])  # it stays as its owner wants it


@rows(("of another", lambda a, b: set_card(b, "<FN>x</FN>", to=a.bare), ("auth", "forbidden")),
      ("new of another", lambda a, b: b.iq("set", f"<vcard xmlns='{NEW}'/>", to=a.bare), ("auth", "forbidden")),
      ("no picture", lambda a, b: set_card(a, "<PHOTO><BINVAL>???</BINVAL></PHOTO>"), ("modify", "bad-request")),
      ("large picture", lambda a, b: set_card(a, photo(bytes(150000))), ("modify", "not-acceptable")))
def test_refused(server, action, wanted):
    a, b = server.login(), server.login()
    equal(action(a, b).error(), wanted)
    equal(picture_of(card(a)), None)


def test_new_by_request(server):
    a, b = server.login(), server.login()
    inner = f"<vcard xmlns='{NEW}'><fn><text>A</text></fn><tel><uri>tel:+1</uri></tel></vcard>"
    equal(a.iq("get", f"<vcard xmlns='{NEW}'/>").child("vcard", NEW).children, [])
    equal(a.iq("set", inner).get("type"), "result")
    equal(a.iq("get", f"<vcard xmlns='{NEW}'/>").child("vcard", NEW).child("fn").child_text("text"), "A")
    equal(card(a).child("TEL").child_text("NUMBER"), "+1")
    ps.configure(a, NODE, {"access_model": "open"})
    equal(b.iq("get", f"<vcard xmlns='{NEW}'/>", to=a.bare).child("vcard", NEW).child("fn").child_text("text"), "A")


def test_what_was_there_before(server):
    """A vCard of the time before is shown, and published when its owner connects."""
    user, stranger = server.account(), server.account()
    server.stop()
    with sqlite3.connect(f"{server.dir}/data/prosody.sqlite") as db:
        db.execute("INSERT INTO owner (host, store, user) VALUES (?, 'vcard', ?)", (HOST, user))
        db.execute("INSERT INTO items SELECT id, '', ? FROM owner WHERE store = 'vcard' AND user = ?",
                   (f"<vCard xmlns='{OLD}'><FN>Old</FN><X>only here</X>{photo()}</vCard>", user))
    server.start()
    b = server.login(stranger)
    equal([c.name for c in card(b, f"{user}@{HOST}").children], ["FN", "X", "PHOTO"])
    a = server.login(user)
    while [c.name for c in card(a).children] != ["FN", "PHOTO"]:
        pass  # every turn asks the server
    equal(ps.ids(ps.get(b, METADATA, to=a.bare)), [HASH])


@alone(accounts=2, config={"modules_enabled": MODULES.replace('"vcard4", "vcard_legacy"', '"vcard"'), "vcard_max_size": '"4 KiB"'})
def test_plain_vcards(server):
    """The module vcard: as they are set, so they are shown (XEP-0054)."""
    a, b = server.login(), server.login()
    equal(card(a).children, [])
    equal(b.iq("get", f"<vCard xmlns='{OLD}'/>", to=a.bare).error(), ("cancel", "item-not-found"))
    equal(b.iq("get", f"<vCard xmlns='{OLD}'/>", to=f"nobody@{HOST}").error(), ("cancel", "item-not-found"))
    equal(set_card(a, "<FN>A</FN><X-Y>z</X-Y>").get("type"), "result")
    equal([(c.name, c.text) for c in card(b, a.bare).children], [("FN", "A"), ("X-Y", "z")])
    equal(set_card(b, "<FN>B</FN>", to=a.bare).error(), ("auth", "forbidden"))
    equal(set_card(a, "<FN>" + "x" * 5000 + "</FN>").error(), ("modify", "not-acceptable"))
    server.stop()
    server.start()
    equal(card(server.login(b.user), a.bare).child_text("FN"), "A")
    assert "vcard is loaded" in server.ctl("module", "load", HOST, "vcard_legacy", check=False)
