#!/usr/bin/python3
"""Runs the flow tests: run.py [-j N] [-l] [FILE | FILE:TEST]...

A file test_NAME.py has functions test_*(server). Its functions share one server, made from its
SERVER = dict(...) (arguments of server.Server, or of the file's own SERVER_CLASS) where it has one; a
function marked with @alone(...) gets a server of its own. @rows(...) makes a test of each row. Files run in N processes
at once; those with SERIAL = True one by one afterwards.

The folder of the tests may be another one: PC_TESTS (peers/run.py uses it)."""
import argparse
import concurrent.futures
import importlib
import inspect
import os
import pathlib
import signal
import sys
import time
import traceback

FOLDER = pathlib.Path(os.environ.get("PC_TESTS", pathlib.Path(__file__).resolve().parent))
sys.path[:0] = [str(FOLDER), str(pathlib.Path(__file__).resolve().parent)]
sys.dont_write_bytecode = True

import server as servers  # noqa: E402
from flow import Skip  # noqa: E402

LIMIT = int(60 * servers.SCALE)  # seconds for one test


class Late(BaseException):
    """The test's time is over. No Exception, so that no helper swallows it."""


def on_alarm(_signal, _frame):
    raise Late(f"not done after {LIMIT} s")


def cases(module):
    """(name, function, arguments) of each test of the file, in the order of the file."""
    tests = [f for name, f in vars(module).items() if name.startswith("test_") and inspect.isfunction(f)]
    for f in tests:
        name = f.__name__.removeprefix("test_")
        for label, args in getattr(f, "rows", [(None, ())]):
            yield (name if label is None else f"{name}[{label}]"), f, args


class File:
    def __init__(self, stem):
        self.stem, self.module, self.shared, self.results = stem, importlib.import_module(stem), None, []
        self.broken = False

    def server_for(self, function):
        own = getattr(function, "alone", None)
        if own is not None:
            return servers.Server(**own).start()
        if self.shared is None or not self.shared.alive():
            self.broken = True
            make = getattr(self.module, "SERVER_CLASS", servers.Server)
            self.shared = make(**getattr(self.module, "SERVER", {})).start()
            self.broken = False
        return self.shared

    def one(self, function, args):
        """Runs one test; None, or what went wrong."""
        server = None
        signal.alarm(LIMIT)
        try:
            server = self.server_for(function) if "server" in inspect.signature(function).parameters else None
            function(server, *args) if server else function(*args)
            if server and server.process:
                assert server.alive(), "the server has died"
            return None
        except Skip as e:
            self.broken = False
            return f"skipped: {e}"
        except (Exception, Late):
            trace = traceback.format_exc(limit=-4)
            return f"{trace}\n--- the server's log\n{server.log_tail()}" if server else trace
        finally:
            signal.alarm(0)
            if server:
                server.release()
                if server is not self.shared:
                    self.finish(server, function.__name__)

    def finish(self, server, name):
        try:
            signal.alarm(LIMIT)
            server.stop()
        except (Exception, Late) as e:
            if server.process:
                server.kill()
            self.results.append((f"{name} (end of the server)", f"{e}", 0))
        finally:
            signal.alarm(0)

    def run(self, wanted):
        signal.signal(signal.SIGALRM, on_alarm)
        for name, function, args in cases(self.module):
            if wanted and not any(name == w or name.startswith(w + "[") for w in wanted):
                continue
            begin = time.monotonic()
            result = self.one(function, args)
            self.results.append((name, result, time.monotonic() - begin))
            if self.broken:
                self.results.append(("(the rest)", "the server of this file does not start", 0))
                break
        if self.shared:
            self.finish(self.shared, "shared")
        return self.stem, self.results


def run_file(stem, wanted):
    try:
        return File(stem).run(wanted)
    except BaseException:  # an import that fails is a failed test, too
        return stem, [("file", traceback.format_exc(), 0)]


def select(names):
    """{file: set of tests, empty for all} for what was named."""
    stems = sorted(p.stem for p in FOLDER.glob("test_*.py"))
    if not names:
        return {stem: set() for stem in stems}
    chosen = {}
    for name in names:
        file, _, test = name.partition(":")
        stem = "test_" + pathlib.Path(file).stem.removeprefix("test_")
        if stem not in stems:
            sys.exit(f"no such file: {name}; there are {' '.join(stems)}")
        chosen.setdefault(stem, set())
        if test:
            chosen[stem].add(test.removeprefix("test_"))
    return chosen


def show(stem, results, counts):
    for name, problem, seconds in results:
        skipped = problem is not None and problem.startswith("skipped: ")
        counts["skipped" if skipped else "failed" if problem else "passed"] += 1
        word = "skip" if skipped else "FAIL" if problem else "ok"
        print(f"{word:4} {stem.removeprefix('test_')}:{name} {seconds:.2f} s")
        if problem:
            print("    " + problem.strip().replace("\n", "\n    "))
    sys.stdout.flush()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("-j", type=int, default=1)
    options.add_argument("-l", "--list", action="store_true")
    options.add_argument("names", nargs="*")
    options = options.parse_args()
    chosen = select(options.names)
    if options.list:
        for stem in chosen:
            print("\n".join(f"{stem.removeprefix('test_')}:{name}" for name, _, _ in cases(importlib.import_module(stem))))
        return 0
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    text = {stem: (FOLDER / f"{stem}.py").read_text() for stem in chosen}
    serial = [stem for stem in chosen if "\nSERIAL = True" in text[stem]]
    together = sorted((s for s in chosen if s not in serial), key=lambda s: -len(text[s]))
    for stems, workers in ((together, options.j), (serial, 1)):
        if not stems:
            continue
        with concurrent.futures.ProcessPoolExecutor(workers) as pool:
            running = [pool.submit(run_file, stem, chosen[stem]) for stem in stems]
            for done in concurrent.futures.as_completed(running):
                show(*done.result(), counts)
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] or not counts["passed"] and not counts["skipped"] else 0


if __name__ == "__main__":
    sys.exit(main())
