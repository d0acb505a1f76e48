"""Servers whose certificates the DNS names (RFC 7673, RFC 7671), where the zone is signed; and what is not taken for that."""
import contextlib
import hashlib
import select

from dns import SILENT, TYPES
from federation import A, B, C, DIALBACK, EXTERNAL, Federation, Remote, one
from flow import equal, rows
from server import free_ports

TARGET = "xmpp.example"


def tlsa(f, *args):
    return f.ca.tlsa(*args)


def publish(f, port, *records, host=TARGET):
    """Before anybody has asked for it: answers are cached."""
    f.zone.table[(f"_{port}._tcp.{host}", TYPES["TLSA"])] = ("TLSA", list(records))


@contextlib.contextmanager
def dane(remotes=(C,), sign="example", **options):
    with one(remotes=remotes, sign=sign, **{"use_dane": "true", "s2s_secure_auth": "true", **options}) as f:
        yield f


def authority(f, name):
    """An authority of nobody's, as .crt and .key."""
    f.ca.make(name, subject=name)
    return name


def under(f, name, issuer, *names, days=60):
    """A certificate of that authority, with it behind in the file."""
    own = f.ca.root, f.ca.dir / "root.key"
    f.ca.root = f.ca.dir / f"{issuer}.crt"
    (f.ca.dir / "kept.key").write_bytes(own[1].read_bytes())
    own[1].write_bytes((f.ca.dir / f"{issuer}.key").read_bytes())
    if days > 0:
        f.ca.make(name, *names)
    else:
        f.ca.expired(name, *names)
    own[1].write_bytes((f.ca.dir / "kept.key").read_bytes())
    chain = f.ca.dir / f"{name}.crt"
    chain.write_text(chain.read_text() + f.ca.root.read_text())
    f.ca.root = own[0]
    return name


def goes_out(f, remote):
    """A message leaves by a stream that our certificate proves."""
    ann = f.online("ann", A)
    ann.message(f"eve@{remote.domain}", "x")
    link = remote.accept()
    link.answer_tls(EXTERNAL)
    link.take_external()
    equal(link.expect("message").child_text("body"), "x")
    return link


def is_refused(f, remote, why, condition=("cancel", "remote-server-timeout")):
    """TLS stands, and then we leave."""
    ann = f.online("ann", A)
    ann.message(f"eve@{remote.domain}", "x")
    link = remote.accept()
    link.answer("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    link.expect("starttls", "tls")
    link.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    link.start_tls_layer()
    equal(ann.find("message", type="error").error(), condition)
    f.servers[0].log_has(why)
    link.restart_parser()
    link.expect_end(closing=False)


# ---- where we connect

@rows(("key", (3, 1, 1)), ("certificate", (3, 0, 1)), ("whole_key", (3, 1, 0)), ("long_digest", (3, 1, 2)))
def test_their_own_certificate(how):
    """Nobody but the DNS knows it, nor does it have their name, and it has ended."""
    with dane() as f:
        f.ca.make("shown", issuer=False, subject="nobody")
        remote = f.listen(C, "shown")
        publish(f, remote.sock.getsockname()[1], tlsa(f, "shown", *how))
        goes_out(f, remote)
        f.servers[0].log_has(f"{C} is who it should be: the TLSA records of {TARGET} name its certificate (DANE)")


def test_one_that_has_ended():
    with dane() as f:
        f.ca.expired("shown", C)
        remote = f.listen(C, "shown")
        publish(f, remote.sock.getsockname()[1], tlsa(f, "shown"))
        goes_out(f, remote)


@rows(("of_the_domain", C, None), ("of_the_target", TARGET, None), ("of_another", B, "for another name"))
def test_their_own_authority(name, fault):
    with dane() as f:
        under(f, "shown", authority(f, "private"), name)
        remote = f.listen(C, "shown")
        publish(f, remote.sock.getsockname()[1], tlsa(f, "private", 2))
        if fault:
            is_refused(f, remote, fault)
        else:
            goes_out(f, remote)


def test_their_own_authority_long_ago():
    with dane() as f:
        under(f, "shown", authority(f, "private"), C, days=0)
        remote = f.listen(C, "shown")
        publish(f, remote.sock.getsockname()[1], tlsa(f, "private", 2))
        is_refused(f, remote, "expired")


def test_another_certificate():
    """However much the roots like it, and however little we ask for certificates otherwise."""
    for secure in ("true", "false"):
        with dane(s2s_secure_auth=secure) as f:
            f.ca.make("other", C)
            publish(f, f.ports[C], tlsa(f, "other"), b"\3\1\1damaged", b"\7\1\1" + bytes(32))
            is_refused(f, f.remotes[C], f"{TARGET} port {f.ports[C]} is not trusted for {C}: its certificate is not the one that"
                       " its TLSA records name (DANE)")


@rows(("leaf", 1, C), ("authority", 0, "root"))
def test_roots_and_records(usage, named):
    with dane() as f:
        publish(f, f.ports[C], tlsa(f, named, usage))
        goes_out(f, f.remotes[C])
    with dane() as f:
        under(f, "shown", authority(f, "private"), C)
        remote = f.listen(C, "shown")
        publish(f, remote.sock.getsockname()[1], tlsa(f, "private" if usage == 0 else "shown", usage))
        is_refused(f, remote, "(DANE)")


@rows(("none", ()), ("of_no_use", (b"\3\1\1damaged", b"\7\1\1" + bytes(32))))
def test_no_record(records):
    """The roots decide; a name from signed SRV records is as good as that of the domain."""
    with dane() as f:
        f.ca.make("shown", TARGET)
        remote = f.listen(C, "shown")
        if records:
            publish(f, remote.sock.getsockname()[1], *records)
        goes_out(f, remote)
    with dane() as f:
        f.ca.make("shown", B)
        is_refused(f, f.listen(C, "shown"), "it is not trusted: its certificate is for another name")


HOSTED = "xmpp.plain"


def hosted(f, signed=True):
    """C is at a host whose own zone is not signed."""
    f.ca.make("host", HOSTED)
    domain = C if signed else "c.plain"
    remote = f.listen(domain, "host")
    f.zone.table[(HOSTED, TYPES["A"])] = ("A", ["127.0.0.1"])
    port = remote.sock.getsockname()[1]
    f.zone.table[(f"_xmpp-server._tcp.{domain}", TYPES["SRV"])] = ("SRV", [(10, 0, port, HOSTED)])
    f.ca.make("other", HOSTED)
    publish(f, port, tlsa(f, "other"), host=HOSTED)
    return remote


def test_host_that_is_not_signed():
    """Its name comes from signed records, its certificate from the roots."""
    with dane(remotes=()) as f:
        goes_out(f, hosted(f))
    with dane(remotes=()) as f:
        is_refused(f, hosted(f, signed=False), "it is not trusted: its certificate is for another name")
    with dane(remotes=()) as f:
        hosted(f)
        assert f.connect(cert="host").begin_tls().child("mechanisms", "sasl")
        f.servers[0].log_has(f"it says to be {C}, and is: it is at {HOSTED} by signed SRV records")
        f.ca.make("own", HOSTED, issuer=False)
        assert not f.connect(cert="own").begin_tls().child("mechanisms", "sasl")
    with dane(remotes=()) as f:
        hosted(f, signed=False)
        assert not f.connect(here="c.plain", cert="host").begin_tls().child("mechanisms", "sasl")


def test_zone_that_is_not_signed():
    """What it says of certificates, and of names, counts for nothing."""
    domain = "c.plain"
    for name, names, good in (("own", [domain], False), ("target", [TARGET], False), ("root", [domain], True)):
        with dane(remotes=()) as f:
            f.ca.make("shown", *names, issuer=name != "own")
            remote = f.listen(domain, "shown")
            publish(f, remote.sock.getsockname()[1], tlsa(f, "shown" if name == "own" else "root"))
            if good:
                goes_out(f, remote)
            else:
                is_refused(f, remote, "it is not trusted: ")


def test_off():
    with one(remotes=(C,), sign="example", s2s_secure_auth="true") as f:
        f.ca.make("other", C)
        publish(f, f.ports[C], tlsa(f, "other"))
        goes_out(f, f.remotes[C])
        assert ("_%d._tcp.%s" % (f.ports[C], TARGET), TYPES["TLSA"]) not in f.zone.asked


@rows(("srv", f"_xmpp-server._tcp.{C}", "the DNS answers are forged"), ("address", TARGET, "its DNS answers are forged"),
      ("tlsa", None, "its DNS answers are forged"))
def test_forged(name, why):
    with dane(s2s_secure_auth="false") as f:
        f.zone.signer.forged.add(name or f"_{f.ports[C]}._tcp.{TARGET}")
        publish(f, f.ports[C], tlsa(f, C))
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        equal(ann.find("message", type="error").error()[1], "remote-server-timeout")
        f.servers[0].log_has(f"no stream to {C}: {why}" if name and name != TARGET else f"no stream to {C}: {TARGET}:{f.ports[C]}: {why}")
        f.remotes[C].nobody()


def test_denied_by_nobody():
    """An answer without the proof that there is no record is none."""
    with dane() as f:
        f.zone.signer.denied = lambda name, kinds: []
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        ann.find("message", type="error")
        f.remotes[C].nobody()


def test_the_next_target():
    """One that is not who the DNS says is passed by."""
    with dane() as f:
        port = free_ports(1)[0]
        f.ca.make("shown", issuer=False, subject="nobody")
        second = f.remotes[B] = Remote(C, port, f.ca.context("shown", server=True))
        f.zone.table[(f"_xmpp-server._tcp.{C}", TYPES["SRV"])] = \
            ("SRV", [(10, 0, f.ports[C], TARGET), (20, 0, port, TARGET)])
        publish(f, f.ports[C], tlsa(f, "shown"))
        publish(f, port, tlsa(f, "shown"))
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        link = f.remotes[C].accept()
        link.answer("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        link.expect("starttls", "tls")
        link.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        link.start_tls_layer()
        link = second.accept()
        link.answer_tls(EXTERNAL)
        link.take_external()
        link.expect("message")


def test_no_way_around_tls():
    """Who has records has TLS, whatever else we would put up with."""
    with dane(s2s_secure_auth="false", s2s_require_encryption="false") as f:
        publish(f, f.ports[C], tlsa(f, C))
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept().answer(DIALBACK)
        equal(ann.find("message", type="error").error(), ("cancel", "remote-server-timeout"))
        f.servers[0].log_has("it offers no encryption")


# ---- who connects to us

def comes_in(f, cert, *records, port=None):
    """What is offered to somebody who shows that certificate and says to be C."""
    publish(f, port or f.ports[C], *records)
    link = f.connect(cert=cert)
    return link, link.begin_tls()


@rows(("key", (3, 1, 1)), ("certificate", (3, 0, 2)))
def test_proves_itself(how):
    with dane() as f:
        f.ca.make("own", issuer=False, subject="nobody")
        link, features = comes_in(f, "own", tlsa(f, "own", *how))
        assert features.child("mechanisms", "sasl"), str(features)
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")
        link.begin()
        ann = f.online("ann", A)
        link.send(f"<message from='eve@{C}' to='{ann.jid}'><body>in</body></message>")
        equal(ann.expect("message").child_text("body"), "in")
        f.servers[0].log_has(f"it says to be {C}, and is: the TLSA records of {TARGET} name its certificate (DANE)")


def test_proves_itself_by_its_authority():
    with dane() as f:
        under(f, "own", authority(f, "private"), TARGET)
        assert comes_in(f, "own", tlsa(f, "private", 2))[1].child("mechanisms", "sasl")


def test_without_srv():
    with dane(remotes=()) as f:
        f.ca.make("own", issuer=False, subject="nobody")
        publish(f, 5269, tlsa(f, "own"), host=C)
        assert f.connect(cert="own").begin_tls().child("mechanisms", "sasl")


@rows(("another_certificate", None, False, "not the one"), ("forged", "forged", True, "forged, or do not come"),
      ("not_signed", "plain", True, None), ("no_record", "none", True, None), ("not_asked", "off", True, None))
def test_proves_nothing(what, fits, why):
    domain = "c.plain" if what == "plain" else C
    with dane(remotes=(domain,), use_dane="false") if what == "off" else dane(remotes=(domain,)) as f:
        f.ca.make("own", issuer=False, subject="nobody")
        f.ca.make("other", issuer=False, subject="nobody")
        if what == "forged":
            f.zone.signer.forged.add(f"_{f.ports[domain]}._tcp.{TARGET}")
        if what != "none":
            publish(f, f.ports[domain], tlsa(f, "own" if fits else "other"))
        link = f.connect(here=domain, cert="own")
        assert not link.begin_tls().child("mechanisms", "sasl")
        link.auth("EXTERNAL", "=")
        assert link.expect("failure", "sasl").child("not-authorized", "sasl")
        if why:
            f.servers[0].log_has(why)
        link.result("a key")
        assert link.expect("result", type="error").child("error").child("not-authorized", "stanzas")


def test_waits_for_the_features():
    """Elements that come while the DNS is asked end the stream; others do not wait for it."""
    with dane() as f:
        f.ca.make("own", issuer=False, subject="nobody")
        f.zone.table[(f"_{f.ports[C]}._tcp.{TARGET}", TYPES["TLSA"])] = ("TLSA", SILENT)
        link = f.connect(cert="own")
        link.begin()
        link.starttls()
        link.send(f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'"
                  f" version='1.0' to='{A}' from='{C}'><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
        link.expect_header()
        link.expect_stream_error("policy-violation")
        assert f.connect(cert=f.ca.make("shown", C)).begin_tls().child("mechanisms", "sasl")


def waiting(f, n=1, address="127.0.0.1"):
    """Servers whose records do not come."""
    f.ca.make("own", issuer=False, subject="nobody")
    f.zone.table[(f"_{f.ports[C]}._tcp.{TARGET}", TYPES["TLSA"])] = ("TLSA", SILENT)
    links = [f.connect(cert="own", source=address) for _ in range(n)]
    for link in links:
        link.begin()
        link.starttls()
        link.send_header(xmlns="jabber:server", extra=f" from='{C}'")
        link.expect_header()
    return links


def test_module_is_replaced_meanwhile():
    """Whoever waits gets its features from the new one."""
    with dane() as f:
        link, = waiting(f)
        f.servers[0].ctl("module", "reload", "s2s")
        publish(f, f.ports[C], tlsa(f, "own"))
        assert link.expect("features").child("mechanisms", "sasl")
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")


def test_module_goes_meanwhile():
    with dane() as f:
        link, = waiting(f)
        f.servers[0].ctl("module", "unload", "s2s")
        publish(f, f.ports[C], tlsa(f, "own"))
        link.expect_stream_error("system-shutdown")
        f.servers[0].ctl("module", "load", A, "s2s")
        assert f.connect(cert="own").begin_tls().child("mechanisms", "sasl")


def is_waited_for(f, address):
    link = f.connect(cert="own", source=address)
    link.begin()
    link.starttls()
    link.send_header(xmlns="jabber:server", extra=f" from='{C}'")
    link.expect_header()
    return select.select([link.sock], [], [], 0.5)[0] == [] and not link.queue


def test_many_wait():
    """So many are looked up at a time, of one address half of them; who comes then is known by the roots alone, and does
    not wait."""
    with dane(s2s_max_unauthenticated_per_ip=100) as f:
        first, *_ = waiting(f, 16)
        assert not is_waited_for(f, "127.0.0.1"), "an address has more than it leaves"
        assert is_waited_for(f, "127.0.0.2"), "one address has all"
        publish(f, f.ports[C], tlsa(f, "own"))
        assert first.expect("features").child("mechanisms", "sasl")


def test_two_of_ours():
    """Both know each other by the DNS alone, in both directions."""
    options = {"s2s_secure_auth": "true", "use_dane": "true", "s2s_bidi": "false", "s2s_dialback": "false"}
    with Federation([([A], options), ([B], options)], certs={A: None, B: None}, sign="example") as f:
        for domain in (A, B):
            link = f.connect(there=domain)
            link.begin()
            link.starttls()
            shown = link.sock.getpeercert(binary_form=True)
            publish(f, f.ports[domain], b"\3\0\1" + hashlib.sha256(shown).digest())
        ann, bob = f.online("ann", A), f.online("bob", B)
        ann.message(bob.jid, "there")
        equal(bob.find("message").child_text("body"), "there")
        bob.message(ann.jid, "and back")
        equal(ann.find("message").child_text("body"), "and back")
        for server in f.servers:
            server.log_has("is who it should be: the TLSA records of")
            server.log_has(", and is: the TLSA records of")
