"""Steps that ask who somebody is.

Rule of this file: one class for each step, by the ``users.*`` methods of Slack. They only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..slack_methods import call
from ..text import parse_user
from . import _base as base
from ._base import Action, Fault, Need
from ._find import bad_users, person_by_email

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._effects import Flow

__all__ = ["LookUpUser", "UserFound"]


@attrs.frozen(kw_only=True)
class UserFound:
    """Somebody of the workspace.

    Attributes:
        id: The user ID (``U…`` or ``W…``); ``<@{{steps.NAME.id}}>`` mentions the person.
        name: The user name; not unique, and not what Slack shows.
        real_name: The full name; empty where the person gave none.
        tz: The time zone, ``Europe/Berlin``; ``None`` where Slack does not say.
        is_bot: Whether it is an app's user.
        deleted: Whether the account is deactivated.
        email: The e-mail address; ``None`` where the token lacks ``users:read.email`` or there is none.
    """

    id: str
    name: str
    real_name: str = ""
    tz: str | None = None
    is_bot: bool = False
    deleted: bool = False
    email: str | None = None


@attrs.frozen(kw_only=True)
class LookUpUser(Action[UserFound]):
    """Change nothing; say who has an e-mail address or a user ID, so that later steps can name or mention the person.

    Slack: https://docs.slack.dev/reference/methods/users.lookupByEmail for an e-mail address,
    https://docs.slack.dev/reference/methods/users.info for an ID

    Scopes: ``users:read.email`` for an e-mail address, ``users:read`` for an ID; with an ID, the output has the
    e-mail address only if the token has ``users:read.email`` as well.

    Attributes:
        user: An e-mail address, a user ID or a mention (``<@U0123ABCD>``): one person.

    Returns:
        A :class:`UserFound`. A deactivated account is found by its ID, and says so.

    Raises:
        UserNotFound: Nobody has that e-mail address or ID, or the app may not see the person.

    Again: it asks again.
    """

    output: ClassVar[type[Any]] = UserFound

    user: str = attrs.field(validator=base.is_text, metadata=base.IDENTIFIER)

    def needs(self) -> Iterator[Need]:
        unknown = "@" not in self.user and ("{{" in self.user or base.Placeholder.is_in(self.user))
        by_email = "@" in self.user and not self.user.lstrip().startswith("<@")
        if unknown or by_email:
            condition = "if the person is given by e-mail address" if unknown else ""
            yield Need("users.lookupByEmail", "look up a person by e-mail", condition=condition)
        if unknown or not by_email:
            condition = "if the person is given by ID" if unknown else ""
            yield Need("users.info", "look up a person by ID", condition=condition)

    def faults(self) -> Iterator[Fault]:
        yield from bad_users("user", self.user)

    def flow(self) -> Flow[UserFound]:
        given = parse_user(self.user)
        if given.kind == "id":
            reply = yield call("users.info", user=given.value)
            found = reply["user"]
        else:
            found = yield from person_by_email(given.value)
        profile = found.get("profile") or {}
        return UserFound(
            id=str(found["id"]),
            name=found.get("name") or "",
            real_name=found.get("real_name") or profile.get("real_name") or "",
            tz=found.get("tz") or None,
            is_bot=bool(found.get("is_bot")),
            deleted=bool(found.get("deleted")),
            email=profile.get("email") or None,
        )
