"""Collections that answer as Django's do, over rows that lie in memory."""

import ipaddress
import re


class Mac:
    def __init__(self, text):
        digits = re.sub("[^0-9a-f]", "", text.lower())
        if len(digits) != 12:
            raise ValueError("value is not a valid mac address")
        self._digits = digits

    def _in(self, size, separator):
        return separator.join(self._digits[i : i + size] for i in range(0, 12, size))

    def __str__(self):
        return self._in(2, ":")


class FieldError(Exception):
    """A lookup that names nothing."""


class ValidationError(Exception):
    """A lookup's value is of another kind than the column."""


class DoesNotExist(Exception):
    pass


class MultipleObjectsReturned(Exception):
    pass


class Manager:
    """What an attribute such as `session.tags` is: not iterable itself, everything starts with all() or filter()."""

    def __init__(self, query):
        self._query = query

    def all(self):
        return self._query

    def __getattr__(self, name):
        if name.startswith("_") or name not in PUBLIC:
            raise AttributeError(name)
        return getattr(self._query, name)


class Query:
    """Objects of one model in the model's order, or in the order given by order_by."""

    def __init__(self, model, items, keep_order=False):
        self.model = model
        self._items = list(items)
        if not keep_order and model.ordering:
            self._items = sort(self._items, model.ordering)

    def _with(self, items):
        return Query(self.model, items, keep_order=True)

    def all(self):
        return self

    def filter(self, **lookups):
        return self._with(i for i in self._items if matches(i, lookups))

    def exclude(self, **lookups):
        return self._with(i for i in self._items if not matches(i, lookups))

    def get(self, **lookups):
        found = self.filter(**lookups)._items
        if len(found) == 1:
            return found[0]
        fault = MultipleObjectsReturned if found else DoesNotExist
        raise fault(f"get() finds {len(found)} {self.model.__name__}")

    def first(self):
        return self._items[0] if self._items else None

    def last(self):
        return self._items[-1] if self._items else None

    def count(self):
        return len(self._items)

    def exists(self):
        return bool(self._items)

    def none(self):
        return self._with(())

    def distinct(self):
        return self._with(dict.fromkeys(self._items))

    def reverse(self):
        return self._with(reversed(self._items))

    def order_by(self, *fields):
        return self._with(sort(self._items, fields))

    def values_list(self, *fields, flat=False):
        rows = [tuple(plain(field_of(i, f)) for f in fields) for i in self._items]
        return self._with(r[0] for r in rows) if flat else self._with(rows)

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self._with(self._items[key])
        if key < 0:
            raise ValueError("Negative indexing is not supported.")
        return self._items[key]

    def __repr__(self):
        shown = [*map(repr, self._items[:20]), *["'...(remaining elements truncated)...'"][: len(self) > 20]]
        return f"<QuerySet [{', '.join(shown)}]>"

    def __or__(self, other):
        return Query(self.model, dict.fromkeys([*self, *other]))

    def __and__(self, other):
        return self._with(i for i in self if i in other._items)


PUBLIC = {n for n in vars(Query) if not n.startswith("_")}


def plain(value):
    return value.id if hasattr(value, "ordering") else value


def sort(items, fields):
    """Sorts by each field from the last to the first: null after everything, and before it in descending order."""
    for field in reversed(fields):
        name, down = field.lstrip("-"), field.startswith("-")
        items = sorted(items, key=lambda i: sort_key(field_of(i, name)), reverse=down)
    return items


def sort_key(value):
    if value is None:
        return (1,)
    if hasattr(value, "ordering"):  # a relation sorts as its model does
        keys = []
        for field in value.ordering or ("id",):
            key = sort_key(field_of(value, field.lstrip("-")))
            keys.append(Reversed(key) if field.startswith("-") else key)
        return (0, tuple(keys))
    if isinstance(value, bool):
        return (0, int(value))
    if hasattr(value, "version"):
        face = ipaddress.ip_interface(value)
        return (0, (face.version, face.network.network_address.packed, face.network.prefixlen, face.ip.packed))
    if isinstance(value, str):
        return (0, value.encode())
    return (0, value)


class Reversed:
    def __init__(self, key):
        self.key = key

    def __lt__(self, other):
        return other.key < self.key

    def __eq__(self, other):
        return self.key == other.key


def field_of(item, path):
    """Follows a path such as autonomous_system__asn over single relations."""
    for name in path.split("__"):
        if item is None:
            return None
        item = item.id if name == "pk" else getattr(item, name)
    return item


def matches(value, lookups):
    """Applies the keywords of one filter. Words that lead over the same relation have to hold for one of its rows."""
    steps = {}
    for path, wanted in lookups.items():
        head, _, rest = path.partition("__")
        steps.setdefault(head, {})[rest] = wanted
    return all(step(value, head, rest) for head, rest in steps.items())


def step(value, head, rest):
    if isinstance(value, dict) and head not in LOOKUPS:  # a JSON column
        return follow(value.get(head), rest)
    name = "id" if head == "pk" else head
    if hasattr(value, "ordering") and name in value.columns:
        return follow(getattr(value, name), rest)
    if head in LOOKUPS:
        return compare(head, value, rest[""])
    if value is None:
        return False
    raise FieldError(f"Cannot resolve keyword '{head}' into field.")


def follow(value, rest):
    """What is left of the words, for a value reached: nothing compares, and of many rows any one will do."""
    if isinstance(value, Manager):
        rows = list(value.all())
        if "isnull" in rest:
            return (not rows) == rest["isnull"]
        return any(follow(row, rest) for row in rows)
    own = {"exact": rest[""]} if "" in rest else {}
    other = {path: wanted for path, wanted in rest.items() if path}
    return (not own or compare("exact", value, own["exact"])) and matches(value, other)


def compare(lookup, value, wanted):
    if lookup == "isnull":
        return (value is None) == wanted
    if lookup == "exact" and wanted is None:
        return value is None
    if value is None:
        return False
    if isinstance(wanted, Query | list | tuple) and lookup in ("in", "range"):
        wanted = [comparable(value, w) for w in wanted]
    else:
        wanted = comparable(value, wanted)
    return LOOKUPS[lookup](comparable(value, value), wanted)


def comparable(like, value):
    """A value in the form in which the database compares it with `like`."""
    value, like = plain(value), plain(like)
    if hasattr(like, "version") and value is not None:
        try:
            face = ipaddress.ip_interface(str(value))
        except ValueError:
            return value
        return (face.version, face.ip.packed, face.network.prefixlen)
    if isinstance(like, bool) and value not in (True, False, "t", "f", "True", "False", "1", "0"):
        raise ValidationError(f"{value!r} value must be either True or False.")
    if isinstance(like, bool):
        return value in (True, "t", "True", "1")
    if isinstance(like, int) and isinstance(value, str):
        return int(value)
    if isinstance(like, Mac) and value is not None:
        return str(Mac(str(value)))
    return value


def text(test, fold=False):
    def run(value, wanted):
        value, wanted = text_of(value), text_of(wanted)
        return test(value.upper(), wanted.upper()) if fold else test(value, wanted)

    return run


def text_of(value):
    if isinstance(value, tuple) and len(value) == 3 and value[0] in (4, 6):
        return str(ipaddress.ip_address(value[1]))
    return str(value)


LOOKUPS = {
    "exact": lambda a, b: a == b,
    "in": lambda a, b: a in b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "range": lambda a, b: b[0] <= a <= b[1],
    "isnull": None,
    "iexact": text(lambda a, b: a == b, fold=True),
    "contains": text(lambda a, b: b in a),
    "icontains": text(lambda a, b: b in a, fold=True),
    "startswith": text(lambda a, b: a.startswith(b)),
    "istartswith": text(lambda a, b: a.startswith(b), fold=True),
    "endswith": text(lambda a, b: a.endswith(b)),
    "iendswith": text(lambda a, b: a.endswith(b), fold=True),
    "regex": lambda a, b: re.search(b, text_of(a)) is not None,
    "iregex": lambda a, b: re.search(b, text_of(a), re.IGNORECASE) is not None,
    "family": lambda a, b: a[0] == b,
}
