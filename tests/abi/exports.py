#!/usr/bin/env python3
"""Holds three lists of symbols against each other: the functions that the public headers declare
with PC_EXPORT, tests/abi/exports.txt, and what a server binary really exports.

    exports.py                 headers against exports.txt
    exports.py BINARY          the same, and exports.txt against `nm -D BINARY`, in both directions
    exports.py --write         writes exports.txt anew from the headers

An addition bumps PC_ABI_MINOR, a removal PC_ABI_MAJOR (include/prosody-c/base.h)."""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE / "exports.txt"
HEADERS = HERE.parent.parent / "include" / "prosody-c"


def declared():
    names = set()
    for header in sorted(HEADERS.glob("*.h")):
        text = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*\n", "", text, flags=re.M)
        for declaration in re.findall(r"\bPC_EXPORT\b([^;{]*);", text):
            found = re.search(r"\b(pc_\w+)\s*\(", declaration) or re.search(r"\b(pc_\w+)\s*$", declaration)
            if not found:
                sys.exit(f"{header.name}: no name found in: {declaration.strip()}")
            names.add(found.group(1))
    return names


def exported(binary):
    """Names of our own that the binary exports; those of the C runtime and of sanitizers are theirs."""
    table = subprocess.run(["nm", "-D", "--defined-only", "-P", binary], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    return {line.split()[0].split("@")[0] for line in table.splitlines() if line.startswith("pc_")}


def compare(name_a, a, name_b, b):
    for name in sorted(a - b):
        print(f"{name}: in {name_a}, not in {name_b}")
    for name in sorted(b - a):
        print(f"{name}: in {name_b}, not in {name_a}")
    return a == b


def main(args):
    wanted = declared()
    if args == ["--write"]:
        LIST.write_text("".join(f"{name}\n" for name in sorted(wanted)))
        return 0
    listed = LIST.read_text().split()
    good = listed == sorted(set(listed))
    if not good:
        print("exports.txt is not sorted, or has doubles")
    good = compare("the headers", wanted, "exports.txt", set(listed)) and good
    for binary in args:
        good = compare("exports.txt", set(listed), binary, exported(binary)) and good
    print(f"{len(listed)} symbols: {'as declared' if good else 'they differ'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
