"""Parameters and forms made by chance, as declared.py makes JSON bodies.

	made = Asked(seed)
	path = made.handler("asked")	# a .so with made.routes
	one = made.request(number)	# one.sent: by name, the texts of each

What a text means is said here a second time, by the words of input.h and not
by the host's code: as_json() gives what a schema of the document judges.
"""

import json
import random
import re
import urllib.parse

from . import build
from .declared import Declared, quoted, SCALARS

PLACES = ("QUERY", "QUERY", "HEADER", "COOKIE")
# Of no type, or of another than it looks like.  A blank for the T of a time is
# left out: Ajv takes it, RFC 3339's grammar does not.  So is a leap second, of
# which Ajv looks at no bounds.
ODD = ("", "0", "1", "-0", "+3", " 3", "3 ", "3.0", "1e2", "007", "-", "0x10",
       "1e999", "-1e999", "1e-999", "NaN", "Infinity", ".5", "5.", "1_0",
       "9007199254740993", "9223372036854775808", "-9223372036854777857",
       "99999999999999999999999", "true", "TRUE", "false", "yes", "null",
       "2024-06-01T12:00:60Z", "0000-01-01",
       "2024-06-01T12:00:00+24:00", "2024-06-01t12:00:00z", "9999-12-31",
       "2024-06-01T12:00:00,5Z", "10000-01-01",
       "2024-06-01T12:00:00.Z", "2024-06-01T24:00:00Z", "1900-02-29",
       "2000-02-29", "QQ=", "QR==", "=", "\u00e4", "a+b", "100%", "a&b=c")


class Request:
    """sent: name -> texts, in their order; nothing of a name: not given."""

    def __init__(self, number, inputs, sent, multipart):
        self.number, self.inputs = number, inputs
        self.sent, self.multipart = sent, multipart

    def of(self, place):
        return [(one["name"], text) for one in self.inputs
                if one["in"] == place for text in self.sent[one["name"]]]

    def ask(self, host):
        (_, path), = self.of("PATH")
        target = "/asked/%d/" % self.number
        query = urllib.parse.urlencode(self.of("QUERY"))
        cookie = "; ".join("%s=%s" % one for one in self.of("COOKIE"))
        headers = dict(self.of("HEADER"))
        if cookie:
            headers["Cookie"] = cookie
        headers["Content-Type"], body = self.body()
        return host.ask("POST", target + urllib.parse.quote(path, safe="") +
                        "?" + query, body, headers=headers,
                        extra={"PATH_INFO": (target + path).encode()})

    def body(self):
        fields = self.of("FORM")
        if not self.multipart:
            return ("application/x-www-form-urlencoded",
                    urllib.parse.urlencode(fields))
        return "multipart/form-data; boundary=x", b"".join(
            ('--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' %
             one).encode() for one in fields) + b"--x--\r\n"


class Asked(Declared):
    def __init__(self, seed, routes=20):
        self.chance = random.Random(seed)
        self.routes = [self.inputs() for _ in range(routes)]

    def inputs(self):
        form = self.chance.randint(0, 3)
        places = (["PATH"] + self.chance.choices(PLACES, k=5) +
                  ["FORM"] * form)
        return [self.input(place, number)
                for number, place in enumerate(places)]

    def input(self, place, number):
        one = {"type": self.chance.choice(SCALARS + ("ARRAY",) * 3)}
        if self.maybe(0.3) or place == "PATH":
            one["required"] = True
        getattr(self, "make_" + one["type"].lower(), lambda *_: None)(one, 0)
        one.update({"in": place, "name": "p" if place == "PATH" else
                    "X-P%d" % number if place == "HEADER" else
                    "p%d" % number})
        return one

    def make_array(self, one, depth):
        one["items"] = {"type": self.chance.choice(SCALARS)}
        getattr(self, "make_" + one["items"]["type"].lower(),
                lambda *_: None)(one["items"], 0)
        if self.maybe(0.3):
            one["min_length"] = self.chance.randint(1, 2)
        if self.maybe(0.3):
            one["max_length"] = self.chance.randint(2, 3)

    def handler(self, name):
        routes = "".join(
            ',\n{ "POST", "/asked/%d/{p}", .serve = serve, .inputs = '
            "FH_VALUES(%s) }" % (number, self.table(inputs, True))
            for number, inputs in enumerate(self.routes))
        return build.handler(name, routes=routes)

    # ------------------------------------------------------- texts

    def text(self, one):
        if self.maybe(0.12):
            return self.chance.choice(ODD)
        value = getattr(self, "value_" + one["type"].lower())(one)
        return value if isinstance(value, str) else json.dumps(value)

    def sendable(self, place, text, listed):
        """Can it stand there, as a client writes it?"""
        if place == "PATH" and (text in ("", ".", "..") or "/" in text):
            return False
        if place == "COOKIE" and re.search(r'[;"\s]|^$', text):
            return False
        if place in ("PATH", "HEADER"):
            return not re.search(r"[\n,]|^\s|\s$" if listed or
                                 place == "HEADER" else r"\n", text)
        return True

    def texts(self, one):
        """Those of one input, as they are sent: several, one, or none."""
        place, listed = one["in"], one["type"] == "ARRAY"
        count = self.chance.randint(1, 4) if listed else 1
        if place != "PATH" and self.maybe(0.15):
            return []
        found = []
        while len(found) < count:
            text = self.text(one["items"] if listed else one)
            if self.sendable(place, text, listed):
                found.append(text)
        if listed and place in ("PATH", "HEADER"):
            return [self.chance.choice((",", ", ")).join(found)]
        if not listed and place in ("QUERY", "FORM") and self.maybe(0.03):
            return found * 2
        return found

    def request(self, number):
        inputs = self.routes[number]
        return Request(number, inputs, {one["name"]: self.texts(one)
                                        for one in inputs}, self.maybe())


# ------------------------------------------------------- what texts mean

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def scalar(kind, text):
    """A text as JSON; one that is none of the type stays a text, which no
    schema of the type takes."""
    if kind == "BOOLEAN":
        return {"true": True, "1": True, "false": False, "0": False}.get(
            text, text)
    if kind == "INTEGER" and re.fullmatch("-?[0-9]+", text):
        return int(text)
    if kind == "NUMBER" and NUMBER.fullmatch(text):
        value = float(text)
        return text if value in (float("inf"), -float("inf")) else value
    return text


def as_json(one, texts):
    if one["type"] != "ARRAY":
        return scalar(one["type"], texts[0])
    if one["in"] in ("PATH", "HEADER"):
        texts = [text.strip(" \t") for text in texts[0].split(",")
                 if texts[0] != ""]
    return [scalar(one["items"]["type"], text) for text in texts]
