from django.db import migrations, models

from calldron.store.migration_operations import AddIndexBesideWork


class Migration(migrations.Migration):

    atomic = False  # PostgreSQL builds it while rows are written

    dependencies = [
        ('store', '0005_cabinet'),
    ]

    operations = [
        AddIndexBesideWork(
            model_name='call',
            index=models.Index(fields=['batch', 'number'], name='call_of_number'),
        ),
    ]
