from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from calldron.store.migration_operations import AddIndexBesideWork


ROWS_A_STATEMENT = 20_000


def name_batch_and_account(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Attempts of the version before do not say whose they are."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute('SELECT MIN(id), MAX(id) FROM store_attempt WHERE batch_id IS NULL')
        first, last = cursor.fetchone()
        for start in range(first or 0, (last or -1) + 1, ROWS_A_STATEMENT):
            cursor.execute(FILL, [start, start + ROWS_A_STATEMENT - 1])


FILL = """
UPDATE store_attempt SET
    batch_id = (SELECT c.batch_id FROM store_call c WHERE c.id = store_attempt.call_id),
    account_id = (SELECT c.account_id FROM store_call c WHERE c.id = store_attempt.call_id)
WHERE id BETWEEN %s AND %s AND batch_id IS NULL
"""


class Migration(migrations.Migration):

    atomic = False  # PostgreSQL builds them while rows are written

    dependencies = [
        ('store', '0002_rules'),
    ]

    operations = [
        migrations.RunPython(
            name_batch_and_account,
            migrations.RunPython.noop,
            hints={'with_nodes_up': 'nodes of the version before neither read nor write these columns'},
        ),
        AddIndexBesideWork(
            model_name='attempt',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['trunk', 'batch_id', 'account_id', 'channels'], name='attempt_holds'),
        ),
        AddIndexBesideWork(
            model_name='attempt',
            index=models.Index(fields=['batch_id', 'started_at', 'outcome', 'result', 'talk'], name='attempt_of_batch'),
        ),
        AddIndexBesideWork(
            model_name='call',
            index=models.Index(condition=models.Q(('held_by', ''), _negated=True), fields=['batch', 'held_by'], name='call_held'),
        ),
        AddIndexBesideWork(
            model_name='call',
            index=models.Index(condition=models.Q(('status', 'queued'), _negated=True), fields=['batch', 'status', 'result', 'closed_by'], name='call_told'),
        ),
        AddIndexBesideWork(
            model_name='legrow',
            index=models.Index(condition=models.Q(('refused', False), ('role', 'client')), fields=['number', 'intended_at'], name='leg_dials_of_number'),
        ),
    ]
