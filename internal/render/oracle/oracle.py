"""Renders templates as Peering Manager does, over the flat tables of network.json: one JSON job a line in, one JSON answer a line out.

    python3 oracle.py network.json <jobs >answers

It needs Python 3.10 and jinja2. A job has `template`, optional `trim` and `lstrip` (booleans), `undefined` ("strict"), and what it
is rendered for: `router` (an id), `email` (the id of a network), `new_network` (ids of our network and of one in PeeringDB) or
`dataset` (a kind, as export templates name it). `configurations` may add texts to include, by name.
An answer has `output`, or `error`, the exception's class, and `message`.
"""

import json
import signal
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound, Undefined, nodes
from jinja2.ext import Extension
from jinja2.sandbox import SandboxedEnvironment

import models
import peeringdb
from base import Data
from filters import FILTERS

DATASETS = {
    "peering.autonomoussystem": models.AutonomousSystem,
    "peering.bgpgroup": models.BGPGroup,
    "peering.internetexchange": models.InternetExchange,
    "peering.directpeeringsession": models.DirectPeeringSession,
    "peering.internetexchangepeeringsession": models.InternetExchangePeeringSession,
    "peering.routingpolicy": models.RoutingPolicy,
    "bgp.community": models.Community,
    "devices.router": models.Router,
    "net.connection": models.Connection,
}
INCLUDED = {"configuration": models.Configuration, "email": models.Email, "exporttemplate": models.ExportTemplate}


class Includes(Extension):
    """include_configuration and its like: a name stands for itself, whether quoted or not."""

    tags = {f"include_{kind}" for kind in INCLUDED}

    def parse(self, parser):
        tag = next(parser.stream)
        expression = parser.parse_expression()
        key = getattr(expression, "name", None) or getattr(expression, "value", "")
        source = nodes.Const(f"{tag.value.removeprefix('include_')}::{key}")
        return nodes.Include(source, True, False, lineno=tag.lineno)


class Loader(BaseLoader):
    """Texts by KIND::NAME or KIND::ID."""

    def __init__(self, data, extra):
        self.data, self.extra = data, extra

    def get_source(self, environment, template):
        kind, _, key = template.partition("::")
        if kind == "configuration" and key in self.extra:
            return self.extra[key], template, None
        rows = self.data.rows.get(INCLUDED.get(kind), {}).values()
        found = [row for row in rows if (str(row.id) if key.isdigit() else row.name) == key]
        if not found:
            raise TemplateNotFound(key)
        if kind == "exporttemplate":
            return export(self.data, found[0]), template, None
        return found[0].template, template, None


def export(data, row):
    """An export template is rendered on its own first, without its switches."""
    return environment(data, {}).from_string(row.template).render(dataset=data.all(DATASETS[row.content_type]))


def now(format="%Y-%m-%dT%H:%M:%SZ", timezone=""):
    return datetime.now(ZoneInfo(timezone or "UTC")).strftime(format)


def environment(data, job):
    env = SandboxedEnvironment(
        loader=Loader(data, job.get("configurations") or {}),
        extensions=[Includes, "jinja2.ext.do", "jinja2.ext.loopcontrols"],
        trim_blocks=job.get("trim", False),
        lstrip_blocks=job.get("lstrip", False),
        undefined=StrictUndefined if job.get("undefined") == "strict" else Undefined,
    )
    env.filters.update(FILTERS)
    env.globals["now"] = now
    return env


def context(data, job):
    if "router" in job:
        router = data.one(models.Router, job["router"])
        return {
            "router": router,
            "local_as": router.local_autonomous_system,
            "autonomous_systems": router.get_autonomous_systems(),
            "bgp_groups": router.get_bgp_groups(),
            "internet_exchange_points": router.get_internet_exchange_points(),
            "communities": data.all(models.Community),
            "routing_policies": router.get_routing_policies(),
        }
    if "email" in job:
        ours = data.find(models.AutonomousSystem, lambda a: a.affiliated)
        return {"affiliated_autonomous_systems": ours, "autonomous_system": data.one(models.AutonomousSystem, job["email"])}
    if "new_network" in job:
        ours, network = job["new_network"]
        return {"autonomous_systems": [data.one(models.AutonomousSystem, ours), data.one(peeringdb.Network, network)]}
    return {"dataset": data.all(DATASETS[job["dataset"]])} if "dataset" in job else {}


def too_long(*_):
    raise TimeoutError


def answer(data, job):
    signal.alarm(30)
    try:
        return {"output": environment(data, job).from_string(job["template"]).render(context(data, job))}
    except Exception as e:  # whatever it is, it is the answer
        return {"error": type(e).__name__, "message": str(e)[:300]}
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, too_long)
    tables = Data(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(answer(tables, json.loads(line))), flush=True)
