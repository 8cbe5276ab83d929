"""A deleted batch takes the lists with it that were brought into it."""

from support.store_world import NOW, Node, World

from calldron.store.models import ImportPiece, ListImport


def test_the_imports_of_a_deleted_batch_go_with_it(world: World, node: Node) -> None:
    batch, stays = world.add_batch(2), world.add_batch(1)
    for one in (batch, stays):
        made = ListImport.objects.using(world.alias).create(account=world.account, batch=one, created_at=NOW)
        ImportPiece.objects.using(world.alias).create(list_import=made, place=0, rows=[[1, ["12"]]], mistakes=[])
    world.change(batch, deleting=True)
    node.expunge()
    assert list(world.batches()) == [stays]
    assert [made.batch_id for made in ListImport.objects.using(world.alias)] == [stays.pk]
    assert ImportPiece.objects.using(world.alias).count() == 1
