"""YAML in block style for what JSON holds, in the shape that PyYAML's dump gives it."""

import re

PLAIN = re.compile(r"[A-Za-z0-9_./()+$^<;=\\~-][^\n\x85\u2028\u2029]*\Z")
OTHER_TYPE = re.compile(
    r"(?:~|null|Null|NULL|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|=|<<"
    r"|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
    r"|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d-\d\d"
    r"|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)\Z"
)


def dump(value, indent=2, sort_keys=True):
    if isinstance(value, dict | list) and value:
        return "".join(line + "\n" for line in block(value, indent, sort_keys))
    text = scalar(value)
    return f"{text}\n" if text[:1] in "'\"{[" else f"{text}\n...\n"


def block(value, indent, sort_keys):
    """The lines of a filled dict or list. Lists stand at the level of their key."""
    items = value if isinstance(value, list) else (sorted(value.items()) if sort_keys else value.items())
    for item in items:
        head, inner = ("-", item) if isinstance(value, list) else (scalar(item[0]) + ":", item[1])
        if not isinstance(inner, dict | list) or not inner:
            yield f"{head} {scalar(inner)}"
            continue
        lines = list(block(inner, indent, sort_keys))
        if head == "-":
            yield "-" + " " * (indent - 1) + lines.pop(0)
        else:
            yield head
        pad = "" if head != "-" and isinstance(inner, list) else " " * indent
        yield from (pad + line for line in lines)


def scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if not isinstance(value, str):
        return repr(value)
    return word(value)


def word(text):
    if any(not (c.isascii() and c.isprintable()) for c in text):
        return '"' + "".join(escaped(c) for c in text) + '"'
    bare = PLAIN.match(text) and not OTHER_TYPE.match(text) and not text.startswith(("- ", "? ", "---", "...")) and text not in ("-", "?")
    if bare and ": " not in text and " #" not in text and not text.endswith((":", " ")):
        return text
    return "'" + text.replace("'", "''") + "'"


def escaped(c):
    if c in '"\\\n\t\r':
        return "\\" + {"\n": "n", "\t": "t", "\r": "r"}.get(c, c)
    if c.isascii() and c.isprintable():
        return c
    return f"\\x{ord(c):02X}" if ord(c) < 256 else f"\\u{ord(c):04X}" if ord(c) < 65536 else f"\\U{ord(c):08X}"
