"""Lists into batches: what the columns are, what is taken, and each piece exactly once."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.batch import BatchState, Switch
from calldron.domain.errors import InvalidInput
from calldron.services import accounts, batches, list_import, stop_list
from calldron.services.audit import Actor
from calldron.services.batch_fields import Draft
from calldron.services.errors import Conflict, NotFound
from calldron.services.list_reading import Kind, Outcome, Reading, guess, heading
from calldron.services.spreadsheets import Row
from calldron.services.stop_list import Entry
from calldron.store.models import AuditEntry, Batch, Call, ImportPiece, ListImport

KINDS = {kind.value: kind.value for kind in Kind}


def table(*rows: str) -> list[Row]:
    return [Row(line, row.split(";")) for line, row in enumerate(rows, 1)]


class TestGuess:
    @pytest.mark.parametrize(
        ("rows", "number", "header"),
        [
            (table("+79990000001", "+79990000002"), 0, False),
            (table("Имя;Телефон", "Анна;+79990000001"), 1, True),
            (table("№ п/п;Номер договора;Моб.", "1;4512345678;8 999 000-00-01"), 2, True),
            (table("id;phone;alt phone", "17;+79990000001;"), 1, True),
            (table("Анна;+79990000001;2 звонка", "Пётр;+79990000002;"), 1, False),
            (table("Phone;Name", "none;Ann"), 0, True),
            (table("Имя;Тел", "Анна;7,9161E+10"), 1, True),
        ],
    )
    def test_the_column_and_the_header(self, rows: list[Row], number: int, header: bool) -> None:
        read = guess(rows)
        assert (read.number, read.header) == (number, header)

    def test_russian_numbers_without_their_code(self) -> None:
        assert guess(table("8 (916) 123-45-67", "+79161234568")).russian
        assert guess(table("916 123-45-67", "9161234568")).russian
        assert not guess(table("+79161234567", "79161234568")).russian
        assert not guess(table("84951234567", "+12025550123", "+442071234567")).russian  # Vietnam, for all we know

    def test_columns_without_a_name_are_called_by_their_place(self) -> None:
        rows = table("Имя;;Тел", "Анна;x;1;more")
        assert heading(rows, Reading(2, header=True)) == ["Имя", "Column 2", "Тел", "Column 4"]

    @given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=5), min_size=1, max_size=9))
    def test_anything_is_guessed(self, cells: list[list[str]]) -> None:
        rows = [Row(line, row) for line, row in enumerate(cells, 1)]
        read = guess(rows)
        assert 0 <= read.number < max(map(len, cells))
        assert len(heading(rows, read)) == max(map(len, cells))


@pytest.fixture
def actor(db: None) -> Actor:
    user, _key = accounts.create_user("owner@example.org", "a long enough password", language="en")
    return Actor(user.account, user)


def make_batch(actor: Actor, **columns: Any) -> Batch:
    draft = Draft(columns={"confirmation": "timeout", "autostart": False, **columns})
    return batches.create(actor.account, [draft])[0]


@pytest.fixture
def batch(actor: Actor) -> Batch:
    return make_batch(actor)


def uploaded(actor: Actor, batch: Batch, text: str) -> ListImport:
    return list_import.upload(actor, batch.pk, text.encode(), "list.csv")


def begun(actor: Actor, batch: Batch, text: str, **reading: Any) -> ListImport:
    made = uploaded(actor, batch, text)
    list_import.begin(made, Reading(**{**made.reading, **reading}))
    return list_import.get(actor.account, batch.pk, made.pk)


def taken(actor: Actor, batch: Batch, text: str, **reading: Any) -> ListImport:
    made = begun(actor, batch, text, **reading)
    while made.state != "done":
        made = list_import.step(actor, made)
    return made


def numbers(batch: Batch) -> list[str]:
    return list(Call.objects.filter(batch=batch).order_by("id").values_list("number", flat=True))


def counts(made: ListImport) -> tuple[int, ...]:
    return made.total, made.taken, made.bad, made.duplicates, made.stopped


LIST = """Имя;Телефон
Анна;+79990000001
Пётр;8 (999) 000-00-02
;
Мария;'+79990000003
Олег;79990000001
Без номера;
Excel;7,9161E+10
Pandas;79990000004.0
Просил не звонить;+79990000009
Двое;+79990000005, +79990000006
"""


class TestTaking:
    def test_each_row_is_a_call_or_is_told_apart(self, actor: Actor, batch: Batch) -> None:
        stop_list.add(actor.account, [Entry("+79990000009")], "api")
        made = taken(actor, batch, LIST)
        assert numbers(batch) == [f"+7999000000{n}" for n in (1, 2, 3, 4)]
        assert counts(made) == (9, 4, 3, 1, 1)
        told = [(refusal.line, refusal.kind) for refusal in list_import.refusals(made)]
        assert told == [(6, "duplicate"), (7, "bad"), (8, "bad"), (10, "stopped"), (11, "bad")]
        batch.refresh_from_db()
        assert (batch.total, batch.unfinished, batch.state) == (4, 4, BatchState.FRESH)

    def test_foreseen_is_what_happens(self, actor: Actor, batch: Batch) -> None:
        stop_list.add(actor.account, [Entry("+79990000009")], "api")
        made = uploaded(actor, batch, LIST)
        foreseen = list_import.foresee(made, list_import.reading_of(made))
        told = [(one.row.line, one.kind) for one in foreseen if one.kind]
        done = taken(actor, batch, LIST)
        assert told == [(refusal.line, refusal.kind) for refusal in list_import.refusals(done)]
        assert Call.objects.filter(batch=batch).count() == done.taken

    def test_numbers_of_the_batch_are_duplicates_unless_they_are_wanted(self, actor: Actor, batch: Batch) -> None:
        taken(actor, batch, "+79990000001\n")
        again = taken(actor, batch, "+79990000001\n+79990000002\n+79990000002\n")
        assert counts(again) == (3, 1, 0, 2, 0)
        wanted = taken(actor, batch, "+79990000001\n+79990000001\n", duplicates=True)
        assert counts(wanted) == (2, 2, 0, 0, 0)

    def test_as_they_are_unless_they_are_said_to_be_russian(self, actor: Actor, batch: Batch) -> None:
        taken(actor, batch, "84951234567\n", russian=False)
        taken(actor, batch, "84951234567\n4951234568\n+84951234567\n", russian=True)
        assert numbers(batch) == ["+84951234567", "+74951234567", "+74951234568"]

    def test_a_strict_account_takes_no_number_that_cannot_be(self, actor: Actor, batch: Batch) -> None:
        assert taken(actor, batch, "+71234\n+7123456\n", header=False).suspect == 1
        actor.account.strict_numbers = True
        actor.account.save()
        assert counts(taken(actor, batch, "+7123457\n", header=False)) == (1, 0, 1, 0, 0)

    def test_what_was_not_taken_can_be_mended_and_sent_again(self, actor: Actor, batch: Batch) -> None:
        made = taken(actor, batch, 'Имя,Тел\n=1+1,12\n"Ёлка, ООО",\n')
        data = b"".join(list_import.refused_file(made, KINDS)).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(data)))
        assert rows[0] == ["Line", "Why not", "Reason", "Имя", "Тел"]
        assert [row[:2] + row[3:] for row in rows[1:]] == [["2", "bad", "'=1+1", "12"], ["3", "bad", "Ёлка, ООО"]]
        mended = data.replace(",12", ",+79990000001")
        assert taken(actor, batch, mended).taken == 1


class TestOnce:
    @pytest.fixture(autouse=True)
    def small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(list_import, "ROWS_A_PIECE", 2)

    def test_piece_by_piece_and_on_where_it_was_left(self, actor: Actor, batch: Batch) -> None:
        made = begun(actor, batch, "phone\n" + "".join(f"+7999000000{n}\n" for n in range(5)))
        first = list_import.step(actor, made)
        assert (first.state, counts(first)[:2]) == ("running", (5, 1))
        again = list_import.get(actor.account, batch.pk, made.pk)
        assert list_import.unfinished(actor.account, batch.pk) == [again]
        while again.state != "done":
            again = list_import.step(actor, again)
        assert numbers(batch) == [f"+7999000000{n}" for n in range(5)]
        assert list_import.unfinished(actor.account, batch.pk) == []
        assert list_import.step(actor, again).taken == 5  # one too many changes nothing
        rows = ImportPiece.objects.filter(list_import=again).values_list("rows", flat=True)
        assert sum(map(len, rows)) == 1  # of people's data the header stays

    def test_duplicates_are_found_across_pieces(self, actor: Actor, batch: Batch) -> None:
        made = taken(actor, batch, "+79990000001\n+79990000002\n+79990000003\n+79990000001\n")
        assert counts(made) == (4, 3, 0, 1, 0)

    def test_beginning_twice_counts_the_header_once(self, actor: Actor, batch: Batch) -> None:
        made = begun(actor, batch, "phone\n+79990000001\n")
        list_import.begin(made, Reading(header=True))
        assert taken_of(actor, made).total == 1

    def test_a_piece_that_another_browser_takes_meanwhile_is_left_alone(
        self, actor: Actor, batch: Batch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = begun(actor, batch, "+79990000001\n+79990000002\n+79990000003\n")
        read = list_import.read

        def read_slowly(*asked: Any) -> list[Outcome]:
            monkeypatch.setattr(list_import, "read", read)
            assert list_import.step(actor, made).taken == 2
            return read(*asked)

        monkeypatch.setattr(list_import, "read", read_slowly)
        late = list_import.step(actor, made)
        assert (counts(late), late.state) == ((3, 2, 0, 0, 0), "running")
        assert taken_of(actor, late).taken == 3
        assert numbers(batch) == [f"+7999000000{n}" for n in (1, 2, 3)]


def taken_of(actor: Actor, made: ListImport) -> ListImport:
    while made.state != "done":
        made = list_import.step(actor, list_import.get(actor.account, made.batch_id, made.pk))
    return made


class TestStarting:
    @pytest.fixture(autouse=True)
    def small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(list_import, "ROWS_A_PIECE", 1)

    def state(self, batch: Batch) -> str:
        return Batch.objects.get(pk=batch.pk).state

    def test_only_once_the_whole_list_is_in(self, actor: Actor) -> None:
        batch = make_batch(actor, autostart=True)
        made = begun(actor, batch, "+79990000001\n+79990000002\n")
        made = list_import.step(actor, made)
        assert self.state(batch) == BatchState.FRESH
        list_import.step(actor, made)
        assert self.state(batch) == BatchState.RUNNING
        actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions == ["calls_added", "batch_started"]

    def test_not_without_autostart(self, actor: Actor, batch: Batch) -> None:
        taken(actor, batch, "+79990000001\n")
        assert self.state(batch) == BatchState.FRESH

    def test_not_where_nothing_was_taken(self, actor: Actor) -> None:
        batch = make_batch(actor, autostart=True)
        taken(actor, batch, "12\n", header=False)
        assert self.state(batch) == BatchState.FRESH

    def test_one_that_is_running_goes_on(self, actor: Actor) -> None:
        batch = make_batch(actor, autostart=True)
        batches.switch(actor.account, batch.pk, Switch.START)
        list_import.step(actor, begun(actor, batch, "+79990000001\n+79990000002\n"))
        assert self.state(batch) == BatchState.RUNNING

    @pytest.mark.parametrize(("autostart", "after"), [(True, BatchState.RUNNING), (False, BatchState.PAUSED)])
    def test_one_that_was_finished(self, actor: Actor, autostart: bool, after: BatchState) -> None:
        batch = make_batch(actor, autostart=autostart)
        Batch.objects.filter(pk=batch.pk).update(state=BatchState.FINISHED)
        made = list_import.step(actor, begun(actor, batch, "+79990000001\n+79990000002\n"))
        assert self.state(batch) == BatchState.PAUSED
        list_import.step(actor, made)
        assert self.state(batch) == after

    def test_who_started_and_paused_it_meanwhile_is_obeyed(self, actor: Actor) -> None:
        batch = make_batch(actor, autostart=True)
        made = list_import.step(actor, begun(actor, batch, "+79990000001\n+79990000002\n"))
        batches.switch(actor.account, batch.pk, Switch.START)
        batches.switch(actor.account, batch.pk, Switch.PAUSE)
        list_import.step(actor, made)
        assert self.state(batch) == BatchState.PAUSED


class TestRefused:
    def test_a_stopped_batch_takes_none(self, actor: Actor, batch: Batch) -> None:
        made = begun(actor, batch, "+79990000001\n")
        batches.switch(actor.account, batch.pk, Switch.STOP)
        with pytest.raises(Conflict):
            list_import.step(actor, made)
        with pytest.raises(Conflict):
            uploaded(actor, batch, "+79990000001\n")

    def test_what_can_t_be_read_leaves_nothing(self, actor: Actor, batch: Batch) -> None:
        for text in ("", "\n;\n", '1\n"' + "x" * 200_000):
            with pytest.raises(InvalidInput):
                uploaded(actor, batch, text)
        assert not ListImport.objects.exists()

    def test_a_batch_takes_its_imports_with_it(self, actor: Actor, batch: Batch) -> None:
        made = taken(actor, batch, "+79990000001\n12\n")
        batches.delete(actor.account, batch.pk)
        assert not ImportPiece.objects.exists()
        with pytest.raises(NotFound):
            list_import.get(actor.account, batch.pk, made.pk)

    def test_an_upload_that_was_not_gone_on_with_is_replaced(self, actor: Actor, batch: Batch) -> None:
        first = uploaded(actor, batch, "+79990000001\n")
        second = uploaded(actor, batch, "+79990000002\n")
        assert list(ListImport.objects.all()) == [second]
        with pytest.raises(NotFound):
            list_import.get(actor.account, batch.pk, first.pk)
        list_import.discard(second)
        assert not ImportPiece.objects.exists()
