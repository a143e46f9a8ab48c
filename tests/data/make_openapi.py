"""Make slack-openapi.json: what Slack's pages say of the methods we use, as a document that a validator can read.

Rule of this file: it copies facts (names, types, limits, what is required, error codes) and no sentence, and it knows
none of our requests. Source: the JSON behind https://docs.slack.dev/reference/methods/<method>, as archived on the day
named below in https://github.com/slack-ruby/slack-api-ref, folder docs.slack.dev/methods. Run it as

    python tests/data/make_openapi.py CHECKOUT

where CHECKOUT is a work tree of that repository at that commit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

COMMIT = "f4837c0cb6dba1b1122ce66a5b69195ce47213f8"
DAY = "2026-08-20"
TARGET = Path(__file__).with_name("slack-openapi.json")

# What a JSON Schema says of values; everything else on a page is for people, or Slack's own bookkeeping.
_LIMITS = ("enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")

# What connects an app to a workspace, and is no step of a runbook.
CONNECTING = ("apps.uninstall", "auth.teams.list", "oauth.v2.access", "oauth.v2.exchange")
_TIMESTAMP = r"^[0-9]+(\.[0-9]{1,6})?$"


def argument(page: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an argument, as the value that it is once its text has been read.

    Slack calls JSON "a string, presented as URL-encoded"; that it is a list or an object shows in the page's example.
    """
    choices = [choice for choice in page.get("anyOf", ()) if choice != {"type": "null"}]
    shape = _shape(page.get("example"))
    made: dict[str, Any]
    if shape and "boolean" not in _types(page):
        made = shape
    elif shape:
        # "A JSON-based array" that may also be a flag is a list for whoever sends one.
        made = {"anyOf": [shape, {"type": "boolean"}]}
    elif len(choices) > 1:
        made = {"anyOf": [argument(choice) for choice in choices]}
    elif choices:
        made = argument({**choices[0], **{key: page[key] for key in page if key != "anyOf"}})
    else:
        made = {"type": page.get("type") or next((each["type"] for each in page.get("allOf", ())), "string")}
    if made.get("type") in {"array", "object"}:
        made |= _inside(page, made)
    if page.get("subtype") == "timestamp":
        made["pattern"] = _TIMESTAMP
    return made | {key: page[key] for key in _LIMITS if key in page}


def _types(page: Mapping[str, Any]) -> set[str]:
    return {page.get("type", ""), *(choice.get("type", "") for choice in page.get("anyOf", ()))}


def _shape(example: object) -> dict[str, Any] | None:
    """Tell a list and an object, and what a list holds, from a text that shows one."""
    try:
        value = json.loads(example) if isinstance(example, str) else None
    except ValueError:
        return None
    if isinstance(value, list):
        return {"type": "array", "items": {"type": "object" if value and isinstance(value[0], dict) else "string"}}
    return {"type": "object"} if isinstance(value, dict) else None


def _inside(page: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page says of the items of a list and of the fields of an object."""
    inside: dict[str, Any] = {}
    if isinstance(page.get("items"), Mapping) and set(page["items"]) & {"type", "properties"}:
        inside["items"] = argument(page["items"])
    elif made["type"] == "array":
        inside["items"] = made.get("items", {"type": "string"})
    if isinstance(page.get("properties"), Mapping):
        inside["properties"] = {name: argument(field) for name, field in page["properties"].items()}
        inside["required"] = list(page.get("required", ()))
        inside["additionalProperties"] = False
    return inside


def operation(method: str, page: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method: its arguments and no others, and the errors that its page lists."""
    told = {name: field for name, field in page["args"]["properties"].items() if name != "token"}
    required = {name for name in page["args"].get("required", ()) if name in told}
    # Slack needs these of no caller of its own, and says so beside the schema.
    required |= {name for name, field in told.items() if field.get("required_for_public")}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: argument(field) for name, field in sorted(told.items())},
        "additionalProperties": False,
    }
    if required:
        schema["required"] = sorted(required)
    body = {"required": bool(required), "content": {"application/json": {"schema": schema}}}
    answer = {"description": "ok, or an error", "x-errors": sorted(page.get("errors") or ())}
    return {"post": {"operationId": method, "requestBody": body, "responses": {"200": answer}}}


def document(pages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the whole document, for a server on this machine."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The methods of Slack that slackrunbooks uses",
            "version": DAY,
            "x-source": "https://docs.slack.dev/reference/methods/<method>, as archived in "
            f"https://github.com/slack-ruby/slack-api-ref at {COMMIT}; made by make_openapi.py",
        },
        "servers": [{"url": "http://127.0.0.1"}],
        "security": [{"token": []}],
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "paths": {f"/api/{method}": operation(method, page) for method, page in sorted(pages.items())},
    }


def _pages(checkout: Path) -> Iterator[tuple[str, Any]]:
    from slackrunbooks.slack_methods import METHODS

    for method in (*METHODS, *CONNECTING):
        page = checkout / "docs.slack.dev" / "methods" / f"{method}.json"
        yield method, json.loads(page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    made = document(dict(_pages(Path(sys.argv[1]))))
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
