"""What is measured: a table. A new workload is a line in it, and where it needs another kind of load, a function of the
generator (load/work.h)."""
import dataclasses

FULL, QUICK, TINY = range(3)

# Blocks of accounts: those without contacts, a ring of contacts, those with a long contact list.
PLAIN, RING, LISTED = 0, 100000, 200000


@dataclasses.dataclass(frozen=True)
class Workload:
    """`sizes`: options of the generator; a triple is for a full, a quick and a tiny run. `figures`: what comes of it,
    among those that measure.py knows: (key, label, unit)."""
    name: str
    work: str
    figures: tuple
    sizes: dict
    first: int = PLAIN
    tls: bool = True
    floor: bool = True      # makes sense without XMPP
    modules: tuple = ()     # beyond those of a plain chat; servers without them are left out

    def options(self, size):
        return {k: v[size] if isinstance(v, tuple) else v for k, v in self.sizes.items()}


def cpu(label, unit="us"):
    return ("cpu", f"{label}: CPU", unit)


PAIRS = (200, 100, 4)
IDLE = (2000, 400, 8)

WORKLOADS = (
    Workload("start", "first", (("start", "start to first log-in", "ms"), ("rss", "empty server: resident", "MB"),
                                ("pss", "empty server: its share", "MB")), {}),
    Workload("message", "message", (cpu("message, one under way"),), {"users": PAIRS, "count": (300, 200, 5)}),
    Workload("message10", "message", (cpu("message, 10 under way"),), {"users": PAIRS, "count": (1000, 500, 20), "window": 10}),
    Workload("rate", "rate", (cpu("message, 1,000 a second"), ("p99", "message, 1,000 a second: p99", "ms")),
             {"users": PAIRS, "rate": 1000, "seconds": (10, 4, 1)}),
    Workload("archived", "message", (cpu("archived message (both sides), one under way"),), {"users": PAIRS, "count": (150, 100, 5)},
             floor=False, modules=("mam",)),
    Workload("extensions", "message", (cpu("message with smacks, carbons and mam on"),),
             {"users": PAIRS, "count": (150, 100, 5), "extended": True}, floor=False, modules=("smacks", "carbons", "mam")),
    Workload("presence", "presence", (cpu("presence, a delivery"),),
             {"users": (200, 100, 6), "contacts": (20, 20, 4), "count": (20, 10, 2)}, first=RING, floor=False),
    Workload("room", "room", (cpu("room message, a delivery"),), {"users": (100, 50, 4), "count": (300, 200, 10), "window": 10},
             floor=False, modules=("muc",)),
    Workload("ping", "ping", (cpu("ping, 10 under way"),), {"users": (100, 100, 4), "count": (1000, 500, 20), "window": 10},
             floor=False),
    Workload("login", "login", (cpu("log-in"),), {"users": (200, 100, 4), "count": (5, 3, 2)}),
    Workload("storm", "storm", (("p99", "1,000 messages a second in a storm of log-ins: p99", "ms"),),
             {"users": (20, 20, 4), "rate": 1000, "count": (900, 180, 10), "concurrency": (20, 20, 4)}, floor=False),
    Workload("idle", "idle", (("memory", "idle session under TLS", "B"),), {"users": IDLE}),
    Workload("idle-plain", "idle", (("memory", "idle session in clear", "B"),), {"users": IDLE}, tls=False),
    Workload("roster", "idle", (("item", "roster item", "B"),), {"users": (400, 100, 4)}, first=LISTED, tls=False, floor=False),
)
ITEMS = (100, 100, 10)  # of each of those with a long contact list
