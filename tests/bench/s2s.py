#!/usr/bin/python3
"""What federation costs: two servers on loopback, of each kind with each, the first one's domain with many of the other's.

    s2s.py [SENDER:RECEIVER...]     all pairs of prosody-c, prosody and ejabberd

The streams are under TLS, proved by certificates of an authority of the measurement, as each server does it by default
(both ways on one stream where both sides know that). Clients speak in clear: theirs is not what is measured, though a
message is read from a client at the one end, and written to one at the other."""
import argparse
import os
import pathlib
import select
import shutil
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests" / "peers"), str(TOP / "tests" / "flow")]
os.environ.setdefault("PC_BUILD", str(TOP / "build"))
os.environ.setdefault("PC_TIME_SCALE", "3")

import federated  # noqa: E402
from dns import Zone  # noqa: E402
from federation import Authority  # noqa: E402
from load import cpu, memory  # noqa: E402
from server import free_ports  # noqa: E402

FIRSTS = 20      # domains that are not known yet and get a message, one after the other
UNDER_WAY = 500  # messages that have not arrived, at most: each server's queue holds so many
AT_ONCE = 20     # messages of one write
FULL, QUICK = (100000, 5000, 500), (10000, 1000, 60)  # messages of ours, of others; domains


class ProsodyC(federated.Peer):
    missing = staticmethod(lambda: None)

    def configure(self):
        hosts = "\n".join(f'VirtualHost "{federated.theirs(name)}"' for name in self.pairs)
        (self.dir / "conf").write_text(f"""
data_path = "data"; pidfile = "pid"; certificates = "certs"; log = {{ warn = "*console" }}; unbound = {self.zone.option}
interfaces = {{ "127.0.0.1" }}; c2s_ports = {{ {self.c2s} }}; s2s_ports = {{ {self.s2s} }}
s2s_direct_tls_ports = {{ {self.s2s_tls} }}; c2s_direct_tls_ports = {{ }}; component_ports = {{ }}
ssl = {{ cafile = "{self.ca.root}" }}; c2s_require_encryption = false; default_iteration_count = 4096
allow_registration = true
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "offline", "ping", "register" }}
{hosts}
""")
        self.command = [pathlib.Path(os.environ["PC_BUILD"]) / "prosody-c", "-c", self.dir / "conf"]


class Prosody(federated.Prosody):
    log = "warn"


class Ejabberd(federated.Ejabberd):
    """Without busy waiting of its schedulers, which would count as work."""
    log = "warning"

    def configure(self):
        super().configure()
        self.environment["ERL_FLAGS"] = "+sbwt none +sbwtdcpu none +sbwtdio none"


KINDS = {"prosody-c": ProsodyC, "prosody": Prosody, "ejabberd": Ejabberd}


class Two:
    """A sender with one domain, and a receiver with those of the names."""

    def __init__(self, sender, receiver, names):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pc-bench-"))
        self.ca, self.ends = Authority(), []
        self.zone = Zone({("localhost", "A"): ["127.0.0.1"]}).__enter__()
        self.domains = [federated.theirs(name) for name in names]
        for kind, own in ((sender, ["sender"]), (receiver, names)):
            end = KINDS[kind](self.dir / own[0], free_ports(4), self.ca, self.zone, dict.fromkeys(own, federated.Pair()))
            for domain in map(federated.theirs, own):
                self.zone.table[(f"_xmpp-server._tcp.{domain}", 33)] = ("SRV", [(0, 0, end.s2s, "localhost")])
                self.ca.make(domain, domain)
                for suffix in ("crt", "key"):
                    shutil.copy(self.ca.dir / f"{domain}.{suffix}", end.dir / "certs")
            end.configure()
            self.ends.append(end)

    def __enter__(self):
        try:
            for end in self.ends:
                end.start()
            self.ann = self.ends[0].client("ann", federated.theirs("sender"))
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for end in self.ends:
            end.stop()
        self.zone.__exit__()
        self.ca.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def cpu(self):
        return [cpu(end.process.pid) for end in self.ends]

    def memory(self):
        return [memory(end.process.pid)[1] for end in self.ends]


def first_messages(two):
    """Milliseconds until a message to a domain that was not seen yet has arrived, of several."""
    taken, heard = [], []
    for domain in two.domains[:FIRSTS]:
        bob = two.ends[1].client("bob", domain)
        begun = time.monotonic()
        two.ann.message(bob.jid, "hello")
        bob.find("message")
        taken.append(1000 * (time.monotonic() - begun))
        heard.append(bob)
    return statistics.median(taken), heard[0]


class Counted:
    """How many messages have come to a client; of what it is read for nothing else."""

    END = b"</message>"

    def __init__(self, client):
        self.sock, self.n, self.rest = client.sock, 0, b""

    def read(self):
        data = self.rest + self.sock.recv(1 << 20)
        assert len(data) > len(self.rest), "a client's connection has ended"
        self.n += data.count(self.END)
        self.rest = data[-len(self.END) + 1:]


def throughput(two, bob, messages):
    """Thousand messages a second of CPU: of the sender, of the receiver."""
    text = f"<message to='{bob.jid}' type='chat'><body>What is said is of a usual length, neither short nor long.</body></message>"
    piece, sent, heard, back = (text * AT_ONCE).encode(), 0, Counted(bob), Counted(two.ann)
    for client in (bob, two.ann):
        client.sock.settimeout(60)
    before, deadline = two.cpu(), time.monotonic() + 600
    while heard.n < messages:
        while sent < messages and sent - heard.n <= UNDER_WAY - AT_ONCE:
            two.ann.sock.sendall(piece)
            sent += AT_ONCE
        for one in select.select([heard.sock, back.sock], [], [], 60)[0]:
            (heard if one is heard.sock else back).read()
        assert back.n == 0, "messages come back"
        assert time.monotonic() < deadline, f"{heard.n} of {sent} have come"
    return [messages / 1000 / (after - b) for after, b in zip(two.cpu(), before)]


def many_domains(two):
    """How many of the rest answer a ping, all at once; seconds until the last one has; bytes a domain, at each end."""
    rest, before, begun = two.domains[FIRSTS:], two.memory(), time.monotonic()
    waited = {two.ann.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=domain, wait=False) for domain in rest}
    answered = 0
    while waited:
        answer = two.ann.find("iq", timeout=60)
        answered += answer.get("type") == "result"
        waited.discard(answer.get("id"))
    seconds = time.monotonic() - begun
    return answered, seconds, [(a - b) / len(rest) for a, b in zip(two.memory(), before)]


def measured(sender, receiver, size):
    ours, others, domains = size
    domains = domains if sender == receiver else FIRSTS
    with Two(sender, receiver, [f"d{i}" for i in range(domains)]) as two:
        first, bob = first_messages(two)
        per_cpu = throughput(two, bob, ours if sender == receiver == "prosody-c" else others)
        row = [f"{first:.1f}", *(f"{n:.3g}" for n in per_cpu)]
        if domains > FIRSTS:
            answered, seconds, size = many_domains(two)
            row += [f"{answered} of {domains - FIRSTS}", f"{seconds:.1f}", *(f"{n / 1000:.1f}" for n in size)]
        return row


HEAD = ("sender", "receiver", "first message, ms", "k messages/CPU s: sender", "receiver", "domains at once", "s",
        "KB each: sender", "receiver")


def arguments():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("pairs", nargs="*", metavar="SENDER:RECEIVER", help="of " + ", ".join(KINDS))
    words.add_argument("--quick", dest="size", action="store_const", const=QUICK, default=FULL, help="smaller")
    options = words.parse_args()
    options.pairs = [tuple(pair.split(":")) for pair in options.pairs] or [(a, b) for a in KINDS for b in KINDS]
    if any(len(pair) != 2 or not set(pair) <= set(KINDS) for pair in options.pairs):
        words.error("a pair is SENDER:RECEIVER, each one of " + ", ".join(KINDS))
    return options


def main():
    options = arguments()
    for name in sorted({name for pair in options.pairs for name in pair}):
        if KINDS[name].missing():
            sys.exit(f"left out: {KINDS[name].missing()}")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    for pair in options.pairs:
        row = [*pair, *measured(*pair, options.size)]
        print("| " + " | ".join(row + [""] * (len(HEAD) - len(row))) + " |", flush=True)


if __name__ == "__main__":
    main()
