"""Ad-hoc commands (XEP-0050) and data forms (XEP-0004), as a client writes and reads them."""
from xml.sax.saxutils import escape, quoteattr

COMMANDS = "http://jabber.org/protocol/commands"
FORMS = "jabber:x:data"


def submit(values, form_type=None):
    """A filled-in form; a list is several values."""
    values = {**({"FORM_TYPE": form_type} if form_type else {}), **values}
    fields = []
    for var, value in values.items():
        texts = value if isinstance(value, list) else [value]
        inner = "".join(f"<value>{escape(text)}</value>" for text in texts)
        fields.append(f"<field var={quoteattr(var)}>{inner}</field>")
    return f"<x xmlns='{FORMS}' type='submit'>{''.join(fields)}</x>"


def values(reply):
    """The fields of the form in an answer: name -> list of values."""
    x = reply.child("command", COMMANDS).child("x", FORMS)
    return {field.get("var"): [v.text for v in field.all("value")] for field in x.all("field")}


def notes(reply):
    return [(n.get("type"), n.text) for n in reply.child("command", COMMANDS).all("note")]


def details(reply):
    """An error as (condition, condition of XEP-0050)."""
    error = reply.child("error")
    own = next((c.name for c in error.children if c.ns == COMMANDS), None)
    return reply.error()[1], own


class Command:
    """One command on its way from stage to stage."""

    def __init__(self, client, node, to="localhost"):
        self.client, self.node, self.to, self.session = client, node, to, None

    def send(self, action=None, inner="", session=True, more="", **iq):
        attrs = f" action={quoteattr(action)}" if action else ""
        if session and self.session:
            attrs += f" sessionid={quoteattr(self.session)}"
        return self.client.iq("set", f"<command xmlns='{COMMANDS}' node={quoteattr(self.node)}{attrs}{more}>"
                                     f"{inner}</command>", to=self.to, **iq)

    def run(self, action=None, inner="", status="executing"):
        """The answer, which must have that status."""
        reply = self.send(action, inner)
        command = reply.child("command", COMMANDS)
        assert command is not None and command.get("status") == status, f"expected {status}, got {reply}"
        assert command.get("node") == self.node and command.get("sessionid"), str(reply)
        self.session = command.get("sessionid")
        return reply

    def fill_in(self, form, action="complete", status="completed"):
        return self.run(action, submit(form), status)


def actions(reply):
    """The default action and all that are offered."""
    el = reply.child("command", COMMANDS).child("actions")
    return el.get("execute"), [c.name for c in el.children]
