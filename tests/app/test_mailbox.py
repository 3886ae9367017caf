"""Where everything for one desk waits."""

from __future__ import annotations

import asyncio

from hotdesk_daemon.app.mailbox import Letter, Mailbox


def letters(count: int) -> list[Letter]:
    return [Letter(source=f"letter {number}") for number in range(count)]


async def test_letters_come_out_in_order_and_at_most_as_many_as_wanted() -> None:
    box, sent = Mailbox(limit=10), letters(5)
    for letter in sent:
        await box.put(letter)

    assert sent[:3] == box.take(3)
    assert box.wake.is_set()
    assert sent[3:] == box.take(3)
    assert not box.wake.is_set()
    assert [] == box.take(3)


async def test_a_full_box_refuses_offers() -> None:
    box = Mailbox(limit=2)

    assert [True, True, False] == [box.offer(letter) for letter in letters(3)]
    assert (2, True) == (len(box), box.is_full)


async def test_whoever_puts_into_a_full_box_waits_until_there_is_room() -> None:
    box, sent = Mailbox(limit=1), letters(3)
    putting = [asyncio.create_task(box.put(letter)) for letter in sent]
    await asyncio.sleep(0)
    taken = []
    for _ in sent:
        assert 1 == len(box)
        taken += box.take(1)
        for _ in range(3):
            await asyncio.sleep(0)

    assert sent == taken
    assert all(task.done() for task in putting)


async def test_whoever_gives_up_waiting_leaves_no_letter() -> None:
    box, (first, second) = Mailbox(limit=1), letters(2)
    await box.put(first)
    waiting = asyncio.create_task(box.put(second))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert [first] == box.take(5)
    assert [] == box.take(5)
