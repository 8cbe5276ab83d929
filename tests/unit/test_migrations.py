"""Migrations run while the nodes of the version before go on working: after the first one they only add."""

from collections.abc import Iterator, Sequence

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

from calldron.store.migration_operations import AddColumn, AddIndexBesideWork, TakeTables

APP = "store"

# Tables of millions of rows: what looks at each of them is done beside the work.
BIG = {"call", "attempt", "legrow"}
# Tables in the order in which everybody locks them.
ORDER = ["trunkrow", "account", "batch", "call", "attempt", "legrow"]


def breaches(migration: migrations.Migration, before: ProjectState) -> Iterator[str]:
    """What in it would stop a node of the version before, or hold it up. ``before``: the models as they are then."""
    state = before.clone()
    new: set[str] = set()
    altered: list[str] = []
    for operation in migration.operations:
        name = getattr(operation, "model_name_lower", "")
        if isinstance(operation, migrations.CreateModel):
            new.add(operation.name_lower)
        elif name not in new:
            if not isinstance(operation, AddIndexBesideWork) and name in ORDER:
                altered.append(name)
            said = _breach(operation, name, migration, state)
            if said:
                yield f"{operation.describe()}: {said}"
        operation.state_forwards(APP, state)
    if altered:
        yield from _not_taken(migration.operations, altered)


def _breach(operation: Operation, model: str, migration: migrations.Migration, state: ProjectState) -> str:
    match operation:
        case TakeTables() | migrations.RemoveIndex() | migrations.RemoveConstraint():
            return ""
        case AddIndexBesideWork():
            return "only a migration with atomic = False can do that" if migration.atomic else ""
        case migrations.AddIndex():
            return "rows are not written meanwhile; AddIndexBesideWork" if model in BIG else ""
        case migrations.AddConstraint():
            return "every row is looked at under a lock" if model in BIG else "nodes write what it forbids"
        case migrations.AddField():
            return _field_breach(operation)
        case migrations.AlterField():
            return _alter_breach(operation, state)
        case migrations.RunPython() | migrations.RunSQL():
            return "" if operation.hints.get("with_nodes_up") else "say in hints['with_nodes_up'] why nodes may go on"
        case _:
            return "nodes of the version before need what this changes; that comes a release later"


def _field_breach(operation: migrations.AddField) -> str:
    field = operation.field
    if field.many_to_many:
        return ""
    if not field.null and field.db_default is NOT_PROVIDED:
        return "nodes insert rows without it; null=True or db_default"
    if field.unique:
        return "every row is looked at under a lock"
    return "" if isinstance(operation, AddColumn) else "SQLite copies the table; AddColumn"


def _alter_breach(operation: migrations.AlterField, state: ProjectState) -> str:
    was = state.models[APP, operation.model_name_lower].fields[operation.name]
    field = operation.field
    if was.null and not field.null:
        return "nodes write NULL there"
    if (type(was), was.db_column, was.unique) != (type(field), field.db_column, field.unique):
        return "nodes count on its type"
    return "values that nodes write no longer fit" if (was.max_length or 0) > (field.max_length or 0) else ""


def _not_taken(operations: Sequence[Operation], altered: list[str]) -> Iterator[str]:
    taken = [model.lower() for model in operations[0].models] if isinstance(operations[0], TakeTables) else []
    if missing := sorted(set(altered) - set(taken)):
        yield f"alters {missing} without having them from its first operation, TakeTables"
    if taken != [model for model in ORDER if model in taken]:
        yield f"takes tables in another order than {ORDER}"


def _graph() -> list[migrations.Migration]:
    """Our migrations after the first, in order."""
    loader = MigrationLoader(None)
    plan = loader.graph.forwards_plan(loader.graph.leaf_nodes(APP)[0])
    return [loader.graph.nodes[key] for key in plan if key[0] == APP][1:]


@pytest.mark.parametrize("migration", _graph(), ids=lambda migration: migration.name)
def test_a_migration_only_adds(migration: migrations.Migration) -> None:
    before = MigrationLoader(None).project_state((APP, migration.name), at_end=False)
    assert list(breaches(migration, before)) == []


# ---------------------------------------------------------------- the check itself


def _new(*operations: Operation, atomic: bool = True, takes: Sequence[str] = ("batch", "call")) -> list[str]:
    migration = migrations.Migration("9999_next", APP)
    migration.operations = [*([TakeTables(*takes)] if takes else []), *operations]
    migration.atomic = atomic
    loader = MigrationLoader(None)
    return list(breaches(migration, loader.project_state(loader.graph.leaf_nodes(APP))))


NUMBER = models.Index(fields=["number"], name="call_number")


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RemoveField("call", "digits"),
        migrations.RenameField("call", "digits", "keys"),
        migrations.RenameModel("Call", "Telephone"),
        migrations.DeleteModel("LegRow"),
        migrations.AlterModelTable("Call", "calls"),
        migrations.AlterField("call", "due_at", models.DateTimeField()),
        migrations.AlterField("call", "number", models.TextField()),
        migrations.AlterField("call", "number", models.CharField(max_length=15)),
        migrations.AlterField("call", "number", models.CharField(max_length=16, unique=True)),
        AddColumn("call", "mood", models.CharField(max_length=8)),
        AddColumn("call", "mood", models.CharField(max_length=8, default="")),
        AddColumn("call", "mood", models.CharField(max_length=8, null=True, unique=True)),
        migrations.AddField("call", "mood", models.CharField(max_length=8, null=True)),
        migrations.AddIndex("call", NUMBER),
        AddIndexBesideWork("call", NUMBER),
        migrations.AddConstraint("call", models.UniqueConstraint(fields=["number"], name="call_once")),
        migrations.AddConstraint("batch", models.UniqueConstraint(fields=["name"], name="batch_once")),
        migrations.RunPython(migrations.RunPython.noop),
        migrations.RunSQL("UPDATE store_call SET digits = ''"),
    ],
    ids=lambda operation: f"{operation.__class__.__name__}: {operation.describe()}",
)
def test_what_would_break_a_node_is_refused(operation: Operation) -> None:
    assert len(_new(operation)) == 1


@pytest.mark.parametrize(
    ("operation", "atomic"),
    [
        (AddColumn("call", "mood", models.CharField(max_length=8, null=True)), True),
        (AddColumn("call", "mood", models.CharField(max_length=8, db_default="")), True),
        (migrations.AlterField("call", "number", models.CharField(max_length=20)), True),
        (migrations.AddIndex("batch", models.Index(fields=["name"], name="batch_name")), True),
        (migrations.RemoveIndex("call", "call_held"), True),
        (migrations.RunSQL("SELECT 1", hints={"with_nodes_up": "it changes nothing"}), True),
        (migrations.CreateModel("Mood", [("id", models.BigAutoField(primary_key=True))]), True),
        (AddIndexBesideWork("call", NUMBER), False),
    ],
    ids=str,
)
def test_what_nodes_do_not_notice_is_allowed(operation: Operation, atomic: bool) -> None:
    assert _new(operation, atomic=atomic) == []


@pytest.mark.parametrize("takes", [(), ("batch",), ("call", "batch")])
def test_tables_are_taken_at_once_and_in_order(takes: Sequence[str]) -> None:
    addition = AddColumn("call", "mood", models.CharField(max_length=8, null=True))
    assert len(_new(addition, takes=takes)) == 1
