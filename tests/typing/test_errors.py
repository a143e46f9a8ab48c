"""What type checkers see of the errors. Checked by mypy and pyright, never executed."""

from __future__ import annotations

from typing_extensions import assert_type

from slackrunbooks.errors import (
    CheckFailed,
    MissingScope,
    MissingVariable,
    Problem,
    RateLimited,
    RunbookError,
    SlackError,
    SlackRunbooksError,
    StepFailed,
    TemplateError,
)


def test_slack_error_attributes(error: SlackError) -> None:
    """A refusal by Slack has its facts as text."""
    assert_type(error.code, str)
    assert_type(error.method, str)
    assert_type(error.remedy, str)


def test_heirs_narrow(error: SlackRunbooksError) -> None:
    """Catching by class leads to the attributes of that class."""
    if isinstance(error, MissingScope):
        assert_type(error.needed, tuple[str, ...])
        assert_type(error.granted, tuple[str, ...])
    elif isinstance(error, RateLimited):
        assert_type(error.retry_after, float)
    elif isinstance(error, StepFailed):
        assert_type(error.error, BaseException)
    elif isinstance(error, CheckFailed):
        assert_type(error.problems, tuple[Problem, ...])


def test_place_keeps_the_type(error: MissingVariable) -> None:
    """``at`` gives back an error of the same class."""
    assert_type(error.at("steps.announce.text"), MissingVariable)
    assert_type(error.nearest, tuple[str, ...])


def test_position_may_be_missing(error: RunbookError) -> None:
    """Only a runbook from a file has a line."""
    assert_type(error.file, str | None)
    assert_type(error.line, int | None)


def test_arguments_are_checked() -> None:
    """A position is numbers, and a code alone does not make a refusal."""
    TemplateError("unclosed tag", line="1", column=2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    SlackError("name_taken")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
