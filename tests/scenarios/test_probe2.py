import pytest, json
from datetime import timedelta
from hotdesk_daemon.simulator import FLOWS, DeskPlan
from hotdesk_daemon.ops.settings import PolicySettings, OpeningHours, Weekday
async def dump(site,title,n=1):
    print("=====",title, site.clock.now())
    print("stale",site.is_stale,"signins",site.sign_ins(),"agrees",site.agrees())
    for b in site.bookings(): print("  B",b.state.value,b.start.time(),b.duration_min,b.verdict.value,b.verdict_why,b.origin.value,"uuid" if b.booking_request_uuid else "-","mid" if b.meeting_id else "-",dict(b.ids),b.change.value,b.end_cause,"SI" if b.signed_in else "", "CI" if b.checked_in else "")
    for i in range(n): print("  sent",site.sent(0,i),"lists",site.lists(0,i))
    for step in await site.steps():
        for r in step.reasons: print("   ",step.seq,step.kind,"|",r.code,"|",r.text,"|",r.before,">",r.after,r.cause_seq or "")
    rs=await site.reasons()
    if rs: print("  root of last:", await site.root(rs[-1]))
    print("  timers", sorted(site.state().timers), "outbox", await site.outbox())
@pytest.mark.parametrize("kind",["local","hybrid"])
async def test_book(open_site,kind):
    site=await open_site(kind)
    await site.book()
    await dump(site,"book "+kind)
    await site.advance(5)
    await dump(site,"book "+kind)
@pytest.mark.parametrize("what",["refused","timeout"])
async def test_book_bad(open_site,what):
    site=await open_site("hybrid")
    (site.plan.backend.decline_next if what=="refused" else site.plan.backend.ignore_next)()
    await site.book()
    await site.advance(70)
    await dump(site,"book hybrid "+what)
@pytest.mark.parametrize("kind",["local","hybrid"])
async def test_edit(open_site,kind):
    site=await open_site(kind)
    await site.play("F18" if kind=="local" else "F19"); site.mark()
    await site.edit(site.booking().booking_id,duration_min=90)
    await dump(site,"edit "+kind)
    await site.advance(5)
    await dump(site,"edit "+kind)
@pytest.mark.parametrize("what",["refused","timeout"])
async def test_edit_bad(open_site,what):
    site=await open_site("hybrid")
    await site.play("F19"); site.mark()
    (site.plan.backend.decline_next if what=="refused" else site.plan.backend.ignore_next)()
    await site.edit(site.booking().booking_id,duration_min=90)
    await site.advance(70)
    await dump(site,"edit hybrid "+what)
@pytest.mark.parametrize("kind",["local","hybrid"])
async def test_delete(open_site,kind):
    site=await open_site(kind)
    await site.play("F13" if kind=="local" else "F14"); site.mark()
    await site.delete(site.booking().booking_id)
    await dump(site,"delete "+kind)
    await site.advance(5)
    await dump(site,"delete "+kind)
@pytest.mark.parametrize("what",["refused"])
async def test_delete_bad(open_site,what):
    site=await open_site("hybrid")
    await site.play("F14"); site.mark()
    (site.plan.backend.decline_next if what=="refused" else site.plan.backend.ignore_next)()
    await site.delete(site.booking().booking_id)
    await site.advance(400)
    await dump(site,"delete hybrid "+what)
@pytest.mark.parametrize("kind",["local","hybrid"])
@pytest.mark.parametrize("call",[False,True])
async def test_f29(open_site,kind,call):
    site=await open_site(kind)
    await site.play("F29","in_call" if call else ""); await site.advance(20); site.mark()
    await site.delete(site.booking().booking_id)
    await site.advance(60)
    if call: site.device.people.end_call(); await site.advance(5)
    await dump(site,f"F29 {kind} {call}")
@pytest.mark.parametrize("kind",["local","hybrid"])
@pytest.mark.parametrize("call",[False,True])
async def test_f32(open_site,kind,call):
    site=await open_site(kind)
    await site.play("F32","in_call" if call else ""); await site.advance(20); site.mark()
    await site.sign_out(even_in_call=call)
    await site.advance(10)
    await dump(site,f"F32 {kind} {call}")
@pytest.mark.parametrize("flow",["F06","F16","F21","F07","F17","F22","F23","F10"])
@pytest.mark.parametrize("rule",["max","hours"])
async def test_reject(open_site,flow,rule):
    kind=sorted(FLOWS[flow].kinds)[-1]
    if flow=="F23": kinds=["local","hybrid"]
    else: kinds=[kind]
    for kind in kinds:
        policy = PolicySettings(max_duration_s={"F06":900,"F07":900,"F16":3600,"F17":3600,"F21":1800,"F22":1800,"F23":1800,"F10":1800}[flow]) if rule=="max" else PolicySettings(time_zone="Europe/Oslo",opening_hours=(OpeningHours(days=(Weekday.MON,),opens_min=0,closes_min={"F06":10*60,"F07":600,"F16":12*60,"F17":12*60,"F21":10*60+30,"F22":10*60+35,"F23":10*60,"F10":600}[flow]),))
        from hotdesk_daemon.simulator import DeskPlan
        site=await open_site(kind,policy=policy)
        if flow in("F16","F17"):
            await site.play("F18" if kind=="local" else "F19"); site.mark()
            e=site.plan.calendar.in_order()[0]
            site.device.people.edit(e.meeting_id,start=e.start+timedelta(minutes=30),duration_min=90)
        else: await site.play(flow)
        await site.advance(10)
        await dump(site,f"REJECT {flow} {kind} {rule}")
        break
