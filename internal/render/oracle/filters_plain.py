"""Filters on text, addresses and collections, written from their description."""

import ipaddress
import json
import unicodedata

import yamltext
from base import Model, Secret
from models import Session
from query import Mac, Query

FILTERS = {}


def offer(*names):
    """Makes a function a filter by its own name, less a final _, and by further ones."""

    def take(function):
        for name in (function.__name__.rstrip("_"), *names):
            FILTERS[name] = function
        return function

    return take


def must_be(value, *models):
    if not isinstance(value, models):
        raise ValueError(f"value is no {' or '.join(m.__name__ for m in models)}")


def method_of(value, name):
    if not hasattr(value, name):
        raise AttributeError(f"{value} has no {name}")
    return getattr(value, name)


# Text


@offer()
def safe_string(value):
    return unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()


@offer()
def quote(value, char='"'):
    return f"{char}{value}{char}" if value else ""


@offer()
def indent(value, n, chars=" ", reset=False):
    lines = str(value).splitlines(keepends=True)
    return "".join(chars * n + (line.lstrip(chars) if reset else line) for line in lines)


def flat(value):
    if isinstance(value, Query):
        return [flat(item) for item in value]
    if not isinstance(value, Model):
        return value
    fields = {name: cell for name, cell in value._row.items() if name not in ("id", "is_private", "config_context")}
    fields |= {name: [row.id for row in getattr(value, name).all()] for name in value.many}
    fields |= {"tags": [tag.name for tag in value.tags.all()]} if "tags" in fields else {}
    fields |= {"local_context_data": value.local_context_data} if "config_context" in value._row else {}
    if isinstance(value, Session):
        fields |= {name: str(getattr(value, name)) if getattr(value, name) else None for name in ("password", "encrypted_password")}
    return fields


@offer()
def as_json(value, indent=4, sort_keys=True):
    return json.dumps(flat(value), indent=indent, sort_keys=sort_keys)


@offer()
def as_yaml(value, indent=2, sort_keys=True):
    return yamltext.dump(flat(value), indent, sort_keys)


# Addresses


def parsed(value, *kinds):
    for kind in kinds:
        try:
            return kind(value)
        except ValueError:
            continue
    return None


@offer()
def ipv4(value):
    return parsed(value, ipaddress.IPv4Address, ipaddress.IPv4Interface)


@offer()
def ipv6(value):
    return parsed(value, ipaddress.IPv6Address, ipaddress.IPv6Interface)


@offer()
def ip(value):
    if isinstance(value, list):
        return [ip(item) for item in value]
    if isinstance(value, Session):
        value = value.ip_address
    return str(ipaddress.ip_interface(value).ip)


@offer()
def ip_version(value):
    must_be(value, Session)
    return value.ip_address.version


@offer()
def mac(value, format=""):
    value = getattr(value, "mac_address", value)
    if isinstance(value, str):
        value = Mac(value)
    size, separator = {"cisco": (4, "."), "bare": (12, "")}.get(format, (2, ":"))
    return value._in(size, separator)


@offer("arista_password")
def cisco_password(value):
    if isinstance(value, Secret):
        return value._bare()
    return value[2:] if value.startswith("7 ") else value


# Collections


@offer("len", "count")
def length(value):
    return len(value)


@offer()
def filter_(value, **wanted):
    if isinstance(value, Query):
        return value.filter(**wanted)
    if not hasattr(value, "__iter__"):
        raise ValueError("value cannot be filtered (not iterable)")
    return [item for item in value if all(hasattr(item, k) and getattr(item, k) == v for k, v in wanted.items())]


@offer()
def get(value, **wanted):
    found = filter_(value, **wanted)
    return found[0] if len(found) == 1 else found


@offer()
def unique_items(value, field):
    if isinstance(value, Query):
        value = value.order_by(field)
    first = {}
    for item in value:
        if hasattr(item, field):
            first.setdefault(getattr(item, field), item)
    return list(first.values())


@offer()
def iterate(value, field):
    for item in value:
        yield getattr(item, field, None)
