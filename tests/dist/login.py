"""login.py PORT USER PASSWORD: logs in to localhost by STARTTLS and SCRAM."""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "flow"))

from client import Client  # noqa: E402

client = Client(int(sys.argv[1]))
client.login(sys.argv[2], sys.argv[3], "r", tls=True)
client.close()
print(f"{client.jid} has logged in")
