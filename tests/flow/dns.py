"""A DNS server for tests, on loopback: answers from a table, is silent where it is told to be. Names below .test are no
use: the resolver answers for them itself.

    with Zone({("_xmpp-server._tcp.a.example", "SRV"): [(10, 0, 5269, "xmpp.a.example")],
               ("xmpp.a.example", "A"): ["127.0.0.1"]}) as zone:
        Server(config={"unbound": zone.option})
"""
import ipaddress
import socket
import struct
import threading

TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "TLSA": 52, "CNAME": 5}
SILENT = object()


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "SRV":
        return struct.pack(">HHH", *value[:3]) + wire(value[3])
    return value


class Zone:
    def __init__(self, table):
        self.table = {(name.lower(), TYPES[kind]): (kind, values) for (name, kind), values in table.items()}
        self.asked = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.option = (f'{{ resolvconf = false; hoststxt = false; forward = "127.0.0.1@{self.port}";'
                       ' options = { ["do-not-query-localhost:"] = "no"; ["module-config:"] = "iterator" } }')

    def __enter__(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.sock.close()

    def run(self):
        while True:
            try:
                data, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            answer = self.answer(data)
            if answer:
                self.sock.sendto(answer, peer)

    def answer(self, data):
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        question, name = data[12:at + 5], ".".join(labels).lower()
        kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        form, values = self.table.get((name, kind), (None, []))
        if values is SILENT:
            return None
        known = values or any(n == name for n, _ in self.table)
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(r)) + r
                           for r in (record(form, v) for v in values))
        flags = 0x8580 | (0 if known else 3)
        return data[:2] + struct.pack(">HHHHH", flags, 1, len(values), 0, 0) + question + records
