"""prosody-ctl check: what is wrong with a configuration and with certificates, file and line, without a server."""
import re
import shutil
import subprocess

from flow import Skip, equal, rows
from server import BUILD, SCALE

SERVER = dict(accounts=0)
HOST_LINE = 'VirtualHost "h.example"\n'


def ctl(config, *args, status):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", config, *args], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}"
    return done.stdout


def check(server, text, what="config", status=1):
    """What is found in a configuration of that text, without the folder, and without the sum."""
    folder = server.dir / "check"
    folder.mkdir(exist_ok=True)
    (folder / "c.conf").write_text(text)
    lines = ctl(folder / "c.conf", "check", what, status=status).replace(f"{folder}/", "").splitlines()
    return lines[:-1], lines[-1]


def test_nothing(server):
    equal(check(server, 'modules_enabled = { "roster"; "ping" }\n' + HOST_LINE, status=0), ([], "no errors"))


@rows(
    ("misspelt option", "c2s_timeot = 5", "c.conf:1: warning: option c2s_timeot is not known: is c2s_timeout meant?"),
    ("misspelt option of a module", "hide_os_tpye = 5", "c.conf:1: warning: .* is hide_os_type meant\\?"),
    ("unknown option", "purple_monkey = 5", "c.conf:1: warning: option purple_monkey is not known"),
    ("unknown service", "xmtp_ports = { 5 }", "c.conf:1: warning: option xmtp_ports is not known.*"),
    ("wrong type", "c2s_require_encryption = 'perhaps'", "c.conf:1: error: .* true or false is meant"),
    ("out of range", "\nroster_max_items = 0", "c.conf:2: error: .* a whole number from 1 to 1000000 is meant"),
    ("out of the choices", "conflict_resolve = 'kick'", "c.conf:1: error: .* one of kick_old, kick_new, random, .*"),
    ("value of a module", "default_iteration_count = 1", "c.conf:1: error: option default_iteration_count has .*"),
    ("renamed", "require_encryption = true", "c.conf:1: warning: .* is an old name of c2s_require_encryption"),
    ("renamed of a service", "c2s_port = 5222", "c.conf:1: warning: option c2s_port is called c2s_ports now"),
    ("renamed of a module", "registration_whitelist = {}",
     "c.conf:1: warning: .* is an old name of registration_allowlist"),
    ("renamed and unknown", "legacy_ssl_ports = {}", "c.conf:1: warning: .* is called c2s_direct_tls_ports now"),
    ("gone", "disallow_s2s = true", "c.conf:1: warning: option disallow_s2s has gone: write modules_disabled.*"),
    ("bad admin", "admins = {\n'a@h.example',\n'nobody' }", "c.conf:3: error: \"nobody\" in admins .*"),
    ("unknown module", "modules_enabled = {\n 'roster',\n 'rooster' }\n",
     "c.conf:3: error: there is no module rooster: is roster meant?"),
    ("driver as a module", "modules_enabled = { 'auth_internal_hashed' }", "c.conf:1: warning: .* by the option .*"),
    ("old module", "modules_enabled = { 'posix' }", "c.conf:1: warning: module posix has gone: .*"),
    ("unknown in disabled", "modules_disabled = { 'tsl' }", "c.conf:1: error: there is no module tsl: is tls meant?"),
    ("authentication", "authentication = 'internal_hash'", "c.conf:1: error: .* auth_internal_hash: is .*"),
    ("storage", "storage = { archive = 'sqlit' }", "c.conf:1: error: there is no module storage_sqlit: is sqlite .*"),
    ("driver lacks its option", "authentication = 'ldap'",
     "c.conf:2: error: module auth_ldap needs the option ldap_base on h.example"),
    ("module lacks its option", "modules_enabled = { 'groups' }",
     "c.conf:2: error: module groups needs the option groups_file on h.example"),
    ("no anchor", "unbound = { trustfile = false }\nuse_dane = true",
     "c.conf:2: warning: use_dane has no effect without the root's key: .*"),
    ("twice", "c2s_timeout = 5\nc2s_timeout = 6", "c.conf:2: warning: option c2s_timeout was set in line 1 already"),
)
def test_found(server, text, wanted):
    lines, total = check(server, text + "\n" + HOST_LINE)
    assert len(lines) == 1 and (lines[0] == wanted or re.fullmatch(wanted, lines[0])), lines
    assert total in ("1 error, 0 warnings", "0 errors, 1 warning"), total


def test_anchors(server):
    for text in ("unbound = { trusted = '. IN DS 20326 8 2 00' }\nuse_dane = true", "unbound = { trustfile = false }"):
        equal(check(server, text + "\n" + HOST_LINE, status=0)[0], [])


@rows(("of Prosody only", "gc = {}", "c.conf:1: note: option gc means something to Prosody only"),
      ("not enabled", "adhoc_max_sessions = 5", "c.conf:1: note: .* is of module adhoc, which is not enabled"),
      ("an option here", 'modules_disabled = { "dialback" }', "c.conf:1: note: module dialback: it is part of s2s: see s2s_dialback"))
def test_notes_are_no_errors(server, text, wanted):
    lines, total = check(server, text + "\n" + HOST_LINE, status=0)
    assert len(lines) == 1 and re.fullmatch(wanted, lines[0]), lines
    equal(total, "no errors")


def test_the_wrong_place(server):
    lines, _ = check(server, HOST_LINE + "c2s_ports = { 1 }\n")
    assert len(lines) == 1 and "c.conf:2: warning: option c2s_ports of h.example is of the whole server" in lines[0], lines


def test_component(server):
    lines, _ = check(server, HOST_LINE + 'Component "c.example" "componant"\n')
    equal(lines, ["c.conf:2: error: there is no module componant: is component meant?"])


def test_no_host(server):
    lines, _ = check(server, "")
    assert len(lines) == 1 and "no VirtualHost" in lines[0], lines


def test_broken(server):
    lines, total = check(server, "\nc2s_ports = = 5\n")
    assert len(lines) == 1 and lines[0].startswith("c.conf:2: error: "), lines
    equal(total, "1 error, 0 warnings")


def test_in_the_order_of_lines(server):
    (server.dir / "check").mkdir(exist_ok=True)
    (server.dir / "check" / "more.inc").write_text("\nnonsense_again = 1\n")
    lines, _ = check(server, 'Include "more.inc"\nmodules_enabled = { "nonesuch" }\npurple = 1\n' + HOST_LINE)
    equal([line.split(" ")[0] for line in lines], ["c.conf:2:", "c.conf:3:", "more.inc:2:"])


def test_what_is_loaded_is_what_is_checked(server):
    """The shipped file, and one with every module that there is."""
    top = BUILD.parent / "prosody-c.conf"
    if top.exists():
        equal(ctl(top, "check", "config", status=0), "no errors\n")
    ctl(top, "check", "nonsense", status=2)


def test_the_server_names_the_line_of_an_unknown_module(server):
    folder = server.dir / "start"
    folder.mkdir(exist_ok=True)
    (folder / "c.conf").write_text('c2s_ports = {}\nc2s_direct_tls_ports = {}\nmodules_enabled = {\n"roster";\n'
                                   '"rooster";\n}\n' + HOST_LINE)
    done = subprocess.run([BUILD / "prosody-c", "-c", folder / "c.conf", "--shell"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60 * SCALE)
    assert re.search(r"error .*/c\.conf:5: module rooster cannot be loaded for h\.example", done.stdout), done.stdout


# ---- certificates

def openssl(*args):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificate(folder, name, host="h.example", days=365, key=None):
    """A self-signed one in NAME.crt with NAME.key; of another key where `key` names it."""
    folder.mkdir(parents=True, exist_ok=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            folder / f"{key or name}.key", "-out", folder / f"{name}.crt", "-days", days, "-subj", f"/CN={host}",
            "-addext", f"subjectAltName=DNS:{host}")
    (folder / f"{key or name}.key").chmod(0o600)


def certs(server, extra="", status=1):
    return check(server, 'certificates = "certs"\n' + HOST_LINE + extra, "certs", status)


def test_certificates(server):
    folder = server.dir / "check" / "certs"
    shutil.rmtree(folder, True)
    equal(certs(server)[0], ["h.example: warning: there is no certificate: a self-signed one is made at the start"])

    certificate(folder, "h.example")
    lines, total = certs(server)
    equal(lines[:2], ["h.example: certs/h.example.crt", "  names:   h.example"])
    assert re.match(r"  expires: \d{4}-\d\d-\d\dT", lines[2]), lines
    assert len(lines) == 4 and "self-signed" in lines[3], lines
    equal(total, "0 errors, 1 warning")

    (folder / "h.example.key").chmod(0o644)
    assert "everybody on this machine may read the key" in certs(server)[0][4]
    certificate(folder, "h.example", days=5)
    assert any(re.search(r"it expires in [45] days", line) for line in certs(server)[0])
    certificate(folder, "h.example", host="other.example")
    assert any(line.endswith("h.example.crt: error: it is not for h.example") for line in certs(server)[0])
    certificate(folder, "h.example")
    certificate(folder, "h.example", key="another")
    assert any("h.example.key: error: this is not the key" in line for line in certs(server)[0])
    (folder / "h.example.crt").write_text("nothing")
    assert "h.example.crt: error: there is no certificate in it" in certs(server)[0][0]
    lines, _ = certs(server, 'certificate = "certs/missing.crt"\n')
    assert lines[0].startswith("certs/missing.crt: error: it cannot be read: "), lines


def test_certificate_of_a_component(server):
    """It is the one of the domain above where it has none; other servers look at the names."""
    folder, more = server.dir / "check" / "certs", 'Component "news.h.example" "pubsub"\n'
    shutil.rmtree(folder, True)
    assert "news.h.example: warning: there is no certificate: other servers are shown that of a host" in certs(server, more)[0]
    certificate(folder, "h.example")
    found = "certs/h.example.crt: warning: it is not for news.h.example: other servers will not trust it"
    assert found in certs(server, more)[0], certs(server, more)
    assert found not in certs(server, f'{more}    modules_disabled = {{ "s2s" }}\n')[0]
    certificate(folder, "news.h.example", host="news.h.example")
    lines, _ = certs(server, more)
    assert "news.h.example: certs/news.h.example.crt" in lines and not any("it is not for" in line for line in lines), lines
