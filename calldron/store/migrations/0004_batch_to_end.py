from django.db import migrations, models

from calldron.store.migration_operations import AddIndexBesideWork


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('store', '0003_rule_indexes'),
    ]

    operations = [
        AddIndexBesideWork(
            model_name='batch',
            index=models.Index(condition=models.Q(('state', 'stopped'), ('unfinished__gt', 0)), fields=['id'], name='batch_to_end'),
        ),
    ]
