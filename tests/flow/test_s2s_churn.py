"""Streams between two servers of ours come and go while their users talk: nothing stays of them, and nothing is lost."""
import os

from federation import A, B, Federation
from flow import equal, rows
from server import WRAPPER
from test_churn import Commands, open_files, resident

STREAMS = int(os.environ.get("PC_CHURN_STREAMS", "60"))
MESSAGES = 20  # there and back, on each


class Talk:
    def __init__(self, f):
        self.f, self.ann, self.bob = f, f.online("ann", A), f.online("bob", B)
        self.commands, self.way, self.turn = Commands(f.servers[0]), f.through(B), 0

    def streams(self, n):
        """So many streams, one after the other: ended by the one side, by the other, cut."""
        for _ in range(n):
            texts = [f"{self.turn} {i}" for i in range(MESSAGES // 2)]
            self.turn += 1
            for text in texts:
                self.ann.message(self.bob.jid, text)
                self.bob.message(self.ann.jid, text)
            for client in (self.ann, self.bob):
                equal([client.expect("message").child_text("body") for _ in texts], texts)
            if self.turn % 3 == 0:
                self.way.cut()
            else:
                self.commands.run(("s2s", "close", A, B))


@rows(("by_certificates", {}), ("by_dialback", {A: None, B: None}))
def test_come_and_go(certs):
    options = {"s2s_retry_after": "0.01", "s2s_bidi": "false"}
    f = Federation([([A], options), ([B], options)], certs=certs)
    with f:
        for server in f.servers:
            server.release()
            server.stop()
            server.environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
            server.start()
        talk = Talk(f)
        talk.streams(STREAMS // 3)
        files, memory = [open_files(s) for s in f.servers], [resident(s) for s in f.servers]
        talk.streams(STREAMS)
        for client in (talk.ann, talk.bob):
            client.nothing()
        for server, had, size in zip(f.servers, files, memory):
            print(f"{open_files(server) - had} files, {resident(server) - size} KiB more")
            assert open_files(server) <= had + 4, f"{open_files(server)} files are open, {had} were"
            grown = resident(server) - size
            assert WRAPPER or grown < 4096, f"{grown} KiB more after {STREAMS} streams"
