from django.db import migrations, models

from calldron.store.migration_operations import AddIndexBesideWork


class Migration(migrations.Migration):

    atomic = False  # PostgreSQL builds it while rows are written

    dependencies = [
        ('store', '0007_given_back'),
    ]

    operations = [
        AddIndexBesideWork(
            model_name='attempt',
            index=models.Index(condition=models.Q(('given_back', True)), fields=['batch_id', 'started_at', 'given_back'], name='attempt_given_back'),
        ),
    ]
