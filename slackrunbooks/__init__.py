"""The Slack side of incident runbooks: typed actions, safe templates, scope checks, an executor that never doubles.

Everything public is here. Names are loaded when they are first used, so that ``import slackrunbooks`` costs next to
nothing in a program that may never post.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._effects import (
        Call as Call,
        Find as Find,
        Flow as Flow,
        Forget as Forget,
        HostCall as HostCall,
        Partial as Partial,
        Repeat as Repeat,
        Reply as Reply,
        Wait as Wait,
    )
    from ._engine import (
        Event as Event,
        Hook as Hook,
        RunFinished as RunFinished,
        StepFinished as StepFinished,
        StepStarted as StepStarted,
    )
    from ._registry import register as register, unregister as unregister
    from .actions import (
        Action as Action,
        AddBookmark as AddBookmark,
        AddReaction as AddReaction,
        ApprovalAsked as ApprovalAsked,
        Approved as Approved,
        ArchiveChannel as ArchiveChannel,
        BookmarkAdded as BookmarkAdded,
        BookmarkEdited as BookmarkEdited,
        BookmarkRemoved as BookmarkRemoved,
        CancelScheduledMessage as CancelScheduledMessage,
        CanvasCreated as CanvasCreated,
        ChannelArchived as ChannelArchived,
        ChannelCreated as ChannelCreated,
        ChannelDescribed as ChannelDescribed,
        ChannelJoined as ChannelJoined,
        ChannelLeft as ChannelLeft,
        ChannelRenamed as ChannelRenamed,
        ChannelUnarchived as ChannelUnarchived,
        CreateCanvas as CreateCanvas,
        CreateChannel as CreateChannel,
        DeleteMessage as DeleteMessage,
        EditBookmark as EditBookmark,
        EphemeralSent as EphemeralSent,
        FileUploaded as FileUploaded,
        GetPermalink as GetPermalink,
        HistoryRead as HistoryRead,
        Invited as Invited,
        InviteToChannel as InviteToChannel,
        JoinChannel as JoinChannel,
        LeaveChannel as LeaveChannel,
        ListMembers as ListMembers,
        ListUserGroupMembers as ListUserGroupMembers,
        LookUpMentions as LookUpMentions,
        LookUpUser as LookUpUser,
        MembersListed as MembersListed,
        MentionsFound as MentionsFound,
        MessageDeleted as MessageDeleted,
        MessagePinned as MessagePinned,
        MessageScheduled as MessageScheduled,
        MessageSent as MessageSent,
        MessageStands as MessageStands,
        MessageUnpinned as MessageUnpinned,
        MessageUpdated as MessageUpdated,
        Need as Need,
        Permalink as Permalink,
        PinMessage as PinMessage,
        PostOrUpdateMessage as PostOrUpdateMessage,
        ReactionAdded as ReactionAdded,
        ReactionRemoved as ReactionRemoved,
        ReactionSeen as ReactionSeen,
        ReadHistory as ReadHistory,
        RemoveBookmark as RemoveBookmark,
        Removed as Removed,
        RemoveFromChannel as RemoveFromChannel,
        RemoveReaction as RemoveReaction,
        RenameChannel as RenameChannel,
        RequestApproval as RequestApproval,
        ScheduledMessageCancelled as ScheduledMessageCancelled,
        ScheduleMessage as ScheduleMessage,
        SendDirectMessage as SendDirectMessage,
        SendEphemeral as SendEphemeral,
        SendMessage as SendMessage,
        SetDescription as SetDescription,
        SetTopic as SetTopic,
        UnarchiveChannel as UnarchiveChannel,
        UnpinMessage as UnpinMessage,
        UpdateMessage as UpdateMessage,
        UpdateUserGroup as UpdateUserGroup,
        UploadFile as UploadFile,
        UserFound as UserFound,
        UserGroupMembersListed as UserGroupMembersListed,
        UserGroupUpdated as UserGroupUpdated,
        WaitForReaction as WaitForReaction,
    )
    from .actions._base import Fault as Fault
    from .actions.functions import Function as Function
    from .audit import AuditLog as AuditLog
    from .client import PooledAsyncWebClient as PooledAsyncWebClient, PooledWebClient as PooledWebClient
    from .doctor import diagnose as diagnose
    from .errors import (
        AmbiguousOutcome as AmbiguousOutcome,
        ApprovalRefused as ApprovalRefused,
        AuthenticationFailed as AuthenticationFailed,
        ChannelNotFound as ChannelNotFound,
        CheckFailed as CheckFailed,
        InvalidBlocks as InvalidBlocks,
        InvalidChannelName as InvalidChannelName,
        IsArchived as IsArchived,
        JournalError as JournalError,
        MessageNotFound as MessageNotFound,
        MissingScope as MissingScope,
        MissingVariable as MissingVariable,
        NameTaken as NameTaken,
        NotInChannel as NotInChannel,
        NotPermitted as NotPermitted,
        PolicyViolation as PolicyViolation,
        Problem as Problem,
        RateLimited as RateLimited,
        RunbookError as RunbookError,
        RunConflict as RunConflict,
        RunHeld as RunHeld,
        SlackError as SlackError,
        SlackRunbooksError as SlackRunbooksError,
        SlackUnavailable as SlackUnavailable,
        StepFailed as StepFailed,
        TemplateError as TemplateError,
        Unsupported as Unsupported,
        UserNotFound as UserNotFound,
    )
    from .executor import AsyncExecutor as AsyncExecutor, Executor as Executor
    from .manifest import (
        Manifest as Manifest,
        ManifestChange as ManifestChange,
        ManifestDiff as ManifestDiff,
        app_manifest as app_manifest,
        read_manifest as read_manifest,
    )
    from .markup import (
        ChannelMention as ChannelMention,
        Date as Date,
        GroupMention as GroupMention,
        Link as Link,
        UserMention as UserMention,
        severity as severity,
    )
    from .pacing import Pacing as Pacing
    from .policy import Policy as Policy
    from .report import (
        AuditRecord as AuditRecord,
        CheckReport as CheckReport,
        Diagnosis as Diagnosis,
        Finding as Finding,
        LostAnswer as LostAnswer,
        Plan as Plan,
        PlannedStep as PlannedStep,
        Report as Report,
        StepReport as StepReport,
    )
    from .retries import RetryPolicy as RetryPolicy
    from .runbook import (
        Input as Input,
        ItemFailed as ItemFailed,
        ItemsDone as ItemsDone,
        Runbook as Runbook,
        Step as Step,
    )
    from .scopes import (
        Requirement as Requirement,
        ScopeAudit as ScopeAudit,
        ScopeRequirements as ScopeRequirements,
        required_scopes as required_scopes,
    )
    from .stores import (
        MemoryJournal as MemoryJournal,
        PostgresJournal as PostgresJournal,
        SealedJournal as SealedJournal,
        SqliteJournal as SqliteJournal,
    )
    from .templates import Template as Template
    from .text import Kind as Kind, escape as escape
    from .usage import (
        MethodUse as MethodUse,
        ScopeUsage as ScopeUsage,
        ScopeUse as ScopeUse,
        scope_usage as scope_usage,
    )

__all__ = [
    "Action",
    "AddBookmark",
    "AddReaction",
    "AmbiguousOutcome",
    "ApprovalAsked",
    "ApprovalRefused",
    "Approved",
    "ArchiveChannel",
    "AsyncExecutor",
    "AuditLog",
    "AuditRecord",
    "AuthenticationFailed",
    "BookmarkAdded",
    "BookmarkEdited",
    "BookmarkRemoved",
    "Call",
    "CancelScheduledMessage",
    "CanvasCreated",
    "ChannelArchived",
    "ChannelCreated",
    "ChannelDescribed",
    "ChannelJoined",
    "ChannelLeft",
    "ChannelMention",
    "ChannelNotFound",
    "ChannelRenamed",
    "ChannelUnarchived",
    "CheckFailed",
    "CheckReport",
    "CreateCanvas",
    "CreateChannel",
    "Date",
    "DeleteMessage",
    "Diagnosis",
    "EditBookmark",
    "EphemeralSent",
    "Executor",
    "Fault",
    "FileUploaded",
    "Find",
    "Finding",
    "Flow",
    "Forget",
    "Function",
    "GetPermalink",
    "GroupMention",
    "HistoryRead",
    "HostCall",
    "Input",
    "InvalidBlocks",
    "InvalidChannelName",
    "InviteToChannel",
    "Invited",
    "IsArchived",
    "ItemFailed",
    "ItemsDone",
    "JoinChannel",
    "JournalError",
    "Kind",
    "LeaveChannel",
    "Link",
    "ListMembers",
    "ListUserGroupMembers",
    "LookUpMentions",
    "LookUpUser",
    "LostAnswer",
    "Manifest",
    "ManifestChange",
    "ManifestDiff",
    "MembersListed",
    "MemoryJournal",
    "MentionsFound",
    "MessageDeleted",
    "MessageNotFound",
    "MessagePinned",
    "MessageScheduled",
    "MessageSent",
    "MessageStands",
    "MessageUnpinned",
    "MessageUpdated",
    "MethodUse",
    "MissingScope",
    "MissingVariable",
    "NameTaken",
    "Need",
    "NotInChannel",
    "NotPermitted",
    "Pacing",
    "Partial",
    "Permalink",
    "PinMessage",
    "Plan",
    "PlannedStep",
    "PolicyViolation",
    "PooledAsyncWebClient",
    "PooledWebClient",
    "PostOrUpdateMessage",
    "PostgresJournal",
    "Problem",
    "RateLimited",
    "ReactionAdded",
    "ReactionRemoved",
    "ReactionSeen",
    "ReadHistory",
    "RemoveBookmark",
    "RemoveFromChannel",
    "RemoveReaction",
    "Removed",
    "RenameChannel",
    "Repeat",
    "Reply",
    "Report",
    "RequestApproval",
    "Requirement",
    "RetryPolicy",
    "RunConflict",
    "RunFinished",
    "RunHeld",
    "Runbook",
    "RunbookError",
    "ScheduleMessage",
    "ScheduledMessageCancelled",
    "ScopeAudit",
    "ScopeRequirements",
    "ScopeUsage",
    "ScopeUse",
    "SealedJournal",
    "SendDirectMessage",
    "SendEphemeral",
    "SendMessage",
    "SetDescription",
    "SetTopic",
    "SlackError",
    "SlackRunbooksError",
    "SlackUnavailable",
    "SqliteJournal",
    "Step",
    "StepFailed",
    "StepFinished",
    "StepReport",
    "StepStarted",
    "Template",
    "TemplateError",
    "UnarchiveChannel",
    "UnpinMessage",
    "Unsupported",
    "UpdateMessage",
    "UpdateUserGroup",
    "UploadFile",
    "UserFound",
    "UserGroupMembersListed",
    "UserGroupUpdated",
    "UserMention",
    "UserNotFound",
    "Wait",
    "WaitForReaction",
    "__version__",
    "app_manifest",
    "diagnose",
    "escape",
    "read_manifest",
    "register",
    "required_scopes",
    "scope_usage",
    "severity",
    "unregister",
]

# Each module and the public names that live in it.
_HOMES = {
    "_effects": "Call Find Flow Forget HostCall Partial Repeat Reply Wait",
    "_engine": "Event Hook RunFinished StepFinished StepStarted",
    "actions": (
        "Action AddBookmark AddReaction ApprovalAsked Approved ArchiveChannel BookmarkAdded "
        "BookmarkEdited BookmarkRemoved CancelScheduledMessage CanvasCreated ChannelArchived "
        "ChannelCreated ChannelDescribed ChannelJoined ChannelLeft ChannelRenamed ChannelUnarchived "
        "CreateCanvas CreateChannel DeleteMessage EditBookmark EphemeralSent FileUploaded GetPermalink "
        "HistoryRead InviteToChannel Invited JoinChannel LeaveChannel ListMembers ListUserGroupMembers "
        "LookUpMentions LookUpUser MembersListed MentionsFound MessageDeleted MessagePinned MessageScheduled "
        "MessageSent MessageStands MessageUnpinned MessageUpdated Need Permalink PinMessage "
        "PostOrUpdateMessage ReactionAdded ReactionRemoved ReactionSeen ReadHistory RemoveBookmark "
        "RemoveFromChannel RemoveReaction Removed RenameChannel RequestApproval ScheduleMessage "
        "ScheduledMessageCancelled SendDirectMessage SendEphemeral SendMessage SetDescription SetTopic "
        "UnarchiveChannel UnpinMessage UpdateMessage UpdateUserGroup UploadFile UserFound "
        "UserGroupMembersListed UserGroupUpdated WaitForReaction"
    ),
    "_registry": "register unregister",
    "actions._base": "Fault",
    "actions.functions": "Function",
    "client": "PooledAsyncWebClient PooledWebClient",
    "doctor": "diagnose",
    "errors": (
        "AmbiguousOutcome ApprovalRefused AuthenticationFailed ChannelNotFound CheckFailed InvalidBlocks "
        "InvalidChannelName IsArchived JournalError MessageNotFound MissingScope MissingVariable "
        "NameTaken NotInChannel NotPermitted PolicyViolation Problem RateLimited RunConflict RunHeld "
        "RunbookError SlackError SlackRunbooksError SlackUnavailable StepFailed TemplateError "
        "Unsupported UserNotFound"
    ),
    "executor": "AsyncExecutor Executor",
    "manifest": "Manifest ManifestChange ManifestDiff app_manifest read_manifest",
    "markup": "ChannelMention Date GroupMention Link UserMention severity",
    "pacing": "Pacing",
    "policy": "Policy",
    "audit": "AuditLog",
    "report": "AuditRecord CheckReport Diagnosis Finding LostAnswer Plan PlannedStep Report StepReport",
    "retries": "RetryPolicy",
    "runbook": "Input ItemFailed ItemsDone Runbook Step",
    "scopes": "Requirement ScopeAudit ScopeRequirements required_scopes",
    "stores": "MemoryJournal PostgresJournal SealedJournal SqliteJournal",
    "templates": "Template",
    "text": "Kind escape",
    "usage": "MethodUse ScopeUsage ScopeUse scope_usage",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


# Parts of the contract that this version does not have, so that nobody looks for a typing error.
_LATER = (
    "Workspaces",
    "connect",
)


if not TYPE_CHECKING:
    # A type checker that saw it would take every name for one of ours.

    def __getattr__(name: str) -> Any:
        module = _HOME.get(name)
        if module is None:
            later = "; this version does not have it yet" if name in _LATER else ""
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}{later}")
        value = getattr(import_module(f".{module}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
