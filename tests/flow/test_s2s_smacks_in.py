"""Streams that other servers open to us: what is acknowledged on them, and how they are resumed (XEP-0198), also where
they carry stanzas of both directions (XEP-0288)."""
from federation import A, B, C, one
from flow import equal, rows
from s2s_smacks import (EVE, MESSAGE, NS3, ack, bodies, counted, enabled, inbound, managed, proved, resume, say, until,
                        until_gone)


def test_counts():
    """Stanzas alone, those for nobody and those that are answered by an error, too."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f), f.online("ann", A)
        counted(link, 0)
        link.send(MESSAGE.format(EVE, ann.jid, 1) + MESSAGE.format(EVE, f"nobody@{A}", 2) +
                  f"<presence from='{EVE}' to='{ann.bare}' type='probe'/><iq from='{EVE}' to='{A}' type='get'/>")
        counted(link, 4)
        equal(ann.find("message").child_text("body"), "1")
        link.send(MESSAGE.format(EVE, f"bob@{A}", "kept"))
        counted(link, 5)
        equal(f.online("bob", A).find("message").child_text("body"), "kept")


def test_unasked():
    with one(remotes=(C,)) as f:
        link = managed(f)
        link.send(MESSAGE.format(EVE, f"nobody@{A}", "x").replace("chat", "error") * 60)
        link.find("a", NS3, h="50")


def test_asked_and_unasked():
    """An acknowledgement that comes unasked is not the answer to a question that waits for what was sent before it."""
    with one(remotes=(C,)) as f:
        link = managed(f)
        link.send("".join(MESSAGE.format(EVE, f"bob@{A}", n) for n in range(75)) + f"<r xmlns='{NS3}'/>")
        link.find("a", NS3, h="75")


def test_enable_before_the_proof():
    with one(remotes=(C,)) as f:
        link = f.connect(cert=f.ca.make("shown", C))
        link.begin_tls()
        for element in (f"<enable xmlns='{NS3}'/>", f"<resume xmlns='{NS3}' previd='x' h='0'/>"):
            link.send(element)
            assert link.expect("failed", NS3).child("unexpected-request", "stanzas")
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")
        link.begin()
        link.send(f"<enable xmlns='{NS3}'/>")
        link.expect("enabled", NS3)


def test_enable_twice():
    with one(remotes=(C,)) as f:
        link = managed(f)
        link.send(f"<resume xmlns='{NS3}' previd='{link.token}' h='0'/>")
        assert link.expect("failed", NS3).child("unexpected-request", "stanzas")
        link.send(f"<enable xmlns='{NS3}'/>")
        link.expect_stream_error("policy-violation")


def test_they_resume():
    """The count goes on, and nothing is handled twice that they send by it."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f), f.online("ann", A)
        link.send("".join(MESSAGE.format(EVE, ann.jid, n) for n in range(3)))
        equal(bodies(ann, 3), ["0", "1", "2"])
        link.abort()
        back = resume(f, link.token)
        back.expect("resumed", NS3, previd=link.token, h="3")
        back.send(MESSAGE.format(EVE, ann.jid, "3"))
        counted(back, 4)
        equal(bodies(ann, 1), ["3"])
        back.abort()
        resume(f, link.token).expect("resumed", NS3, h="4")


def test_nothing_twice():
    """The stream is cut while what it brought is being handled and written: its h is told when that has ended, and what
    is sent again by it is all there is."""
    with one(remotes=(C,), offline_max_messages=1000) as f:
        link, n = managed(f), 300
        texts = [MESSAGE.format(EVE, f"bob@{A}", i) for i in range(n)]
        link.send("".join(texts))
        link.abort()
        for _ in range(3):
            link = resume(f, link.token)
            h = int(link.expect("resumed", NS3, previd=link.token).get("h"))
            link.send("".join(texts[h:]))
            link.abort()
        link = resume(f, link.token)
        h = int(link.expect("resumed", NS3).get("h"))
        link.send("".join(texts[h:]))
        counted(link, n)
        bob = f.online("bob", A)
        equal(bodies(bob, n), [str(i) for i in range(n)])
        bob.nothing()


def test_stop():
    """The last word before we go says what has been handled."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f), f.online("ann", A)
        link.send(MESSAGE.format(EVE, ann.jid, "1"))
        bodies(ann, 1)
        f.servers[0].stop()
        link.expect("a", NS3, h="1")
        link.expect("error", "stream")


def test_they_close():
    """And so it does before who closes a stream is answered."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f), f.online("ann", A)
        link.send(MESSAGE.format(EVE, ann.jid, "1"))
        bodies(ann, 1)
        link.send("</stream:stream>")
        link.expect("a", NS3, h="1")
        link.expect_end()
        assert resume(f, link.token).expect("failed", NS3).child("item-not-found", "stanzas")


def test_they_resume_while_the_old_one_is_there():
    with one(remotes=(C,)) as f:
        link, ann = managed(f), f.online("ann", A)
        link.send(MESSAGE.format(EVE, ann.jid, "1"))
        equal(bodies(ann, 1), ["1"])
        back = resume(f, link.token)
        link.expect_stream_error("conflict")
        back.expect("resumed", NS3, h="1")
        back.send(MESSAGE.format(EVE, ann.jid, "2"))
        equal(bodies(ann, 1), ["2"])


@rows(("another_token", {"token": "x" * 20}, "item-not-found"), ("a_stranger", {"here": B}, "item-not-found"),
      ("no_number", {"h": "x"}, "bad-request"), ("negative", {"h": "-1"}, "bad-request"))
def test_resumption_is_refused(how, condition):
    with one(remotes=(B, C)) as f:
        link = managed(f)
        link.abort()
        until_gone(f, "<-")
        other = resume(f, **{"token": link.token, **how})
        assert other.expect("failed", NS3).child(condition, "stanzas")
        other.send(f"<enable xmlns='{NS3}'/>")
        other.expect("enabled", NS3)
        if condition != "bad-request" and "here" in how:
            resume(f, link.token).expect("resumed", NS3)


def test_resumption_is_too_late():
    with one(remotes=(C,), s2s_resume_time=0.2) as f:
        link = managed(f)
        link.abort()
        f.servers[0].log_has(f"{C} has not come back to its stream")
        assert resume(f, link.token).expect("failed", NS3).child("item-not-found", "stanzas")


def test_resumption_is_off():
    with one(remotes=(C,), s2s_resume_time=0) as f:
        link = inbound(f)
        link.send(f"<enable xmlns='{NS3}' resume='true'/>")
        equal(link.expect("enabled", NS3).get("resume"), None)


def test_they_say_too_much():
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        say(ann, "1")
        bodies(link, 1)
        link.abort()
        until_gone(f, "<-")
        back = resume(f, link.token, 2, bidi=True)
        back.expect_stream_error("undefined-condition")
        back = resume(f, link.token, 0, bidi=True)  # the right one has it still
        back.expect("resumed", NS3)
        equal(bodies(back, 1, True), ["1"])


def test_both_ways():
    """What is written to a server whose stream broke waits for it, in order."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        say(ann, "1", "2")
        bodies(link, 2)
        ack(link, 1)
        link.abort()
        until_gone(f, "<-")
        say(ann, "3")
        f.remotes[C].nobody()
        back = resume(f, link.token, 1, bidi=True)
        back.expect("resumed", NS3, previd=link.token)
        equal(bodies(back, 1, True), ["2"])
        equal(bodies(back, 1, False), ["3"])
        ack(back, 3)
        until(f, "0 unacknowledged")


def test_we_end_it_both_ways():
    """By an error, while they have not acknowledged what they got on it: it goes by a stream of ours."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        say(ann, "1", "2")
        equal(bodies(link, 2), ["1", "2"])
        link.send(MESSAGE.format(f"eve@{B}", ann.jid, "of somebody else"))
        link.find("error")
        equal(bodies(proved(f, ""), 2), ["1", "2"])


def test_they_begin_anew():
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        say(ann, "1")
        ident = ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=EVE, wait=False)
        bodies(link, 1)
        link.find("iq", id=ident)
        link.abort()
        until_gone(f, "<-")
        back = managed(f, bidi=True)
        equal(bodies(back, 1, True), ["1"])
        equal(ann.find("iq", id=ident, type="error").error()[1], "remote-server-timeout")


@rows(("in_time", dict(s2s_resume_time=0.2), True), ("not_resumable", dict(), False))
def test_they_do_not_come_back(options, resumable):
    with one(remotes=(C,), **options) as f:
        link, ann = managed(f, resume=resumable, bidi=True), f.online("ann", A)
        say(ann, "1")
        bodies(link, 1)
        link.abort()
        equal(bodies(enabled(f), 1, True), ["1"])


def test_reload():
    """Streams that were opened to us go on in the new instance, and count on."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        link.send(MESSAGE.format(EVE, ann.jid, "1"))
        counted(link, 1)
        say(ann, "here")
        bodies(link, 1)
        f.servers[0].ctl("module", "reload", A, "s2s")
        link.send(MESSAGE.format(EVE, ann.jid, "2"))
        counted(link, 2)
        equal(bodies(ann, 2), ["1", "2"])
        ack(link, 1)
        link.abort()
        resume(f, link.token, 1, bidi=True).expect("resumed", NS3, h="2")
