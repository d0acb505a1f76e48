"""Servers that claim what is not theirs: certificates (XEP-0178), keys of dialback (XEP-0220), pairs that nobody has
proved, headers and stanzas that must not be (RFC 6120 4.9.3)."""
import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from federation import A, B, C, DIALBACK, one
from flow import equal, rows

MESSAGE = "<message from='{}' to='{}'><body>x</body></message>"


def der(tag, content):
    return bytes([tag, len(content)]) + content


def alternative(*names):
    """A subjectAltName with names that openssl would not write."""
    return "DER:" + der(0x30, b"".join(names)).hex()


NUL = f"{C}\0.evil.example".encode()
DNS_NUL, DNS_OTHER = der(0x82, NUL), der(0x82, b"evil.example")
XMPP_NUL = der(0xa0, bytes.fromhex("06082b06010505070805") + der(0xa0, der(0x0c, NUL)))
SRV_NUL = der(0xa0, bytes.fromhex("06082b06010505070807") + der(0xa0, der(0x16, b"_xmpp-server." + NUL)))


def proves(f, certificate, here=C, **args):
    """Is EXTERNAL offered to who shows this certificate?"""
    f.ca.make("shown", *certificate[0], **certificate[1]) if certificate else None
    link = f.connect(here=here, cert="shown" if certificate else None)
    return link, link.begin_tls(**args).child("mechanisms", "sasl") is not None


# ---- who connects to us: certificates

@rows(("own_name", ([C], {}), True), ("among_others", ([B, C], {}), True),
      ("srv_id", (["otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.c.example"], {}), True),
      ("xmpp_addr", (["otherName:1.3.6.1.5.5.7.8.5;UTF8:c.example"], {}), True),
      ("another_name", ([B], {}), False), ("a_suffix", (["evil-c.example"], {}), False),
      ("a_longer_name", (["c.example.evil.example"], {}), False), ("below_it", (["x.c.example"], {}), False),
      ("common_name_only", (["other.example"], {"subject": C}), False),
      ("srv_id_of_clients", (["otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-client.c.example"], {}), False),
      ("dns_id_with_nul", ([alternative(DNS_NUL)], {}), False), ("xmpp_addr_with_nul", ([alternative(XMPP_NUL)], {}), False),
      ("srv_id_with_nul", ([alternative(SRV_NUL)], {}), False), ("nul_and_another", ([alternative(DNS_NUL, DNS_OTHER)], {}), False),
      ("common_name_and_nul", ([alternative(DNS_NUL)], {"subject": C}), False),
      ("self_signed", ([C], {"issuer": False}), False), ("none", None, False))
def test_certificate(certificate, offered):
    with one() as f:
        link, is_offered = proves(f, certificate)
        equal(is_offered, offered)
        link.auth("EXTERNAL", "=")
        if offered:
            link.expect("success", "sasl")
            link.begin()
            link.send(MESSAGE.format(f"eve@{C}", A))
            link.send(MESSAGE.format(f"eve@{B}", A))
            link.expect_stream_error("invalid-from")
        else:
            assert link.expect("failure", "sasl").child("not-authorized"), "not refused"
            link.send(MESSAGE.format(f"eve@{C}", A))
            link.expect_stream_error("not-authorized")


def test_wild_card():
    """It stands for one label (RFC 9525 6.3)."""
    with one() as f:
        f.ca.make("shown", f"*.{C}")
        for name, offered in ((f"im.{C}", True), (f"x.im.{C}", False), (C, False)):
            features = f.connect(here=name, cert="shown").begin_tls()
            equal((name, features.child("mechanisms", "sasl") is not None), (name, offered))


def test_expired():
    with one() as f:
        f.ca.expired("shown", C)
        link = f.connect(cert="shown")
        assert not link.begin_tls().child("mechanisms", "sasl")
        f.servers[0].log_has("it says to be c.example")


def test_they_refuse_us():
    """What is wrong with our certificate only they know."""
    error = ("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
             "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Your certificate {}</text></stream:error></stream:stream>")
    with one() as f:
        f.ca.make("shown", C)
        link = f.connect(cert="shown")
        link.begin_tls()
        link.send(error.format("is not trusted"))
        f.servers[0].log_has(f"who says to be {C} ends its stream: not-authorized (Your certificate is not trusted)")
        f.connect(cert="shown").external().send(error.format("x" * 5000))
        f.servers[0].log_has(f" {C} ends its stream: not-authorized (Your certificate xxxx")
        assert "x" * 200 not in f.servers[0].log()


def long_chain(f, n):
    """A certificate of C below so many others, each signed by the one before, and that by the root."""
    issuer = x509.load_pem_x509_certificate(f.ca.root.read_bytes())
    signer = serialization.load_pem_private_key((f.ca.dir / "root.key").read_bytes(), None)
    now, chain = datetime.datetime.now(datetime.timezone.utc), []
    for i in range(n + 1):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"level {i}")])
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer.subject).public_key(key.public_key())
                   .serial_number(i + 1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
                   .add_extension(x509.BasicConstraints(i < n, None), True))
        if i == n:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(C)]), False)
        issuer, signer = builder.sign(signer, hashes.SHA256()), key
        chain.insert(0, issuer.public_bytes(serialization.Encoding.PEM))
    (f.ca.dir / "shown.crt").write_bytes(b"".join(chain))
    (f.ca.dir / "shown.key").write_bytes(signer.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return "shown"


@rows(("some", 5, True), ("a_hundred", 100, False))
def test_chain(n, offered):
    with one() as f:
        link = f.connect(cert=long_chain(f, n))
        equal(link.begin_tls().child("mechanisms", "sasl") is not None, offered)
        if not offered:
            f.servers[0].log_has("it says to be c.example: a chain or a key of it is too long")
            link.auth("EXTERNAL", "=")
            assert link.expect("failure", "sasl").child("not-authorized")


@rows(("another_one", base64.b64encode(B.encode()).decode(), "invalid-authzid"), ("no_base64", "!", "invalid-authzid"),
      ("a_local_part", base64.b64encode(f"x@{C}".encode()).decode(), "invalid-authzid"),
      ("a_nul", base64.b64encode(f"{C}\0x".encode()).decode(), "invalid-authzid"))
def test_authorisation_identity(text, condition):
    with one() as f:
        link, _ = proves(f, ([C], {}))
        for _ in range(3):
            link.auth("EXTERNAL", text)
            assert link.expect("failure", "sasl").child(condition)
        link.expect_stream_error("policy-violation")


def test_other_name_after_the_proof():
    with one() as f:
        link, _ = proves(f, ([B, C], {}))
        link.auth("EXTERNAL", "=")
        link.expect("success", "sasl")
        link.send_header(xmlns="jabber:server", extra=f" from='{B}'")
        link.expect_header()
        link.expect_stream_error("invalid-from")


@rows(("before_the_proof", False), ("behind_it", True))
def test_another_host_of_ours(proved):
    """A stream is with the host that its first header was for."""
    with one(hosts=(A, "also.example")) as f:
        link, _ = proves(f, ([C], {}))
        if proved:
            link.auth("EXTERNAL", "=")
            link.expect("success", "sasl")
        else:
            link = f.connect(cert="shown")
            link.begin()
            link.starttls()
        link.send_header(to="also.example", xmlns="jabber:server", extra=f" from='{C}'")
        link.expect_header()
        link.expect_stream_error("not-authorized")


def test_another_mechanism():
    with one() as f:
        link, _ = proves(f, ([C], {}))
        link.auth("PLAIN", "AGEAYg==")
        assert link.expect("failure", "sasl").child("invalid-mechanism")


# ---- headers

@rows(("no_to", "", C, "improper-addressing"), ("unknown", "elsewhere.example", C, "host-unknown"),
      ("as_ourselves", A, A, "invalid-from"), ("as_a_user", A, f"x@{C}", "invalid-from"), ("no_address", A, "@", "invalid-from"))
def test_header(to, sender, condition):
    with one() as f:
        link = f.connect()
        link.send_header(to=to, xmlns="jabber:server", extra=f" from='{sender}'")
        link.expect_header()
        link.expect_stream_error(condition)


@rows(("of_clients", dict(xmlns="jabber:client"), "invalid-namespace"),
      ("before_xmpp", dict(xmlns="jabber:server", version=None), "unsupported-version"))
def test_kind_of_stream(header, condition):
    with one() as f:
        link = f.connect()
        link.send_header(to=A, extra=f" from='{C}'", **header)
        link.expect_header()
        link.expect_stream_error(condition)


@rows(("stanza", MESSAGE.format(f"eve@{C}", f"ann@{A}"), "not-authorized"),
      ("something_else", "<x xmlns='urn:example'/>", "unsupported-stanza-type"),
      ("answer_of_dialback", f"<result xmlns='jabber:server:dialback' from='{B}' to='{A}' type='valid'/>", "invalid-from"),
      ("verification", f"<verify xmlns='jabber:server:dialback' from='{B}' to='{A}' id='x' type='valid'/>", "invalid-from"),
      ("result_for_nobody", "<result xmlns='jabber:server:dialback'>x</result>", "improper-addressing"),
      ("result_as_ourselves", f"<result xmlns='jabber:server:dialback' from='{A}' to='{A}'>x</result>", "invalid-from"),
      ("without_a_key", f"<result xmlns='jabber:server:dialback' from='{C}' to='{A}'/>", "invalid-from"),
      ("a_huge_key", f"<result xmlns='jabber:server:dialback' from='{C}' to='{A}'>{'k' * 300}</result>", "invalid-from"))
def test_before_any_proof(text, condition):
    with one() as f:
        link = f.connect()
        link.begin_tls()
        link.send(text)
        link.expect_stream_error(condition)


def test_in_the_clear():
    with one(remotes=(C,)) as f:
        link = f.connect()
        features = link.begin()
        equal([c.name for c in features.children], ["starttls", "limits"])
        link.result("some-key")
        assert link.expect("result", type="error").child("error").child("policy-violation", "stanzas")
        link.auth("EXTERNAL", "=")
        link.expect("failure", "sasl")
        f.remotes[C].nobody()


def test_idle_from_others():
    with one(s2s_idle_timeout=0.4, s2s_close_timeout=0.2) as f:
        f.connect(cert=f.ca.make("shown", C)).external().expect_end()


def test_goes_nowhere():
    with one(s2s_timeout=0.5) as f:
        idle, slow = f.connect(), f.connect()
        slow.begin_tls()
        idle.expect_header()
        idle.expect_stream_error("connection-timeout")
        slow.expect_stream_error("connection-timeout")


# ---- who connects to us: dialback

def ask(f, link, text="the-key", **args):
    """A key is shown to us; the stream on which we ask its owner."""
    link.result(text, **args)
    asked = f.remotes[args.get("from_") or C].accept(args.get("to") or A)
    asked.answer_tls(DIALBACK)
    question = asked.expect("verify", "dialback")
    equal((question.get("id"), question.text), (link.seen_header.get("id"), text))
    return asked


def test_dialback():
    with one(remotes=(C,)) as f:
        link = f.connect()
        link.begin_tls()
        asked = ask(f, link)
        asked.verify("", link.seen_header.get("id"), type="valid")
        link.expect("result", "dialback", from_=A, to=C, type="valid")
        ann = f.online("ann", A)
        link.send(f"<message from='eve@{C}/x' to='ann@{A}' type='chat'><body>x</body></message>")
        equal(ann.expect("message").child_text("body"), "x")


def test_more_along_with_the_proof():
    """What comes on the stream in the very moment in which its proof comes on another."""
    domains = [f"c{n}.example" for n in range(15)]
    with one(remotes=domains) as f:
        ann = f.online("ann", A)
        for domain in domains:
            link = f.connect(here=domain)
            link.begin_tls()
            asked = ask(f, link, from_=domain)
            asked.verify("", link.seen_header.get("id"), type="valid")
            link.verify("no key", "some-id")
            link.find("result", "dialback", type="valid")
            link.send(f"<message from='eve@{domain}/x' to='ann@{A}'><body>x</body></message>")
            ann.expect("message", from_=f"eve@{domain}/x")


def test_key_is_wrong():
    with one(remotes=(C,)) as f:
        link = f.connect()
        link.begin_tls()
        asked = ask(f, link)
        asked.verify("", link.seen_header.get("id"), type="invalid")
        link.expect("result", "dialback", from_=A, to=C, type="invalid")
        link.expect_end()
        f.servers[0].log_has("whose server does not know the key")


@rows(("of_another_domain", dict(from_=B)), ("to_another_domain", dict(to=B)), ("of_another_stream", dict(ident="other")))
def test_answer_to_another_question(attrs):
    with one(remotes=(C,)) as f:
        link = f.connect()
        link.begin_tls()
        asked = ask(f, link)
        asked.verify("", attrs.pop("ident", link.seen_header.get("id")), type="valid", **attrs)
        asked.expect_stream_error("invalid-from")
        assert link.expect("result", "dialback", type="error").child("error").child("remote-server-timeout", "stanzas")


def test_answer_on_another_stream():
    """The liar answers for himself: on the stream that he opened, and with the id that he got."""
    with one(remotes=(C,)) as f:
        link, other = f.connect(), f.connect()
        link.begin_tls()
        ask(f, link)
        other.begin_tls()
        other.verify("", link.seen_header.get("id"), type="valid")
        other.expect_stream_error("invalid-from")
        link.verify("", link.seen_header.get("id"), type="valid")
        link.expect_stream_error("invalid-from")


def test_answer_for_the_stream_before():
    """A key is of the stream that it came on: what began anew meanwhile, in clear or not, is proved by another one."""
    with one(remotes=(C,), s2s_require_encryption="false") as f:
        link = f.connect()
        link.begin()
        asked = ask(f, link)
        before = link.seen_header.get("id")
        link.starttls()
        link.begin()
        assert link.seen_header.get("id") != before
        asked.verify("", before, type="valid")
        asked.send("</stream:stream>")
        asked.expect_end()
        link.send(MESSAGE.format(f"eve@{C}", f"ann@{A}"))
        link.expect_stream_error("not-authorized")


@rows(("closes", None), ("error", "item-not-found"))
def test_owner_does_not_say(condition):
    with one(remotes=(C,)) as f:
        link = f.connect()
        link.begin_tls()
        asked = ask(f, link)
        if condition:
            asked.send(f"<verify xmlns='jabber:server:dialback' from='{C}' to='{A}' id='{link.seen_header.get('id')}' type='error'>"
                       f"<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></verify>")
        else:
            asked.send("</stream:stream>")
        error = link.expect("result", "dialback", type="error").child("error")
        assert error.child("remote-server-not-found" if condition else "remote-server-timeout", "stanzas"), str(error)
        link.send(MESSAGE.format(f"eve@{C}", A))
        link.expect_stream_error("not-authorized")


def test_owner_is_not_there():
    with one() as f:
        link = f.connect(here="nowhere.example")
        link.begin_tls()
        link.result("key")
        assert link.expect("result", type="error").child("error").child("remote-server-not-found", "stanzas")


def test_second_domain():
    """What is proved for one pair is proved for no other."""
    with one(remotes=(B, C), hosts=(A, "also.example")) as f:
        link = f.connect()
        link.begin_tls()
        ask(f, link).verify("", link.seen_header.get("id"), type="valid")
        link.expect("result", type="valid")
        ask(f, link, from_=B).verify("", link.seen_header.get("id"), type="invalid")
        assert link.expect("result", from_=A, to=B, type="error").child("error").child("forbidden", "stanzas")
        link.send(f"<iq type='get' id='1' from='{C}' to='{A}'><ping xmlns='urn:xmpp:ping'/></iq>")
        link.send(MESSAGE.format(f"eve@{B}", f"ann@{A}"))
        link.expect_stream_error("invalid-from")


@rows(("another_sender", f"eve@{B}", A, "invalid-from"), ("sender_below", f"eve@x.{C}", A, "invalid-from"),
      ("sender_above", "eve@example", A, "invalid-from"), ("sender_suffix", f"eve@evil{C}", A, "invalid-from"),
      ("ourselves", f"ann@{A}", A, "invalid-from"), ("sender_no_address", "@", A, "invalid-from"),
      ("another_host_of_ours", f"eve@{C}", "also.example", "improper-addressing"),
      ("a_third_server", f"eve@{C}", B, "improper-addressing"), ("no_address", f"eve@{C}", "@", "improper-addressing"))
def test_stanza_of_another_pair(sender, to, condition):
    with one(hosts=(A, "also.example")) as f:
        link = f.connect(cert=f.ca.make("shown", C)).external()
        link.send(MESSAGE.format(sender, to))
        link.expect_stream_error(condition)


@rows(("from", "to='a.example'"), ("to", "from='c.example'"))
def test_stanza_without(attrs):
    with one() as f:
        link = f.connect(cert=f.ca.make("shown", C)).external()
        link.send(f"<message {attrs}/>")
        link.expect_stream_error("improper-addressing")


@rows(("local_part", f"eve@{C}/x", f"a b@{A}", A), ("no_local_part", f"eve@{C}/x", f"@{A}", A),
      ("no_resource", f"eve@{C}/x", f"ann@{A}/", A), ("too_long", f"eve@{C}/x", f"{'n' * 1100}@{A}", A),
      ("sender", f"e e@{C}/x", f"ann@{A}", None), ("sender_without_resource", f"eve@{C}/", f"ann@{A}", None))
def test_address_of_one_user(sender, to, answers):
    """What a user of theirs writes to, or is called, is no matter of the stream (RFC 6120 8.3.3.8)."""
    with one() as f:
        link = f.connect(cert=f.ca.make("shown", C)).external(bidi=True)
        for kind in ("message", "iq type='get'", "presence", "message type='error'", "iq type='result'"):
            name = kind.split()[0]
            link.send(f"<{kind} id='m' from='{sender}' to='{to}'><body/></{name}>")
            if answers and "result" not in kind and "error" not in kind:
                equal(link.expect(name, id="m", from_=answers, to=sender).error(), ("modify", "jid-malformed"))
        link.send(f"<iq type='get' id='last' from='{C}' to='{A}'><ping xmlns='urn:xmpp:ping'/></iq>")
        link.expect("iq", id="last", type="result")


@rows(("case", f"Eve@{C.upper()}/X", f"Ann@{A.upper()}"), ("dots", f"eve@{C}./X", f"ann@{A}."),
      ("width", f"\uff45ve@{C}/X", f"\uff41nn@{A}"))
def test_spelling(sender, to):
    """Whatever way its server writes them, addresses reach users and modules in one."""
    with one() as f:
        link, ann = f.connect(cert=f.ca.make("shown", C)).external(), f.online("ann", A)
        link.send(MESSAGE.format(sender, to))
        ann.expect("message", from_=f"eve@{C}/X", to=f"ann@{A}")


@rows(("suffix", f"evil-{C}"), ("above", f"{C}.evil"), ("dots", f"{C}.."), ("dot_before", f".{C}"),
      ("cyrillic", "\u0441.example"))
def test_names_that_look_alike(name):
    """Proved as one, none of the others may be used."""
    with one() as f:
        link = f.connect(cert=f.ca.make("shown", C)).external()
        link.send(MESSAGE.format(f"eve@{name}", A))
        link.expect_stream_error("invalid-from")


def test_many_pairs_are_pending():
    names = [f"n{i}.example" for i in range(12)]
    with one(remotes=(C,)) as f:
        link = f.connect()
        link.begin_tls()
        f.zone.table.update({(f"_xmpp-server._tcp.{n}", 33): ("SRV", [(0, 0, f.ports[C], "xmpp.example")]) for n in names})
        for n in names:
            link.result("key", from_=n)
        refused = [link.expect("result", type="error") for _ in range(2)]
        equal([r.child("error").child("resource-constraint", "stanzas") is not None for r in refused], [True, True])


def test_certificates_alone():
    """s2s_secure_auth: a good key is not enough, and nobody is asked."""
    with one(remotes=(C,), s2s_secure_auth="true") as f:
        link = f.connect()
        link.begin_tls()
        link.result("key")
        assert link.expect("result", type="error").child("error").child("not-authorized", "stanzas")
        f.remotes[C].nobody()
