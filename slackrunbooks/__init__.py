"""The Slack side of incident runbooks."""
