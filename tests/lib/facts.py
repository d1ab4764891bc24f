"""Reads what the fixture live_show wrote."""

from urllib.parse import unquote


class Facts:
    """`is` lines as attributes of `one`, the rest as lists of pairs."""

    def __init__(self, reply):
        assert reply.status == 200, reply
        self.one, self.lists = {}, {}
        for line in reply.text.splitlines():
            kind, _, rest = line.partition(" ")
            name, _, value = rest.partition("=")
            name = unquote(name)
            value = None if value == "%" else unquote(value, "latin-1")
            if kind == "is":
                self.one[name] = value
            else:
                self.lists.setdefault(kind, []).append((name, value))

    def __getitem__(self, name):
        return self.one[name]

    def all(self, kind, name=None):
        found = self.lists.get(kind, [])
        if name is None:
            return found
        return [value for key, value in found if key == name]


def lines(reply):
    """"key=value" lines as a dictionary."""
    assert reply.status == 200, reply
    return dict(line.split("=", 1) for line in reply.text.splitlines())
