"""What a configuration that was written for Prosody says of other servers is what is done."""
import pathlib
import shutil
import ssl
import time

from cryptography import x509

from client import DEADLINE, SCALE
from federation import A, C, DIALBACK, EXTERNAL, Federation, one
from flow import equal, rows

ROOMS = f"news.{A}"
COMPONENT = f'Component "{ROOMS}" "pubsub"\n'


def offered(f, there=A, cert=True):
    """What a server with a good certificate may do."""
    link = f.connect(there=there, cert=f.ca.make("shown", C) if cert else None)
    features = link.begin_tls()
    found = {name for name, ns in (("mechanisms", "sasl"), ("dialback", "urn:xmpp:features:dialback"),
                                   ("bidi", "urn:xmpp:features:bidi")) if features.child(name, ns)}
    link.abort()
    return found


ALL = {"mechanisms", "dialback", "bidi"}


@rows(("dialback", "dialback", "dialback"), ("by_its_file", "mod_dialback", "dialback"), ("s2s_bidi", "s2s_bidi", "bidi"),
      ("s2s_auth_certs", "s2s_auth_certs", "mechanisms"))
def test_modules_of_prosody(name, feature):
    """They are options here, and are off where modules_disabled names them; the host has the last word."""
    with one() as f:
        equal(offered(f), ALL)
    with one(modules_disabled=f'{{ "{name}" }}') as f:
        equal(offered(f), ALL - {feature})
    with one(modules_enabled=f'{{ "{name}" }}') as f:
        equal(offered(f), ALL)
        assert "cannot be loaded" not in f.servers[0].log()
        assert name not in f.servers[0].ctl("reload"), "it wants to be loaded"


def test_the_host_has_the_last_word():
    with Federation([([A], {"modules_disabled": '{ "dialback", "s2s_bidi" }',
                            "extra": f'    modules_enabled = {{ "dialback" }}\n{COMPONENT}    modules_enabled = {{ "s2s_bidi" }}\n'
                                     '    modules_disabled = { "s2s_auth_certs" }\n'})]) as f:
        equal(offered(f), {"mechanisms", "dialback"})
        equal(offered(f, ROOMS), {"bidi"})


def test_no_way_without_dialback():
    with one(remotes=(C,), modules_disabled='{ "dialback" }') as f:
        ann = f.online("ann", A)
        ann.message(f"eve@{C}", "x")
        f.remotes[C].accept().answer_tls(DIALBACK)
        equal(ann.find("message", type="error").error(), ("cancel", "remote-server-timeout"))
        f.servers[0].log_has("dialback is off here")


def test_what_is_written_of_the_option_counts():
    with one(modules_disabled='{ "dialback" }', s2s_dialback="true") as f:
        equal(offered(f), ALL)


@rows(("on", None, True), ("off", '{ "s2s" }', False))
def test_components(disabled, there):
    """modules_disabled of the server is for components, too."""
    with one(modules_disabled=disabled or "{ }", extra=COMPONENT) as f:
        link = f.connect(there=ROOMS) if there else None
        if there:
            link.begin_tls()
        else:
            assert "s2s listens" not in f.servers[0].log()


def test_certificates_are_not_asked_for():
    with one(s2s_ssl='{ verify = "none" }') as f:
        equal(offered(f), ALL - {"mechanisms"})
        assert "s2s_ssl" not in f.servers[0].ctl("check", "config", check=False)


# ---- certificates of components

def number_shown(f, there):
    """The serial number of the certificate that the server shows who connects to that domain, by its header alone."""
    link = f.connect(there=there)
    link.begin()
    link.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    link.expect("proceed", "tls")
    link.sock = link.context.wrap_socket(link.sock)
    shown = x509.load_der_x509_certificate(link.sock.getpeercert(binary_form=True)).serial_number
    link.abort()
    return shown


def number_of(f, name):
    return x509.load_pem_x509_certificate((f.ca.dir / f"{name}.crt").read_bytes()).serial_number


def put(f, name, domain):
    for kind in ("crt", "key"):
        shutil.copy(f.ca.dir / f"{name}.{kind}", f.servers[0].dir / "certs" / f"{domain}.{kind}")


def test_certificate_of_a_component():
    """That of the nearest domain above it, not of the first host; its own as soon as it has one, which a reload takes."""
    first, other = "first.example", f"deep.news.{A}"
    with one(hosts=(first, A), extra=f'{COMPONENT}Component "{other}" "pubsub"\n') as f:
        equal([number_shown(f, there) for there in (A, ROOMS, other)], [number_of(f, A)] * 3)
        f.ca.make("own", ROOMS)
        put(f, "own", ROOMS)
        f.servers[0].ctl("reload")
        equal([number_shown(f, there) for there in (A, ROOMS, other)], [number_of(f, A)] + [number_of(f, "own")] * 2)
        f.ca.make("new", ROOMS)
        f.servers[0].config_file.write_text(f.servers[0].config_file.read_text() + f'    certificate = "{f.ca.dir}/new.crt"\n')
        f.servers[0].ctl("reload")
        equal([number_shown(f, there) for there in (ROOMS, other)], [number_of(f, "own"), number_of(f, "new")])


def test_component_proves_itself_by_its_certificate():
    """Where we connect, too."""
    with one(remotes=(C,), extra=COMPONENT) as f:
        f.ca.make("own", ROOMS)
        put(f, "own", ROOMS)
        f.servers[0].ctl("reload")
        context = f.remotes[C].context
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f.ca.root)
        ann = f.online("ann", A)
        f.connect(there=ROOMS, cert=f.ca.make("shown", C)).external().send(
            f"<iq type='get' id='q' from='{C}' to='{ROOMS}'><ping xmlns='urn:xmpp:ping'/></iq>")
        link = f.remotes[C].accept(ROOMS)
        link.answer_tls(EXTERNAL)
        shown = x509.load_der_x509_certificate(link.sock.getpeercert(binary_form=True)).serial_number
        equal(shown, number_of(f, "own"))
        link.take_external()
        link.find("iq", id="q")
        ann.close()


# ---- options of the service

def timers(port):
    """Of each connection on that port the server's timer in the kernel: "02" is that of keepalives, "01" waits for an ACK."""
    fields = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [f[5][:2] for f in fields if f[1].endswith(f":{port:04X}") and f[3] == "01"]


def keeps_alive(port):
    deadline = time.monotonic() + DEADLINE
    while "01" in timers(port):
        assert time.monotonic() < deadline, "nothing is acknowledged"
    return timers(port) == ["02"]


@rows(("default", {}, True), ("off", {"s2s_tcp_keepalives": "false"}, False),
      ("of_the_port", {"s2s_tcp_keepalives": "false", "s2s_direct_tls_tcp_keepalives": "true"}, True))
def test_tcp_keepalives(options, wanted):
    """An option of s2s is for its port with TLS from the first byte, too."""
    with Federation([([A], options)], direct_tls=True) as f:
        f.connect(direct_tls=True).begin()
        equal(keeps_alive(f.ports[A]), wanted)


@rows(("starttls", False), ("direct_tls", True))
def test_times(direct_tls):
    """s2s_read_timeout, s2s_close_timeout."""
    with Federation([([A], {"s2s_read_timeout": "0.3", "s2s_close_timeout": "0.3"})], direct_tls=direct_tls) as f:
        link = f.connect(direct_tls=direct_tls)
        link.begin()
        equal(link.sock.recv(1), b" ")
        f.servers[0].ctl("module", "unload", A, "s2s")
        begin = time.monotonic()
        while link.sock.recv(4096):
            assert time.monotonic() - begin < 4 * SCALE
