"""Why a desk is as it is: every state of it is told, and each chain begins with a root cause."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from click.testing import CliRunner

from hotdesk_daemon.app.explain import (
    Ending,
    Explanation,
    NotRecordedError,
    Thing,
    explain,
    rootless,
    spoken,
)
from hotdesk_daemon.app.explain.shapes import RFC3339, to_json
from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.cli import main
from hotdesk_daemon.cli.zones import Clockface
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.journal import codec
from hotdesk_daemon.simulator import DeskPlan, plan_floor, play
from hotdesk_daemon.simulator.flows import FLOWS
from tests.scenarios.reloading import with_desks
from tests.scenarios.rules import RULES, rule
from tests.scenarios.site import MONDAY
from tests.scenarios.test_days import trouble
from tests.scenarios.transports import over

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site


async def explained(path: Path, desk: str = "desk-1", **how: Any) -> Explanation:
    def run() -> Explanation:
        with recorded(f"sqlite:///{path / 'journal.sqlite3'}") as recording:
            return explain(recording, DeskId(desk), **how)

    return await asyncio.to_thread(run)


async def without_root(path: Path) -> list[str]:
    """Every move of every desk that leads to no root, as text."""

    def run() -> list[str]:
        with recorded(f"sqlite:///{path / 'journal.sqlite3'}") as recording:
            return [
                f"{desk} {record.seq} {record.kind} {reason.code}: {[(c.seq, c.kind) for c in chain.causes]}"
                for desk, record, reason, chain in rootless(recording)
            ]

    return await asyncio.to_thread(run)


def thing(found: Explanation, life: str, name: str | None = None) -> Thing:
    """The only one of a life, or that of a name."""
    (one,) = [one for one in found.things if one.life == life and name in {None, one.name}]
    return one


def sentence(one: Thing) -> str:
    return spoken(one.words, Clockface(UTC, now=MONDAY))


def held(site: Site) -> dict[tuple[str, str], str]:
    """The states of what the daemon holds, as an explanation names them."""
    state = site.state()
    return {
        ("desk", state.desk_id): "stale" if state.is_stale else "live",
        **{("booking", one.booking_id): one.state.value for one in state.bookings.values()},
        **{("link", one.device_id): one.link.value for one in state.devices.values()},
        **{("sign-in", one.device_id): one.sign_in.value for one in state.devices.values()},
        **{("command", one.command_id): one.state.value for one in state.commands.values()},
    }


# --- roots -----------------------------------------------------------------------------------------------------------


@over("socket")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("minutes", [20, 1000], ids=["against the rules", "within the rules"])
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_every_move_of_every_flow_has_a_root(
    open_site: OpenSite, tmp_path: Path, kind: Any, minutes: int
) -> None:
    flows = [(name, variant) for name, flow in FLOWS.items() if kind in flow.kinds for variant in flow.variants]
    plans = [
        DeskPlan(workspace=f"Desk {number}", kind=kind, releases=("26.4.1",) * FLOWS[name].devices)
        for number, (name, _) in enumerate(flows)
    ]
    site = await open_site(*plans, policy=rule("maximum duration", max_min=minutes), sync_s=900)
    plays = [
        asyncio.create_task(play(name, desk, site.clock, variant=variant))
        for (name, variant), desk in zip(flows, site.floor.desks, strict=True)
    ]
    await site.until(lambda: all(one.done() for one in plays), step_s=10)
    await site.advance(60)
    # With the rules against it, a flow may not come to its end; what did happen has its roots all the same.
    ended = [one.exception() for one in plays]

    assert minutes < 60 or [None] * len(flows) == ended
    assert [] == await without_root(tmp_path)
    shown = [await explained(tmp_path, site.desk_id(number), over_too=True) for number in range(len(flows))]
    assert {Ending.ROOT} == {move.chain.ending for found in shown for one in found.things for move in one.moves}
    assert {()} == {found.notes for found in shown}


@pytest.mark.timeout(60)
async def test_every_move_of_a_day_of_faults_and_restarts_has_a_root(open_site: OpenSite, tmp_path: Path) -> None:
    rng = random.Random(3)
    site = await open_site(
        *plan_floor(3, seed=3, companion=0.5),
        seed=3,
        living=True,
        sync_s=900,
        policy=rule("maximum duration", max_min=60),
    )
    for quarter in range(8):
        trouble(site, rng)
        if quarter in (2, 5):
            await site.stop()
            await site.start(live=False)
        for desk in range(3):
            await site.call("POST", f"/api/v1/desks/{site.desk_id(desk)}/bookings", {"start": "now", "duration_min": 5})
        await site.advance(900)

    assert [] == await without_root(tmp_path)


# --- states ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["F01", "F03", "F04", "F06", "F11", "F16", "F23", "F27", "F32"])
async def test_everything_that_stands_is_told_with_its_state(open_site: OpenSite, tmp_path: Path, flow: str) -> None:
    site = await open_site("local")
    await site.play(flow)
    await site.advance(60)
    found = await explained(tmp_path)

    assert held(site) == {
        (one.life.value, one.name): one.state for one in found.things if (one.life.value, one.name) in held(site)
    }
    for one in found.things:
        assert one.is_whole
        assert one.name in sentence(one) or one.life == "desk"
        moves = [move for move in one.moves if move.is_move and move.life == one.life]
        assert not moves or one.life == "desk" or one.state == moves[-1].after
        for move in one.moves:
            assert [cause.seq for cause in move.chain.causes] == sorted(cause.seq for cause in move.chain.causes)
            assert move.seq == move.chain.causes[-1].seq


@pytest.mark.parametrize("name", RULES)
async def test_a_rejection_names_the_rule_with_its_values(open_site: OpenSite, tmp_path: Path, name: str) -> None:
    site = await open_site("local", policy=rule(name, max_min=20, closes_at=10.2))
    await site.play("F06")
    await site.advance(60)
    found = await explained(tmp_path, booking="b15" if site.cloud is None else site.booking().booking_id)
    why = RULES[name].format(asked=30, allowed=20)

    booking = thing(found, "booking")
    assert "deleted" == booking.state
    assert f"by us: rejected by {why}; done after 1 attempt" in sentence(booking)
    last = booking.moves[-1]
    assert ["BookingCreated", "CommandSending"] == [cause.kind for cause in last.chain.causes[:2]]
    assert why in [reason.text for reason in last.chain.causes[0].reasons]
    assert thing(found, "command").state == "done"


async def test_in_observe_it_says_that_nothing_was_sent(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=20), stage="observe")
    await site.play("F06")
    found = await explained(tmp_path)

    text = sentence(thing(found, "booking"))
    assert "against the rules: maximum duration: 30 min asked, 20 min allowed" in text
    assert "nothing was sent, for the stage was observe" in text


async def with_rules(site: Site, *, max_min: int, stage: Stage) -> None:
    (desk,) = site.settings.desks
    policy = rule("maximum duration", max_min=max_min)
    site.settings = with_desks(site.settings, attrs.evolve(desk, policy=policy, stage=stage))
    await site.reload(site.settings)


async def test_a_decision_is_told_by_the_rules_and_the_stage_of_then(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=60))
    asked = await site.book(begins_in_min=120, duration_min=45)
    await site.advance(10)
    await with_rules(site, max_min=20, stage=Stage.OBSERVE)
    await site.play("F06")
    await with_rules(site, max_min=30, stage=Stage.ENFORCE)
    await site.stop()
    await site.start()
    found = await explained(tmp_path)
    told = {one.name == asked["id"]: sentence(one) for one in found.things if one.life == "booking"}

    assert "within the rules (maximum duration 60 min), though the rules of now are against it" in told[True]
    assert "(maximum duration: 45 min asked, 30 min allowed)" in told[True]
    assert "against the rules: maximum duration: 30 min asked, 20 min allowed; nothing was sent" in told[False]
    assert "for the stage was observe" in told[False]


async def test_what_an_older_program_did_not_keep_of_a_decision_is_not_made_up(
    open_site: OpenSite, tmp_path: Path
) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=60))
    await site.book(begins_in_min=120, duration_min=45)
    await site.advance(10)
    await site.stop()
    with sqlite3.connect(tmp_path / "journal.sqlite3") as journal:
        ((state,),) = journal.execute("SELECT state FROM snapshots").fetchall()
        old = codec.rewrite_state(state, lambda data: re.sub(rb'"accepted_why":"[^"]*",', b"", data))
        journal.execute("UPDATE snapshots SET version = '1-of-an-older-program', state = ?", (old,))
        journal.execute("INSERT INTO bases SELECT desk_id, seq, written_at, version, state FROM snapshots")
        journal.execute("DELETE FROM marks")
        journal.execute("DELETE FROM records")  # pruned since, or it would be decided again
    journal.close()
    await site.start()
    await with_rules(site, max_min=90, stage=Stage.ENFORCE)

    told = sentence(thing(await explained(tmp_path), "booking"))
    assert old != state
    assert "accepted; by which rules was not kept" in told
    assert "90" not in told


@over("socket")
async def test_what_a_lost_answer_led_to_is_told(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    site.device.faults.enable("cut_after", command="Bookings Book", times=1)
    await site.book()
    await site.advance(200)
    found = await explained(tmp_path)

    (command,) = [one for one in (await explained(tmp_path, over_too=True)).things if one.life == "command"]
    assert "done after 1 attempt" in sentence(command)
    booking = thing(found, "booking")
    assert "created" == booking.state
    kinds = [cause.kind for cause in booking.moves[-1].chain.causes]
    assert ("BookAsked", "BookingsListed") == (kinds[0], kinds[-1])
    assert "CommandAnswered" in kinds  # the answer that was lost is why the list was asked for


async def test_what_was_held_for_a_list_is_its_own_cause(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    site.device.faults.enable("late_reply", command="Bookings List", seconds=20)
    site.device.sync_required()
    await site.advance(5)
    await site.play("F06")
    await site.advance(30)
    found = await explained(tmp_path)

    created = thing(found, "booking").moves[-2]
    assert ("BookingsListed", "created") == (created.chain.causes[-1].kind, created.after)
    assert "BookingCreated" == created.chain.causes[0].kind


@over("socket")
async def test_a_desk_without_link_says_since_when_and_why(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.advance(60)
    site.device.faults.enable("upgrade_502")
    site.device.faults.enable("cut")
    await site.until(lambda: site.is_stale)
    found = await explained(tmp_path)
    desk, link = thing(found, "desk"), thing(found, "link")

    assert ("stale", "down", True) == (desk.state, link.state, found.is_stale)
    assert "the picture may be wrong since 08:01" in sentence(desk)
    assert "the rules delete and move nothing" in sentence(desk)


async def test_what_is_pending_names_who_set_it(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("hybrid")
    site.device.faults.enable("hybrid_timeout")
    await site.book()
    found = await explained(tmp_path)

    assert found.pending is not None
    pending = {one.key.partition(":")[0]: one for one in found.pending}
    state = site.state()
    assert [timer.key for timer in sorted(state.timers.values(), key=lambda t: (t.due, t.key))] == [
        one.key for one in found.pending
    ]
    asked = thing(found, "booking").moves[0]
    assert (asked.seq, asked.seq) == (pending["request"].set_seq, pending["command"].set_seq)
    assert "not confirmed by then" in spoken(pending["request"].words, RFC3339)


# --- moments and what is looked at -----------------------------------------------------------------------------------


async def test_an_earlier_moment_is_explained_by_what_was_known_then(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    asked = await site.book(begins_in_min=60)
    await site.advance(10)
    then = site.clock.now()
    await site.advance(3 * 3600)
    earlier, now = await explained(tmp_path, at=then), await explained(tmp_path)

    states = [thing(one, "booking", asked["id"]).state for one in (earlier, now)]
    assert ["created", "ended"] == states
    assert (then, True) == (earlier.at, earlier.newest_at <= then)
    with pytest.raises(NotRecordedError, match="until then"):
        await explained(tmp_path, at=then - timedelta(days=1))
    with pytest.raises(NotRecordedError, match=r"'desk-2'; did you mean desk-1\?"):
        await explained(tmp_path, "desk-2")


async def test_what_moved_since_a_moment_and_nothing_else(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    first = await site.book(begins_in_min=60)
    await site.advance(600)
    then = site.clock.now()
    second = await site.book(begins_in_min=120)
    await site.advance(5)
    found = await explained(tmp_path, since=then)

    assert ["booking", "command"] == [one.life for one in found.things]
    assert second["id"] == thing(found, "booking").name != first["id"]
    assert all(move.at >= then for one in found.things for move in one.moves)


async def test_a_long_history_is_looked_at_as_far_as_is_bounded_and_says_so(
    open_site: OpenSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    asked = await site.book(begins_in_min=120)
    for _ in range(3):
        await site.play("F23")
        await site.advance(600)
    monkeypatch.setattr("hotdesk_daemon.app.explain.explanation.MOST_RECORDS", 5)
    monkeypatch.setattr("hotdesk_daemon.app.explain.explanation.MOST_DECIDED", 100)
    bounded = await explained(tmp_path)
    monkeypatch.setattr("hotdesk_daemon.app.explain.explanation.MOST_DECIDED", 0)
    blind = await explained(tmp_path, at=site.clock.now() - timedelta(minutes=8))
    whole = await explained(tmp_path, at=site.clock.now() - timedelta(minutes=8), whole=True)

    booking = thing(bounded, "booking", asked["id"])
    assert (False, "BookAsked") == (booking.is_whole, booking.moves[0].chain.causes[0].kind)  # found by its number
    assert "longer than what was looked at" in bounded.notes[0]
    assert (None, None) == (blind.pending, blind.is_stale)
    assert any("What was pending is not told" in note for note in blind.notes)
    assert ((), True) == (whole.notes, thing(whole, "booking", asked["id"]).is_whole)


@over("socket")
async def test_what_is_not_there_any_more_is_said(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=20))
    await site.play("F06")
    await site.advance(60)
    await site.stop()
    (decided,) = [move for move in thing(await explained(tmp_path, booking="b15"), "command").moves if not move.before]
    with sqlite3.connect(tmp_path / "journal.sqlite3") as database:
        database.execute("DELETE FROM records WHERE seq <= ?", (decided.seq,))
    database.close()
    found = await explained(tmp_path, booking="b15")

    booking = thing(found, "booking")
    chain = booking.moves[-1].chain
    assert (Ending.GONE, decided.seq, False) == (chain.ending, chain.next_seq, booking.is_whole)
    text = await asyncio.to_thread(program, tmp_path, "desk-1", "--booking", "b15")
    assert f"(input {decided.seq}) is not there any more" in text.stdout


# --- the door and the command line -----------------------------------------------------------------------------------


@over("socket")
async def test_the_running_daemon_tells_the_same_over_http_one_at_a_time(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.play("F03")
    status, told = await site.call("GET", "/api/v1/desks/desk-1/explain?all=true")
    fleet, how = site.daemon.fleet, dict[str, Any](at=None, since=None, booking=None, over_too=False)
    both = await asyncio.gather(*(fleet.explain(DeskId("desk-1"), **how) for _ in range(2)), return_exceptions=True)
    found = await explained(tmp_path, over_too=True)

    assert 200 == status
    assert [(one.life, one.name, one.state) for one in found.things] == [
        (one["life"], one["id"], one["state"]) for one in told["things"]
    ]
    assert ["Explanation", "TransientError"] == [type(one).__name__ for one in both]
    assert json.loads(to_json(found)) == told  # the command line says the same, to the last word
    missing = await site.call("GET", "/api/v1/desks/desk-9/explain")
    assert 404 == missing[0]


def program(path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hotdesk_daemon", "explain", *words, "--journal", str(path / "journal.sqlite3")]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=10, check=False, env={**os.environ, **environ}
    )


@over("socket")
async def test_the_command_line_answers_first_and_then_tells_the_chain(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=20))
    await site.play("F06")
    await site.advance(120)
    await site.stop()
    wanted = ("--booking", "b15", "--at", "2026-05-04T10:02", "--time-zone", "Europe/Oslo")
    text = await asyncio.to_thread(program, tmp_path, "desk-1", *wanted)
    shown = await asyncio.to_thread(program, tmp_path, "desk-1", "--all", "--format", "json")

    assert (0, "") == (text.returncode, text.stderr)
    lines = text.stdout.splitlines()
    assert lines[0].startswith("desk-1 at Mon 4 May 2026 10:02:00 CEST (UTC+02:00); its last input was ")
    answer = next(line for line in lines if line.startswith("• desk-1.b15"))
    assert "was deleted 10:00 (2 min ago) by us: rejected by maximum duration: 30 min asked, 20 min allowed" in answer
    asked = r" 10:00:00  device-\S+ said BookingRequested: 10:00–10:30 \(30 min\)$"
    assert any(re.search(asked, line) for line in lines)
    told = json.loads(shown.stdout)
    found = await explained(tmp_path, over_too=True)
    assert [one.name for one in found.things] == [one["id"] for one in told["things"]]
    (booking,) = [one for one in told["things"] if one["life"] == "booking"]
    assert booking["sentence"].startswith("desk-1.b15 2026-05-04T08:00:00Z–2026-05-04T08:30:00Z (30 min) was deleted")


@over("socket")
@pytest.mark.parametrize(("file", "told"), [("halt", "resume"), ("breaker", "breaker close")])
async def test_the_command_line_says_what_holds_waiting_commands_back(
    open_site: OpenSite, tmp_path: Path, file: str, told: str
) -> None:
    site = await open_site("local")
    await site.call("POST", "/api/v1/safety/halt", {"why": "fire drill"})
    await site.book()
    await site.stop()
    await asyncio.to_thread((tmp_path / "halt").rename, tmp_path / file)
    config = tmp_path / "hotdesk.toml"
    await asyncio.to_thread(config.write_text, f'daemon.state_dir = "{tmp_path}"\n')
    words = [sys.executable, "-m", "hotdesk_daemon", "explain", "desk-1", "--brief", "--config", str(config)]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=10, check=False)

    assert 0 == done.returncode, done.stderr
    assert f"hotdesk-daemon {told}.\n" in done.stderr


@over("socket")
async def test_a_capture_is_explained_and_drawn_as_its_journal_is(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=20))
    await site.play("F06")
    await site.advance(600)
    await site.play("F03")
    await site.stop()
    journal, capture = str(tmp_path / "journal.sqlite3"), str(tmp_path / "day.jsonl")

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "hotdesk_daemon", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout

    def told(*source: str) -> list[str]:
        return [run(verb, "desk-1", "--format", "json", *source) for verb in ("explain", "timeline")]

    since = (MONDAY + timedelta(minutes=5)).isoformat()
    await asyncio.to_thread(run, "capture", "--journal", journal, "--since", MONDAY.isoformat(), "-o", capture)
    later = str(tmp_path / "later.jsonl")
    await asyncio.to_thread(run, "capture", "--journal", journal, "--since", since, "-o", later)

    assert await asyncio.to_thread(told, "--journal", journal) == await asyncio.to_thread(told, "--from", capture)
    (begun, _) = await asyncio.to_thread(told, "--from", later)
    part = json.loads(begun)
    assert [("link", False, []), ("booking", False, []), ("booking", True, "root")] == [
        (one["life"], one["whole"], one["moves"] and one["moves"][-1]["ending"])
        for one in part["things"]
        if one["life"] in ("link", "booking")
    ]
    assert [one.state for one in (await explained(tmp_path)).things] == [one["state"] for one in part["things"]]


@over("socket")
async def test_the_command_line_says_what_it_cannot_do_in_a_line(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.advance(7200)
    await site.stop()
    words = [
        (("desk-2",), 1, "did you mean desk-1?"),
        (("desk-1", "--booking", "b9"), 1, "has no booking 'b9'"),
        (("desk-1", "--at", "noon"), 2, "is no time such as"),
        (("desk-1", "--since", "9999999d"), 2, "is too long"),
        (("desk-1", "--time-zone", "Europe/Olso"), 2, "did you mean Europe/Oslo"),
        (("desk-1", "--utc", "--time-zone", "Europe/Oslo"), 2, "not both"),
        (("desk-1", "--at", "2026-05-03"), 1, "nothing is recorded of desk desk-1 until then"),
    ]
    for given, code, told in words:
        journal = str(tmp_path / "journal.sqlite3")
        ended = await asyncio.to_thread(CliRunner().invoke, main, ["explain", *given, "--journal", journal])

        assert (code, "") == (ended.exit_code, ended.stdout), ended.stderr
        assert told in ended.stderr
    ago = await asyncio.to_thread(program, tmp_path, "desk-1", "--since", "2026-05-04T13:46", TZ="Asia/Kathmandu")
    assert (0, "") == (ago.returncode, ago.stderr)
    assert "+0545 (UTC+05:45)" in ago.stdout
    assert "nothing of it moved" in ago.stdout


@pytest.mark.parametrize("flow", ["F07", "F17"])
async def test_nobody_is_named_and_nothing_titled(open_site: OpenSite, tmp_path: Path, flow: str) -> None:
    site = await open_site("hybrid")
    played = await site.play(flow)
    await site.book(title="Ides of March", organizer={"name": "Person One", "email": "person1@example.com"})
    await site.advance(60)
    text = to_json(await explained(tmp_path, over_too=True))
    assert [False] * 4 == [word in text for word in (played.email, "Ides of March", "Person One", "person1@")]
