"""A process that does what owners do, as fast as it can: ``python -m support.owner SEED``.

It adds calls and takes them back, pauses, resumes, stops, changes and deletes batches of every account for as long as
standard input is open, and then says how often it did what.
"""

import os
import random
import select
import sys
from collections import Counter

import django


def work(seed: int) -> Counter[str]:
    from django.db import OperationalError

    from calldron.domain.batch import Switch
    from calldron.services import batches, calls
    from calldron.services.batch_fields import Draft
    from calldron.services.errors import Conflict, NotFound
    from calldron.store.models import Account, Batch, Call

    chance = random.Random(seed)
    done: Counter[str] = Counter()

    def add(account: Account, batch: Batch) -> None:
        numbers = [calls.NewCall(f"+7916{chance.randrange(10**7):07}", False) for _ in range(chance.randint(1, 20))]
        calls.create(account, batch.pk, numbers)

    def cancel(account: Account, batch: Batch) -> None:
        some = list(Call.objects.filter(batch=batch, final=False)[:20])
        if some:
            calls.cancel(account, batch.pk, chance.choice(some).pk)

    def switch(account: Account, batch: Batch) -> None:
        ways = [Switch.PAUSE, Switch.RESUME, Switch.RESUME, Switch.START]
        batches.switch(account, batch.pk, chance.choice(ways))

    def stop(account: Account, batch: Batch) -> None:
        if chance.random() < 0.1:
            batches.switch(account, batch.pk, Switch.STOP)

    def change(account: Account, batch: Batch) -> None:
        batches.update(account, batch.pk, Draft({"attempts": chance.randint(1, 4), "call_delay": 0}))

    def delete(account: Account, batch: Batch) -> None:
        if chance.random() < 0.05:
            batches.delete(account, batch.pk)
            batches.create(account, [Draft({"attempts": 3, "call_delay": 0})])

    deeds = [add, add, add, cancel, cancel, switch, stop, change, delete]
    while not select.select([sys.stdin], [], [], 0)[0]:
        account = chance.choice(list(Account.objects.all()))
        live = list(Batch.objects.filter(account=account, deleting=False))
        deed = chance.choice(deeds)
        try:
            if live:
                deed(account, chance.choice(live))
            else:
                batches.create(account, [Draft({"attempts": 3, "call_delay": 0})])
        except (Conflict, NotFound):  # somebody else was first
            done["refused"] += 1
        except OperationalError:  # a deadlock is broken in favour of another: the API asks its client to come again
            done["undone"] += 1
        else:
            done[deed.__name__] += 1
    return done


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "calldron.settings"
    django.setup()
    print(dict(work(int(sys.argv[1]))))  # noqa: T201 (its one way to say so)
