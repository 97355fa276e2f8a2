"""Renders cases with Jinja2: one JSON case a line in, one JSON answer a line out.

With the argument "unfolded" Jinja2 evaluates no constants while it compiles. With "parse" it compiles alone, and takes
filters and tests of any name.
"""

import json
import signal
import sys

from jinja2 import ChainableUndefined, DictLoader, StrictUndefined, TemplateSyntaxError, Undefined, pass_context
from jinja2.sandbox import SandboxedEnvironment

POLICIES = {"strict": StrictUndefined, "chainable": ChainableUndefined}
FOLDS = "unfolded" not in sys.argv
RENDERS = "parse" not in sys.argv


class AnyName(dict):
    def get(self, name, default=None):
        return super().get(name, unchanged)



def too_long(*_):
    raise TimeoutError


@pass_context
def unchanged(_, value):
    return value


def render(case):
    env = SandboxedEnvironment(
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        trim_blocks=case.get("trim_blocks", False),
        lstrip_blocks=case.get("lstrip_blocks", False),
        undefined=POLICIES.get(case.get("undefined"), Undefined),
        optimized=FOLDS,
        finalize=None if FOLDS else unchanged,  # what may depend on the context is printed at run time
        loader=DictLoader(case.get("templates") or {}),
    )
    if not RENDERS:
        env.filters, env.tests = AnyName(env.filters), AnyName(env.tests)
    signal.alarm(5)
    try:
        if not RENDERS:
            env.compile(case["template"])
            return {}
        return {"expected": env.from_string(case["template"]).render(case["context"])}
    except Exception as e:
        return {"error": type(e).__name__, "message": str(e)[:200], "lineno": e.lineno if isinstance(e, TemplateSyntaxError) else None}
    finally:
        signal.alarm(0)


signal.signal(signal.SIGALRM, too_long)
for line in sys.stdin:
    print(json.dumps(render(json.loads(line))), flush=True)
