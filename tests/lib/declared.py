"""Handlers with inputs made by chance: for what must hold for every table.

	made = Declared(seed)
	path = made.handler("made")	# a .so with made.routes

Each route of it is POST /made/N and takes a JSON body, declared by FH_VALUES;
what it was made from stands in made.routes[N].
"""

import json
import random

from . import build

SCALARS = ("BOOLEAN", "INTEGER", "NUMBER", "STRING", "DATE", "DATE_TIME",
           "UUID", "BYTE", "ENUM")
PATTERNS = ("^[a-z]+$", "^\\d{2,4}$", "ab?c", "^(?:x|yy)*$", "[^/]$",
            "^\\w+\\.\\w+$", "^(?=a)a.*$", "^[\\w.-]+$",
            # of PCRE2 alone, or of another meaning
            "(?i)abc", "\\Aabc\\z", "^[[:alpha:]]+$", "^a++b$", "a\\-b",
            "^[]a]+$", "(?<n>a)\\k<n>", "^\\h$", "x{,3}", "a}")
WORDS = ("low", "mid", "high", "a b", "\u00e4\u00f6", "", "0", "null")


def quoted(text):
    """As a C string."""
    return '"%s"' % "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\?' else
        "".join("\\%03o" % byte for byte in c.encode()) for c in text)


class Declared:
    def __init__(self, seed, routes=20, depth=3):
        self.chance = random.Random(seed)
        self.routes = [self.members(depth) for _ in range(routes)]

    def maybe(self, odds=0.4):
        return self.chance.random() < odds

    def members(self, depth):
        count = self.chance.randint(1, 5)
        return [dict(self.property(depth), name="m%d" % i)
                for i in range(count)]

    def property(self, depth):
        kinds = list(SCALARS) + (["ARRAY", "OBJECT"] * 2 if depth else [])
        one = {"type": self.chance.choice(kinds)}
        for key in ("required", "nullable", "secret"):
            if self.maybe(0.3):
                one[key] = True
        if self.maybe():
            one["about"] = 'a "line" \u00fcber \\it'
        getattr(self, "make_" + one["type"].lower(), lambda *_: None)(
            one, depth)
        return one

    # ----------------------------------------------------- types

    def make_integer(self, one, _):
        low = self.chance.randint(-100, 100)
        if self.maybe():
            one[self.chance.choice(("min", "above"))] = str(low)
        if self.maybe():
            one[self.chance.choice(("max", "below"))] = str(low + 50)

    def make_number(self, one, _):
        low = self.chance.randint(-400, 400) / 4
        if self.maybe():
            one[self.chance.choice(("min", "above"))] = repr(low)
        if self.maybe():
            one[self.chance.choice(("max", "below"))] = repr(low + 12.5)

    def make_string(self, one, _):
        if self.maybe(0.3):
            one["min_length"] = self.chance.randint(1, 3)
        if self.maybe(0.3):
            one["max_length"] = self.chance.randint(3, 8)
        if self.maybe(0.3):
            one["pattern"] = self.chance.choice(PATTERNS)

    def make_date(self, one, _):
        if self.maybe():
            one["min"] = "2020-02-29"
        if self.maybe():
            one["max"] = "2030-12-31"

    def make_date_time(self, one, _):
        if self.maybe():
            one["above"] = "2020-02-29T12:00:00Z"

    def make_byte(self, one, _):
        if self.maybe(0.3):
            one["max_length"] = 3 * self.chance.randint(1, 3)

    def make_enum(self, one, _):
        count = self.chance.randint(1, len(WORDS))
        one["choices"] = self.chance.sample(WORDS, count)

    def make_array(self, one, depth):
        one["items"] = self.property(depth - 1)
        for key in ("required", "nullable"):
            one["items"].pop(key, None)
        if self.maybe(0.3):
            one["min_length"] = 1
        if self.maybe(0.3):
            one["max_length"] = self.chance.randint(1, 3)

    def make_object(self, one, depth):
        one["fields"] = self.members(depth - 1)

    # ------------------------------------------------------- as C

    def entry(self, one, top):
        name = one.get("name")
        words = ["FH_VALUE(%s, %s)" % (one["type"], quoted(name)) if name
                 else "FH_ITEM(%s)" % one["type"]]
        if top:
            words.append(".in = FH_IN_%s" % one.get("in", "BODY"))
        for key in ("required", "nullable", "secret"):
            if one.get(key):
                words.append(".%s = true" % key)
        for key in ("min", "max", "above", "below", "pattern", "about"):
            if key in one:
                words.append(".%s = %s" % (key, quoted(one[key])))
        for key in ("min_length", "max_length"):
            if key in one:
                words.append(".%s = %d" % (key, one[key]))
        if "choices" in one:
            words.append(".choices = FH_CHOICES(%s)" % ", ".join(
                map(quoted, one["choices"])))
        if "items" in one:
            words.append(".items = FH_ITEMS(%s)" % self.entry(
                one["items"], False))
        if "fields" in one:
            words.append(".fields = FH_FIELDS(%s)" % self.table(
                one["fields"], False))
        return ", ".join(words)

    def table(self, members, top):
        return ", ".join("{ %s }" % self.entry(one, top) for one in members)

    def handler(self, name):
        routes = "".join(
            ',\n{ "POST", "/made/%d", .serve = serve, .inputs = FH_VALUES(%s) '
            "}" % (number, self.table(members, True))
            for number, members in enumerate(self.routes))
        return build.handler(name, routes=routes)

    # ------------------------------------------------------ values

    def near(self, low, high, step):
        """A number about the bounds of a property, on them too."""
        return self.chance.choice((low - step, low, low + step, high - step,
                                   high, high + step))

    def body(self, members):
        """An object that is nearly as declared."""
        out = {}
        for one in members:
            if one.get("required") and self.maybe(0.95) or self.maybe(0.8):
                out[one["name"]] = self.value(one)
        if self.maybe(0.1):
            out["other"] = 1
        return out

    def value(self, one):
        if self.maybe(0.06):
            return self.chance.choice((None, True, 3, 3.0, 2.5, "x", [], {},
                                       "3", "true"))
        if one.get("nullable") and self.maybe(0.15):
            return None
        return getattr(self, "value_" + one["type"].lower())(one)

    def value_boolean(self, _):
        return self.maybe()

    def value_integer(self, one):
        low = int(one.get("min") or one.get("above") or 0)
        high = int(one.get("max") or one.get("below") or low)
        number = self.near(low, high, 1)
        return float(number) if self.maybe(0.1) else number

    def value_number(self, one):
        low = float(one.get("min") or one.get("above") or 0)
        high = float(one.get("max") or one.get("below") or low)
        return self.near(low, high, 0.25)

    def value_string(self, one):
        texts = ("abc", "ab", "", "abc.def", "12", "12345", "\u00e4\u00f6",
                 "x", "xyy", "a/", "\U0001f600" * 4, "ABC", "aab", "a-b", "abc\n",
                 "12\n")
        return self.chance.choice(texts)

    def value_date(self, _):
        return self.chance.choice((
            "2020-02-29", "2020-02-28", "2021-02-29", "2030-12-31",
            "2031-01-01", "2024-13-01", "2024-6-1", "2024-06-01",
            "2024-06-01T00:00:00Z"))

    def value_date_time(self, _):
        return self.chance.choice((
            "2020-02-29T12:00:00Z", "2020-02-29T12:00:01Z",
            "2020-02-29T13:30:00+01:00", "2020-02-29T12:00:00.5Z",
            "2024-06-01", "2024-06-01T25:00:00Z", "2024-06-01T12:00:00",
            "2024-06-01T12:00:00-08:00"))

    def value_uuid(self, _):
        return self.chance.choice((
            "01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89AB-CDEF-0123-456789ABCDEF",
            "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123"))

    def value_byte(self, _):
        return self.chance.choice(("", "QQ==", "QUI=", "QUJD", "QUJDRA==",
                                   "QUJDREVG", "QUJDREVGR0hJSkw=", "Q", "QQ",
                                   "Q_-="))

    def value_enum(self, one):
        return self.chance.choice(tuple(one["choices"]) + ("none", 0))

    def value_array(self, one):
        return [self.value(one["items"])
                for _ in range(self.chance.randint(0, 4))]

    def value_object(self, one):
        return self.body(one["fields"])


def text(value):
    return json.dumps(value, ensure_ascii=False)
