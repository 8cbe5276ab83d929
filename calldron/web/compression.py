"""Pages go over the wire compressed; what is compressed already, as recordings and scripts, is not touched."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """Middleware. Django varies the length of what it compresses, and masks the CSRF token anew in every page, so that
    the length gives nothing away (BREACH)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress HTML."""
        html = response.headers.get("Content-Type", "").startswith("text/html")
        if html and isinstance(response, HttpResponse):
            return super().process_response(request, response)
        return response
