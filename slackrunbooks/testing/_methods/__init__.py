"""The Web API methods that the fake knows, one module for each family.

Rule of this package: a method does what its page on docs.slack.dev says, with the codes that page lists. Where no page
says what happens, it raises :class:`NotModelled` and names the page; it never guesses, and it never looks at how the
library's own actions use the method. A new method is one function under :func:`method` and one row in ``_scopes.py``.
"""

from __future__ import annotations

from . import auth, canvases, chat, conversations, direct, files, marks, oauth, users
from ._registry import METHODS, PAGES, Method, NotModelled, Refusal, Request, method

__all__ = ["FAMILIES", "METHODS", "PAGES", "Method", "NotModelled", "Refusal", "Request", "method"]

FAMILIES = (auth, canvases, chat, conversations, direct, files, marks, oauth, users)
"""The modules; importing one registers its methods."""
