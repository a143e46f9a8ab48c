"""The manifest of a Slack app that may do what its runbooks need, and how an existing one differs from it.

Rule of this file: values only; it reads and writes no file and asks nobody. The form of a manifest, with its lengths
and counts, is the table ``_MANIFEST``, from https://docs.slack.dev/reference/app-manifest and, where that page gives no
number, from the JSON Schema that Slack publishes at https://github.com/slackapi/manifest-schema. What neither knows is
left alone, for Slack adds settings more often than this file changes.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import attrs

from ._context import kind_of
from .errors import CheckFailed, Problem, RunbookError
from .scopes import ScopeRequirements, Subject, checked_scopes, required_scopes, with_companions

if TYPE_CHECKING:
    from .scopes import ScopeAudit

__all__ = ["Manifest", "ManifestChange", "ManifestDiff", "app_manifest", "read_manifest"]

# --- the documented form ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Text:
    least: int = 0
    most: int = 0
    pattern: str = ""
    form: str = ""
    choices: tuple[str, ...] = ()

    def faults(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(place, f"must be text, not {kind_of(value)}.")
        elif self.choices and value not in self.choices:
            yield Problem(place, f"must be one of {', '.join(self.choices)}, not {value!r}.")
        elif len(value) < self.least:
            few = f"must have at least {self.least} characters, and has {len(value)}."
            yield Problem(place, "is empty." if not value else few)
        elif self.most and len(value) > self.most:
            yield Problem(place, f"has {len(value)} characters; Slack takes {self.most:,}.")
        elif self.pattern and not re.search(self.pattern, value):
            yield Problem(place, f"{value!r} is not {self.form}.")


@attrs.frozen
class _Flag:
    def faults(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, bool):
            yield Problem(place, f"must be true or false, not {kind_of(value)}.")


@attrs.frozen
class _Version:
    most: int = 0

    def faults(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(place, f"must be a whole number, not {kind_of(value)}.")
        elif self.most and not 1 <= value <= self.most:
            yield Problem(place, f"is {value}; Slack knows the versions 1 to {self.most}.")


@attrs.frozen(kw_only=True)
class _List:
    of: _Rule
    most: int
    least: int = 0
    unique: bool = True

    def faults(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, (list, tuple)):
            yield Problem(place, f"must be a list, not {kind_of(value)}.")
            return
        items = cast("Sequence[object]", value)
        if len(items) < self.least:
            yield Problem(place, "is an empty list, which Slack does not take here.", "Leave it out.")
        if len(items) > self.most:
            yield Problem(place, f"has {len(items):,} entries; Slack takes {self.most:,}.")
        for at, item in enumerate(items):
            yield from self.of.faults(item, f"{place}[{at}]")
            if self.unique and item in items[:at]:
                yield Problem(f"{place}[{at}]", f"{item!r} stands there twice.", "Remove one.")


@attrs.frozen
class _Group:
    fields: Mapping[str, _Rule]
    required: tuple[str, ...] = ()

    def faults(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(place, f"must be a mapping, not {kind_of(value)}.")
            return
        group = cast("Mapping[str, object]", value)
        for name in self.required:
            if name not in group:
                yield Problem(_below(place, name), "is missing, and Slack requires it.")
        for name, rule in self.fields.items():
            if name in group:
                yield from rule.faults(group[name], _below(place, name))


@attrs.frozen
class _ByName:
    """A mapping of things by the names that the app gives them."""

    longest: int
    of: _Rule

    def faults(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(place, f"must be a mapping, not {kind_of(value)}.")
            return
        for name, item in cast("Mapping[str, object]", value).items():
            if len(name) > self.longest:
                yield Problem(_below(place, name), f"has {len(name)} characters; Slack takes {self.longest}.")
            yield from self.of.faults(item, _below(place, name))


_Rule: TypeAlias = "_Text | _Flag | _Version | _List | _Group | _ByName"


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


_FLAG: Final = _Flag()
_SCOPES: Final = _List(of=_Text(least=1, most=50), most=255)
_EVENTS: Final = _List(of=_Text(least=1, most=50), most=100)


def _url(most: int, *, scheme: str = "https?") -> _Text:
    return _Text(most=most, pattern=f"^{scheme}://", form="an address that begins with https://")


_IP_RANGE: Final = r"^([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?$"

_MANIFEST: Final = _Group(
    {
        "_metadata": _Group({"major_version": _Version(2), "minor_version": _Version()}),
        "display_information": _Group(
            {
                "name": _Text(least=1, most=35),
                "description": _Text(least=1, most=140),
                # The page says that less than 174 is refused, the schema less than 175.
                "long_description": _Text(least=175, most=4000),
                "background_color": _Text(
                    pattern="^#([0-9a-fA-F]{3}){1,2}$", form="a colour such as #0a0 or #00aa00 (in YAML between quotes)"
                ),
            },
            ("name",),
        ),
        "features": _Group(
            {
                "app_home": _Group(
                    dict.fromkeys(("home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"), _FLAG)
                ),
                # The page allows only a-z, 0-9, "-", "_" and "." in it, but shows a name with capitals and blanks.
                "bot_user": _Group(
                    {"display_name": _Text(least=1, most=80), "always_online": _FLAG}, ("display_name",)
                ),
                "shortcuts": _List(
                    of=_Group(
                        {
                            "name": _Text(least=1, most=24),
                            "callback_id": _Text(least=1, most=255),
                            "description": _Text(least=1, most=150),
                            "type": _Text(choices=("message", "global")),
                        },
                        ("name", "callback_id", "description", "type"),
                    ),
                    most=10,
                    least=1,
                    unique=False,
                ),
                "slash_commands": _List(
                    of=_Group(
                        {
                            "command": _Text(
                                least=2, most=32, pattern="^/", form="a command that begins with /, such as /incident"
                            ),
                            "description": _Text(least=1, most=2000),
                            "url": _url(3000),
                            "usage_hint": _Text(least=1, most=1000),
                            "should_escape": _FLAG,
                        },
                        ("command", "description"),
                    ),
                    most=50,
                    least=1,
                    unique=False,
                ),
                "unfurl_domains": _List(of=_Text(least=1, most=255), most=5, least=1),
                "workflow_steps": _List(
                    of=_Group(
                        {"name": _Text(least=1, most=50), "callback_id": _Text(least=1, most=50)},
                        ("name", "callback_id"),
                    ),
                    most=10,
                    least=1,
                    unique=False,
                ),
            }
        ),
        "oauth_config": _Group(
            {
                "redirect_urls": _List(of=_Text(least=1, most=2500), most=1000),
                "scopes": _Group(dict.fromkeys(("bot", "bot_optional", "user", "user_optional"), _SCOPES)),
                "token_management_enabled": _FLAG,
                "pkce_enabled": _FLAG,
            }
        ),
        "settings": _Group(
            {
                # The page says 10, the schema 50.
                "allowed_ip_address_ranges": _List(
                    of=_Text(pattern=_IP_RANGE, form="an IPv4 address or range, such as 192.0.2.0/24"), most=50, least=1
                ),
                "event_subscriptions": _Group(
                    {
                        "request_url": _url(3500),
                        "bot_events": _EVENTS,
                        "user_events": _EVENTS,
                        "metadata_subscriptions": _List(
                            of=_Group(
                                {"app_id": _Text(least=1), "event_type": _Text(least=1, most=50)},
                                ("app_id", "event_type"),
                            ),
                            most=20,
                            least=1,
                        ),
                    }
                ),
                "incoming_webhooks": _Group({"incoming_webhooks_enabled": _FLAG}),
                "interactivity": _Group(
                    {"is_enabled": _FLAG, "request_url": _url(3500), "message_menu_options_url": _url(3500)},
                    ("is_enabled",),
                ),
                "org_deploy_enabled": _FLAG,
                "socket_mode_enabled": _FLAG,
                "token_rotation_enabled": _FLAG,
                "is_hosted": _FLAG,
                "siws_links": _Group({"initiate_uri": _url(3500, scheme="https")}),
                "function_runtime": _Text(choices=("remote", "slack")),
            }
        ),
        "functions": _ByName(
            100,
            _Group(
                {"title": _Text(least=1, most=255), "description": _Text(least=1)},
                ("title", "description", "input_parameters", "output_parameters"),
            ),
        ),
    },
    ("display_information",),
)


def _faults(data: object) -> Iterator[Problem]:
    """Give everything that is wrong with a manifest."""
    yield from _MANIFEST.faults(data, "")
    scopes = _at(data, "oauth_config", "scopes")
    for kind in ("bot", "user") if isinstance(scopes, Mapping) else ():
        listed = _texts(_at(scopes, kind))
        for scope in _texts(_at(scopes, f"{kind}_optional")):
            if scope not in listed:
                yield Problem(
                    f"oauth_config.scopes.{kind}_optional",
                    f"{scope} is optional, but not listed under {kind}.",
                    f"List it under {kind} too.",
                )


def _at(data: object, *path: str) -> Any:
    for name in path:
        data = cast("Mapping[str, object]", data).get(name) if isinstance(data, Mapping) else None
    return data


def _texts(value: object) -> list[str]:
    items = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else ()
    return [item for item in items if isinstance(item, str)]


# --- a manifest ------------------------------------------------------------------------------------------------------

# Switches that are off where they are left out.
_OFF: Final = frozenset(
    {
        ("features", "bot_user", "always_online"),
        ("settings", "org_deploy_enabled"),
        ("settings", "socket_mode_enabled"),
        ("settings", "token_rotation_enabled"),
    }
)


@attrs.frozen(kw_only=True, repr=False)
class Manifest:
    """The manifest of a Slack app, in the form that Slack documents.

    :func:`app_manifest` works one out, :func:`read_manifest` reads one.
    """

    _data: Mapping[str, Any] = attrs.field(repr=False, alias="data")
    _needs: ScopeRequirements | None = attrs.field(default=None, alias="needs")
    _also: tuple[str, ...] = attrs.field(default=(), alias="also")
    # Settings that nobody asked for, so that an existing app may have them otherwise.
    _filled_in: frozenset[str] = attrs.field(default=frozenset(), alias="filled_in")

    def __repr__(self) -> str:
        return f"Manifest({self.name!r}, {len(self.scopes)} bot scopes)"

    def __str__(self) -> str:
        return self.to_yaml()

    @property
    def name(self) -> str:
        """The app's name."""
        return str(self._data["display_information"]["name"])

    @property
    def scopes(self) -> tuple[str, ...]:
        """The bot scopes that it requests, sorted."""
        return tuple(sorted(_texts(_at(self._data, "oauth_config", "scopes", "bot"))))

    @property
    def optional_scopes(self) -> tuple[str, ...]:
        """Those of :attr:`scopes` that whoever installs the app may decline, sorted."""
        return tuple(sorted(_texts(_at(self._data, "oauth_config", "scopes", "bot_optional"))))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, as ``apps.manifest.create`` and ``apps.manifest.update`` take it as JSON."""
        return copy.deepcopy(dict(self._data))

    def to_json(self) -> str:
        """Return it as JSON text."""
        return json.dumps(self._data, ensure_ascii=False, indent=2) + "\n"

    def to_yaml(self) -> str:
        """Return it as YAML text, to be pasted into the app's settings."""
        from . import _yaml

        return _yaml.dump(self._data)

    def diff(self, existing: Manifest | Mapping[str, Any] | str) -> ManifestDiff:
        """Tell what an existing manifest lacks of this one, and which of its bot scopes no runbook uses.

        Settings that this manifest does not have are left alone. Of the other features of an app only slash commands,
        shortcuts, incoming webhooks and unfurled links are known to use a scope; name others as ``also``, such as those
        of the events that it subscribes to.

        Args:
            existing: The manifest of the app as it is: a :class:`Manifest`, plain data, or JSON or YAML text.

        Raises:
            CheckFailed: The existing one is no manifest; every problem is named with its place.
            RunbookError: Its text is neither JSON nor YAML.
        """
        there = _as_manifest(existing)
        have = there.scopes
        if self._needs is None:
            missing = [scope for scope in self.scopes if scope not in have]
            unused = [scope for scope in have if scope not in self.scopes]
            declinable = [s for s in there.optional_scopes if s in self.scopes and s not in self.optional_scopes]
            audit = None
        else:
            audit = self._needs.audit(have)
            kept = set(with_companions({*self._also, *_of_features(there._data)}))  # noqa: SLF001 - one class
            missing = sorted({*audit.to_add, *({*with_companions(self._also)} - {*have})})
            unused = sorted({*audit.unused, *audit.spare} - kept)
            must = ScopeRequirements(tuple(each for each in self._needs if not each.optional))
            lacking = must.missing(have)
            declinable = [s for s in there.optional_scopes if must.missing({*have} - {s}) != lacking]
        urls = _texts(_at(there._data, "oauth_config", "redirect_urls"))  # noqa: SLF001 - one class
        return ManifestDiff(
            missing_scopes=tuple(missing),
            unused_scopes=tuple(unused),
            optional_but_needed=tuple(declinable),
            missing_redirect_urls=tuple(
                url for url in _texts(_at(self._data, "oauth_config", "redirect_urls")) if url not in urls
            ),
            changes=tuple(
                change
                for change in _changes(self._data, there._data)  # noqa: SLF001 - one class
                if change.existing is None or change.path not in self._filled_in
            ),
            audit=audit,
        )

    def merged_into(self, existing: Manifest | Mapping[str, Any] | str, *, without: Collection[str] = ()) -> Manifest:
        """Return the existing manifest with what it lacks of this one; everything else in it stays as it is.

        Args:
            existing: The manifest of the app as it is: a :class:`Manifest`, plain data, or JSON or YAML text.
            without: Bot scopes to take away, of those that :meth:`diff` calls unused.

        Raises:
            CheckFailed: The existing one, or what comes of both, is no manifest.
            RunbookError: A scope to take away is used or is not there; or the existing manifest lets tokens rotate and
                this one does not, which Slack does not let anybody turn off.
        """
        there = _as_manifest(existing)
        found = self.diff(there)
        for scope in without:
            if scope not in found.unused_scopes:
                why = "is needed" if scope in there.scopes else "is not there"
                listed = ", ".join(found.unused_scopes) or "none"
                raise RunbookError(f"{scope} {why}, so it cannot be taken away; unused are: {listed}.", place="without")
        if any(change.path == "settings.token_rotation_enabled" and change.wanted is False for change in found.changes):
            raise RunbookError(
                "is on in the existing manifest, and Slack lets nobody turn it off "
                "(https://docs.slack.dev/authentication/using-token-rotation). Leave token_rotation out, or set it.",
                place="settings.token_rotation_enabled",
            )
        data = there.to_dict()
        for change in found.changes:
            *groups, last = change.path.split(".")
            inner = data
            for name in groups:
                inner = inner.setdefault(name, {})
            inner[last] = copy.deepcopy(change.wanted)
        config: dict[str, Any] = data.setdefault("oauth_config", {})
        if found.missing_redirect_urls:
            config["redirect_urls"] = [*_texts(config.get("redirect_urls")), *found.missing_redirect_urls]
        scopes: dict[str, Any] = config.setdefault("scopes", {})
        kept = [scope for scope in _texts(scopes.get("bot")) if scope not in without]
        scopes["bot"] = [*kept, *found.missing_scopes]
        added = [scope for scope in self.optional_scopes if scope in found.missing_scopes]
        optional = [
            scope
            for scope in (*_texts(scopes.get("bot_optional")), *added)
            if scope in scopes["bot"] and scope not in found.optional_but_needed
        ]
        scopes.pop("bot_optional", None)
        if optional:
            scopes["bot_optional"] = optional
        return attrs.evolve(self, data=_checked(data))


# https://docs.slack.dev/reference/scopes/commands, …/incoming-webhook, …/links.read and …/links.write
_FEATURES: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("features", "shortcuts"), ("commands",)),
    (("features", "slash_commands"), ("commands",)),
    (("features", "unfurl_domains"), ("links:read", "links:write")),
    (("settings", "incoming_webhooks", "incoming_webhooks_enabled"), ("incoming-webhook",)),
)


def _of_features(data: Mapping[str, Any]) -> Iterator[str]:
    """Give the scopes that other features of an app use."""
    for path, scopes in _FEATURES:
        if _at(data, *path):
            yield from scopes


def _as_manifest(source: Manifest | Mapping[str, Any] | str) -> Manifest:
    return source if isinstance(source, Manifest) else read_manifest(source)


def _changes(wanted: Mapping[str, Any], existing: Mapping[str, Any]) -> Iterator[ManifestChange]:
    """Give each setting of a manifest that the other has otherwise or not at all; scopes and addresses are apart."""
    for path, value in _leaves(wanted, ()):
        if path[0] == "_metadata" or path[0] == "oauth_config":
            # The version of the form belongs to what else is in the manifest.
            continue
        there = _at(existing, *path)
        if there != value and not (there is None and value is False and path in _OFF):
            yield ManifestChange(path=".".join(path), existing=there, wanted=value)


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, item in cast("Mapping[str, object]", value).items():
        yield from _leaves(item, (*path, name))


@attrs.frozen(kw_only=True)
class ManifestChange:
    """A setting that the existing manifest has otherwise.

    Attributes:
        path: Where: ``settings.org_deploy_enabled``.
        existing: What stands there; ``None`` for nothing.
        wanted: What should.
    """

    path: str
    existing: object
    wanted: object

    def __str__(self) -> str:
        there = "nothing" if self.existing is None else json.dumps(self.existing, ensure_ascii=False)
        return f"{self.path}: {there}, should be {json.dumps(self.wanted, ensure_ascii=False)}"


@attrs.frozen(kw_only=True)
class ManifestDiff:
    """What an existing manifest lacks, and what it has for nothing.

    Attributes:
        missing_scopes: Bot scopes to add, sorted.
        unused_scopes: Bot scopes that no runbook uses, or that others make up for, sorted.
        optional_but_needed: Bot scopes that whoever installs the app may decline there, and without which a runbook
            stops.
        missing_redirect_urls: Redirect URLs to add.
        changes: Settings that are otherwise.
        audit: Why, scope by scope; ``None`` for a manifest that was read and not worked out.
    """

    missing_scopes: tuple[str, ...]
    unused_scopes: tuple[str, ...]
    optional_but_needed: tuple[str, ...]
    missing_redirect_urls: tuple[str, ...]
    changes: tuple[ManifestChange, ...]
    audit: ScopeAudit | None = attrs.field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether there is no difference."""
        return not (
            self.missing_scopes
            or self.unused_scopes
            or self.optional_but_needed
            or self.missing_redirect_urls
            or self.changes
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON takes."""
        return {
            "ok": self.ok,
            "missing_scopes": list(self.missing_scopes),
            "unused_scopes": list(self.unused_scopes),
            "optional_but_needed": list(self.optional_but_needed),
            "missing_redirect_urls": list(self.missing_redirect_urls),
            "changes": [attrs.asdict(change) for change in self.changes],
        }

    def __str__(self) -> str:
        lines = [
            *(f"+ scope {scope}" for scope in self.missing_scopes),
            *(f"- scope {scope}, which no runbook needs" for scope in self.unused_scopes),
            *(f"! scope {scope} is optional, and needed" for scope in self.optional_but_needed),
            *(f"+ redirect URL {url}" for url in self.missing_redirect_urls),
            *(f"! {change}" for change in self.changes),
        ]
        return "\n".join(lines) or "no difference"


# --- making and reading ----------------------------------------------------------------------------------------------


def app_manifest(
    runbooks: Subject | ScopeRequirements | Iterable[Subject],
    *,
    name: str,
    description: str | None = None,
    long_description: str | None = None,
    background_color: str | None = None,
    bot_name: str | None = None,
    always_online: bool | None = None,
    redirect_urls: Sequence[str] = (),
    token_rotation: bool | None = None,
    org_deploy: bool | None = None,
    socket_mode: bool | None = None,
    also: Collection[str] = (),
    optional: bool = False,
) -> Manifest:
    """Work out the manifest of an app that may do what its runbooks need, and nothing else.

    What is left out is left to Slack for a new app, and as it is for an existing one.

    Args:
        runbooks: What the app is to run; or what that needs, where more is known of it:
            ``required_scopes(*runbooks, settle=True).assuming("private")``.
        name: The app's name, at most 35 characters.
        description: What it is for, at most 140 characters.
        long_description: The same at length, 175 to 4,000 characters.
        background_color: The colour behind what Slack shows of the app: ``#0a0`` or ``#00aa00``. Slack lets it be
            changed, not removed.
        bot_name: The bot user's name, at most 80 characters; left out, the app's in small letters.
        always_online: Whether the bot user is always shown as online.
        redirect_urls: Where OAuth leads back to, with ``https://``; at most 1,000.
        token_rotation: Whether tokens expire after 12 hours. Slack lets it be turned on, not off, and only where there
            is a redirect URL.
        org_deploy: Whether it may be installed for a whole Enterprise organisation.
        socket_mode: Whether it takes events over a socket, so that it needs no address of its own.
        also: Bot scopes for what the app does besides, such as ``commands``.
        optional: Whether scopes for steps that may fail are requested as optional ones, which whoever installs the app
            may decline (https://docs.slack.dev/authentication/installing-with-oauth#optional-scopes).

    Raises:
        CheckFailed: It is not what Slack's form allows; every problem is named with its place.
        RunbookError: What it is to run is no runbook, step or action.
    """
    if isinstance(runbooks, ScopeRequirements):
        needs = runbooks
    elif isinstance(runbooks, Iterable) and not isinstance(runbooks, (str, Mapping)):
        needs = required_scopes(*runbooks)
    else:
        needs = required_scopes(cast("Subject", runbooks))
    if isinstance(also, str):
        raise RunbookError(f"must be a list of scopes, such as [{also!r}], not text.", place="also")
    beside = {*with_companions(checked_scopes(also, place="also"))}
    bot = sorted({*needs.requested, *beside})
    essential = ScopeRequirements(tuple(each for each in needs if not each.optional)).requested
    declined = [scope for scope in needs.requested if scope not in {*essential, *beside}] if optional else []
    title = bot_name if bot_name is not None else _bot_name(name)
    data = _without_nothing(
        {
            "_metadata": {"major_version": 2, "minor_version": 1},
            "display_information": {
                "name": name,
                "description": description,
                "long_description": long_description,
                "background_color": background_color,
            },
            "features": {"bot_user": {"display_name": title, "always_online": always_online}},
            "oauth_config": {
                "redirect_urls": list(redirect_urls) if not isinstance(redirect_urls, str) else redirect_urls,
                "scopes": {"bot": bot, "bot_optional": declined or None},
            },
            "settings": {
                "org_deploy_enabled": org_deploy,
                "socket_mode_enabled": socket_mode,
                "token_rotation_enabled": token_rotation,
            },
        }
    )
    # A name is not left out, whatever it is.
    data = {"_metadata": data["_metadata"], "display_information": {}, **data}
    data["display_information"] = {"name": name, **data["display_information"]}
    filled_in = frozenset({"features.bot_user.display_name"}) if bot_name is None else frozenset[str]()
    checked = _checked(data, _own_faults(data))
    return Manifest(data=checked, needs=needs, also=tuple(sorted(also)), filled_in=filled_in)


def _bot_name(name: object) -> str:
    """Make a name for the bot user of the characters that the page allows in it."""
    plain = re.sub("[^a-z0-9_.]+", "-", str(name).lower()).strip("-")
    return plain or str(name)


def _own_faults(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Give what is wrong with a manifest that is new, though its form is right."""
    urls = _texts(_at(data, "oauth_config", "redirect_urls"))
    for at, url in enumerate(urls):
        # https://docs.slack.dev/authentication/installing-with-oauth
        if not url.startswith("https://"):
            yield Problem(
                f"oauth_config.redirect_urls[{at}]", f"{url!r} does not begin with https://.", "Slack requires it."
            )
    if _at(data, "settings", "token_rotation_enabled") and not urls:
        # The page "OAuth & Permissions" of the app's settings says so beside the switch.
        yield Problem(
            "settings.token_rotation_enabled",
            "needs at least one redirect URL: Slack turns rotation on only where OAuth can lead back.",
            "Give redirect_urls.",
        )


def _without_nothing(value: Any) -> Any:
    """Leave out what is ``None``, and groups and lists in which nothing is left."""
    if not isinstance(value, Mapping):
        return value
    found = {name: _without_nothing(item) for name, item in cast("Mapping[str, Any]", value).items()}
    return {name: item for name, item in found.items() if item is not None and (item or not _is_holder(name, item))}


def _is_holder(name: str, item: object) -> bool:
    return isinstance(item, Mapping) or name == "redirect_urls"


def _checked(data: Mapping[str, Any], more: Iterable[Problem] = ()) -> Mapping[str, Any]:
    problems = [*_faults(data), *more]
    if problems:
        raise CheckFailed(problems, subject="app manifest")
    return data


def read_manifest(source: Mapping[str, Any] | str) -> Manifest:
    """Read the manifest of an existing app.

    Args:
        source: Plain data, or JSON or YAML text, as the app's settings show it under *App Manifest*; an answer of
            ``apps.manifest.export`` serves as well.

    Raises:
        CheckFailed: It is not what Slack's form allows; every problem is named with its place.
        RunbookError: The text is neither JSON nor YAML; the message has line and column.
    """
    data: Any = source
    if isinstance(source, str):
        data = _parsed(source)
        if isinstance(data, str):
            raise RunbookError(
                "takes the text of a manifest in JSON or YAML, not the name of a file.", place="manifest"
            )
    if isinstance(data, Mapping) and "display_information" not in data and isinstance(data.get("manifest"), Mapping):
        data = data["manifest"]
    return Manifest(data=copy.deepcopy(dict(_checked(data))))


def _parsed(text: str) -> Any:
    from . import _yaml

    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        try:
            return json.loads(text.lstrip("\ufeff"))
        except ValueError:
            # A mapping of YAML may begin with a brace as well.
            pass
    return _yaml.read(text).data
