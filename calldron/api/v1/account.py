"""The account over HTTP."""

from django.http import HttpResponse
from ninja import Router

from calldron.api.v1 import body
from calldron.api.v1.answers import answer, of_account
from calldron.api.v1.requests import ApiRequest, actor
from calldron.services import account_fields, accounts
from calldron.services.errors import FieldError

router = Router(tags=["Account"])


@router.get("/account", operation_id="show_account", summary="Show the account")
def show(request: ApiRequest) -> HttpResponse:
    """What holds for all of its batches."""
    return answer(of_account(request.account))


@router.put("/account", operation_id="update_account", summary="Change the account")
def update(request: ApiRequest) -> HttpResponse:
    """Changes the fields it carries; the next dial goes by them. Calls that a quota put off are looked at anew."""
    mistakes = body.Mistakes()
    columns: dict[str, object] = {}
    for element in body.elements(request, "account", most=1, mistakes=mistakes):
        errors: list[FieldError] = []
        columns = account_fields.read(element.values, errors)
        mistakes.add_all(element, errors)
    mistakes.refuse()
    accounts.change(actor(request), columns)
    return answer({"id": str(request.account.pk)})
