"""The first run in a browser: closed without its token, four steps, and never again."""

import pytest
from django.http import HttpResponse
from django.test import Client
from support import people
from support.people import Person

from calldron.domain.access import Access
from calldron.services import setup, trunks
from calldron.services.setup import Step
from calldron.store.models import AuditEntry, Call, FirstRun, TrunkRow, User

OWNER = {"email": "anna@example.org", "name": "Anna", "password": "a long enough password"}
PLACES = ["/setup", "/setup/owner", "/setup/trunk", "/setup/call"]
TRUNK = {"name": "mine", "host": "sip.example.org", "port": "5060", "transport": "udp", "password": "", "username": ""}


@pytest.fixture
def sandbox(db: None) -> TrunkRow:
    return trunks.add("sandbox", "sip:127.0.0.1:5099", sandbox=True, priority=1000)


@pytest.fixture
def opened(anonymous: Client) -> Client:
    """Who has followed the address."""
    address = setup.address("http://testserver")
    assert address is not None
    assert anonymous.get(address).headers["Location"] == "/setup"
    return anonymous


@pytest.fixture
def made(opened: Client, sandbox: TrunkRow) -> Client:
    """Who has become the owner."""
    assert opened.post("/setup/owner", OWNER).headers["Location"] == "/setup/trunk"
    return opened


def text(response: HttpResponse) -> str:
    return response.content.decode()


def test_everything_leads_there_while_it_is_due(anonymous: Client) -> None:
    assert anonymous.get("/").headers["Location"] == "/setup"
    assert anonymous.get("/sign-in").headers["Location"] == "/setup"


def test_without_the_token_it_says_where_to_find_it(anonymous: Client) -> None:
    setup.address("http://testserver")
    response = anonymous.get("/setup")
    assert response.status_code == 403
    assert "calldron serve printed" in text(response)
    assert "an old one" not in text(response)
    wrong = anonymous.get("/setup?token=wrong")
    assert wrong.status_code == 403
    assert "an old one" in text(wrong)
    assert anonymous.post("/setup/owner", OWNER).headers["Location"] == "/setup"
    assert not User.objects.exists()


def test_the_token_does_not_stay_in_the_address_nor_in_a_page(opened: Client) -> None:
    token = FirstRun.objects.get().token
    for place in PLACES[:2]:
        shown = opened.get(place)
        assert shown.status_code == 200
        assert token not in text(shown)


def test_the_language_chosen_first_is_the_owner_s(opened: Client) -> None:
    chosen = opened.post("/language", {"language": "ru", "next": "/setup/owner"})
    assert chosen.headers["Location"] == "/setup/owner"
    opened.post("/setup/owner", OWNER)
    assert User.objects.get().language == "ru"


def test_languages_are_called_as_who_speaks_them_does(opened: Client) -> None:
    page = opened.get("/setup", headers={"accept-language": "ru"}).content.decode()
    assert 'lang="ru"' in page.split("<main", 1)[0]
    main = page.split("<main", 1)[1]
    assert [name in main for name in (">English<", ">Русский<", "Английский")] == [True, True, False]


def test_the_owner_is_signed_in_and_the_token_gone(made: Client) -> None:
    user = User.objects.get()
    assert user.is_superuser
    assert made.get("/setup/trunk").status_code == 200
    assert FirstRun.objects.get().token == ""
    stranger = Client()
    assert stranger.get("/sign-in").status_code == 200
    assert stranger.get("/").headers["Location"] == "/batches/"
    assert stranger.get("/setup").headers["Location"] == "/"


def test_a_mistake_is_told_beside_its_field(opened: Client) -> None:
    response = opened.post("/setup/owner", OWNER | {"password": "short"})
    assert response.status_code == 422
    assert 'id="password-error"' in text(response)
    assert 'value="anna@example.org"' in text(response)
    assert "short" not in text(response).replace("too short", "").replace("short steps", "")
    assert not User.objects.exists()


def test_the_sandbox_will_do_for_now(made: Client) -> None:
    assert made.post("/setup/trunk", {"later": "1"}).headers["Location"] == "/setup/call"
    assert not TrunkRow.objects.filter(sandbox=False).exists()
    assert "+79991111202" in text(made.get("/setup/call"))


def test_a_trunk_is_added_and_called_over(made: Client) -> None:
    assert "mine" not in text(made.post("/setup/trunk", TRUNK | {"name": "a b", "host": "x"}))
    assert made.post("/setup/trunk", TRUNK).headers["Location"] == "/setup/call"
    assert AuditEntry.objects.filter(action="trunk_added").count() == 1
    shown = text(made.get("/setup/call"))
    assert "Over mine" in shown
    placed = made.post("/setup/call", {"number": "8 999 123-45-67"})
    call = Call.objects.get()
    assert placed.headers["Location"] == f"/setup/call/{call.batch_id}/{call.pk}/"
    assert call.batch.only_trunk == TrunkRow.objects.get(name="mine").pk
    assert "hx-get" in text(made.get(placed.headers["Location"]))


def test_a_call_of_no_number_says_so(made: Client) -> None:
    response = made.post("/setup/call", {"number": "me"})
    assert response.status_code == 422
    assert not Call.objects.exists()


def test_it_is_taken_up_where_it_was_left(made: Client) -> None:
    assert made.get("/setup").headers["Location"] == "/setup/trunk"
    made.post("/setup/trunk", {"later": "1"})
    assert made.get("/setup").headers["Location"] == "/setup/call"
    assert "The setup is not over yet" in text(made.get("/trunks/"))


def test_it_ends_at_the_batches_and_comes_no_more(made: Client) -> None:
    ended = made.post("/setup/end")
    assert ended.headers["Location"] == "/batches/"
    assert "All is set up" in text(made.get("/batches/"))
    assert made.get("/setup").headers["Location"] == "/"
    assert made.get("/setup/trunk").headers["Location"] == "/trunks/"
    assert made.get("/setup/call").headers["Location"] == "/trunks/"
    assert setup.step() is None


@pytest.mark.parametrize("who", ["owner", "operator", "viewer", "outsider"])
def test_its_later_steps_are_the_administrators(made: Client, who: str) -> None:
    first = people.signed_in(User.objects.get())
    person = people.owner("outsider@example.org") if who == "outsider" else people.colleague(first, Access(who))
    for place in PLACES[2:]:
        assert person.browser.get(place).status_code == 403
        assert person.browser.post(place, TRUNK | {"later": "1"}).status_code == 403
    assert person.browser.post("/setup/end").status_code == 403
    assert person.browser.get("/setup").headers["Location"] == "/"
    assert setup.step() is Step.TRUNK


def test_the_steps_of_strangers_are_the_sign_in(made: Client, anonymous: Client) -> None:
    stranger = Client()
    for place in PLACES[2:]:
        assert stranger.get(place).headers["Location"].startswith("/sign-in")
    assert stranger.get("/setup/owner").headers["Location"] == "/setup"


def test_an_installation_that_has_people_has_none(owner: Person) -> None:
    assert Client().get("/setup").headers["Location"] == "/"
    assert owner.browser.get("/setup/owner").headers["Location"] == "/setup"
