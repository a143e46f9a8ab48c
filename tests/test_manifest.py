"""The app manifest: minimal, within Slack's documented limits, and how an existing one differs from it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import slackrunbooks as sr

SHIPPED = tuple(map(sr.Runbook.shipped, ("incident-coordination", "status-update", "post-incident")))
BOOK = sr.Runbook(
    "b",
    {
        "room": sr.CreateChannel(name="inc-{{id}}"),
        "say": sr.SendMessage(channel="{{steps.room.channel}}", text="x"),
        "pin": sr.Step(sr.PinMessage(channel="{{steps.room.channel}}", ts="{{steps.say.ts}}"), on_error="continue"),
    },
)
URL = "https://example.com/slack/oauth"

# Every setting of which the page gives a limit: https://docs.slack.dev/reference/app-manifest
FULL: dict[str, Any] = {
    "_metadata": {"major_version": 2, "minor_version": 1},
    "display_information": {
        "name": "Incident Bot",
        "description": "Coordinates incidents",
        "long_description": "x" * 200,
        "background_color": "#0000AA",
    },
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "incident-bot", "always_online": True},
        "shortcuts": [{"name": "a", "callback_id": "b", "description": "c", "type": "global"}],
        "slash_commands": [
            {"command": "/incident", "description": "x", "url": URL, "usage_hint": "x", "should_escape": False}
        ],
        "unfurl_domains": ["example.com"],
        "workflow_steps": [{"name": "a", "callback_id": "b"}],
        "of_tomorrow": {"Slack": "adds settings"},
    },
    "oauth_config": {
        "redirect_urls": [URL],
        "scopes": {"bot": ["chat:write", "commands"], "bot_optional": ["commands"], "user": ["chat:write"]},
        "token_management_enabled": True,
    },
    "settings": {
        "allowed_ip_address_ranges": ["192.0.2.0/24"],
        "event_subscriptions": {
            "request_url": URL,
            "bot_events": ["app_mention"],
            "user_events": ["reaction_added"],
            "metadata_subscriptions": [{"app_id": "A1", "event_type": "x"}],
        },
        "incoming_webhooks": {"incoming_webhooks_enabled": False},
        "interactivity": {"is_enabled": True, "request_url": URL, "message_menu_options_url": URL},
        "org_deploy_enabled": False,
        "socket_mode_enabled": True,
        "token_rotation_enabled": True,
        "is_hosted": False,
        "siws_links": {"initiate_uri": URL},
        "function_runtime": "remote",
    },
    "functions": {"act": {"title": "x", "description": "x", "input_parameters": {}, "output_parameters": {}}},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the full manifest with another value at a path; ``...`` takes it away."""
    data = copy.deepcopy(FULL)
    inner: Any = data
    *groups, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    for part in groups:
        inner = inner[part]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return data


def faults(data: Any) -> list[str]:
    """Return the problems of a manifest, as they are told."""
    try:
        sr.read_manifest(data)
    except sr.CheckFailed as error:
        return [str(problem) for problem in error.problems]
    return []


# --- a new one -------------------------------------------------------------------------------------------------------


def test_a_manifest_has_what_the_runbooks_need_and_nothing_else() -> None:
    """Without options there are the names, the bot user and the least scopes."""
    manifest = sr.app_manifest(BOOK, name="Incident Bot")
    assert manifest.to_dict() == {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {"name": "Incident Bot"},
        "features": {"bot_user": {"display_name": "incident-bot"}},
        "oauth_config": {"scopes": {"bot": ["channels:manage", "chat:write", "pins:write"]}},
    }
    assert manifest.scopes == sr.required_scopes(BOOK).requested
    assert (manifest.name, manifest.optional_scopes) == ("Incident Bot", ())
    assert repr(manifest) == "Manifest('Incident Bot', 3 bot scopes)"
    assert str(manifest) == manifest.to_yaml()


def test_every_option_has_its_place() -> None:
    """Each option is the setting of that meaning in Slack's reference."""
    manifest = sr.app_manifest(
        [BOOK, sr.LookUpUser(user="ann@example.com")],
        name="Incident Bot",
        description="Coordinates",
        long_description="x" * 175,
        background_color="#0a0",
        bot_name="bot",
        always_online=True,
        redirect_urls=[URL],
        token_rotation=True,
        org_deploy=True,
        socket_mode=False,
        also=["commands", "links:read"],
        optional=True,
    )
    data = manifest.to_dict()
    assert data["display_information"] == {
        "name": "Incident Bot",
        "description": "Coordinates",
        "long_description": "x" * 175,
        "background_color": "#0a0",
    }
    assert data["features"] == {"bot_user": {"display_name": "bot", "always_online": True}}
    assert data["settings"] == {
        "org_deploy_enabled": True,
        "socket_mode_enabled": False,
        "token_rotation_enabled": True,
    }
    assert data["oauth_config"] == {
        "redirect_urls": [URL],
        "scopes": {
            "bot": [
                "channels:manage", "chat:write", "commands", "links:read", "pins:write", "users:read",
                "users:read.email",
            ],
            "bot_optional": ["pins:write"],
        },
    }  # fmt: skip


@pytest.mark.parametrize("runbooks", [BOOK, [BOOK], (BOOK, BOOK), sr.required_scopes(BOOK), BOOK.steps["say"]])
def test_what_the_app_is_to_run_is_given_in_many_ways(runbooks: Any) -> None:
    """One runbook, several, a step, or what is needed, where more is known of it."""
    scopes = sr.app_manifest(runbooks, name="x").scopes
    assert scopes == (("chat:write",) if runbooks is BOOK.steps["say"] else sr.required_scopes(BOOK).minimal)


def test_what_is_known_of_the_run_counts() -> None:
    """With ``settle`` and ``assuming`` the manifest asks for more, and each reading finds what was written."""
    needs = sr.required_scopes(*SHIPPED, settle=True).assuming("public", "private", conditions=True)
    manifest = sr.app_manifest(needs, name="x")
    assert manifest.scopes == needs.requested
    assert {"groups:history", "im:write", "users:read", "users:read.email"} <= set(manifest.scopes)
    for text in (manifest.to_json(), manifest.to_yaml(), json.dumps({"ok": True, "manifest": manifest.to_dict()})):
        assert sr.read_manifest(text).to_dict() == manifest.to_dict()
    assert sr.read_manifest(manifest.to_dict()).scopes == manifest.scopes


@pytest.mark.parametrize(
    ("name", "bot"),
    [("Incident Bot", "incident-bot"), ("a_b.C  d!", "a_b.c-d"), ("障害対応", "障害対応"), ("On-Call", "on-call")],
)
def test_a_bot_is_named_as_the_page_wants_it(name: str, bot: str) -> None:
    """Left out, its name has the characters that the page allows; where none would be left, it is the app's."""
    assert sr.app_manifest(BOOK, name=name).to_dict()["features"]["bot_user"]["display_name"] == bot


def test_all_problems_of_a_manifest_are_told_together() -> None:
    """Each with its place and what Slack takes; nothing is made."""
    with pytest.raises(sr.CheckFailed) as refused:
        sr.app_manifest(
            BOOK,
            name="x" * 36,
            description="x" * 141,
            long_description="short",
            background_color="red",
            bot_name="x" * 81,
            always_online="yes",  # type: ignore[arg-type]
            redirect_urls=["http://example.com"] * 2,
            org_deploy=1,  # type: ignore[arg-type]
            also=["x" * 51],
        )
    assert [str(problem) for problem in refused.value.problems] == [
        "display_information.name: has 36 characters; Slack takes 35.",
        "display_information.description: has 141 characters; Slack takes 140.",
        "display_information.long_description: must have at least 175 characters, and has 5.",
        (
            "display_information.background_color: 'red' is not a colour such as #0a0 or #00aa00 "
            "(in YAML between quotes)."
        ),
        "features.bot_user.display_name: has 81 characters; Slack takes 80.",
        "features.bot_user.always_online: must be true or false, not text.",
        "oauth_config.redirect_urls[1]: 'http://example.com' stands there twice. Remove one.",
        "oauth_config.scopes.bot[3]: has 51 characters; Slack takes 50.",
        "settings.org_deploy_enabled: must be true or false, not a number.",
        "oauth_config.redirect_urls[0]: 'http://example.com' does not begin with https://. Slack requires it.",
        "oauth_config.redirect_urls[1]: 'http://example.com' does not begin with https://. Slack requires it.",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"token_rotation": True}, "settings.token_rotation_enabled: needs at least one redirect URL"),
        ({"redirect_urls": URL}, "oauth_config.redirect_urls: must be a list, not text"),
        ({"redirect_urls": [f"{URL}/{n}" for n in range(1001)]}, "has 1,001 entries; Slack takes 1,000"),
        ({"also": [f"scope:{n}" for n in range(256)]}, "oauth_config.scopes.bot: has 259 entries; Slack takes 255"),
        ({"also": "commands"}, r"also: must be a list of scopes, such as \['commands'\], not text"),
        ({"name": None}, "display_information.name: must be text, not nothing"),
        ({"name": ""}, "display_information.name: is empty"),
    ],
)
def test_what_an_option_may_not_be(options: dict[str, Any], told: str) -> None:
    """A wrong option is refused with its place and the way out."""
    with pytest.raises((sr.CheckFailed, sr.RunbookError), match=told):
        sr.app_manifest(BOOK, **{"name": "x", **options})


def test_what_is_no_runbook_is_refused() -> None:
    """A name in place of a runbook is refused as everywhere."""
    with pytest.raises(sr.RunbookError, match="not for a str"):
        sr.app_manifest("incident-coordination", name="x")  # type: ignore[arg-type]


# --- the documented form ---------------------------------------------------------------------------------------------

TOO_LONG = {
    "display_information.name": 35,
    "display_information.description": 140,
    "display_information.long_description": 4000,
    "features.bot_user.display_name": 80,
    "features.shortcuts.0.name": 24,
    "features.shortcuts.0.callback_id": 255,
    "features.shortcuts.0.description": 150,
    "features.slash_commands.0.description": 2000,
    "features.slash_commands.0.usage_hint": 1000,
    "features.unfurl_domains.0": 255,
    "features.workflow_steps.0.name": 50,
    "features.workflow_steps.0.callback_id": 50,
    "oauth_config.redirect_urls.0": 2500,
    "oauth_config.scopes.user.0": 50,
    "settings.event_subscriptions.bot_events.0": 50,
    "settings.event_subscriptions.metadata_subscriptions.0.event_type": 50,
    "functions.act.title": 255,
}
TOO_MANY = {
    "features.shortcuts": 10,
    "features.slash_commands": 50,
    "features.unfurl_domains": 5,
    "features.workflow_steps": 10,
    "oauth_config.redirect_urls": 1000,
    "oauth_config.scopes.bot": 255,
    "oauth_config.scopes.user": 255,
    "settings.allowed_ip_address_ranges": 50,
    "settings.event_subscriptions.bot_events": 100,
    "settings.event_subscriptions.user_events": 100,
    "settings.event_subscriptions.metadata_subscriptions": 20,
}
REQUIRED = (
    "display_information", "display_information.name", "features.bot_user.display_name", "features.shortcuts.0.name",
    "features.shortcuts.0.callback_id", "features.shortcuts.0.description", "features.shortcuts.0.type",
    "features.slash_commands.0.command", "features.slash_commands.0.description", "features.workflow_steps.0.name",
    "features.workflow_steps.0.callback_id", "settings.interactivity.is_enabled",
    "settings.event_subscriptions.metadata_subscriptions.0.app_id", "functions.act.title", "functions.act.description",
)  # fmt: skip


def test_a_manifest_with_everything_is_accepted_and_kept() -> None:
    """Every documented setting, and one that nobody knows yet, come back as they were."""
    assert faults(FULL) == []
    assert sr.read_manifest(FULL).to_dict() == FULL
    assert sr.read_manifest(sr.read_manifest(FULL).to_yaml()).to_dict() == FULL
    assert sr.read_manifest(sr.read_manifest(FULL).to_json()).to_dict() == FULL


@pytest.mark.parametrize(("path", "most"), TOO_LONG.items())
def test_a_text_may_be_so_long(path: str, most: int) -> None:
    """A text of the documented length passes; one character more does not, and the message has both numbers."""
    begin = "https://" if "url" in path else ""
    assert faults(changed(path, begin + "x" * (most - len(begin)))) == []
    (told,) = faults(changed(path, begin + "x" * (most + 1 - len(begin))))
    assert told.endswith(f"has {most + 1} characters; Slack takes {most:,}.")
    assert told.startswith(path.replace(".0", "[0]"))


@pytest.mark.parametrize(("path", "most"), TOO_MANY.items())
def test_a_list_may_have_so_many(path: str, most: int) -> None:
    """A list of the documented size passes; one entry more does not."""
    data: Any = FULL
    for part in path.split("."):
        data = data[part]

    def entries(count: int) -> list[Any]:
        if path.endswith("ranges"):
            return [f"192.0.2.{at}" for at in range(count)]
        if isinstance(data[0], str):
            return [*data, *(f"x{at}" for at in range(count))][:count]
        return [{**data[0], next(iter(data[0])): f"/{at}"} for at in range(count)]

    assert faults(changed(path, entries(most))) == []
    assert faults(changed(path, entries(most + 1))) == [f"{path}: has {most + 1:,} entries; Slack takes {most:,}."]


@pytest.mark.parametrize("path", REQUIRED)
def test_what_slack_requires_may_not_be_missing(path: str) -> None:
    """A required setting that is not there is named."""
    assert faults(changed(path, ...)) == [f"{path.replace('.0', '[0]')}: is missing, and Slack requires it."]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("_metadata.major_version", 3, "is 3; Slack knows the versions 1 to 2."),
        ("_metadata.major_version", "2", "must be a whole number, not text."),
        ("display_information", [], "must be a mapping, not a list."),
        ("display_information.name", 5, "must be text, not a number."),
        ("features.shortcuts", {}, "must be a list, not a mapping."),
        ("features.shortcuts", [], "is an empty list, which Slack does not take here. Leave it out."),
        ("features.shortcuts.0.type", "else", "must be one of message, global, not 'else'."),
        ("features.slash_commands.0.command", "incident", "is not a command that begins with /, such as /incident."),
        ("features.slash_commands.0.url", "example.com", "is not an address that begins with https://."),
        ("oauth_config.scopes.bot.1", "chat:write", "stands there twice. Remove one."),
        ("oauth_config.scopes.bot_optional.0", "pins:write", "pins:write is optional, but not listed under bot."),
        ("settings.allowed_ip_address_ranges.0", "example", "is not an IPv4 address or range"),
        ("settings.socket_mode_enabled", "true", "must be true or false, not text."),
        ("settings.function_runtime", "moon", "must be one of remote, slack, not 'moon'."),
        ("settings.siws_links.initiate_uri", "http://x", "is not an address that begins with https://."),
        ("functions", [], "must be a mapping, not a list."),
        ("functions", {"x" * 101: FULL["functions"]["act"]}, "has 101 characters; Slack takes 100."),
    ],
)
def test_a_setting_is_of_its_kind(path: str, value: object, told: str) -> None:
    """What is of another kind is refused with its place."""
    found = faults(changed(path, value))
    assert any(told in each for each in found), found
    assert found[0].startswith(path.split(".0")[0][:12])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("manifest.yaml", "takes the text of a manifest in JSON or YAML, not the name of a file"),
        ("- a", "must be a mapping, not a list"),
        ('{"display_information": {"name": }', "line 1"),
        ("display_information: {name: a}\n  x: y", "line 2"),
        ("a: b", "display_information: is missing"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, told: str) -> None:
    """Text that is no manifest is refused with what is wrong with it, and with its line where it has one."""
    with pytest.raises((sr.RunbookError, sr.CheckFailed), match=told):
        sr.read_manifest(text)


def test_a_manifest_cannot_be_changed_from_outside() -> None:
    """What was given and what is handed out are copies."""
    data = copy.deepcopy(FULL)
    manifest = sr.read_manifest(data)
    data["display_information"]["name"] = "other"
    manifest.to_dict()["oauth_config"]["scopes"]["bot"].clear()
    assert (manifest.name, manifest.scopes) == ("Incident Bot", ("chat:write", "commands"))


# --- against an existing one -----------------------------------------------------------------------------------------

OLD: dict[str, Any] = {
    "display_information": {"name": "Old", "background_color": "#000"},
    "features": {
        "bot_user": {"display_name": "somebody"},
        "slash_commands": [{"command": "/inc", "description": "x"}],
    },
    "oauth_config": {
        "redirect_urls": ["https://example.com/old"],
        "scopes": {"bot": ["channels:manage", "chat:write", "groups:write", "im:write", "commands"]},
    },
    "settings": {"socket_mode_enabled": True, "event_subscriptions": {"bot_events": ["app_mention"]}},
}


def test_what_an_existing_manifest_lacks_and_has_for_nothing() -> None:
    """Scopes to add and to take away, addresses, and settings that are otherwise; what is not ours is left alone."""
    manifest = sr.app_manifest(SHIPPED, name="New", redirect_urls=[URL], token_rotation=True, org_deploy=False)
    found = manifest.diff(OLD)
    assert str(found).splitlines() == [
        "+ scope bookmarks:write",
        "+ scope canvases:write",
        "+ scope channels:read",
        "+ scope files:write",
        "+ scope pins:write",
        "+ scope reactions:read",
        "+ scope reactions:write",
        "- scope im:write, which no runbook needs",
        f"+ redirect URL {URL}",
        '! display_information.name: "Old", should be "New"',
        "! settings.token_rotation_enabled: nothing, should be true",
    ]
    assert not found.ok
    assert found.audit is not None
    assert found.audit.unused == ("commands", "im:write")
    data = found.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["changes"][0] == {"path": "display_information.name", "existing": "Old", "wanted": "New"}


def test_merged_into_an_existing_one_everything_else_is_kept() -> None:
    """What is not ours stays as it is and where it is; afterwards there is no difference."""
    manifest = sr.app_manifest(
        SHIPPED, name="New", redirect_urls=[URL], token_rotation=True, org_deploy=True, optional=True
    )
    merged = manifest.merged_into(json.dumps(OLD), without=["im:write"])
    assert manifest.diff(merged).ok
    assert str(manifest.diff(merged)) == "no difference"
    data = merged.to_dict()
    assert "_metadata" not in data
    assert data["display_information"] == {"name": "New", "background_color": "#000"}
    assert data["features"] == OLD["features"]
    assert data["settings"] == {**OLD["settings"], "token_rotation_enabled": True, "org_deploy_enabled": True}
    assert data["oauth_config"]["redirect_urls"] == ["https://example.com/old", URL]
    scopes = data["oauth_config"]["scopes"]
    assert scopes["bot"][:4] == ["channels:manage", "chat:write", "groups:write", "commands"]
    assert scopes["bot_optional"] == ["bookmarks:write", "canvases:write", "files:write", "pins:write"]
    assert manifest.merged_into(merged).to_dict() == data
    # Unused scopes are kept where nobody says otherwise.
    assert "im:write" in manifest.merged_into(OLD).scopes
    assert manifest.merged_into(FULL).to_dict()["features"]["of_tomorrow"] == FULL["features"]["of_tomorrow"]


def test_a_wider_scope_does_for_a_finer_one() -> None:
    """Where the existing app may do more, it need not ask for the finer scope."""
    manifest = sr.app_manifest(sr.SetTopic(channel="C0123ABCD", topic="x"), name="Old")
    assert manifest.scopes == ("channels:write.topic",)
    wide = {"display_information": {"name": "Old"}, "oauth_config": {"scopes": {"bot": ["channels:manage"]}}}
    found = manifest.diff(wide)
    assert (found.missing_scopes, found.unused_scopes) == ((), ())
    assert [change.path for change in found.changes] == ["features.bot_user.display_name"]


def test_scopes_of_other_features_and_those_named_besides_are_not_unused() -> None:
    """Commands, webhooks and links use their scopes; ``also`` names others, which are missing where they are not."""
    data = copy.deepcopy(OLD)
    data["features"]["unfurl_domains"] = ["example.com"]
    data["settings"]["incoming_webhooks"] = {"incoming_webhooks_enabled": True}
    data["oauth_config"]["scopes"]["bot"] += ["links:read", "links:write", "incoming-webhook", "app_mentions:read"]
    manifest = sr.app_manifest(BOOK, name="Old")
    assert manifest.diff(data).unused_scopes == ("app_mentions:read", "groups:write", "im:write")
    found = sr.app_manifest(BOOK, name="Old", also=["app_mentions:read", "users:read.email"]).diff(data)
    assert found.unused_scopes == ("groups:write", "im:write")
    assert found.missing_scopes == ("pins:write", "users:read", "users:read.email")


def test_a_needed_scope_may_not_be_optional() -> None:
    """What whoever installs may decline, and a runbook stops without, is told and mended; what may fail is not."""
    data = copy.deepcopy(OLD)
    scopes = data["oauth_config"]["scopes"]
    scopes["bot"] += ["pins:write"]
    scopes["bot_optional"] = ["chat:write", "pins:write", "commands"]
    manifest = sr.app_manifest(BOOK, name="Old")
    found = manifest.diff(data)
    assert found.optional_but_needed == ("chat:write",)
    assert "! scope chat:write is optional, and needed" in str(found)
    assert manifest.merged_into(data).optional_scopes == ("commands", "pins:write")


def test_a_manifest_that_was_read_is_compared_by_its_lists() -> None:
    """Of two that were read, nobody knows what their scopes are for."""
    one = sr.read_manifest(OLD)
    assert one.diff(OLD).ok
    found = one.diff(FULL)
    assert found.missing_scopes == ("channels:manage", "groups:write", "im:write")
    assert (found.unused_scopes, found.optional_but_needed, found.audit) == ((), ("commands",), None)
    assert found.missing_redirect_urls == ("https://example.com/old",)


def test_switches_that_are_off_are_no_difference() -> None:
    """A switch that is left out is off; and one that is on is a difference."""
    manifest = sr.app_manifest(BOOK, name="Old", socket_mode=False, org_deploy=False, always_online=False)
    assert [str(change) for change in manifest.diff(OLD).changes] == [
        "settings.socket_mode_enabled: true, should be false"
    ]


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        (
            "chat:write",
            "without: chat:write is needed, so it cannot be taken away; unused are: groups:write, im:write.",
        ),
        (
            "files:write",
            "without: files:write is not there, so it cannot be taken away; unused are: groups:write, im:write.",
        ),
        ("commands", "without: commands is needed, so it cannot be taken away; unused are: groups:write, im:write."),
    ],
)
def test_only_what_is_unused_can_be_taken_away(scope: str, told: str) -> None:
    """Another scope is refused with those that can."""
    with pytest.raises(sr.RunbookError) as refused:
        sr.app_manifest(BOOK, name="x").merged_into(OLD, without=[scope])
    assert str(refused.value) == told


def test_rotation_cannot_be_turned_off() -> None:
    """Slack lets nobody turn it off, so a merge that would is refused; one that says nothing keeps it."""
    on = {**OLD, "settings": {"token_rotation_enabled": True}}
    with pytest.raises(sr.RunbookError, match=r"^settings.token_rotation_enabled: is on in the existing manifest"):
        sr.app_manifest(BOOK, name="x", token_rotation=False).merged_into(on)
    assert sr.app_manifest(BOOK, name="x").merged_into(on).to_dict()["settings"] == {"token_rotation_enabled": True}


def test_an_existing_manifest_that_is_wrong_is_refused() -> None:
    """It is read as strictly as any other."""
    for use in (sr.app_manifest(BOOK, name="x").diff, sr.app_manifest(BOOK, name="x").merged_into):
        with pytest.raises(sr.CheckFailed, match="display_information: is missing"):
            use({"settings": {}})
