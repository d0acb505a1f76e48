"""prosody-ctl check dns and check connectivity: do names lead here, and what do others meet who follow them."""
import contextlib
import json
import pathlib
import re
import socket
import subprocess
import tempfile

from client import SCALE
from dns import SILENT, Zone
from federation import A, C, DIALBACK, Authority, Remote, one
from flow import Skip, equal, rows
from server import BUILD, free_ports

HERE, ELSEWHERE = "127.0.0.1", "192.0.2.1"
CLIENT, CLIENTS, SERVER, SERVERS = (f"_xmpp{kind}._tcp.{C}" for kind in ("-client", "s-client", "-server", "s-server"))
PORTS = 'c2s_direct_tls_ports = {}\nexternal_addresses = { "127.0.0.1" }\n'
# All is well with this one.
GOOD = {(CLIENT, "SRV"): [(0, 0, 5222, "x.example")], (SERVER, "SRV"): [(0, 0, 5269, "x.example")],
        ("x.example", "A"): [HERE], (C, "A"): [HERE]}


@contextlib.contextmanager
def configured(table, text=PORTS, after=""):
    """A configuration with C as its host and that DNS: what calls prosody-ctl with it."""
    with Zone(table) as zone, tempfile.TemporaryDirectory(prefix="pc-flow-") as folder:
        file = pathlib.Path(folder) / "c.conf"
        file.write_text(f'unbound = {zone.option}\n{text}\nVirtualHost "{C}"\n{after}\n')
        yield lambda *args: subprocess.Popen([BUILD / "prosody-ctl", "-c", file, *args], text=True, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(process, status):
    text = process.communicate(timeout=60 * SCALE)[0]
    equal((process.returncode, text), (status, text))
    return text.splitlines()


def check(table, *args, text=PORTS, after="", status=1):
    with configured(table, text, after) as ctl:
        return ended(ctl("check", "dns", *args), status)


# ---- check dns

def test_all_is_well():
    lines = check(GOOD, status=0)
    equal(lines, [f"{C}: _xmpp-client._tcp: x.example port 5222 ({HERE})", f"{C}: _xmpp-server._tcp: x.example port 5269 ({HERE})",
                  "no errors"])


def without(*keys):
    return {k: v for k, v in GOOD.items() if k not in keys}


BARE = without((CLIENT, "SRV"), (SERVER, "SRV"))
USUAL = "c2s_direct_tls_ports = {}\n"


@rows(
    ("another_port", {**GOOD, (CLIENT, "SRV"): [(0, 0, 443, "x.example")]}, PORTS, "",
     "error: _xmpp-client._tcp leads to port 443 of x.example, which is not in c2s_ports"),
    ("direct_tls_elsewhere", {**GOOD, (SERVERS, "SRV"): [(0, 0, 5270, "x.example")]}, PORTS + "s2s_direct_tls_ports = 5271", "",
     "error: _xmpps-server._tcp leads to port 5270 of x.example, which is not in s2s_direct_tls_ports"),
    ("another_machine", {**GOOD, (SERVER, "SRV"): [(0, 0, 5269, "y.example")], ("y.example", "A"): [ELSEWHERE]}, PORTS, "",
     f"error: _xmpp-server._tcp leads to y.example ({ELSEWHERE}), which is not this machine"),
    ("one_address_is_another_machine", {**without((SERVER, "SRV")), ("x.example", "A"): [HERE, ELSEWHERE]}, PORTS, "",
     f"warning: x.example has the address {ELSEWHERE} as well, which is not this machine's"),
    ("no_address", {**GOOD, (SERVER, "SRV"): [(0, 0, 5269, "y.example")]}, PORTS, "",
     "error: _xmpp-server._tcp leads to y.example, which has no address"),
    ("no_such_service", {**GOOD, (SERVER, "SRV"): [(0, 0, 0, ".")]}, PORTS, "",
     'error: _xmpp-server._tcp says that there is no such service ("."), and there is one'),
    ("without_s2s", GOOD, PORTS, 'modules_disabled = { "s2s" }',
     "warning: _xmpp-server._tcp leads to x.example, but there is no such service: module s2s is not enabled"),
    ("without_ports", GOOD, PORTS + "s2s_ports = {}", "",
     "warning: _xmpp-server._tcp leads to x.example, but there is no such service: s2s_ports names no port"),
    ("no_records_and_no_usual_port", without((SERVER, "SRV")), PORTS + "s2s_ports = { 5270 }", "",
     "error: there is no record _xmpp-server._tcp, and the usual port 5269 is not in s2s_ports"),
    ("no_records_and_no_address", without((SERVER, "SRV"), (C, "A")), PORTS, "",
     f"error: there is no record _xmpp-server._tcp, and so other servers are led to {C}, which has no address"),
    ("no_records_and_another_machine", {**without((CLIENT, "SRV")), (C, "A"): [ELSEWHERE]}, PORTS, "",
     f"error: there is no record _xmpp-client._tcp, and so clients are led to {C} ({ELSEWHERE}), which is not this machine"),
    ("maybe_behind_nat", {**BARE, (C, "A"): [ELSEWHERE]}, USUAL, 'modules_disabled = { "s2s" }',
     f"error: there is no record _xmpp-client._tcp, and so clients are led to {C} ({ELSEWHERE}), which is not this machine; if it "
     "is, behind NAT, name it in external_addresses"),
    ("a_name_server_that_is_silent", {**GOOD, (SERVER, "SRV"): SILENT}, PORTS, "",
     "warning: _xmpp-server._tcp is not known: no name server gives an answer"),
)
def test_wrong(table, text, after, wanted):
    lines = [line for line in check(table, text=text, after=after)[:-1] if " port " not in line or "which" in line or "usual" in line]
    equal(lines, [f"{C}: {wanted}"])


def test_nothing_is_there():
    lines = check({("y.example", "A"): [HERE]})
    assert len(lines) == 3 and "clients are led to" in lines[0] and "other servers are led to" in lines[1], lines
    equal(lines[2], "2 errors, 0 warnings")


def test_by_its_address_alone():
    equal(check(BARE, status=0), ["no errors"])


def test_direct_tls_that_nobody_finds():
    lines = check(GOOD, text='external_addresses = { "127.0.0.1" }', status=0)
    assert f"{C}: note: there is no record _xmpps-client._tcp: nobody finds port 5223" in lines, lines


def test_component():
    """Nobody logs in to one; other servers look for it by its own name."""
    name = f"muc.{C}"
    lines = check({**GOOD, (f"_xmpp-server._tcp.{name}", "SRV"): [(0, 0, 5269, "y.example")]}, name,
                  after=f'Component "{name}" "component"')
    equal(lines[1:], [f"{name}: error: _xmpp-server._tcp leads to y.example, which has no address", "1 error, 0 warnings"])


def test_external_addresses():
    """However they are written; and who passes it on may do so by IPv4."""
    lines = check({**GOOD, ("x.example", "AAAA"): ["2001:db8::2"]}, status=0, text=PORTS.replace(
        '"127.0.0.1"', '"127.0.0.1", "2001:0DB8:0::2"') + "use_ipv6 = false")
    equal(lines[-1], "no errors")


def own_address():
    """Of an interface that is not loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((ELSEWHERE, 9))
        except OSError as error:
            raise Skip("this machine has no address but loopback") from error
        return sock.getsockname()[0]


def test_addresses_of_this_machine():
    address = own_address()
    table = {**GOOD, ("x.example", "A"): [address]}
    equal(check(table, text=USUAL, status=0)[-1], "no errors")
    lines = check(table, text=USUAL + 'interfaces = { "127.0.0.1" }\ns2s_interfaces = "*"')
    equal(lines[2:], [f"{C}: error: x.example has the address {address}, on which c2s does not listen", "1 error, 0 warnings"])
    lines = check({**GOOD, ("x.example", "A"): [HERE]}, text=USUAL)
    assert f"leads to x.example ({HERE}), which is not this machine" in lines[2], lines  # everybody's loopback


def test_hosts():
    equal(check(GOOD, "elsewhere.example", status=4), ["prosody-c: there is no host elsewhere.example"])
    equal(check(GOOD, "@", status=2), ['prosody-c: "@" is no domain'])
    with configured(GOOD) as ctl:
        equal(ended(ctl("check", "config", C), 2), ["prosody-c: check config takes no host"])
        ended(ctl("check", "dns", C, C), 2)
        ended(ctl("check"), 2)


def test_as_json():
    with configured(without((SERVER, "SRV"), (C, "A"))) as ctl:
        value = json.loads("\n".join(ended(ctl("--json", "check", "dns"), 1)))
    equal([(row["place"], row["severity"]) for row in value["rows"]], [(C, "error")])
    equal(value["lines"], [])


# ---- check connectivity

def scripted(port, name="x.example", more="", seconds=20.0, **records):
    """Only other servers are of interest."""
    table = {(SERVER, "SRV"): [(0, 0, port, name)], ("x.example", "A"): [HERE], **records}
    return configured(table, PORTS + f'check_timeout = {seconds * SCALE}\nmodules_disabled = {{ "c2s" }}\n' + more)


def place(port):
    return f"{C}: error: as a server, port {port} of x.example ({HERE}): "


def test_a_server_of_ours():
    with one() as f:
        server = f.servers[0]
        f.zone.table[(f"_xmpp-client._tcp.{A}", 33)] = ("SRV", [(0, 0, server.port, "xmpp.example")])
        f.zone.table[(f"_xmpps-client._tcp.{A}", 33)] = ("SRV", [(0, 0, server.tls_port, "xmpp.example")])
        lines = server.ctl("check", "connectivity", A).splitlines()
        equal(sorted(lines), sorted([f"{A}: as a client, port {server.port} of xmpp.example ({HERE}): STARTTLS, TLS1.3, good",
                                     f"{A}: as a client, port {server.tls_port} of xmpp.example ({HERE}): direct TLS, TLS1.3, good",
                                     f"{A}: as a server, port {f.ports[A]} of xmpp.example ({HERE}): STARTTLS, TLS1.3, good",
                                     "no errors"]))
        equal(json.loads(server.ctl("--json", "check", "connectivity"))["ok"], True)
        f.zone.table[(f"_xmpp-client._tcp.{C}", 33)] = ("SRV", [(0, 0, server.port, "xmpp.example")])
        f.zone.table[(f"_xmpp-server._tcp.{C}", 33)] = ("SRV", [(0, 0, f.ports[A], "xmpp.example")])
        lines = server.ctl("check", "connectivity", C, check=False).splitlines()
        equal(len([line for line in lines if "the server there does not serve the domain: host-unknown" in line]), 2)


@rows(("no_such_domain", {("y.example", "A"): [HERE]}, "there is neither a record _xmpp-server._tcp nor an address of the domain"),
      ("no_such_service", {(SERVER, "SRV"): [(0, 0, 0, ".")]}, '_xmpp-server._tcp says that there is no such service (".")'),
      ("no_address", {(SERVER, "SRV"): [(0, 0, 5269, "y.example")]}, "_xmpp-server._tcp: y.example has no address"))
def test_no_way(table, wanted):
    with configured(table, 'modules_disabled = { "c2s" }') as ctl:
        equal(ended(ctl("check", "connectivity"), 1), [f"{C}: error: {wanted}", "1 error, 0 warnings"])


def test_closed_port():
    port = free_ports(1)[0]
    with scripted(port) as ctl:
        equal(ended(ctl("check", "connectivity"), 1)[0], place(port) + "nothing listens there (connection refused)")


@contextlib.contextmanager
def remote(cert, **args):
    """The test as C's server, whose certificate `cert` makes; with what prosody-ctl found when it is through with it."""
    ca, port = Authority(), free_ports(1)[0]
    try:
        there = Remote(C, port, ca.context(cert(ca), server=True))
        try:
            with scripted(port, more=f'ssl = {{ cafile = "{ca.root}" }}', **args) as ctl:
                process = ctl("check", "connectivity")
                yield there.accept(), lambda: [line.replace(place(port), "") for line in ended(process, 1)]
        finally:
            there.close()
    finally:
        ca.close()


def good(ca):
    return ca.make(C, C)


def expired(ca):
    ca.expired("old", C)
    return "old"


@rows(("another_name", lambda ca: ca.make("x", "y.example", "*.y.example"),
       "its certificate is for another name: y.example, *.y.example"),
      ("no_name", lambda ca: ca.make("x", "IP:127.0.0.1"), "its certificate is for another name: it has none"),
      ("expired", expired, "its certificate is not trusted: .*expired.*"),
      ("self_signed", lambda ca: ca.make(C, C, issuer=False), "its certificate is not trusted: .*"))
def test_certificate(cert, wanted):
    with remote(cert) as (link, found):
        link.answer_tls(DIALBACK)
        told, finding, total = found()
        assert told.endswith("STARTTLS, TLS1.3, but see below") and total == "1 error, 0 warnings", told
        assert finding == wanted or re.fullmatch(wanted, finding), finding


TLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
HOST_UNKNOWN = "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"


def proceeds(link):
    link.answer(TLS)
    link.expect("starttls", "tls")
    link.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")


def refuses(link):
    link.answer(TLS)
    link.expect("starttls", "tls")
    link.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")


def speaks_nonsense(link):
    proceeds(link)
    link.sock.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 3)


def is_another_host(link):
    link.answer(None)
    link.send(HOST_UNKNOWN)


@rows(("no_encryption", lambda link: link.answer(DIALBACK), "it offers no encryption \\(STARTTLS\\)"),
      ("refuses_tls", refuses, "it offers TLS and then refuses it"), ("nonsense_for_tls", speaks_nonsense, "TLS fails: .*"),
      ("another_host", is_another_host, "the server there does not serve the domain: host-unknown"),
      ("something_else", lambda link: link.sock.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "it does not speak XMPP: .*"),
      ("before_xmpp", lambda link: link.answer(None, version=False), "it does not speak XMPP 1.0"),
      ("hangs_up", lambda link: link.abort(), "it does not speak XMPP: .*"))
def test_peer(script, wanted):
    with remote(good) as (link, found):
        script(link)
        finding, total = found()
        assert re.fullmatch(wanted, finding) and total == "1 error, 0 warnings", finding


@rows(("says_nothing", lambda link: None, "it takes the connection and does not answer"),
      ("offers_nothing", lambda link: link.answer(None), "it answers and does not say what it offers"),
      ("does_not_proceed", lambda link: link.answer(TLS), "it offers TLS and does not begin it"),
      ("tls_without_end", proceeds, "the handshake of TLS is never finished"))
def test_deadline(script, wanted):
    with remote(good, seconds=1.0) as (link, found):
        script(link)
        equal(found(), [wanted, "1 error, 0 warnings"])


def test_each_address():
    """One that is good does not hide one that is not."""
    with one() as f:
        server, closed = f.servers[0], free_ports(1)[0]
        f.zone.table[(f"_xmpp-server._tcp.{A}", 33)] = ("SRV", [(0, 0, f.ports[A], "xmpp.example"), (5, 0, closed, "xmpp.example")])
        lines = server.ctl("check", "connectivity", A, check=False).splitlines()
        assert any(line.endswith("STARTTLS, TLS1.3, good") for line in lines), lines
        assert any(f"port {closed} of xmpp.example ({HERE}): nothing listens there" in line for line in lines), lines
