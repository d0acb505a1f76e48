"""The client's side of SASL: PLAIN and SCRAM (RFC 5802, RFC 7677), with channel binding."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import os

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}".encode())


class Scram:
    """scram = Scram("SCRAM-SHA-1", "romeo", "secret"); send scram.first(), then
    scram.final(challenge), then scram.verify(success)."""

    def __init__(self, mechanism, user, password, gs2="n,,", binding=b"", nonce=None):
        self.hash = HASHES[mechanism.removesuffix("-PLUS")]
        self.user, self.password, self.gs2, self.binding = user, password, gs2, binding
        self.nonce = nonce or b64(os.urandom(18))
        self.signature = None

    def hmac(self, key, text):
        return hmac.new(key, text if isinstance(text, bytes) else text.encode(), self.hash).digest()

    def bare(self):
        return f"n={self.user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return b64((self.gs2 + self.bare()).encode())

    def final(self, challenge, nonce=None, proof=None):
        server_first = unb64(challenge).decode()
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        if not fields["r"].startswith(self.nonce) or fields["r"] == self.nonce:
            raise AssertionError("the server's nonce does not continue the client's")
        salted = hashlib.pbkdf2_hmac(self.hash, self.password.encode(), unb64(fields["s"]), int(fields["i"]))
        client_key = self.hmac(salted, "Client Key")
        stored_key = hashlib.new(self.hash, client_key).digest()
        without_proof = f"c={b64(self.gs2.encode() + self.binding)},r={nonce or fields['r']}"
        message = f"{self.bare()},{server_first},{without_proof}"
        signed = self.hmac(stored_key, message)
        made = bytes(a ^ b for a, b in zip(client_key, signed))
        self.signature = self.hmac(self.hmac(salted, "Server Key"), message)
        return b64(f"{without_proof},p={b64(made if proof is None else proof)}".encode())

    def verify(self, success):
        if unb64(success).decode() != "v=" + b64(self.signature):
            raise AssertionError("the server does not know the password")


# ---- channel binding

def _der(data, at=0):
    """(tag, start and end of the content) of the DER element at that place."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        n = length & 0x7F
        length, at = int.from_bytes(data[at:at + n], "big"), at + n
    return tag, at, at + length


SIGNATURE_HASHES = {  # signature algorithm -> hash, where it is none of MD5 and SHA-1
    "2a864886f70d01010b": "sha256", "2a864886f70d01010c": "sha384", "2a864886f70d01010d": "sha512",
    "2a8648ce3d040302": "sha256", "2a8648ce3d040303": "sha384", "2a8648ce3d040304": "sha512",
}


def server_end_point(der):
    """RFC 5929 section 4.1."""
    _, start, _ = _der(der)
    _, _, tbs_end = _der(der, start)
    _, algorithm, _ = _der(der, tbs_end)
    _, oid, oid_end = _der(der, algorithm)
    return hashlib.new(SIGNATURE_HASHES.get(der[oid:oid_end].hex(), "sha256"), der).digest()


def tls_exporter(sock):
    """RFC 9266. Python does not offer it, OpenSSL does: the SSL object follows the Python object's
    head and its weak reference to the socket."""
    pointer = ctypes.c_void_p.from_address(id(sock._sslobj) + object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p))
    libssl = ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")
    libssl.SSL_get_version.restype = ctypes.c_char_p
    libssl.SSL_get_version.argtypes = [ctypes.c_void_p]
    if libssl.SSL_get_version(pointer).decode() != sock.version():
        raise RuntimeError("another layout of Python's SSL object")
    label, out = b"EXPORTER-Channel-Binding", ctypes.create_string_buffer(32)
    libssl.SSL_export_keying_material.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    if libssl.SSL_export_keying_material(pointer, out, 32, label, len(label), b"", 0, 1) != 1:
        raise RuntimeError("SSL_export_keying_material failed")
    return out.raw


def channel_binding(sock, kind):
    if kind == "tls-exporter":
        return tls_exporter(sock)
    if kind == "tls-server-end-point":
        return server_end_point(sock.getpeercert(binary_form=True))
    return sock.get_channel_binding(kind)
