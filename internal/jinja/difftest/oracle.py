"""Renders cases with Jinja2: one JSON case a line in, one JSON answer a line out."""

import json
import signal
import sys

from jinja2 import ChainableUndefined, DictLoader, StrictUndefined, TemplateSyntaxError, Undefined
from jinja2.sandbox import SandboxedEnvironment

POLICIES = {"strict": StrictUndefined, "chainable": ChainableUndefined}


def too_long(*_):
    raise TimeoutError


def render(case):
    env = SandboxedEnvironment(
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        trim_blocks=case.get("trim_blocks", False),
        lstrip_blocks=case.get("lstrip_blocks", False),
        undefined=POLICIES.get(case.get("undefined"), Undefined),
        loader=DictLoader(case.get("templates") or {}),
    )
    signal.alarm(5)
    try:
        return {"expected": env.from_string(case["template"]).render(case["context"])}
    except Exception as e:
        return {"error": type(e).__name__, "message": str(e)[:200], "lineno": e.lineno if isinstance(e, TemplateSyntaxError) else None}
    finally:
        signal.alarm(0)


signal.signal(signal.SIGALRM, too_long)
for line in sys.stdin:
    print(json.dumps(render(json.loads(line))), flush=True)
