#!/usr/bin/python3
"""Measures the server that was built, beside a relay that only moves bytes, and beside other servers where they are named.

    run.py [WORKLOAD...]            prosody-c and the floor
    run.py peers [SERVER...]        the same beside prosody and ejabberd, or those named
    run.py callgrind [WORKLOAD...]  instructions a unit, which do not depend on the machine's mood

What is printed is the median of the runs, and how far from it the extremes lie."""
import argparse
import os
import pathlib
import platform
import resource
import shutil
import signal
import sys
import tempfile

sys.dont_write_bytecode = True

import callgrind  # noqa: E402
import table  # noqa: E402
from load import Failed  # noqa: E402
from measure import Bench  # noqa: E402
from servers import PEERS, Floor, ProsodyC, make_certificate  # noqa: E402
from workloads import FULL, QUICK, TINY, WORKLOADS  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("names", nargs="*", help="workloads: " + " ".join(w.name for w in WORKLOADS))
    words.add_argument("--build", type=lambda p: pathlib.Path(p).resolve(), default=TOP / "build", help="folder of the build")
    words.add_argument("--runs", type=int, help="5; 3 with --quick")
    words.add_argument("--workloads", help="of peers: names with commas")
    words.add_argument("--quick", dest="size", action="store_const", const=QUICK, default=FULL, help="smaller, about two minutes")
    words.add_argument("--tiny", dest="size", action="store_const", const=TINY, help="whether it works; no figures to rely on")
    words.add_argument("--json", action="store_true", help="all that was measured, instead of a table")
    words.add_argument("--markdown", action="store_true", help="the table as the README has it")
    options = words.parse_args()
    options.mode = options.names.pop(0) if options.names[:1] in (["peers"], ["callgrind"]) else None
    options.runs = options.runs or (5, 3, 1)[options.size]
    return options


def chosen_workloads(names):
    known = {w.name: w for w in WORKLOADS}
    for name in names:
        if name not in known:
            sys.exit(f"no such workload: {name}; there are {' '.join(known)}")
    return [w for w in WORKLOADS if not names or w.name in names]


def chosen_peers(names):
    for name in names:
        if name not in PEERS:
            sys.exit(f"no such server: {name}; there are {' '.join(PEERS)}")
    peers = [PEERS[name] for name in names or PEERS]
    for peer in peers:
        if peer.missing():
            say(f"left out: {peer.missing()}")
    return [peer for peer in peers if not peer.missing()]


def say(text):
    print(text, file=sys.stderr, flush=True)


def allow_many_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def can(server, workload):
    return (server.xmpp or workload.floor) and (not server.xmpp or set(workload.modules) <= server.modules)


def measured(bench, servers, workloads, runs):
    """{(workload, server): [figures of each run]}; servers take turns, so that they share the machine's moods."""
    results = {}
    for server in servers:
        say(f"setting up {server.name}")
        bench.set_up(server, [w for w in workloads if can(server, w)])
    for run in range(runs):
        for workload in workloads:
            for server in servers:
                if can(server, workload):
                    say(f"run {run + 1} of {runs}: {workload.name}, {server.name}")
                    results.setdefault((workload.name, server.name), []).append(bench.measure(server, workload))
    return results


def machine(options):
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release(), "runs": options.runs,
            "size": ("full", "quick", "tiny")[options.size]}


def run(options, folder):
    certificate = make_certificate(folder)
    bench = Bench(options.build / "tests" / "bench-load", options.size)
    if options.mode == "callgrind":
        callgrind.run(bench, ProsodyC(folder, options.build, certificate), chosen_workloads(options.names or callgrind.NAMES))
        return
    peers = chosen_peers(options.names) if options.mode == "peers" else []
    names = options.workloads.split(",") if options.workloads else [] if options.mode else options.names
    workloads = chosen_workloads(names)
    servers = [kind(folder, options.build, certificate) for kind in (ProsodyC, Floor, *peers)]
    try:
        results = measured(bench, servers, workloads, options.runs)
    finally:
        for server in servers:
            server.stop()
    summaries = table.collect(results)
    facts = machine(options)
    if options.json:
        table.print_json(summaries, facts)
    else:
        print(f"{facts['processor']}, {facts['processors']} of them; {facts['size']} size, median of {options.runs}\n")
        names = [s.name for s in servers]
        rows = table.rows_of(summaries, workloads, names)
        print(table.markdown(rows) if options.markdown else table.text_table(rows), end="\n\n")
        for remark in table.remarks(summaries, workloads, names[0]):
            print(remark)


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    allow_many_files()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pc-bench-"))
    try:
        run(options, folder)
    except Failed as e:
        sys.exit(f"failed: {e}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
