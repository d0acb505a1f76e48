"""What `cmake --install` puts on a system: the unit, the manual pages, completion, the configuration."""
import os
import pathlib
import re
import shutil
import subprocess

from flow import Skip, equal, rows
from server import BUILD, Server

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DIST = BUILD / "dist"


def run(*command, **more):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, **more)


def need(program):
    if not shutil.which(program):
        raise Skip(f"no {program}")


def dist(name):
    if not (DIST / name).exists():
        raise Skip(f"this build has no {name}")
    return DIST / name


def installed(root):
    done = run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(root)})
    equal(done.returncode, 0)
    return done.stdout


def one(root, name):
    found = [p for p in root.rglob(name) if p.is_file()]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_configuration():
    """With the folders and the user of an installed server; one that is there already stays."""
    root = Server(accounts=0).dir / "root"
    installed(root)
    file = next(p for p in root.rglob("prosody-c.conf") if "sysusers.d" not in p.parts)
    printed = {o: run(BUILD / "prosody-c", "-c", file, "--print", o).stdout.strip() for o in ("data_path", "prosody_user")}
    assert printed["data_path"].endswith("/var/lib/prosody-c") and printed["data_path"].startswith("/"), printed
    equal(printed["prosody_user"], "prosody-c")
    assert (file.parent / "plugins.d").is_dir() and (file.parent / "certs").is_dir()
    file.write_text("-- mine\n")
    assert "Left as it is" in installed(root)
    equal(file.read_text(), "-- mine\n")


def test_unit():
    """No complaint of systemd's, and little that the service may do beyond its work."""
    need("systemd-analyze")
    root = Server(accounts=0).dir / "root"
    installed(root)
    unit = root / "prosody-c.service"
    text = one(root, "prosody-c.service").read_text()
    unit.write_text(re.sub(r"^ExecStart=(/\S+)", lambda m: f"ExecStart={root}{m.group(1)}", text, flags=re.M))
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert done.returncode == 0 and "prosody-c.service" not in done.stdout, done.stdout
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    if "unrecognized option" in done.stdout:
        raise Skip("this systemd-analyze cannot look at files")
    equal((done.returncode, done.stdout if done.returncode else ""), (0, ""))


def test_manual_pages():
    """They say what --help says."""
    server, ctl = dist("prosody-c.8").read_text(), dist("prosody-ctl.8").read_text()
    plain = [re.sub(r"\\f[A-Z]|\\", "", page) for page in (server, ctl)]
    for program, page in zip(("prosody-c", "prosody-ctl"), plain):
        for option in re.findall(r"--[a-z]+", run(BUILD / program, "--help").stdout):
            assert option in page, f"{program}: {option}"
    statuses = re.findall(r"^ +(\d+)  ", run(BUILD / "prosody-c", "--help").stdout, re.M)
    for status in statuses:
        assert re.search(rf"^{status}$", plain[0], re.M), f"exit status {status}"
    assert len(statuses) > 9
    need("man")
    for name in ("prosody-c.8", "prosody-ctl.8", "prosody-c.conf.5", "prosody-c-reference.7"):
        done = run("man", "--warnings", "-l", dist(name), env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
        assert done.returncode == 0 and "warning" not in done.stdout, done.stdout[:500]


# ---- completion

def offered():
    """{first word: set of second words} of what prosody-ctl lists."""
    place = Server(accounts=0)
    words = {}
    for line in place.ctl("help").splitlines():
        first, *more = re.split(r"  +", line)[0].split(" ")
        words.setdefault(first, set()).update(w for w in more[:1] if re.fullmatch(r"[a-z][a-z0-9_-]*", w))
    assert {"create", "list"} <= words["user"], words
    return words


def by_bash(*words):
    script = f'source {dist("prosody-ctl.bash")}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prosody_ctl; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return set(run("bash", "-c", script, "bash", "prosody-ctl", *words).stdout.split())


def by_fish(*words):
    done = run("fish", "--no-config", "-c", f"source {dist('prosody-ctl.fish')}; complete -C 'prosody-ctl {' '.join(words)}'",
               env={**os.environ, "HOME": "/nonexistent"})
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@rows(("bash", by_bash), ("fish", by_fish))
def test_completion(complete):
    need(complete.__name__.removeprefix("by_"))
    words = offered()
    missing = set(words) - complete("")
    equal(missing, set())
    for first, second in words.items():
        if second:
            equal(second - complete(first, ""), set())
    equal(complete("mod"), {w for w in words if w.startswith("mod")})
    options = {"--" + name for name in re.findall(
        r'\{ "([a-z-]+)", (?:required|no)_argument', (SOURCE / "core" / "ctl" / "options.c").read_text())}
    assert "--config" in options
    equal(options - complete("--"), set())


def test_completion_of_zsh():
    need("zsh")
    equal(run("zsh", "-n", dist("prosody-ctl.zsh")).stdout, "")
    text = dist("prosody-ctl.zsh").read_text()
    for first, second in offered().items():
        for word in {first, *second}:
            assert re.search(rf"^\s*'{word}:", text, re.M), word


def test_files():
    root = Server(accounts=0).dir / "root"
    installed(root)
    for name in ("prosody-c", "prosody-ctl", "prosody-c.pc", "prosody-c.service", "mod_ping.so", "module.h"):
        assert [p for p in root.rglob(name) if p.is_file()], name
