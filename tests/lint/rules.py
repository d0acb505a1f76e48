#!/usr/bin/env python3
"""The house rules that no compiler checks: who may include whom, calls that are ruled out, state in
modules, lengths of files, words. Prints `file:line: rule` and fails if there is any."""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LONGEST = 500

# Folder -> what may be included in quotes, by prefix; "" stands for the file's own folder.
QUOTED = [
    ("core/util/", ("util/",)),
    ("core/xml/", ("xml/", "util/")),
    ("core/io/", ("io/", "xml/", "util/")),
    ("core/store/", ("store/", "util/")),
    ("core/ctl/", ("ctl/", "move/", "store/", "util/")),
    ("core/move/", ("move/", "sandbox.h", "xml/", "util/")),
    ("core/c2s.c", ()),
    ("core/", ("", "io/io.h", "io/tls.h", "store/", "xml/", "util/")),
    ("include/", ()),
    ("modules/", ("", "lib_")),
    ("plugins.d/", ("",)),
]
# Header in angle brackets -> the only places that may include it.
BRACKETED = [
    (r"uv\.h|uv/", r"core/(io|store)/|core/[^/]+\.[ch]$"),
    (r"expat", r"core/(xml|move)/"),
    (r"gnutls/", r"core/(io|util)/|core/[^/]+\.[ch]$|modules/"),
    (r"ltdl\.h|dlfcn\.h", r"core/loader\.c$"),
    (r"lua|lauxlib|lualib", r"core/(move/)?[^/]+\.[ch]$"),
    (r"unbound", r"core/[^/]+\.[ch]$"),
    (r"idna|stringprep|punycode", r"core/util/"),
    (r"qrencode", r"core/ctl/"),
    (r"sqlite3", r"modules/|core/move/"),
    (r"ldap|lber|openldap", r"modules/mod_auth_ldap/"),
    (r"unicode/", r"modules/mod_mimicking/"),
    (r"uthash", r"include/prosody-c/table\.h$"),  # with a hash that strangers can foresee
]
UTIL_MAY_SEE = r"prosody-c/(base|jid|scram|codec|table)\.h$"
RULED_OUT = r"(?<![\w.>])(assert|v?sprintf|strcpy|strcat|strtok|gets|alloca)\s*\("
SLEEPS = r"(?<![\w.])(sleep|usleep|nanosleep|uv_sleep)\s*\(|\btime\.sleep\b|^\s*sleep\s+[\d$]"
# Written so that this file does not find itself.
MACHINE = re.compile("/" + r"(work|farm|root|home/\w+)" + "/" + "|" + "/tmp" + r"/(build|brief|roots)")
PROMISES = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")

found = []


def report(path, line, text):
    found.append(f"{path}:{line}: {text}")


def files():
    listed = subprocess.run(["git", "-c", f"safe.directory={TOP}", "ls-files", "--cached", "--others",
                             "--exclude-standard"], cwd=TOP, text=True, stdout=subprocess.PIPE, check=True)
    for name in sorted(set(listed.stdout.splitlines())):
        if (TOP / name).is_file() and not name.startswith("tests/fuzz/corpus/"):
            yield name


def without_comments(text, keep_strings=False):
    """The C text with comments (and contents of strings) blanked; lines stay where they are."""
    def blank(m):
        whole = m.group(0)
        if whole[0] in "\"'":
            return whole if keep_strings else whole[0] + " " * (len(whole) - 2) + whole[0]
        return re.sub(r"[^\n]", " ", whole)
    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, blank, text, flags=re.S)


def check_includes(path, text):
    quoted = next((allowed for prefix, allowed in QUOTED if path.startswith(prefix)), None)
    for number, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        header = m.group(2)
        if m.group(1) == '"' and quoted is not None:
            same_folder = "/" not in header and "" in quoted
            if not same_folder and not any(p and header.startswith(p) for p in quoted):
                report(path, number, f'may not include "{header}"')
        if m.group(1) == "<" and not path.startswith("tests/"):
            for pattern, places in BRACKETED:
                if re.match(pattern, header) and not re.match(places, path):
                    report(path, number, f"may not include <{header}>")
            if path.startswith("core/util/") and header.startswith("prosody-c/") \
                    and not re.match(UTIL_MAY_SEE, header):
                report(path, number, f"may not include <{header}>")


def check_calls(path, code):
    for number, line in enumerate(code.splitlines(), 1):
        m = re.search(RULED_OUT, line)
        if m:
            report(path, number, f"{m.group(1)}() is ruled out")


def check_module_state(path, code):
    """At depth 0 of a module, only constants, types and functions."""
    depth = 0
    for number, line in enumerate(code.splitlines(), 1):
        if depth == 0 and re.match(r"[a-zA-Z_]", line) and not re.match(r"typedef|extern|PC_MODULE", line):
            declared = re.split(r"[=\[;]", line)[0]
            is_data = re.search(r"[=;]|\[\w*\]\s*=?", line) and "(" not in declared and \
                len(declared.split()) > 1 and not re.match(r"(struct|union|enum)\s+\w+\s*[;{]", line)
            last = declared.rsplit("*", 1)[-1]
            if is_data and not re.search(r"\bconst\b", last if "*" in declared else declared):
                report(path, number, "variable at file scope in a module")
        depth += line.count("{") - line.count("}")


def check_core_names_no_module(path, text, modules):
    for number, line in enumerate(text.splitlines(), 1):
        for m in re.finditer(r'"[^"\n]*\bmod_(\w+)', line):
            if m.group(1) in modules:
                report(path, number, f"the core names module {m.group(1)}")


def check_text(path, text):
    lines = text.splitlines()
    if len(lines) > LONGEST and re.search(r"\.(c|h|py|sh)$|(^|/)(dev|run)$", path):
        report(path, len(lines), f"longer than {LONGEST} lines")
    for number, line in enumerate(lines, 1):
        if MACHINE.search(line):
            report(path, number, "path of one machine")
        if PROMISES.search(line):
            report(path, number, "promises later work")


def main():
    modules = {re.sub(r"^mod_|\.c$", "", p.name) for p in (TOP / "modules").glob("mod_*")}
    for path in files():
        try:
            text = (TOP / path).read_text()
        except UnicodeDecodeError:
            continue
        if path != "tests/lint/rules.py":
            check_text(path, text)
        if path.startswith("tests/") and re.search(r"\.(c|h|py|sh)$", path) and path != "tests/lint/rules.py":
            for number, line in enumerate(text.splitlines(), 1):
                if re.search(SLEEPS, line):
                    report(path, number, "a test waits for an event, it does not sleep")
        if not path.endswith((".c", ".h")):
            continue
        code = without_comments(text)
        check_includes(path, text)
        check_calls(path, code)
        if path.startswith(("modules/", "plugins.d/")):
            check_module_state(path, code)
        if path.startswith("core/") and path != "core/c2s.c":
            check_core_names_no_module(path, without_comments(text, True), modules - {"c2s"})
    print("\n".join(found) if found else "no rule is broken")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
