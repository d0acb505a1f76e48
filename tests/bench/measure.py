"""One workload on one freshly started server: figures."""
import select
import socket
import time

from load import Failed, Load, cpu, memory
from workloads import ITEMS, LISTED, PLAIN, RING, WORKLOADS

STARTING = 60  # seconds that a server may take


class Bench:
    """`program`: the generator. `size`: FULL, QUICK or TINY."""

    def __init__(self, program, size):
        self.program, self.size = program, size

    def load(self, server, work, tls=True, **options):
        return Load(self.program, work, port=server.port, tls=tls, raw=not server.xmpp, **options)

    def whole(self, server, work, **options):
        """A load that is not measured."""
        with self.load(server, work, **options) as load:
            load.set()
            load.done()
            load.finish()

    # ---- setting up

    def accounts(self, workloads):
        """[(first, how many)]: what these workloads log in as."""
        need = {}
        for w in workloads:
            o = w.options(self.size)
            users = o.get("users", 1) + (o["count"] if w.work == "storm" else 0)
            need[w.first] = max(need.get(w.first, 0), users)
            if w.first == LISTED:
                need[PLAIN] = max(need.get(PLAIN, 0), users)
        need.setdefault(PLAIN, 1)  # for the first log-in
        return sorted(need.items())

    def set_up(self, server, workloads):
        """Makes the accounts and their contacts, once; the server's data stay."""
        if not server.xmpp:
            return
        server.configure(registering=True)
        server.start()
        try:
            self.wait_for_port(server)
            for first, users in self.accounts(workloads):
                self.whole(server, "register", tls=False, first=first, users=users, timeout=600)
                if first == RING:
                    ring = next(w for w in WORKLOADS if w.first == RING).options(self.size)
                    self.whole(server, "befriend", tls=False, first=first, users=ring["users"], contacts=ring["contacts"],
                               timeout=600)
                elif first == LISTED:
                    self.whole(server, "fill", tls=False, first=first, users=users, contacts=ITEMS[self.size], timeout=600)
        finally:
            server.stop()

    # ---- measuring

    @staticmethod
    def wait_for_port(server):
        end = time.monotonic() + STARTING
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", server.port)) == 0:
                    return
            if server.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"{server.name} does not start:\n{server.output()}")
            select.select([], [], [], 0.02)

    def start(self, server):
        """Starts it; seconds until somebody is logged in."""
        with self.load(server, "first", tls=server.tls, timeout=STARTING) as load:
            load.set()
            begun = time.monotonic_ns()
            server.start()
            try:
                at = load.done()["at"]
                load.finish()
            except Failed:
                raise Failed(f"{server.name} does not start:\n{server.output()}") from None
        return (at - begun) / 1e9

    def on_fresh(self, server, workload, first, body):
        """body(load) on a server that has just started, between set() and finish()."""
        server.tls = workload.tls
        server.configure(False, workload.modules)
        try:
            started = self.start(server)
            with self.load(server, workload.work, tls=workload.tls, first=first, **workload.options(self.size)) as load:
                load.set()
                figures = body(load, server)
                load.finish()
            figures["start"] = started * 1e3
            turn = server.longest_turn()
            if turn is not None:
                figures["longest_turn_ms"] = turn * 1e3
            return figures
        except Failed as e:
            raise Failed(f"{e}\nThe end of what {server.name} said:\n{server.output()}") from None
        finally:
            server.stop()

    @staticmethod
    def _work(load, server):
        pid = server.process.pid
        held, spent = memory(pid), cpu(pid)
        done = load.done()
        spent, now = cpu(pid) - spent, memory(pid)
        units = max(done["units"], 1)
        return {"units": done["units"], "seconds": done["seconds"], "per_second": done["units"] / done["seconds"],
                "cpu": spent * 1e6 / units, "p50": done["p50_us"] / 1e3, "p99": done["p99_us"] / 1e3,
                "max": done["max_us"] / 1e3, "memory": (now[0] - held[0]) / units,
                "generator": done["own_cpu"] / done["seconds"]}

    def measure(self, server, workload):
        """{key: value} for the workload's figures, and more."""
        if workload.work == "first":
            return self.measure_start(server, workload)
        figures = self.on_fresh(server, workload, workload.first, self._work)
        if workload.first == LISTED:
            plain = self.on_fresh(server, workload, PLAIN, self._work)
            figures["item"] = (figures["memory"] - plain["memory"]) / ITEMS[self.size]
        return figures

    def measure_start(self, server, workload):
        server.tls = True
        server.configure(False, workload.modules)
        try:
            started = self.start(server)
            rss, pss = memory(server.process.pid)
            return {"start": started * 1e3, "rss": rss / 1e6, "pss": pss / 1e6, "generator": 0}
        finally:
            server.stop()
