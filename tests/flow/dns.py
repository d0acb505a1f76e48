"""A DNS server for tests, on loopback: answers from a table, is silent where it is told to be. Names below .test are no
use: the resolver answers for them itself. `sign` names a zone whose answers are signed while they are asked for; `forged`
are names in it whose signatures are bad.

    with Zone({("_xmpp-server._tcp.a.example", "SRV"): [(10, 0, 5269, "xmpp.a.example")],
               ("xmpp.a.example", "A"): ["127.0.0.1"]}) as zone:
        Server(config={"unbound": zone.option})
"""
import base64
import contextlib
import ipaddress
import socket
import struct
import threading
import time

TYPES = {"A": 1, "SOA": 6, "AAAA": 28, "SRV": 33, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52}
SILENT = object()


class Late(list):
    """Records that come so many seconds later."""
    def __init__(self, seconds, *records):
        super().__init__(records)
        self.seconds = seconds


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "SRV":
        return struct.pack(">HHH", *value[:3]) + wire(value[3])
    return value


def whole(owner, kind, data, ttl=60):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


class Signer:
    """The one key of a zone (RFC 4034, Ed25519 by RFC 8080), and what it signs."""

    def __init__(self, zone):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        self.zone, self.forged, self.secret = zone, set(), Ed25519PrivateKey.generate()
        public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key = struct.pack(">HBB", 257, 3, 15) + public
        self.anchor = f"{zone}. IN DNSKEY 257 3 15 {base64.b64encode(public).decode()}"
        total = sum(b if i % 2 else b << 8 for i, b in enumerate(self.key))
        self.tag = (total + (total >> 16)) & 0xffff

    def covers(self, name):
        return name == self.zone or name.endswith("." + self.zone)

    def signed(self, name, kind, values):
        """The records of a set, with their signature."""
        owner, now = wire(name), int(time.time())
        head = struct.pack(">HBBIIIH", kind, 15, name.count(".") + 1, 60, now + 86400, now - 3600, self.tag) + wire(self.zone)
        records = [whole(owner, kind, v) for v in sorted(values)]
        signature = self.secret.sign(head + b"".join(records))
        if name in self.forged:
            signature = bytes(64)
        return [*records, whole(owner, TYPES["RRSIG"], head + signature)]

    def denied(self, name, kinds):
        """That the name has these types only: nothing lies between it and the next name there could be."""
        bits = bytearray(8)
        for kind in (*kinds, TYPES["RRSIG"], TYPES["NSEC"]):
            bits[kind // 8] |= 0x80 >> kind % 8
        soa = wire(self.zone) * 2 + struct.pack(">IIIII", 1, 60, 60, 60, 60)
        return [*self.signed(self.zone, TYPES["SOA"], [soa]),
                *self.signed(name, TYPES["NSEC"], [b"\1\0" + wire(name) + bytes([0, len(bits)]) + bytes(bits)])]


class Zone:
    def __init__(self, table, sign=None):
        self.signer = Signer(sign) if sign else None
        self.table = {(name.lower(), TYPES[kind]): (kind, values) for (name, kind), values in table.items()}
        self.asked = []
        self.under = {}  # of all names that end so: SILENT, or as in the table
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        modules, trust = ("validator iterator", f'trusted = "{self.signer.anchor}";') if sign else ("iterator", "")
        self.option = (f'{{ resolvconf = false; hoststxt = false; forward = "127.0.0.1@{self.port}"; {trust}'
                       f' options = {{ ["do-not-query-localhost:"] = "no"; ["module-config:"] = "{modules}" }} }}')

    def put(self, name, kind, *values):
        """From now on; who has asked for it already may keep what was there before."""
        self.table[(name.lower(), TYPES[kind])] = (kind, list(values))

    def __enter__(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.sock.close()

    def run(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                data, peer = self.sock.recvfrom(4096)
                answer = self.answer(data)
                if answer:
                    self.send(answer, peer)

    def send(self, answer, peer):
        if not self.late:
            self.sock.sendto(answer, peer)
            return
        timer = threading.Timer(self.late, self.sock.sendto, (answer, peer))
        timer.daemon = True
        timer.start()

    def answer(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        question, name = data[12:at + 5], ".".join(labels).lower()
        kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        form, values = self.table.get((name, kind), (None, []))
        form, values = next((whole for end, whole in self.under.items() if name.endswith(end)), (form, values))
        self.late = getattr(values, "seconds", 0)
        if values is SILENT:
            return None
        values = [record(form, v) for v in values]
        if self.signer and self.signer.covers(name):
            return data[:2] + self.signed(question, name, kind, values)
        known = values or any(n == name for n, _ in self.table)
        flags = 0x8580 | (0 if known else 3)
        records = b"".join(whole(b"\xc0\x0c", kind, v) for v in values)
        return data[:2] + struct.pack(">HHHHH", flags, 1, len(values), 0, 0) + question + records

    def signed(self, question, name, kind, values):
        if kind == TYPES["DNSKEY"] and name == self.signer.zone:
            values = [self.signer.key]
        answers = self.signer.signed(name, kind, values) if values else []
        denials = [] if values else self.signer.denied(name, [k for n, k in self.table if n == name])
        edns = b"\0" + struct.pack(">HHIH", 41, 4096, 0x8000, 0)
        return (struct.pack(">HHHHH", 0x8580, 1, len(answers), len(denials), 1) + question + b"".join(answers + denials) + edns)
