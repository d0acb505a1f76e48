#!/usr/bin/env python3
"""modules/README.md from what the modules declare (PC_MODULE: .summary, .xeps) and from what the flow tests say that
they show (XEP-NNNN in the text at their beginning). Fails if the file says otherwise; --write makes it."""
import ast
import collections
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
README = TOP / "modules" / "README.md"
# PC_MODULE(name, .summary = "..." "...", .xeps = "0030:2.5.0 ...", ...)
MODULE = re.compile(r"^PC_MODULE\((\w+),(.*?)\);$", re.S | re.M)
STRINGS = r"\.%s\s*=\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)"

BEGINNING = """# Modules

Each module is a file or a folder; what it does, and by which version of which specification, it says itself
(`PC_MODULE`). This page is made from that by `tests/lint/xeps.py --write`. Options, events, stores, commands and
metrics of all modules: `prosody-ctl about --reference`. How to write one: [../include/README.md](../include/README.md).
"""


def text_of(body, field):
    found = re.search(STRINGS % field, body)
    return "".join(ast.literal_eval(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', found.group(1))) if found else ""


missing = []  # XEPs that no flow test names


def modules():
    """name -> (summary, [(XEP, version)])"""
    made = {}
    for source in [*sorted((TOP / "modules").rglob("*.c")), TOP / "core" / "c2s.c"]:
        for name, body in MODULE.findall(source.read_text()):
            xeps = [tuple((word + ":").split(":")[:2]) for word in text_of(body, "xeps").split()]
            made[name] = (text_of(body, "summary"), xeps)
    return made


def tests():
    """XEP -> names of flow tests"""
    shown = collections.defaultdict(list)
    for source in sorted((TOP / "tests" / "flow").glob("test_*.py")):
        beginning = ast.get_docstring(ast.parse(source.read_text())) or ""
        for several in re.findall(r"XEP-(\d{4}(?:,? (?:and )?(?:XEP-)?\d{4})*)", beginning):
            for number in re.findall(r"\d{4}", several):
                if source.stem not in shown[number]:
                    shown[number].append(source.stem)
    return shown


def titles():
    return dict(line.split("\t") for line in (TOP / "tests" / "lint" / "xep_titles.txt").read_text().splitlines())


def page():
    made, shown, names = modules(), tests(), titles()
    yield BEGINNING
    yield "| module | what it does |\n|---|---|"
    for name, (summary, _) in sorted(made.items()):
        yield f"| {name} | {summary} |"
    yield "\n## Specifications\n\n| XEP | title | version | modules | flow tests |\n|---|---|---|---|---|"
    xeps = collections.defaultdict(list)
    for name, (_, implemented) in sorted(made.items()):
        for number, version in implemented:
            xeps[number].append((name, version))
    for number, by in sorted(xeps.items()):
        versions = sorted({version for _, version in by if version})
        yield (f"| [{number}](https://xmpp.org/extensions/xep-{number}.html) | {names[number]} | {', '.join(versions)} "
               f"| {', '.join(name for name, _ in by)} | {', '.join(shown[number])} |")
        if not shown[number]:
            missing.append(number)


def main():
    wanted = "\n".join(page()) + "\n"
    for number in missing:
        print(f"tests/flow: no test says that it shows XEP-{number}")
    if "--write" in sys.argv[1:]:
        README.write_text(wanted)
    elif not README.exists() or README.read_text() != wanted:
        sys.exit("modules/README.md is not what the modules say: tests/lint/xeps.py --write")
    sys.exit(bool(missing))


main()
