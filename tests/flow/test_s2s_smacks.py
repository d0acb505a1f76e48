"""Streams to other servers that acknowledge stanzas, are resumed, or whose stanzas go by another stream (XEP-0198,
XEP-0203): with scripted servers, and two of ours whose connections are cut."""
from federation import A, B, BIDI, C, DIALBACK, EXTERNAL, Federation, one
from flow import equal, rows
from s2s_smacks import EVE, MESSAGE, NS2, NS3, SM, ack, bodies, enabled, proved, say, until, until_gone, until_settled


def test_acknowledged():
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        equal(bodies(link, 1, False), ["1"])
        link.find("r", NS3)
        until(f, "1 unacknowledged")
        ack(link, 1)
        until(f, "0 unacknowledged")
        say(ann, "2")
        link.find("r", NS3)
        ack(link, 2)
        until(f, "0 unacknowledged")


def test_version_2():
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = proved(f, f"<sm xmlns='{NS2}'/>")
        link.expect("enable", NS2)
        link.send(f"<enabled xmlns='{NS2}'/>")
        link.find("r", NS2)
        link.send(f"<a xmlns='{NS2}' h='1'/>")
        until(f, "0 unacknowledged")


def test_behind_dialback():
    """No features follow that proof: what came before it counts."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = f.remotes[C].accept()
        link.answer_tls(DIALBACK + SM)
        link.expect("result", "dialback")
        link.result("", type="valid")
        link.expect("enable", NS3)
        link.send(f"<enabled xmlns='{NS3}'/>")
        equal(bodies(link, 1), ["1"])


@rows(("not_offered", "", {}), ("switched_off", SM, {"smacks_enabled_s2s": "false"}))
def test_without(features, options):
    with one(remotes=(C,), **options) as f:
        ann = f.online("ann", A)
        say(ann, "1", "2")
        link = proved(f, features)
        link.expect("message")
        link.expect("message")
        link.abort()
        until_gone(f, "->")
        say(ann, "3")
        link = proved(f, features)
        equal(link.expect("message").child_text("body"), "3")
        asker = f.connect(cert=f.ca.make("shown", C)).external()
        asker.send(f"<enable xmlns='{NS3}'/>")
        if options:
            assert asker.expect("failed", NS3).child("feature-not-implemented", "stanzas")
        else:
            asker.expect("enabled", NS3)


def test_breaks_before_it_is_enabled():
    """Nothing has been sent, and nothing is sent twice."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = proved(f)
        link.expect("enable", NS3)
        link.abort()
        equal(bodies(enabled(f), 1, False), ["1"])


def test_does_not_answer():
    with one(remotes=(C,), s2s_timeout=0.7) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        proved(f).expect("enable", NS3)
        equal(ann.find("message", type="error").error()[1], "remote-server-timeout")


def test_refused():
    """Who offers it and refuses it gets stanzas as without it."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = proved(f)
        link.expect("enable", NS3)
        link.send(f"<failed xmlns='{NS3}'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
        link.expect("message")
        say(ann, "2")
        link.expect("message")
        until(f, "0 unacknowledged")


def test_resumed():
    """What had been handled is not sent again, and the numbers go on; requests are sent, too."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1", "2", "3")
        link = enabled(f)
        bodies(link, 3)
        ack(link, 1)
        until(f, "2 unacknowledged")
        ident = ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=EVE, wait=False)
        link.find("iq", id=ident)
        link.abort()
        link = proved(f)
        link.expect("resume", NS3, previd="token", h="0")
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='2'/>")
        equal(bodies(link, 1, True), ["3"])
        link.find("iq", id=ident)
        link.find("r", NS3)
        ack(link, 4)
        until(f, "0 unacknowledged")
        say(ann, "4")
        equal(bodies(link, 1, False), ["4"])
        ack(link, 5)
        until(f, "0 unacknowledged")
        ann.nothing()


@rows(("and_nothing_is_known", "", ["1", "2", "3"]), ("as_far_as_it_came", " h='2'", ["3"]))
def test_not_resumed(h, again):
    """What may not have arrived goes by the new stream, with the time of its first sending; requests go back."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1", "2", "3")
        ann.send(f"<iq type='get' id='q' to='{C}'><ping xmlns='urn:xmpp:ping'/></iq>"
                 f"<iq type='result' id='answer' to='{EVE}'/><presence type='subscribe' to='{EVE}'/>")
        link = enabled(f)
        bodies(link, 3)
        link.find("iq", id="q")
        link.find("presence", type="subscribe")
        link.abort()
        link = proved(f)
        link.expect("resume", NS3, previd="token", h="0")
        say(ann, "later")
        link.send(f"<failed xmlns='{NS3}'{h}><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
        link.expect("enable", NS3)
        link.send(f"<enabled xmlns='{NS3}'/>")
        equal(bodies(link, len(again), True), again)
        link.find("iq", id="answer", type="result")
        link.find("presence", type="subscribe")
        equal(bodies(link, 1, False), ["later"])
        equal(ann.find("iq", id="q", type="error").error()[1], "remote-server-timeout")
        ack(link, len(again) + 3)
        until(f, "0 unacknowledged")


def test_cannot_be_resumed():
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1", "2")
        link = enabled(f, token=None)
        bodies(link, 2)
        ack(link, 1)
        until(f, "1 unacknowledged")
        link.abort()
        link = enabled(f, token=None)
        equal(bodies(link, 1, True), ["2"])


def test_closed_in_order():
    """An orderly end cannot be resumed (section 7); what its last word does not count goes by another stream."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1", "2")
        link = enabled(f)
        bodies(link, 2)
        link.send(f"<a xmlns='{NS3}' h='1'/></stream:stream>")
        link = enabled(f)
        equal(bodies(link, 1, True), ["2"])


def test_nobody_is_there_any_more():
    """Errors in time, and none for an error."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        ann.send(f"<message type='error' to='{EVE}' id='e'><error type='cancel'/></message>")
        link = enabled(f)
        link.find("message", id="e")
        f.remotes[C].sock.close()
        link.abort()
        error = ann.find("message", type="error")
        equal((error.get("from"), error.error()[1]), (EVE, "remote-server-timeout"))
        ann.nothing()


@rows(("soon", {}, 3), ("or_for_long", {"s2s_timeout": 0.5}, 1))
def test_never_acknowledges(options, more):
    """Its connection is taken for dead; after some times, who wrote is told."""
    with one(remotes=(C,), smacks_ack_timeout=0.3, **options) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        for again in (False, *[True] * more):
            link = enabled(f) if not again else proved(f)
            if again:
                link.expect("resume", NS3)
                link.send(f"<resumed xmlns='{NS3}' previd='token' h='0'/>")
            equal(bodies(link, 1, again), ["1"])
            link.find("r", NS3)
        equal(ann.find("message", type="error").error()[1], "remote-server-timeout")
        f.servers[0].log_has("acknowledges nothing")
        f.servers[0].log_has("nothing comes of them")


@rows(("stanzas", dict(s2s_send_queue_size=2), "x"), ("bytes", dict(s2s_send_queue_bytes=3000), "x" * 1500))
def test_queue(options, body):
    """So many may be unacknowledged, as many wait behind them, the next one goes back."""
    with one(remotes=(C,), **options) as f:
        ann = f.online("ann", A)
        texts = [f"{n} {body}" for n in range(5)]
        say(ann, texts[0])
        link = enabled(f)
        bodies(link, 1)
        say(ann, texts[1])
        bodies(link, 1)
        until(f, "2 unacknowledged, 0 waiting")
        say(ann, *texts[2:])
        equal(ann.find("message", type="error").error()[1], "resource-constraint")
        waiting = f.servers[0].ctl("s2s", "list", A)
        assert "2 unacknowledged, " in waiting and "0 waiting" not in waiting, waiting
        ack(link, 2)
        equal(bodies(link, 1, False), [texts[2]])


@rows(("ack", "<a xmlns='urn:xmpp:sm:3' h='2'/>"), ("far", "<a xmlns='urn:xmpp:sm:3' h='2147483000'/>"))
def test_too_high(text):
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        bodies(link, 1)
        link.find("r", NS3)
        link.send(text)
        error = link.expect_stream_error("undefined-condition")
        detail = error.child("handled-count-too-high", NS3)
        equal((detail.get("h"), detail.get("send-count")), (text.split("'")[3], "1"))
        equal(bodies(enabled(f), 1, True), ["1"])  # and is not resumed


def test_resumed_too_far():
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        bodies(link, 1)
        ack(link, 1)
        until(f, "0 unacknowledged")
        say(ann, "2")
        bodies(link, 1)
        link.abort()
        link = proved(f)
        link.expect("resume", NS3)
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='7'/>")
        link.expect_stream_error("undefined-condition")
        equal(bodies(enabled(f), 1, True), ["2"])


@rows(("a_without_h", f"<a xmlns='{NS3}'/>", "invalid-xml"), ("a_minus", f"<a xmlns='{NS3}' h='-1'/>", "invalid-xml"),
      ("a_too_large", f"<a xmlns='{NS3}' h='4294967296'/>", "invalid-xml"),
      ("enabled_again", f"<enabled xmlns='{NS3}'/>", "unsupported-stanza-type"),
      ("resumed", f"<resumed xmlns='{NS3}' previd='token' h='0'/>", "unsupported-stanza-type"),
      ("enable", f"<enable xmlns='{NS3}'/>", "unsupported-stanza-type"))
def test_out_of_place(text, condition):
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        link.find("r", NS3)
        bodies(link, 1)
        link.send(text)
        link.expect_stream_error(condition)


def test_silence():
    """Where nothing was heard for long, a question tells more than white space; who does not answer is dead."""
    with one(remotes=(C,), s2s_read_timeout=0.5, smacks_ack_timeout=0.5) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f)
        link.find("r", NS3)
        bodies(link, 1)
        ack(link, 1)
        link.expect("r", NS3)
        link.expect_end(closing=False)


def test_our_stream_both_ways():
    """What came on it counts over its resumption (XEP-0288), which we ask for at once."""
    with one(remotes=(C,)) as f:
        ann = f.online("ann", A)
        say(ann, "1")
        link = enabled(f, ways=EXTERNAL + BIDI)
        bodies(link, 1)
        ack(link, 1)
        for n in range(2):
            link.send(MESSAGE.format(EVE, ann.jid, n))
            equal(ann.expect("message").child_text("body"), str(n))
        link.send(f"<r xmlns='{NS3}'/>")
        link.find("a", NS3, h="2")
        link.abort()
        link = proved(f, ways=EXTERNAL + BIDI)
        link.expect("resume", NS3, previd="token", h="2")
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='1'/>" + MESSAGE.format(EVE, ann.jid, "2"))
        equal(ann.expect("message").child_text("body"), "2")
        link.send(f"<r xmlns='{NS3}'/>")
        link.find("a", NS3, h="3")


# ---- two of ours

def until_all(client, wanted, got):
    while len(got) < wanted:
        got.append(client.find("message").child_text("body"))


@rows(("both_ways", "true", True), ("each_its_own", "false", True), ("both_begin", "true", False))
def test_cut(bidi, one_begins):
    """Connections are cut in the midst of it, again and again: everything arrives, once, and in order (but where the
    servers begin at the same moment, and the first stanzas find two ways)."""
    options = {"s2s_bidi": bidi, "s2s_retry_after": "0.01"}
    with Federation([([A], options), ([B], options)]) as f:
        ways = [f.through(A), f.through(B)]
        ann, bob = f.online("ann", A), f.online("bob", B)
        heard = {ann: [], bob: []}
        rounds, n = 6, 40
        if one_begins:
            ann.message(bob.jid, "first")
            bob.message(bob.expect("message").get("from"), "first")
            ann.expect("message")
        for cut in range(rounds):
            for i in range(n):
                ann.message(bob.jid, f"{cut * n + i}")
                bob.message(ann.jid, f"{cut * n + i}")
                if i == n // 2 and cut:
                    assert sum(way.cut() for way in ways) > 0
            for client in (ann, bob):
                until_all(client, (cut + 1) * n - (n // 4 if cut + 1 < rounds else 0), heard[client])
        for client in (ann, bob):
            wanted = [str(i) for i in range(rounds * n)]
            equal(heard[client] if one_begins else sorted(heard[client], key=int), wanted)
            client.nothing()
        logs = "".join(server.log() for server in f.servers)
        assert "is resumed" in logs, "nothing was resumed"


def test_killed():
    """The other server dies in the midst of it: each message is in its store, or its sender has been told."""
    options = {"s2s_retry_after": "0.01", "offline_max_messages": "1000"}
    with Federation([([A], options), ([B], options)]) as f:
        ann, n, told, came = f.online("ann", A), 150, set(), set()
        sent = {}
        for i in range(n):
            sent[ann.message(f"bob@{B}", f"{i}")] = str(i)
            if i == n // 2:
                f.servers[1].kill()
                f.servers[1].start()
        until_settled(f)
        bob = f.online("bob", B)
        for element in ann.sync():
            assert element.matches("message", type="error"), str(element)
            told.add(sent[element.get("id")])
        for element in bob.sync():
            came.add(element.child_text("body"))
        equal(sorted(told | came, key=int), [str(i) for i in range(n)])
        assert len(came) >= n // 4, came
