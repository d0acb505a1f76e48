"""prosody-ctl about: the reference, held against what a server really has."""
import difflib
import json
import pathlib
import re
import sqlite3
import subprocess
from xml.etree import ElementTree

from flow import HOST, equal
from server import BUILD, SCALE

BUILT = {p.stem[4:] for p in (BUILD / "modules").glob("mod_*.so")}
# Those that a host can have without more ado.
ALL = sorted(m for m in BUILT if not m.startswith(("auth_", "storage_")) and m not in ("component", "admin_socket"))
SERVER = dict(config={"modules_disabled": None, "modules_enabled": "{ " + ", ".join(f'"{m}"' for m in ALL) + " }", "turn_external_secret": "'x'",
                      "pubsub_serverinfo_service": "'pubsub.localhost'"}, accounts=2)
PROSODY = (pathlib.Path(__file__).parent / "prosody_options.txt").read_text().split()


def about(*args, status=0, cwd="/"):
    done = subprocess.run([BUILD / "prosody-ctl", "about", *args], text=True, capture_output=True, cwd=cwd,
                          stdin=subprocess.DEVNULL, timeout=120 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def reference():
    return json.loads(about("--reference", "json"))


def test_version(server):
    assert re.fullmatch(r"prosody-c \d+\.\d+\.\d+\n", about())


def test_formats(server):
    markdown = about("--reference")
    equal(about("--reference", "markdown"), markdown)
    assert "## Options\n" in markdown and "| default\\_iteration\\_count | auth\\_internal\\_hashed |" in markdown
    for line in markdown.splitlines():
        assert not line.startswith("|") or line.endswith("|"), line
    man = about("--reference", "man")
    assert man.startswith(".TH ") and ".SH Options" in man and ".B c2s_ports" in man
    about("--reference", "nonsense", status=64)
    about("more", status=2)


def test_doap(server):
    """Each extension once, as lists of servers read it (XEP-0453)."""
    tree = ElementTree.fromstring(about("--reference", "doap"))
    links = [xep.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource")
             for xep in tree.iter("{https://linkmauve.fr/ns/xmpp-doap#}xep")]
    equal(sorted(links), sorted({f"https://xmpp.org/extensions/{row['XEP'].lower()}.html" for row in reference()["xeps"]}))


def test_every_line_is_whole(server):
    """Without a server, and with modules that none has loaded."""
    r = reference()
    for section in ("options", "modules", "xeps", "commands", "adhoc", "roles", "permissions", "events", "metrics",
                    "stores"):
        assert r[section], section
        for row in r[section]:
            assert section == "xeps" or (row["help"] and "\n" not in row["help"]), row
    modules = {row["module"] for row in r["modules"]}
    equal(modules - {"c2s", "admin_shell"}, BUILT)
    for row in r["xeps"]:
        assert re.fullmatch(r"XEP-\d{4}", row["XEP"]) and re.fullmatch(r"[\d.]+", row["version"] or ""), row


def test_options_have_defaults_and_their_names(server):
    """A default, or a word about what stands for it. Names are Prosody's, and none is nearly one of them."""
    for row in reference()["options"]:
        name = row["option"]
        if row["type"] in ("number", "true or false", "time", "size", "word") and row["default"] is None:
            assert re.search(r"default|^As |where |^How often", row["help"]), row
        if name in PROSODY or name.startswith(("SERVICE_", "TASK_")):
            continue
        near = difflib.get_close_matches(name, PROSODY, 1, 0.93)
        assert not near, f"{name}: does it mean what Prosody calls {near[0]}?"


def running(server, *words):
    return server.ctl(*words).splitlines()


def test_commands_are_those_of_the_server(server):
    told = {row["command"] for row in reference()["commands"]}
    equal({line.split("  ")[0].rstrip() for line in running(server, "help")}, told)


def test_metrics_are_those_of_the_server(server):
    told = {row["metric"] for row in reference()["metrics"]}
    services = {name.replace("SERVICE", service) for name in told for service in ("c2s", "component", "admin_socket")}
    server.login().close()
    shown = {line.split()[0] for line in running(server, "stats", "prosody_*")}
    assert shown and shown <= told | services, shown - told - services


def test_stores_are_those_of_the_server(server):
    told = {row["store"] for row in reference()["stores"]}
    server.online().roster_set("a@elsewhere.example")
    sqlite = next((server.dir / "data").glob("*.sqlite"))

    with sqlite3.connect(f"file:{sqlite}?mode=ro", uri=True) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = {store for table in tables for (store,) in stores_of(db, table)}
    assert kept and kept <= told, kept - told


def stores_of(db, table):
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    return db.execute(f"SELECT DISTINCT store FROM {table}").fetchall() if "store" in columns else []


def test_adhoc_commands_and_permissions(server):
    r = reference()
    permissions = {row["permission"] for row in r["permissions"]}
    roles = {row["role"] for row in r["roles"]}
    for row in r["adhoc"]:
        assert row["permission"] in permissions | {"everybody"}, row
    for row in r["permissions"]:
        assert row["role"] in roles, row


def test_plugins_are_in_it(server):
    """A module of the configuration's folder, loaded nowhere; and a file that is none."""
    folder = server.dir / "plugins.d"
    folder.mkdir(exist_ok=True)
    include = pathlib.Path(__file__).resolve().parents[2] / "include"
    (folder / "mod_colours.c").write_text('''#include <prosody-c/prosody-c.h>
static const pc_option options[] = {
	{ .name = "colours_max", .type = PC_OPT_INTEGER, .dflt = "3", .max = 9, .help = "How many | there are" }, { 0 } };
static const pc_metric_decl metrics[] = { { "seen", PC_GAUGE, "Colours seen" }, { 0 } };
PC_MODULE(colours, .summary = "Colours", .xeps = "0392:1.0.0", .options = options, .metrics = metrics);
''')
    subprocess.run(["gcc", "-std=c11", "-fPIC", "-shared", f"-I{include}", folder / "mod_colours.c", "-o",
                    folder / "mod_colours.so"], check=True)
    (folder / "mod_broken.so").write_text("no library")
    r = json.loads(about("-c", server.config_file, "--reference", "json"))
    row = next(row for row in r["options"] if row["option"] == "colours_max")
    equal((row["of"], row["default"], row["range"], row["effect"]), ("colours", "3", "from 0 to 9", "module reload"))
    assert "prosody_mod_colours_seen" in {row["metric"] for row in r["metrics"]}
    assert {"XEP": "XEP-0392", "version": "1.0.0", "of": "colours"} in r["xeps"]
    assert "How many \\| there are" in about("-c", server.config_file, "--reference")
    assert f"{HOST}  colours" not in server.ctl("module", "list")
