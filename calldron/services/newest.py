"""What an account made last, for samples that are to run as they stand."""

from calldron.store.models import Account, Batch, Call


def ids(account: Account) -> tuple[int, int]:
    """Its newest batch that has calls, and that one's newest call; its newest batch where none has, and 1 for what
    there is not. Those of test calls are nobody's to change."""
    batches = Batch.objects.filter(account=account, deleting=False, only_trunk=None).order_by("-id")
    batch = batches.filter(total__gt=0).first() or batches.first()
    call = batch and Call.objects.filter(batch=batch).order_by("-id").values_list("pk", flat=True).first()
    return (batch.pk if batch else 1), call or 1
