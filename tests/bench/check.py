#!/usr/bin/python3
"""check.py BUILD: whether the measurement would notice what it is there to notice."""
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True

import table  # noqa: E402
from load import Load, Failed  # noqa: E402
from servers import free_port  # noqa: E402
from workloads import WORKLOADS  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1]) / "tests" / "bench-load"


def said(*words):
    done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout


def check_words():
    for words in (["nonsense"], [], ["--port", "70000", "login"], ["--users", "-1", "login"], ["--users", "x", "login"]):
        status, text = said(*words)
        assert status == 2 and text, (words, status, text)
    status, text = said("--help")
    assert status == 0 and all(w.work in text for w in WORKLOADS), text


def check_nobody_listens():
    port = str(free_port())
    for work in ("login", "message", "ping", "storm", "register"):
        status, text = said("--port", port, "--users", "2", "--count", "1", "--timeout", "5", work)
        assert status == 1 and "cannot connect" in text, (work, status, text)
    try:
        with Load(PROGRAM, "login", port=port, users=1, timeout=5) as load:
            load.set()
    except Failed as e:
        assert "status 1" in str(e), e
    else:
        raise AssertionError("a generator that failed was not noticed")


def check_table():
    runs = [{"cpu": 10.0, "generator": 0.5}, {"cpu": 12.0, "generator": 0.95}, {"cpu": 20.0, "generator": 0.97}]
    least = [{"cpu": 4.0, "generator": 0.1}] * 3
    summaries = table.collect({("message", "prosody-c"): runs, ("message", "floor"): least})
    figure = summaries["message", "prosody-c"]["cpu"]
    assert figure["median"] == 12 and figure["noisy"] and round(figure["spread"], 3) == 0.417, figure
    workloads = [w for w in WORKLOADS if w.name == "message"]
    rows = table.rows_of(summaries, workloads, ["prosody-c", "floor"])
    assert rows[1][2:] == ["12.0 ±42% ~", "4.00 ±0%  ", "3.0 x"], rows
    remarks = "\n".join(table.remarks(summaries, workloads, "prosody-c"))
    assert "WARNING" in remarks and "message (prosody-c)" in remarks and "message (floor)" not in remarks, remarks
    assert "~ noisy" in remarks, remarks


if __name__ == "__main__":
    check_words()
    check_nobody_listens()
    check_table()
