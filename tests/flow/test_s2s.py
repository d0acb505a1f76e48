"""Two servers of ours with each other (RFC 6120, RFC 6121): by certificates (XEP-0178), by dialback (XEP-0220, XEP-0185),
both ways on one stream (XEP-0288), with TLS from the first byte (XEP-0368)."""
import json

from federation import A, B, Federation
from flow import equal, rows

ROUTES = (("by_certificates", {}, {}, "proved by its certificate"),
          ("by_certificates_alone", {"s2s_dialback": "false", "s2s_secure_auth": "true"}, {}, "proved by its certificate"),
          ("by_dialback", {}, {A: None, B: None}, "proved by dialback"))


def two(options=None, **args):
    options = options or {}
    return Federation([([A], options), ([B], options)], **args)


@rows(*ROUTES)
def test_chat(options, certs, proof):
    with two(options, certs=certs) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "across")
        got = bob.expect("message")
        equal((got.get("from"), got.get("to"), got.child_text("body"), got.ns), (ann.jid, bob.jid, "across", "jabber:client"))
        bob.message(ann.bare, "and back")
        equal(ann.expect("message").child_text("body"), "and back")
        assert proof in f.servers[1].log()
        for server, line in zip(f.servers, (f"{A} -> {B}", f"{B} <- {A}")):
            listed = server.ctl("s2s", "list", "all")
            assert line in listed and "open by " + proof.split()[-1] in listed, listed


def test_direct_tls():
    with two(direct_tls=True) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        for one, other in ((ann, bob), (bob, ann)):
            one.message(other.jid, "x")
            equal(other.expect("message").child_text("body"), "x")
        assert "proved by its certificate" in f.servers[1].log()


@rows(("both_ways", "true", 1), ("each_its_own", "false", 2))
def test_streams(bidi, streams):
    """With XEP-0288 the second direction needs no stream of its own."""
    with two({"s2s_bidi": bidi}) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "1")
        bob.expect("message")
        bob.message(ann.jid, "2")
        ann.expect("message")
        equal(len(f.servers[0].ctl("s2s", "list", A).splitlines()), streams)


def test_presence():
    with two() as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        for one, other in ((ann, bob), (bob, ann)):
            one.presence(to=other.bare, type="subscribe")
            equal(other.find("presence", type="subscribe").get("from"), one.bare)
            other.presence(to=one.bare, type="subscribed")
            one.find("presence", type="subscribed")
            equal(one.find("presence", type=None, from_=other.jid).get("to").split("/")[0], one.bare)
        equal(ann.roster()[bob.bare].get("subscription"), "both")
        equal(bob.roster()[ann.bare].get("subscription"), "both")
        bob.presence("<show>away</show>", reflected=False)
        equal(ann.find("presence", from_=bob.jid).child_text("show"), "away")
        again = f.online("ann", A, "second")  # its probe
        equal(again.find("presence", from_=bob.jid).child_text("show"), "away")
        bob.close()
        ann.find("presence", from_=bob.jid, type="unavailable")


def test_iq():
    with two() as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        equal(ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=B).get("type"), "result")
        error = ann.iq("get", "<query xmlns='urn:example'/>", to=B).error()
        equal(error[1], "service-unavailable")
        ident = ann.iq("get", "<query xmlns='urn:example'/>", to=bob.jid, wait=False)
        asked = bob.find("iq", id=ident)
        bob.send(f"<iq type='result' id='{ident}' to='{asked.get('from')}'/>")
        ann.find("iq", id=ident, type="result")
        error = ann.iq("get", "<query xmlns='urn:example'/>", to=f"nobody@{B}/x").error()
        equal(error[1], "service-unavailable")


def test_wrong_iq():
    """What is wrong with a stanza comes back by another stream than it came on."""
    with two({"s2s_bidi": "false"}) as f:
        ann = f.online("ann", A)
        ann.message(f"nobody@{B}", "x", type="chat")
        equal(ann.find("message", type="error").error()[1], "service-unavailable")


def test_closed_and_again():
    with two() as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        for n in range(3):
            ann.message(bob.jid, str(n))
            equal(bob.expect("message").child_text("body"), str(n))
            f.servers[0].ctl("s2s", "close", A, B)
        f.servers[0].ctl("s2s", "close", A, "nowhere.example", check=False)
        ann.message(bob.jid, "last")
        bob.expect("message")
        f.servers[0].ctl("s2s", "close", A.upper(), B.upper())


def test_idle():
    with Federation([([A], {"s2s_idle_timeout": "0.4"}), ([B], {})]) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "1")
        bob.expect("message")
        f.servers[0].log_has("is idle: closed")
        ann.message(bob.jid, "2")
        equal(bob.expect("message").child_text("body"), "2")


def test_several_hosts():
    """Each pair has to be proved, whoever shares a server."""
    more = "more.example"
    with Federation([([A, more], {}), ([B], {})]) as f:
        ann, also, bob = f.online("ann", A), f.online("ann", more), f.online("bob", B)
        for one in (ann, also):
            one.message(bob.jid, one.bare)
            equal(bob.expect("message").get("from"), one.jid)
            bob.message(one.jid, "back")
            equal(one.expect("message").child_text("body"), "back")


def test_turned_off():
    with Federation([([A], {"modules_disabled": '{ "s2s" }'}), ([B], {"s2s_timeout": "2"})]) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "x")
        equal(ann.find("message", type="error").error()[1], "remote-server-not-found")
        bob.message(ann.jid, "x")
        assert bob.find("message", type="error").error()[1] in ("remote-server-not-found", "remote-server-timeout")


def test_own_policy():
    for option, value in (("s2s_blacklist", f'{{ "{B}" }}'), ("s2s_blacklist", f'{{ "x.example", "{B.upper()}" }}'),
                          ("s2s_whitelist", '{ "other.example" }')):
        with Federation([([A], {option: value}), ([B], {})]) as f:
            ann, bob = f.online("ann", A), f.online("bob", B)
            ann.message(bob.jid, "x")
            equal(ann.find("message", type="error").error()[1], "not-allowed")
            bob.message(ann.jid, "x")
            assert bob.find("message", type="error").error()[1] in ("remote-server-not-found", "remote-server-timeout")
            assert "it says policy-violation" in f.servers[1].log()


def test_own_policy_in_any_spelling():
    with two({"s2s_whitelist": f'{{ "{A.upper()}", "{B.title()}" }}'}) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "x")
        equal(bob.expect("message").child_text("body"), "x")


def test_stop():
    """Contacts elsewhere are told before the streams go."""
    with two() as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        bob.presence(to=ann.jid)
        ann.find("presence", from_=bob.jid)
        f.servers[1].stop()
        equal(ann.find("presence", from_=bob.jid, type="unavailable").get("to"), ann.jid)


@rows(("both_ways", "true"), ("each_its_own", "false"))
def test_reload(bidi):
    """Streams of both directions go on, and nothing is lost."""
    with two({"s2s_bidi": bidi}) as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        for turn in range(3):
            for one, other in ((ann, bob), (bob, ann)):
                one.message(other.jid, str(turn))
                equal(other.expect("message").child_text("body"), str(turn))
            f.servers[turn % 2].ctl("module", "reload", (A, B)[turn % 2], "s2s")
        f.servers[0].ctl("module", "unload", A, "s2s")
        ident = ann.message(bob.jid, "x")
        equal(ann.find("message", type="error", id=ident).error()[1], "remote-server-not-found")
        f.servers[0].ctl("module", "load", A, "s2s")
        ann.message(bob.jid, "y")
        equal(bob.expect("message").child_text("body"), "y")


def test_metrics_and_list():
    with two() as f:
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "x")
        bob.expect("message")
        assert "mod_s2s_out_external" in f.servers[0].ctl("stats"), f.servers[0].ctl("stats")
        equal(f.servers[0].ctl("c2s", "list").count("not logged in"), 0)
        listed = f.servers[1].ctl("s2s", "list", B)
        assert f"{B} <- {A}" in listed and "(both ways)" in listed and "TLS1.3" in listed, listed


def test_list_of_all_hosts():
    with Federation([([A, B], {})]) as f:
        for host in (A, B):
            ann = f.online("ann", host)
            equal(ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to="nowhere.example").get("type"), "error")
        listed = f.servers[0].ctl("s2s", "list", "all").splitlines()
        equal([line.split()[0] for line in listed], [A, B])
        assert all("not connected: remote-server-not-found" in line for line in listed), listed
        rows_ = json.loads(f.servers[0].ctl("--json", "s2s", "list", B))["rows"]
        equal([(r["host"], r["remote"], r["condition"], r["proof"]) for r in rows_],
              [(B, "nowhere.example", "remote-server-not-found", None)])
