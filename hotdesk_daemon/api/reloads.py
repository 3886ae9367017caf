"""Having the daemon read its configuration again, over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.api.calls import Answer, answer
from hotdesk_daemon.api.problems import Flaw, Kind, Problem, unavailable
from hotdesk_daemon.api.wire import Came, Reloaded
from hotdesk_daemon.core.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from hotdesk_daemon.api import site
    from hotdesk_daemon.api.asks import Reload
    from hotdesk_daemon.api.calls import Call

#: A command under way holds up the desk that it is for, and so a reload that lets this desk go.
LIMIT_S: Final = 25.0


async def reload(call: Call[None, Reload]) -> Answer:
    try:
        async with asyncio.timeout(LIMIT_S):
            done = await call.site.reload(remove_desks=call.body.remove_desks)
    except ConfigError as exc:
        flaws = [Flaw(detail=problem) for problem in exc.problems]
        text = "the configuration cannot be used; the old one stays in force"
        raise Problem(status=422, kind=Kind.CONFIGURATION, detail=text, flaws=flaws) from exc
    except TransientError as exc:
        raise unavailable(str(exc), retry_after_s=exc.retry_after_s) from exc
    except TimeoutError as exc:
        text = f"not done within {LIMIT_S:g} s; it goes on, and the log says how it ends"
        raise Problem(status=504, kind=Kind.UNKNOWN_OUTCOME, detail=text) from exc
    return answer(
        Reloaded(
            settings=list(done.settings),
            waiting=list(done.waiting),
            warnings=list(done.warnings),
            desks=_shown(done.desks),
            organisations=_shown(done.organisations),
            staying=list(done.staying),
        )
    )


def _shown(came: site.Came) -> Came:
    return Came(added=list(came.added), removed=list(came.removed), changed=list(came.changed))
