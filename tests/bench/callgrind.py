"""Instructions of the server for a unit of work: the difference between two runs, one with twice the work of the other, so
that starting, logging in and stopping cancel out. Nothing else on the machine changes them."""
import dataclasses
import re

NAMES = ["message", "ping", "login"]
# Few sessions, so that how many bytes are found at once hardly depends on time.
SIZES = {"message": {"users": 2, "count": 300}, "ping": {"users": 1, "count": 300, "window": 1},
         "login": {"users": 1, "count": 20}}


def instructions(bench, server, workload):
    for old in server.dir.glob("callgrind.*"):
        old.unlink()
    server.wrapper = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={server.dir}/callgrind.%p"]
    bench.on_fresh(server, workload, workload.first, lambda load, _: load.done())
    text = max(server.dir.glob("callgrind.*"), key=lambda p: p.stat().st_size).read_text()
    return int(re.search(r"^(?:totals|summary): (\d+)", text, re.M).group(1))


def run(bench, server, workloads):
    bench.set_up(server, workloads)
    print(f"{'':10}  instructions a unit")
    for w in workloads:
        sizes = SIZES.get(w.name, w.options(bench.size))
        if "count" not in sizes:
            print(f"{w.name:10}  (has no count)")
            continue
        more = {**sizes, "count": sizes["count"] * 2}
        less_work, more_work = (instructions(bench, server, dataclasses.replace(w, sizes=s)) for s in (sizes, more))
        units = sizes["count"] * (sizes["users"] // 2 if w.work == "message" else sizes["users"])
        print(f"{w.name:10}  {(more_work - less_work) / units:,.0f}", flush=True)
