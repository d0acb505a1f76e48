"""The load generator as a process beside us, and what the kernel knows of a server."""
import ctypes
import json
import pathlib
import re
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A workload was not done as it was asked for."""


def tree(pid):
    """The process and all below it."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            pass  # it has ended meanwhile
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def cpu(pid):
    """Seconds of user and system time of a process tree, all threads, those that have ended included. Of each process's
    own clock, which counts nanoseconds where /proc/PID/stat counts in hundredths."""
    total = 0
    for one in tree(pid):
        clock = ctypes.c_int()
        if LIBC.clock_getcpuclockid(one, ctypes.byref(clock)) == 0:
            total += time.clock_gettime_ns(clock.value)
    return total / 1e9


def memory(pid):
    """Bytes: (resident, proportional share)."""
    totals = [0, 0]
    for one in tree(pid):
        try:
            text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        for i, key in enumerate(("Rss", "Pss")):
            totals[i] += 1024 * int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))
    return totals


class Load:
    """One run of the generator. Between set() and done() lies what is measured; the sessions stay until finish()."""

    def __init__(self, program, work, **options):
        words = [program, work]
        for key, value in options.items():
            words += [f"--{key}"] if value is True else [f"--{key}", str(value)] if value not in (None, False) else []
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{' '.join(map(str, self.process.args))} ended with status {self.process.wait()}")
        return json.loads(line)

    def _go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def set(self):
        self._line()

    def done(self):
        """Lets the measured part begin, and waits for its end."""
        self._go()
        return self._line()

    def finish(self):
        self._go()
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise Failed(f"{' '.join(map(str, self.process.args))}: not all was done")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for end in (self.process.stdin, self.process.stdout):
            try:
                end.close()
            except BrokenPipeError:
                pass
