"""How fast templates render, against chevron's own renderer.

Run it by hand: ``python tests/benchmarks/bench_templates.py``. Both sides print the same text from the same data
(checked first; the data has nothing to escape, because the two escape differently). Rounds alternate, so that a busy
machine slows both; the medians of the rounds are compared.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import chevron
from chevron.tokenizer import tokenize

from slackrunbooks.templates import Template

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = """\
*{{Activity.severity}}* {{Activity.title}}
<{{Activity.url}}|Open {{Activity.id}}> in {{Activity.service}}
{{#Activity.summary}}
> {{Activity.summary}}
{{/Activity.summary}}
{{^Activity.summary}}
> No summary yet.
{{/Activity.summary}}
Commander: {{commander.name}} ({{commander.team}}), since {{Activity.started}}
{{#actions}}
- {{owner.name}}: {{text}}{{#due}} (due {{due}}){{/due}}
{{/actions}}
{{#links}}
<{{url}}|{{label}}>
{{/links}}
Status: {{Activity.status}}, {{Activity.affected}} affected
"""

CONTEXT: dict[str, Any] = {
    "Activity": {
        "severity": "SEV1",
        "title": "Checkout answers with 502 in eu-west-1",
        "url": "https://status.example.com/incidents/42",
        "id": "INC-42",
        "service": "checkout",
        "summary": "Since the deploy of 14:02 every third payment fails; a rollback is under way.",
        "started": "2024-09-16 14:07 UTC",
        "status": "investigating",
        "affected": 1280,
    },
    "commander": {"name": "Ana Ruiz", "team": "payments"},
    "actions": [
        {
            "owner": {"name": f"Person {number}"},
            "text": f"Look into shard {number}",
            "due": "14:30" if number % 2 else "",
        }
        for number in range(5)
    ],
    "links": [
        {"url": "https://grafana.example.com/d/1", "label": "dashboard"},
        {"url": "https://runbooks.example.com/checkout", "label": "runbook"},
    ],
}

ROUNDS = 20
RENDERS = 500


def microseconds(work: Callable[[], str]) -> float:
    """Return how long one call takes, over a round of them."""
    start = time.perf_counter()
    for _ in range(RENDERS):
        work()
    return (time.perf_counter() - start) / RENDERS * 1e6


def main() -> None:
    """Print the medians and the ratios."""
    tokens, template = list(tokenize(TEMPLATE)), Template(TEMPLATE)
    contestants: dict[str, Callable[[], str]] = {
        "chevron.render(str)": lambda: chevron.render(TEMPLATE, CONTEXT),
        "ours, parse and render": lambda: Template(TEMPLATE).render(CONTEXT),
        "chevron.render(tokens)": lambda: chevron.render(tokens, CONTEXT),
        "ours, render": lambda: template.render(CONTEXT),
    }
    texts = {work() for work in contestants.values()}
    if len(texts) != 1:
        raise SystemExit("the renderers disagree, so there is nothing to compare")
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, work in contestants.items():
            times[name].append(microseconds(work))
    medians = {name: statistics.median(rounds) for name, rounds in times.items()}
    for name, median in medians.items():
        print(f"{name:24} {median:7.1f} us")  # noqa: T201
    for theirs, mine in (
        ("chevron.render(str)", "ours, parse and render"),
        ("chevron.render(tokens)", "ours, render"),
        ("chevron.render(str)", "ours, render"),
    ):
        print(f"{theirs} / {mine}: {medians[theirs] / medians[mine]:.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
