#!/usr/bin/python3
"""Runs the tests with real clients: run.py [FILE | FILE:TEST]... They are written as the flow tests
are, and run by the same program; a peer that is not installed is skipped with that reason."""
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
os.environ["PC_TESTS"] = str(HERE)
# A real client needs a moment more than a scripted one.
os.environ.setdefault("PC_TIME_SCALE", "2")
run = HERE.parent / "flow" / "run.py"
os.execv(sys.executable, [sys.executable, str(run), *sys.argv[1:]])
