"""What a server of ours and one of others (federated.py) say to each other, and what happens to them meanwhile."""
import itertools
import json
import signal

from client import SCALE
from federated import Pair, ours, theirs, until
from flow import equal

PING = "<ping xmlns='urn:xmpp:ping'/>"


_bodies = itertools.count(1)


def hears(other, one, body):
    got = other.find("message")
    assert (got.get("from"), got.get("to"), got.child_text("body")) == (one.jid, other.jid, body), str(got)


def say(one, other, more=""):
    body = f"text {next(_bodies)}{more}"
    one.message(other.jid, body)
    hears(other, one, body)


def both_say(one, other):
    """At once, so that their streams may cross."""
    one.message(other.jid, "from one")
    other.message(one.jid, "from the other")
    hears(other, one, "from one")
    hears(one, other, "from the other")


def chat(one, other):
    """There and back, the first one begins."""
    say(one, other)
    say(other, one)


def ping(c, domain):
    """What comes of it."""
    return c.iq("get", PING, to=domain).get("type")


def reaches(c, domain):
    """A ping of the domain comes back well. One that was written to a stream that had just died is not answered."""
    ident = c.iq("get", PING, to=domain, wait=False)
    try:
        return c.find("iq", id=ident, timeout=2).get("type") == "result"
    except AssertionError:
        return False


def shows(c, jid, show):
    """Presence with that <show/> comes."""
    while c.find("presence", from_=jid).child_text("show") != show:
        pass


def subscribe(one, other):
    """`one` sees `other` from now on."""
    one.presence(to=other.bare, type="subscribe")
    other.find("presence", type="subscribe", from_=one.bare)
    other.presence(to=one.bare, type="subscribed")
    one.find("presence", type="subscribed", from_=other.bare)
    one.find("presence", type=None, from_=other.jid)


def subscription(c, other):
    return c.roster()[other.bare].get("subscription")


def is_ours(c):
    return c.host.endswith(".ours.example")


def contacts(one, other):
    """Subscriptions both ways, and presence that follows them; one ends by who asked, one by who was asked. Not each
    server says then that its user has gone (RFC 6121 3.2.2, 3.3.3): ours does."""
    subscribe(one, other)
    subscribe(other, one)
    assert (subscription(one, other), subscription(other, one)) == ("both", "both")
    for c, contact, show in ((one, other, "away"), (other, one, "dnd")):
        contact.presence(f"<show>{show}</show>", reflected=False)
        shows(c, contact.jid, show)
    one.presence(to=other.bare, type="unsubscribe")
    other.find("presence", type="unsubscribe", from_=one.bare)
    one.presence(to=other.bare, type="unsubscribed")
    other.find("presence", type="unsubscribed", from_=one.bare)
    his, hers = (one, other) if is_ours(other) else (other, one)
    his.find("presence", type="unavailable", from_=hers.jid)
    until(lambda: (subscription(one, other), subscription(other, one)) == ("none", "none"), "no subscription is left")


def refusals(one, other):
    """An iq that nobody handles, and a message for nobody."""
    error = one.iq("get", "<query xmlns='urn:example'/>", to=other.host)
    assert error.get("type") == "error" and error.error()[1] == "service-unavailable", str(error)
    ident = one.message(f"nobody@{other.host}", "x")
    assert one.find("message", id=ident, type="error").error()[1] == "service-unavailable"


# ---- the tests, of each peer

# name, the two domains, how ours proves itself, how theirs does
WAYS = (("certificates", Pair(), "certificate", "certificate"),
        ("dialback", Pair(our_cert=False, their_cert=False), "dialback", "dialback"),
        ("we_alone_have_a_certificate", Pair(their_cert=False), "certificate", "dialback"),
        ("they_alone_have_a_certificate", Pair(our_cert=False), "dialback", "certificate"),
        ("direct_tls", Pair(direct=True), "certificate", "certificate"),
        ("dialback_by_direct_tls", Pair(our_cert=False, their_cert=False, direct=True), "dialback", "dialback"))
ONE_WAY = (("we_go_one_way", Pair(our_bidi=False), "certificate", "certificate"),
           ("they_go_one_way", Pair(their_bidi=False), "certificate", "certificate"),
           ("dialback_one_way", Pair(our_cert=False, their_cert=False, our_bidi=False), "dialback", "dialback"))
MORE = {"they-end-sigterm": Pair(), "they-end-sigkill": Pair(), "we-end-sigterm": Pair(), "we-end-sigkill": Pair(),
        "we-renew": Pair(our_cert=False), "they-renew": Pair(their_cert=False), "their-end": Pair(watched=True),
        "rooms": Pair(rooms=True), "more-rooms": Pair(rooms=True),
        "we-insist": Pair(their_cert=False, we_insist=True), "they-insist": Pair(our_cert=False, they_insist=True),
        "managed": Pair(), "managed-one-way": Pair(our_bidi=False), "cut": Pair(), "cut-one-way": Pair(our_bidi=False)}


OUR_PROOF = {"certificate": "our certificate", "dialback": "dialback"}
THEIR_PROOF = {"certificate": "its certificate", "dialback": "dialback"}


def table(ways):
    """Rows for meet(), each with a pair of its own: who opens the first stream is no other's business."""
    return [(f"{name}_{first}", first, *more) for name, *more in ways for first in ("we_open", "they_open", "both_open")]


def pairs_of(rows):
    return {row[0].replace("_", "-"): row[2] for row in rows} | MORE


def check_streams(bed, name, first, since, pair, our_proof, their_proof):
    """Those that there should be, and how they were proved."""
    one_way = not (pair.our_bidi and pair.their_bidi)
    outwards = one_way or first == "we_open"
    # The stream on which a peer asks about a key of dialback is proved, too.
    inwards = one_way or first == "they_open" or our_proof == "dialback"
    until(lambda: bed.streams(name) == ["in"] * inwards + ["out"] * outwards, f"{inwards} in, {outwards} out")
    log = bed.log()[since:]
    for there, line in ((outwards, f"stream to {theirs(name)}: proved by {OUR_PROOF[our_proof]}"),
                        (inwards, f"stream from {theirs(name)}: proved by {THEIR_PROOF[their_proof]}")):
        assert (line in log) == there, f"{line}: {there}\n{log}"


def meet(bed, row, first, pair, our_proof, their_proof):
    """All kinds of stanzas, from a first message on."""
    name, since = row.replace("_", "-"), len(bed.log())
    ann, bob = bed.both(name)
    if first == "both_open":
        both_say(ann, bob)
    else:
        chat(*((ann, bob) if first == "we_open" else (bob, ann)))
        check_streams(bed, name, first, since, pair, our_proof, their_proof)
    for one, other in ((ann, bob), (bob, ann)):
        equal(ping(one, other.host), "result")
        say(one, other, " и так далее" * 5000)
        refusals(one, other)
        contacts(one, other)


def enter(c, room, nick):
    c.presence("<x xmlns='http://jabber.org/protocol/muc'/>", to=f"{room}/{nick}")
    own = c.find("presence", from_=f"{room}/{nick}")
    assert own.get("type") is None, str(own)


def room(bed):
    """Two of our domains in a room of theirs: what is said there comes to both."""
    ann, also = bed.ann("rooms"), bed.ann("more-rooms")
    hall = f"hall@{theirs('rooms')}"
    enter(ann, hall, "Ann")
    ann.find("message", type="groupchat", has="subject")
    # A new room may wait for its owner's word (XEP-0045 10.1.2).
    equal(ann.iq("set", "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
                 to=hall).get("type"), "result")
    enter(also, hall, "Also")
    ann.find("presence", from_=f"{hall}/Also")
    ann.message(hall, "to all", type="groupchat")
    for c in (ann, also):
        while c.find("message", type="groupchat", from_=f"{hall}/Ann").child_text("body") != "to all":
            pass
    also.presence(to=f"{hall}/Also", type="unavailable")
    ann.find("presence", from_=f"{hall}/Also", type="unavailable")


def strangers(bed, name):
    """One side wants a certificate that the other one does not have: everybody is told, in both directions."""
    ann, bob = bed.both(name)
    for one, other in ((ann, bob), (bob, ann), (ann, bob)):
        equal(ping(one, other.host), "error")
        ident = one.message(other.jid)
        one.find("message", id=ident, type="error")
    equal(bed.streams(name), [])


def they_end(bed, how):
    """The peer goes and comes again: meanwhile everything is answered, afterwards everything gets there."""
    name = f"they-end-{how.lower()}"
    ann, bob = bed.both(name)
    chat(ann, bob)
    bed.peer.stop(signal.Signals[how])
    bed.no_streams(name)
    equal(ping(ann, theirs(name)), "error")
    assert ann.find("message", id=ann.message(bob.jid), type="error").error()[1].startswith("remote-server-")
    bed.peer.start()
    until(lambda: ping(ann, theirs(name)) == "result", "the peer is reached again")
    bob = bed.bob(name)
    chat(ann, bob)
    chat(bob, ann)


def we_end(bed, how):
    """The same of ours; the peer is the one that has to come back."""
    name = f"we-end-{how.lower()}"
    ann, bob = bed.both(name)
    chat(bob, ann)
    bed.restart(signal.Signals[how])
    until(lambda: reaches(bob, ours(name)), "we are reached again")
    ann = bed.ann(name)
    chat(bob, ann)
    chat(ann, bob)


def renew(bed, name, domain, tell, proof):
    """The certificate of `domain` proves nothing until it is replaced, which `tell` tells who has it. The streams that
    there are go on; the next one is proved by the new one."""
    ann, bob = bed.both(name)
    one, other = (ann, bob) if domain == ours(name) else (bob, ann)
    chat(one, other)
    streams = bed.streams(name)
    bed.certify(domain, True)
    tell()
    chat(one, other)
    equal(bed.streams(name), streams)
    assert proof not in bed.log()
    bed.ctl("s2s", "close", ours(name), theirs(name))
    bed.no_streams(name)
    until(lambda: reaches(one, other.host), "there is a stream again")
    bed.log_has(proof)
    chat(one, other)


def we_renew(bed):
    renew(bed, "we-renew", ours("we-renew"), lambda: bed.ctl("reload"),
          f"stream to {theirs('we-renew')}: proved by our certificate")


def they_renew(bed):
    renew(bed, "they-renew", theirs("they-renew"), lambda: bed.peer.reload(),
          f"stream from {theirs('they-renew')}: proved by its certificate")


def their_certificate_ends(bed):
    """While its stream is there: that begins anew, and is proved by the next one."""
    name = "their-end"
    ann, bob = bed.both(name)
    bed.ca.ending(theirs(name), theirs(name), SCALE)
    bed.show(theirs(name), bed.ca)
    bed.peer.reload()
    say(bob, ann)
    bed.log_has(f"stream from {theirs(name)}: proved by its certificate")
    bed.certify(theirs(name), True)
    bed.peer.reload()
    for _ in range(3):
        say(bob, ann)
    since = len(bed.log())
    bed.log_has(f"the certificate of {theirs(name)} has expired")
    until(lambda: reaches(bob, ours(name)), "there is a stream again")
    for _ in range(3):
        chat(bob, ann)
    bed.log_has(f"stream from {theirs(name)}: proved by its certificate", since)


def managed(bed, name):
    """The streams on which stanzas are acknowledged, with how many are not yet."""
    streams = json.loads(bed.ctl("--json", "s2s", "list", ours(name)))["rows"]
    return {s["direction"]: s["unacked"] for s in streams if s["remote"] == theirs(name) and s["managed"]}


def acknowledges(bed, name):
    ann, bob = bed.both(name)
    for _ in range(20):
        chat(ann, bob)
    until(lambda: managed(bed, name).get("out") == 0, "all is acknowledged that we have said")
    if name == "managed-one-way":
        equal(sorted(managed(bed, name)), ["in", "out"])


def cut(bed, name):
    """Streams end in the midst of it: all gets there, whatever may come twice."""
    ann, bob = bed.both(name)
    chat(ann, bob)
    said = [str(n) for n in range(60)]
    for n in said:
        ann.message(bob.jid, n)
        if n in ("20", "40"):  # a stream that is being made is not cut, but given up
            until(lambda: "out" in managed(bed, name), "there is a stream")
            bed.ctl("s2s", "close", ours(name), theirs(name), check=False)
    heard = []
    while not set(said) <= set(heard):
        heard.append(bob.find("message").child_text("body"))
    until(lambda: managed(bed, name).get("out") == 0, "all is acknowledged")
