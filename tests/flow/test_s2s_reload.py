"""mod_s2s is reloaded while there is something under way to other servers, or from them: streams go on in the new instance,
nothing is lost, nothing comes twice."""
from federation import A, B, BIDI, C, DIALBACK, EXTERNAL, Federation, one
from flow import equal
from s2s_smacks import EVE, MESSAGE, NS3, ack, bodies, enabled, managed, proved, resume, say, until, until_gone


def reload(f):
    f.servers[0].ctl("module", "reload", A, "s2s")


def test_while_it_is_unacknowledged():
    """The stream goes on in the new instance, and counts on."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f, ways=EXTERNAL + BIDI)
        say(ann, "2")
        equal(bodies(link, 2, False), ["1", "2"])
        reload(f)
        until(f, "2 unacknowledged")
        say(ann, "3")
        equal(bodies(link, 1, False), ["3"])
        ack(link, 3)
        until(f, "0 unacknowledged")
        link.send(MESSAGE.format(EVE, ann.jid, "back"))
        equal(bodies(ann, 1), ["back"])
        link.send(f"<r xmlns='{NS3}'/>")
        link.find("a", NS3, h="1")
        say(ann, "4")
        equal(bodies(link, 1, False), ["4"])
        reload(f)
        link.abort()
        link = proved(f, ways=EXTERNAL + BIDI)
        link.expect("resume", NS3, previd="token", h="1")
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='3'/>")
        equal(bodies(link, 1, True), ["4"])
        ack(link, 4)
        until(f, "0 unacknowledged")
        ann.nothing()


def test_while_it_is_resumed():
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        bodies(link, 1)
        link.abort()
        link = proved(f)
        link.expect("resume", NS3)
        reload(f)
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='0'/>")
        equal(bodies(link, 1, True), ["1"])
        ack(link, 1)
        until(f, "0 unacknowledged")
        say(ann, "2")
        bodies(link, 1)
        link.abort()
        link = f.remotes[C].accept()
        reload(f)  # nothing is proved: begun anew
        link.close()
        link = proved(f)
        link.expect("resume", NS3)
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='1'/>")
        equal(bodies(link, 1, True), ["2"])
        ann.nothing()


def test_while_it_waits():
    """Whether the stream is not there yet, or takes no more."""
    with one(remotes=(C,), s2s_send_queue_size=2) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = f.remotes[C].accept()
        reload(f)
        link.close()
        link = enabled(f)
        say(ann, "2")
        equal(bodies(link, 2, False), ["1", "2"])
        say(ann, "3", "4")
        until(f, "2 unacknowledged, 2 waiting")
        reload(f)
        until(f, "2 unacknowledged, 2 waiting")
        ack(link, 2)
        equal(bodies(link, 2, False), ["3", "4"])
        ann.nothing()


def test_without_management():
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = proved(f, "")
        equal(link.expect("message").child_text("body"), "1")
        reload(f)
        say(ann, "2")
        equal(link.expect("message").child_text("body"), "2")
        ann.nothing()


def test_while_it_verifies_our_key():
    """The stream's key is ours yet."""
    with one(remotes=(C,), dialback_secret="nil") as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = f.remotes[C].accept()
        link.answer_tls(DIALBACK, "the-id")
        text = link.expect("result", "dialback").text
        reload(f)
        asker = f.connect()
        asker.begin_tls()
        asker.verify(text, "the-id")
        asker.expect("verify", "dialback", type="valid", id="the-id")
        link.result("", type="valid")
        equal(link.expect("message").child_text("body"), "1")
        ann.nothing()


def test_while_we_verify_a_key():
    with one(remotes=(C,)) as f:
        asker = f.connect()
        features = asker.begin_tls()
        assert features.child("dialback", "dialback-feature") or features, str(features)
        asker.result("the key")
        link = f.remotes[C].accept()
        link.answer_tls(DIALBACK)
        question = link.expect("verify", "dialback")
        reload(f)
        link.verify("", question.get("id"), type="valid")
        asker.expect("result", "dialback", type="valid")
        ann = f.online("ann", A)
        asker.send(MESSAGE.format(EVE, ann.jid, "1"))
        equal(bodies(ann, 1), ["1"])


def test_while_theirs_is_away():
    """A stream that they may come back to, with what is not acknowledged on it."""
    with one(remotes=(C,)) as f:
        link, ann = managed(f, bidi=True), f.online("ann", A)
        say(ann, "1")
        bodies(link, 1)
        link.abort()
        until_gone(f, "<-")
        reload(f)
        say(ann, "2")
        back = resume(f, link.token, 0, bidi=True)
        back.expect("resumed", NS3)
        equal(bodies(back, 1, True), ["1"])
        equal(bodies(back, 1, False), ["2"])
        ann.nothing()


def test_in_the_midst_of_it():
    """Two of ours talk, one is reloaded again and again: all arrives, once and in order."""
    with Federation([([A], {}), ([B], {})]) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "first")
        bob.expect("message")
        for turn in range(8):
            for n in range(30):
                ann.message(bob.jid, str(n))
                bob.message(ann.jid, str(n))
            reload(f)
        for client in (ann, bob):
            equal([client.find("message").child_text("body") for _ in range(240)], [str(n) for n in range(30)] * 8)
            client.nothing()
