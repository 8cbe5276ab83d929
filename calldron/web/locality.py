"""Each person's own language, and the time zone of the account."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation

from calldron.domain.zones import zone
from calldron.web.access import member

_API = "/v1/"


class Locality:
    """Middleware. Who has not signed in is read by cookie and ``Accept-Language`` (Django's ``LocaleMiddleware``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(_API) or not request.user.is_authenticated:
            return self._get_response(request)
        user = member(request)
        with translation.override(user.language), timezone.override(zone(user.account.time_zone)):
            request.LANGUAGE_CODE = user.language
            response = self._get_response(request)
            response.headers["Content-Language"] = user.language
            return response
