"""prosody-ctl cert: keys, certificates and requests, without a server."""
import os
import stat
import subprocess

from flow import HOST, Server, equal, rows
from server import BUILD, SCALE

OTHER = "other.example"


def place():
    where = Server(hosts={HOST: {}, OTHER: {}}, accounts=0, extra=f'Component "files.{HOST}"\nComponent "rooms.elsewhere.example"\n')
    where.certs = where.dir / "certs"
    return where


def ctl(where, *args, status=0):
    done = subprocess.run([BUILD / "prosody-ctl", "-c", where.config_file, *args], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * SCALE)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}"
    return done.stdout


def openssl(*args):
    return subprocess.run(["openssl", *args], check=True, capture_output=True, text=True).stdout


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_generate():
    where = place()
    cert, key = where.certs / f"{HOST}.crt", where.certs / f"{HOST}.key"
    said = ctl(where, "cert", "generate", HOST)
    assert str(cert) in said and str(key) in said and f"for {HOST} files.{HOST}\n" in said, said
    equal((mode(key), mode(cert)), (0o600, 0o644))
    text = openssl("x509", "-in", cert, "-noout", "-text")
    assert f"DNS:{HOST}, DNS:files.{HOST}" in text and "elsewhere" not in text and "prime256v1" in text, text
    openssl("verify", "-CAfile", cert, "-verify_hostname", f"files.{HOST}", cert)
    equal(openssl("x509", "-in", cert, "-noout", "-pubkey"), openssl("pkey", "-in", key, "-pubout"))
    before = key.read_bytes(), cert.read_bytes()
    assert "--force" in ctl(where, "cert", "generate", HOST, status=4)
    equal((key.read_bytes(), cert.read_bytes()), before)
    cert.unlink()
    assert str(key) in ctl(where, "cert", "generate", HOST, status=4)
    equal(key.read_bytes(), before[0])
    ctl(where, "cert", "generate", HOST, "--force")
    assert key.read_bytes() != before[0] and mode(key) == 0o600
    where.start()
    client = where.client(tls=True)
    der = client.sock.getpeercert(binary_form=True)
    where.release()
    where.stop()
    equal(der, subprocess.run(["openssl", "x509", "-in", cert, "-outform", "DER"], check=True, capture_output=True).stdout)


def test_request():
    where = place()
    csr, key = where.certs / f"{HOST}.csr", where.certs / f"{HOST}.key"
    ctl(where, "cert", "request", HOST)
    text = openssl("req", "-in", csr, "-noout", "-text", "-verify")
    assert f"CN = {HOST}" in text.replace("CN=", "CN = ") and f"DNS:{HOST}, DNS:files.{HOST}" in text, text
    equal((mode(key), openssl("req", "-in", csr, "-noout", "-pubkey")), (0o600, openssl("pkey", "-in", key, "-pubout")))
    # A key that is there is the key of the next request, too.
    before = key.read_bytes()
    ctl(where, "cert", "request", HOST, status=4)
    ctl(where, "cert", "request", HOST, "--force")
    csr.unlink()
    ctl(where, "cert", "request", HOST)
    equal(key.read_bytes(), before)
    equal(openssl("req", "-in", csr, "-noout", "-pubkey"), openssl("pkey", "-in", key, "-pubout"))
    key.write_text("no key")
    ctl(where, "cert", "request", HOST, "--force", status=1)


def test_import():
    """From a folder as certbot has it."""
    made, where = place(), place()
    ctl(made, "cert", "generate", HOST)
    live = where.dir / "live" / HOST
    live.mkdir(parents=True)
    for old, new in ((f"{HOST}.crt", "fullchain.pem"), (f"{HOST}.key", "privkey.pem")):
        os.rename(made.certs / old, live / new)
    folder = str(live.parent)
    assert f"{OTHER}: no certificate" in ctl(where, "cert", "import", folder, HOST, OTHER, status=5)
    key, cert = where.certs / f"{HOST}.key", where.certs / f"{HOST}.crt"
    equal((mode(key), key.read_bytes(), cert.read_bytes()),
          (0o600, (live / "privkey.pem").read_bytes(), (live / "fullchain.pem").read_bytes()))
    assert "--force" in ctl(where, "cert", "import", folder, status=4)
    ctl(where, "cert", "import", folder, "--force")
    # A key that is not the certificate's
    ctl(made, "cert", "generate", HOST)
    os.rename(made.certs / f"{HOST}.key", live / "privkey.pem")
    before = key.read_bytes()
    ctl(where, "cert", "import", folder, "--force", status=4)
    equal(key.read_bytes(), before)


@rows(("no host", ["generate"], 2), ("two hosts", ["generate", HOST, OTHER], 2), ("unknown", ["nonsense", HOST], 2),
      ("not ours", ["generate", "elsewhere.example"], 4), ("a path", ["generate", "../x"], 4),
      ("no folder", ["import"], 2), ("an empty folder", ["import", "/nowhere"], 4),
      ("a host that is not ours", ["import", "/nowhere", "elsewhere.example"], 4))
def test_refused(words, status):
    where = place()
    ctl(where, "cert", *words, status=status)
    equal(list(where.certs.iterdir()), [])


def test_folder_that_is_not_ours():
    where = place()
    where.certs.rmdir()
    where.certs.write_text("a file")
    ctl(where, "cert", "generate", HOST, status=1)
