"""How people, what they did and what they look from are written."""

from django import template
from django.utils.translation import gettext_lazy

from calldron.services.audit import WORDS, Action
from calldron.web.browsers import in_words
from calldron.web.pages.people import ACCESSES

register = template.Library()

_PROGRAMS = {"api": gettext_lazy("a program, by the API key"), "console": gettext_lazy("who keeps this installation")}
_ACCESSES = {access.value: word for access, word, _meaning in ACCESSES}


@register.filter
def access(code: str) -> str:
    """What somebody may do, in a word."""
    return str(_ACCESSES[code])


@register.filter
def deed(code: str) -> str:
    """What was done; of a version to come, its code."""
    return str(WORDS[Action(code)]) if code in set(Action) else code


@register.filter
def doer(who: str) -> str:
    """Who did it: an e-mail address, or what is no person."""
    return str(_PROGRAMS.get(who, who))


@register.filter
def browser(agent: str) -> str:
    """A browser and its system."""
    return in_words(agent)
