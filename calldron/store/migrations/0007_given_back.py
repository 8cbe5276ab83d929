from django.db import migrations, models

from calldron.store.migration_operations import AddColumn, TakeTables


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0006_call_of_number'),
    ]

    operations = [
        TakeTables('Attempt'),
        AddColumn(
            model_name='attempt',
            name='given_back',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
