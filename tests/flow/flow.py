"""What a test file imports: how its functions are marked, and how it skips."""
from server import HOST, PASSWORD, Server, settle
from xmlstream import NS

__all__ = ["HOST", "NS", "PASSWORD", "Server", "Skip", "alone", "equal", "rows", "settle"]


class Skip(Exception):
    """Something that the test needs is not on this machine."""


def rows(*table):
    """A test for each row: its first column names it, the others are arguments after `server`."""
    def mark(function):
        function.rows = [(str(row[0]).replace(" ", "_"), row[1:]) for row in table]
        return function
    return mark


def alone(**server_arguments):
    """The test gets a server of its own."""
    def mark(function):
        function.alone = server_arguments
        return function
    return mark


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"
