"""Rows of flat tables as objects with relations."""

import json
from datetime import datetime

from query import Manager, Query


class Secret:
    """A password: true, printed as its placeholder, and good for nothing else."""

    def __init__(self, ref, prefix="", cipher=""):
        self._ref, self._prefix, self._cipher = ref, prefix, cipher

    def __str__(self):
        return f"{self._prefix}{{secret:{self._ref['id']}@{self._ref['version']}{self._cipher}}}"

    def _bare(self):
        return Secret(self._ref, "", self._cipher)

    def __eq__(self, other):
        raise TypeError("a secret can't be compared")

    __hash__ = None


MODELS: dict = {}
TIMES = ("created", "updated", "last_established_state", "poll_bgp_sessions_last_updated")


class Data:
    """The tables, and each row as one object."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            tables = json.load(file)
        self.rows = {}
        for model in MODELS.values():
            self.rows[model] = {row["id"]: model(self, row) for row in tables[model.table]}

    def all(self, model):
        return Query(model, self.rows[model].values())

    def find(self, model, test):
        return Query(model, (o for o in self.rows[model].values() if test(o)))

    def one(self, model, key):
        return None if key is None else self.rows[model][key]


class Model:
    """One row. `one` and `many` name its relations, `kinds` the columns that aren't plain values."""

    table = kind_name = ""
    ordering = ()
    one: dict = {}
    many: dict = {}
    kinds: dict = {}

    def __init_subclass__(cls):
        if cls.table:
            MODELS[cls.__name__] = cls

    def __init__(self, data, row):
        self._data, self._row = data, row
        self.columns = {*row, *(f"{name}_id" for name in self.one)} - {"config_context", "is_private"} | {"local_context_data"}
        for name, value in row.items():
            if name in self.many or name in self.one:
                continue
            kind = datetime.fromisoformat if name in TIMES else self.kinds.get(name)
            setattr(self, name, kind(value) if kind and value is not None else value)

    def __getattr__(self, name):
        if name in self.one:
            return self._data.one(MODELS[self.one[name]], self._row[name])
        if name in self.many:
            model = MODELS[self.many[name]]
            objects = [self._data.rows[model][key] for key in self._row[name]]
            return Manager(Query(model, objects, keep_order=name == "tags"))
        if name.endswith("_id") and name[:-3] in self.one:
            return self._row[name[:-3]]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def pk(self):
        return self.id

    @property
    def local_context_data(self):
        return self._row.get("config_context")

    def __str__(self):
        return self.name

    def __repr__(self):
        return f"<{self.kind_name or type(self).__name__}: {self}>"
