"""Certificates that end while their streams are there (RFC 6120 13.7.2.3): whom they have proved begins anew."""
from client import SCALE
from federation import A, B, C, EXTERNAL, Federation, one
from flow import equal
from s2s_smacks import EVE, MESSAGE, NS3, bodies, enabled, proved, resume, say, until

# A stream is idle long after its certificate is over; the server looks each quarter of that.
OPTIONS = dict(s2s_idle_timeout=6 * SCALE)


def test_they_have_connected():
    """What did not get here is sent again by the next stream, and nothing else is."""
    with one(**OPTIONS) as f:
        ann = f.online("ann", A)
        link = f.connect(cert=f.ca.ending("soon", C, SCALE)).external()
        link.send(f"<enable xmlns='{NS3}' resume='true'/>")
        token = link.expect("enabled", NS3).get("id")
        link.send(MESSAGE.format(EVE, ann.jid, "1"))
        equal(bodies(ann, 1), ["1"])
        link.find("a", NS3, h="1")
        link.expect_stream_error("reset")
        f.servers[0].log_has(f"the certificate of {C} has expired: its stream is to begin anew")
        assert not f.connect(cert="soon").begin_tls().child("mechanisms", "sasl")
        back = resume(f, token)
        back.expect("resumed", NS3, previd=token, h="1")
        back.send(MESSAGE.format(EVE, ann.jid, "2"))
        equal(bodies(ann, 1), ["2"])


def test_we_have_connected():
    """What they did not get is sent by the next stream. Who is known by its address only had no certificate that counts.
    Which is which is known after a reload, too."""
    with one(**OPTIONS) as f:
        ann = f.online("ann", A)
        plain = f.listen(B, f.ca.ending("own", B, SCALE, issuer=False))
        say(ann, "to b", to=f"eve@{B}")
        other = plain.accept()
        other.answer_tls(EXTERNAL)
        other.take_external()
        equal(bodies(other, 1), ["to b"])

        remote = f.listen(C, f.ca.ending("soon", C, SCALE))
        say(ann, "1")
        link = enabled(f)
        equal(bodies(link, 1), ["1"])
        until(f, "1 unacknowledged")
        f.servers[0].ctl("module", "reload", "s2s")
        link.find("error")
        f.servers[0].log_has(f"the certificate of {C} has expired: the stream to it begins anew")
        remote.context = f.ca.context(f.ca.make("later", C), server=True)
        link = proved(f)
        link.expect("resume", NS3, previd="token")
        link.send(f"<resumed xmlns='{NS3}' previd='token' h='0'/>")
        equal(bodies(link, 1), ["1"])
        say(ann, "and again", to=f"eve@{B}")
        equal(bodies(other, 1), ["and again"])


def test_between_two_of_ours():
    """One has replaced its certificate in time, and those who write notice nothing."""
    options = {"s2s_secure_auth": "true", "s2s_dialback": "false", "s2s_idle_timeout": str(6 * SCALE)}
    with Federation([([A], options), ([B], options)]) as f:
        a, b = f.servers
        f.ca.ending("soon", B, SCALE)
        for kind in ("crt", "key"):
            (b.dir / "certs" / f"{B}.{kind}").write_bytes((f.ca.dir / f"soon.{kind}").read_bytes())
        b.ctl("reload")
        ann, bob = f.online("ann", A), f.online("bob", B)
        for one_, other in ((ann, bob), (bob, ann)):
            one_.message(other.jid, "before")
            equal(other.find("message").child_text("body"), "before")
        for kind in ("crt", "key"):
            (b.dir / "certs" / f"{B}.{kind}").write_bytes((f.ca.dir / f"{B}.{kind}").read_bytes())
        b.ctl("reload")
        a.log_has(f"the certificate of {B} has expired")
        for n in range(20):
            for one_, other in ((ann, bob), (bob, ann)):
                one_.message(other.jid, str(n))
                equal(other.find("message").child_text("body"), str(n))
