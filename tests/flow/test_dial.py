"""Connecting to a domain: SRV records (RFC 2782, XEP-0368), several addresses (RFC 8305), and what stands in the way. By a
module of the test's own."""
import contextlib
import pathlib
import socket
import subprocess
import time

from client import SCALE
from dns import SILENT, TYPES, Late, Zone
from flow import HOST, Server, Skip, equal, rows
from server import BUILD

DIALER = r"""
#include <prosody-c/prosody-c.h>

struct dialer { pc_module *m; pc_dial *dial; pc_call *call; int nexts; };

static void opened(pc_stream *s) { (void)s; }
static void closed(pc_stream *s, const char *reason) { (void)s; (void)reason; }
static const pc_stream_class class = { .size = sizeof(class), .name = "dialer", .framing = PC_FRAMING_RAW,
                                       .opened = opened, .closed = closed };
static const pc_service services[] = { { "_xmpps-server._tcp", true, "xmpp-server" }, { "_xmpp-server._tcp", false, NULL } };

static void end(struct dialer *d) { pc_dial_free(&d->dial); d->call = NULL; }

static void connected(pc_dial *dial, pc_stream *s, const pc_dial_target *t, void *data)
{
	struct dialer *d = data;

	pc_call_print(d->call, "%s %s %u %s", t->host, t->address, t->port, t->direct_tls ? "tls" : "plain");
	pc_stream_abort(s, "enough");
	if (d->nexts-- > 0) {
		pc_dial_next(dial);
		return;
	}
	pc_call_end(d->call, PC_OK, NULL);
	end(d);
}

static void failed(pc_dial *dial, int err, const char *why, void *data)
{
	struct dialer *d = data;

	(void)dial;
	pc_call_print(d->call, "%s: %s", pc_strerror(err), why);
	pc_call_end(d->call, PC_OK, NULL);
	end(d);
}

static void run(pc_call *call, pc_module *m)
{
	struct dialer *d = pc_module_data(m);
	const char *port = pc_call_arg(call, 2);

	d->call = call;
	d->nexts = pc_call_arg(call, 3) ? 1 : 0;
	d->dial = pc_dial_domain(m, &(pc_dial_args){ .size = sizeof(pc_dial_args), .domain = pc_call_arg(call, 1),
		.services = services, .n_services = 2, .default_port = port ? (uint16_t)strtoul(port, NULL, 10) : 0,
		.class = &class, .timeout = 4, .connected = connected, .failed = failed, .data = d });
}

static const pc_command commands[] = { { "dial", NULL, "HOST DOMAIN [PORT] [NEXT]", "Dials", run }, { 0 } };
PC_MODULE(dialer, .summary = "Dials", .data_size = sizeof(struct dialer), .commands = commands);
"""


class Dialing(Server):
    def __init__(self, zone, **options):
        super().__init__(config={"unbound": zone.option, **options}, accounts=0)
        folder = self.dir / "plugins.d"
        folder.mkdir()
        include = pathlib.Path(__file__).resolve().parents[2] / "include"
        (folder / "mod_dialer.c").write_text("#include <stdlib.h>\n" + DIALER)
        subprocess.run(["gcc", "-std=c11", "-fPIC", "-shared", f"-I{include}", folder / "mod_dialer.c", "-o",
                        folder / "mod_dialer.so"], check=True)

    def dial(self, *args):
        return self.ctl("dial", HOST, *map(str, args)).splitlines()


@contextlib.contextmanager
def listening(*addresses):
    """Sockets that accept, on one port of each address."""
    socks = []
    try:
        port = 0
        for address in addresses:
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen()
            port = sock.getsockname()[1]
            socks.append(sock)
        yield port
    finally:
        for sock in socks:
            sock.close()


def dial(table, *args, domain="a.example", **options):
    with Zone(table) as zone:
        server = Dialing(zone, **options).start()
        try:
            server.ctl("module", "load", HOST, "dialer")
            begin = time.monotonic()
            return server.dial(domain, *args), time.monotonic() - begin, zone
        finally:
            server.stop()


def closed_port():
    with listening("127.0.0.1") as port:
        return port


def test_by_srv():
    with listening("127.0.0.1") as port:
        lines, _, _ = dial({("_xmpp-server._tcp.a.example", "SRV"): [(10, 0, port, "xmpp.a.example")],
                            ("xmpp.a.example", "A"): ["127.0.0.1"]})
        equal(lines, [f"xmpp.a.example 127.0.0.1 {port} plain"])


def test_both_kinds_are_mixed_by_priority():
    with listening("127.0.0.1") as port:
        table = {("_xmpp-server._tcp.a.example", "SRV"): [(20, 0, port, "second.a.example")],
                 ("_xmpps-server._tcp.a.example", "SRV"): [(10, 0, port, "first.a.example"), (30, 0, port, "third.a.example")],
                 **{(f"{name}.a.example", "A"): ["127.0.0.1"] for name in ("first", "second", "third")}}
        lines, _, _ = dial(table, 1, "next")
        equal(lines, [f"first.a.example 127.0.0.1 {port} tls", f"second.a.example 127.0.0.1 {port} plain"])


def test_the_next_one_where_the_first_does_not_answer():
    with listening("127.0.0.1") as port:
        lines, _, _ = dial({("_xmpp-server._tcp.a.example", "SRV"): [(10, 0, closed_port(), "one.a.example"), (20, 0, port, "two.a.example"),
                                                                  (15, 0, port, "nowhere.a.example")],
                            ("one.a.example", "A"): ["127.0.0.1"], ("two.a.example", "A"): ["127.0.0.1"]})
        equal(lines, [f"two.a.example 127.0.0.1 {port} plain"])


def test_without_srv():
    with listening("127.0.0.1") as port:
        lines, _, zone = dial({("a.example", "A"): ["127.0.0.1"]}, port)
        equal(lines, [f"a.example 127.0.0.1 {port} plain"])
        assert ("_xmpps-server._tcp.a.example", 33) in zone.asked, zone.asked


def needs_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as e:
        raise Skip(f"no IPv6 here: {e}") from None


def test_both_families():
    needs_ipv6()
    with listening("127.0.0.1", "::1") as port:
        table = {("a.example", "A"): ["127.0.0.1"], ("a.example", "AAAA"): ["::1"]}
        equal(dial(table, port)[0], [f"a.example ::1 {port} plain"])
    with listening("127.0.0.1") as port:
        equal(dial(table, port)[0], [f"a.example 127.0.0.1 {port} plain"])


@contextlib.contextmanager
def swallowing():
    """A port on which 127.0.0.2 accepts, and 127.0.0.1 says nothing: what listens with a full queue does not."""
    while True:
        with contextlib.ExitStack() as stack:
            port = stack.enter_context(listening("127.0.0.2"))
            full = stack.enter_context(socket.socket())
            try:
                full.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody has it
            full.listen(0)
            for _ in range(4):
                sock = stack.enter_context(socket.socket())
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
            yield port
            return


def test_an_address_that_swallows_all():
    """The second one is not kept waiting until the first has timed out."""
    with swallowing() as port:
        lines, seconds, _ = dial({("a.example", "A"): ["127.0.0.1", "127.0.0.2"]}, port)
        equal(lines, [f"a.example 127.0.0.2 {port} plain"])
        assert seconds < 3 * SCALE, seconds


def test_a_target_that_swallows_all():
    """Nor is the second target."""
    with swallowing() as port:
        lines, _, _ = dial({("_xmpp-server._tcp.a.example", "SRV"): [(10, 0, port, "one.a.example"), (20, 0, port, "two.a.example")],
                            ("one.a.example", "A"): ["127.0.0.1"], ("two.a.example", "A"): ["127.0.0.2"]})
        equal(lines, [f"two.a.example 127.0.0.2 {port} plain"])


def test_one_family_is_not_known():
    """RFC 8305 3: nobody waits for the other answer for more than a moment, and what comes later joins in."""
    with listening("127.0.0.1") as port:
        lines, seconds, _ = dial({("a.example", "A"): ["127.0.0.1"], ("a.example", "AAAA"): SILENT}, port)
        equal(lines, [f"a.example 127.0.0.1 {port} plain"])
        assert seconds < 2 * SCALE, seconds
    with swallowing() as port:
        lines, _, _ = dial({("a.example", "A"): Late(0.6, "127.0.0.2"), ("a.example", "AAAA"): ["2001:db8::1"]}, port)
        equal(lines, [f"a.example 127.0.0.2 {port} plain"])


def test_a_late_answer_joins_in():
    needs_ipv6()
    with swallowing() as port, socket.socket(socket.AF_INET6) as there:
        there.bind(("::1", port))
        there.listen()
        lines, _, _ = dial({("a.example", "A"): ["127.0.0.1"], ("a.example", "AAAA"): Late(0.6, "::1")}, port)
        equal(lines, [f"a.example ::1 {port} plain"])


def test_a_domain_that_is_an_address():
    """RFC 7622 3.2: of IPv6 in brackets. Nobody is asked for it."""
    needs_ipv6()
    with listening("127.0.0.1", "::1") as port:
        for domain, address in (("[::1]", "::1"), ("127.0.0.1", "127.0.0.1")):
            lines, _, zone = dial({}, port, domain=domain)
            equal(lines, [f"{address} {address} {port} plain"])
            equal(zone.asked, [])


def test_family_that_is_turned_off():
    needs_ipv6()
    with listening("127.0.0.1", "::1") as port:
        table = {("a.example", "A"): ["127.0.0.1"], ("a.example", "AAAA"): ["::1"]}
        lines, _, zone = dial(table, port, use_ipv6="false")
        equal(lines, [f"a.example 127.0.0.1 {port} plain"])
        assert ("a.example", 28) not in zone.asked, zone.asked
        equal(dial(table, port, use_ipv4="false")[0], [f"a.example ::1 {port} plain"])


def test_each_reason_is_told():
    port = closed_port()
    lines, _, _ = dial({("_xmpp-server._tcp.a.example", "SRV"): [(10, 0, port, "one.a.example"), (20, 0, 5269, "two.a.example")],
                        ("one.a.example", "A"): ["127.0.0.1", "127.0.0.2"]})
    for wanted in (f"one.a.example[127.0.0.1]:{port}: connection refused", f"one.a.example[127.0.0.2]:{port}: connection refused",
                   "two.a.example:5269: no address"):
        assert wanted in lines[0], lines


@rows(("no_such_domain", {}, 1, "not found: there is no such domain"),
      ("no_service", {("_xmpp-server._tcp.a.example", "SRV"): [(0, 0, 0, ".")], ("a.example", "A"): ["127.0.0.1"]}, 1,
       "the domain says that it has no such service"),
      ("no_default_port", {("a.example", "A"): ["127.0.0.1"]}, 0, "there is no such service"),
      ("refused", {("a.example", "A"): ["127.0.0.1"]}, None, "connection refused"),
      ("no_address", {("_xmpp-server._tcp.a.example", "SRV"): [(0, 0, 1, "b.example")]}, 1, "b.example:1: no address"),
      ("dns_is_silent", {("_xmpp-server._tcp.a.example", "SRV"): SILENT, ("_xmpps-server._tcp.a.example", "SRV"): SILENT}, 1,
       "it takes too long"))
def test_in_vain(table, port, wanted):
    lines, _, _ = dial(table, closed_port() if port is None else port)
    assert len(lines) == 1 and wanted in lines[0], lines


def test_no_other_target():
    with listening("127.0.0.1") as port:
        lines, _, _ = dial({("a.example", "A"): ["127.0.0.1"]}, port, "next")
        equal(len(lines), 2)
        assert "no other target is left" in lines[1], lines


def test_module_goes_meanwhile():
    with Zone({("_xmpp-server._tcp.a.example", "SRV"): SILENT}) as zone:
        server = Dialing(zone).start()
        server.ctl("module", "load", HOST, "dialer")
        process = subprocess.Popen([BUILD / "prosody-ctl", "-c", server.config_file, "dial", HOST, "a.example", "1"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10 * SCALE
        while not zone.asked and time.monotonic() < deadline:
            server.ctl("status")
        server.ctl("module", "unload", HOST, "dialer")
        process.wait(20 * SCALE)
        server.stop()


def test_many_targets_that_are_half_silent():
    """A dial has a few questions under way: it does not go on to more targets while those are not answered."""
    port = closed_port()
    names = [f"t{n}.example" for n in range(10)]
    table = {("_xmpp-server._tcp.a.example", "SRV"): [(n, 0, port, name) for n, name in enumerate(names)]}
    for name in names:
        table.update({(name, "A"): ["127.0.0.1"], (name, "AAAA"): SILENT})
    lines, _, zone = dial(table)
    assert len(lines) == 1 and "connection refused" in lines[0], lines
    asked = {name for name, kind in zone.asked if kind == TYPES["AAAA"]}
    assert asked <= set(names[:4]), asked  # two, and others where the resolver gives these up
