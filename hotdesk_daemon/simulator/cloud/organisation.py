"""
One organisation in the simulated cloud: its integration with tokens and settings, its workspaces and devices.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from hotdesk_daemon.simulator.entries import render_time
from hotdesk_daemon.simulator.faults import FaultBoard

from .access import COMMANDS, EVENTS, REDUCED_EVENTS, REDUCED_STATUSES, STATUSES
from .ids import public_id, uuid_for
from .messages import CloudListener
from .outbox import QueueBox, WebhookBox, finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotdesk_daemon.simulator.desks import Desk
    from hotdesk_daemon.simulator.device import Device
    from hotdesk_daemon.simulator.floor import Floor

    from .signing import SigningKey

ACCESS_LASTS: Final = timedelta(seconds=64_800)
REFRESH_LASTS: Final = timedelta(seconds=7_776_000)
_FULL_SYNC_S: Final = 3600.0
#: What ids are made of: the same desk is the same one in every run, whatever the seed.
_SITE: Final = "simulated site"
_KEPT_REQUESTS: Final = 100_000
_REGIONS: Final = ("us-east-2_a", "eu-central-1_k", "us-west-2_r")


@attrs.frozen(kw_only=True)
class Request:
    """One request that came, and how it was answered."""

    at: datetime
    method: str
    path: str
    status: int
    device: str = ""


@attrs.define(eq=False)
class RefreshToken:
    """A refresh token; it lives until `expires`."""

    text: str
    expires: datetime


class CloudOrganisation:
    """
    One organisation with one integration.

    `rate_per_s` limits its requests when set. `requests` holds the newest ones. `faults` are of the floor and what is
    switched on here. `hidden` are UUIDs of devices and workspaces that its listings leave out; `elsewhere` of devices
    that the integration's locations do not include: they are listed, and refused.
    """

    def __init__(self, number: int, *, floor: Floor, desks: tuple[Desk, ...], key: SigningKey, base: str) -> None:
        self.name = f"org-{number}"
        self.uuid = uuid_for(_SITE, self.name)
        self.id = public_id("ORGANIZATION", self.uuid)
        self.app_id = "9d3c1f52-7a64-4e0b-8f1d-2b6c5a90e7d4"
        self.client_id = f"client-{number}"
        self.client_secret = f"secret-of-client-{number}"
        self.desks = desks
        self.faults = FaultBoard(floor.faults)
        self.statuses, self.commands, self.events = STATUSES, COMMANDS, EVENTS
        self.rate_per_s: float | None = None
        self.retry_after_as_date = False
        self.requests: deque[Request] = deque(maxlen=_KEPT_REQUESTS)
        self.settings: dict[str, Any] = {}
        self.hidden: set[str] = set()
        self.elsewhere: set[str] = set()
        self.tags: dict[str, tuple[str, ...]] = {}
        self.base = base
        self.region = 0
        self.queue = QueueBox(floor.schedule)
        self.webhook = WebhookBox(floor.schedule)
        self.access_tokens: dict[str, datetime] = {}
        self._refresh = RefreshToken("", floor.clock.now())
        self._old_path: str | None = None
        self._old_refresh: RefreshToken | None = None
        self._floor = floor
        self._key = key
        self._numbers = itertools.count(1)
        self._begun: deque[datetime] = deque()
        self._withheld: set[asyncio.Future[None]] = set()
        self._rng = random.Random(f"{floor.seed}/{self.name}")  # the same seed must give the same cloud
        self._stations = tuple((desk, station.device) for desk in desks for station in desk.stations)
        self._found = {self.device_uuid(device): (desk, device) for desk, device in self._stations}
        self.listeners = [CloudListener(device, self) for _, device in self._stations]
        self.new_refresh_token()

    # Time and places.

    def now(self) -> datetime:
        """Return the site's present moment."""
        return self._floor.clock.now()

    def timestamp(self) -> str:
        """Return the present moment as the cloud writes it."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def app_path(self) -> str:
        """The path of the installation, another one in each region."""
        return f"/{_REGIONS[self.region]}/xapi/api/organizations/{self.uuid}/apps/{self.app_id}"

    @property
    def app_url(self) -> str:
        """The address of the installation."""
        return f"{self.base}{self.app_path}"

    @property
    def is_live(self) -> bool:
        """Whether the provisioning was completed."""
        return self.settings.get("provisioningState") == "completed"

    # Answers.

    async def withhold(self, device: Device, seconds: float | None) -> None:
        """Return after so long, or when the cloud ends."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._withheld.add(done)
        done.add_done_callback(self._withheld.discard)
        if seconds is not None:
            device.schedule.after(seconds, lambda: finish(done))
        await done

    def withhold_no_more(self) -> None:
        """Let every answer go."""
        for done in [*self._withheld]:
            finish(done)

    # Devices.

    def stations(self) -> Sequence[tuple[Desk, Device]]:
        """Every device with its desk."""
        return self._stations

    def device_uuid(self, device: Device) -> str:
        """Return the UUID of a device."""
        return uuid_for(_SITE, device.device_id)

    def device_id(self, device: Device) -> str:
        """Return the public id of a device."""
        return public_id("DEVICE", self.device_uuid(device))

    def workspace_uuid(self, desk: Desk) -> str:
        """Return the UUID of a workspace."""
        return uuid_for(_SITE, self.name, desk.workspace)

    def find(self, uuid: str) -> Device | None:
        """Return the device with that UUID."""
        _, device = self._found.get(uuid, (None, None))
        return device

    # What is sent.

    @property
    def pushed_statuses(self) -> tuple[str, ...]:
        """The statuses that the cloud pushes at all."""
        return REDUCED_STATUSES if self.faults.find("cloud_reduced") is not None else STATUSES

    @property
    def pushed_events(self) -> tuple[str, ...]:
        """The events that the cloud pushes at all."""
        return REDUCED_EVENTS if self.faults.find("cloud_reduced") is not None else EVENTS

    def envelope(self, kind: str, device: Device) -> dict[str, object]:
        """Return the members that every message of a device has."""
        uuid = self.device_uuid(device)
        desk, _ = self._found[uuid]
        return {
            "type": kind,
            "deviceId": public_id("DEVICE", uuid),
            "workspaceId": public_id("PLACE", self.workspace_uuid(desk)),
            "orgId": self.id,
            "appId": self.app_id,
            "timestamp": self.timestamp(),
        }

    def send(self, message: bytes) -> None:
        """Put a message where the integration wants it."""
        if not self.is_live:
            return
        if self.settings.get("queue", {}).get("state") == "enabled":
            self.queue.put(message)
        if self.webhook.settings is not None:
            self.webhook.put(message)

    def begin_full_syncs(self) -> None:
        """Have every device send its statuses once an hour, each at a minute of its own."""
        for listener in self.listeners:
            self._sync_later(listener, self._rng.uniform(60.0, _FULL_SYNC_S))

    def _sync_later(self, listener: CloudListener, seconds: float) -> None:
        def sync() -> None:
            listener.full_sync()
            self._sync_later(listener, _FULL_SYNC_S)

        self._floor.schedule.after(seconds, sync)

    # Tokens.

    @property
    def refresh_token(self) -> str:
        """The refresh token that counts."""
        return self._refresh.text

    def new_refresh_token(self) -> str:
        """Let another refresh token count from now on."""
        text = f"refresh-{next(self._numbers)}_PF84_{self.uuid}"
        self._refresh = RefreshToken(text, self.now() + REFRESH_LASTS)
        return text

    def refresh(self, token: str) -> dict[str, object] | None:
        """Return the answer of the token endpoint; None when the token is dead."""
        now = self.now()
        used = next((one for one in (self._refresh, self._old_refresh) if one is not None and one.text == token), None)
        if used is None or used.expires <= now:
            return None
        if used is self._refresh and self.faults.strike("refresh_rotates") is not None:
            self.new_refresh_token()
        if used is not self._old_refresh:
            used = self._refresh
        used.expires = now + REFRESH_LASTS
        access = f"access-{self.name}-{next(self._numbers)}"
        self.access_tokens[access] = now + ACCESS_LASTS
        return {
            "access_token": access,
            "expires_in": round(ACCESS_LASTS.total_seconds()) - 1,
            "refresh_token": used.text,
            "refresh_token_expires_in": round(REFRESH_LASTS.total_seconds()),
            "token_type": "Bearer",
            "scope": "spark:xapi_statuses spark:xapi_commands spark-admin:devices_read spark-admin:workspaces_read",
        }

    def accepts(self, access: str) -> bool:
        """Whether an access token is good."""
        return self.access_tokens.get(access, self.now()) > self.now()

    def expire_tokens(self) -> None:
        """Let no access token be good any more."""
        self.access_tokens.clear()

    def is_over_rate(self) -> bool:
        """Whether one more request is too many; it counts."""
        now = self.now()
        while self._begun and now - self._begun[0] >= timedelta(seconds=1):
            self._begun.popleft()
        if self.rate_per_s is not None and len(self._begun) >= self.rate_per_s:
            return True
        self._begun.append(now)
        return False

    # Tokens of the other kind.

    def token(self, action: str, **claims: object) -> str:
        """Return a signed action token; *claims* add to what it says, None takes a claim away."""
        now = self.now()
        said: dict[str, object] = {
            "sub": public_id("ORGANIZATION", self.uuid, where="urn:TEAM:us-east-2_a"),
            "action": action,
            "appId": self.app_id,
            "iat": int(now.timestamp()),
            "jti": str(uuid.uuid4()),
            "region": _REGIONS[self.region],
            **claims,
        }
        return self._key.sign({name: value for name, value in said.items() if value is not None})

    def activation_code(self, **claims: object) -> str:
        """Return the code that an administrator copies from Control Hub."""
        access = {"commands": self.commands, "statuses": self.statuses, "events": self.events}
        return self.token(
            "provision",
            **{
                "appUrl": self.app_url,
                "manifestUrl": f"{self.base}/xapi/api/organizations/{self.uuid}/appManifests/{self.app_id}",
                "oauthUrl": f"{self.base}/v1/access_token",
                "webexapisBaseUrl": f"{self.base}/v1",
                "refreshToken": self._refresh.text,
                "scopes": "spark:xapi_statuses,spark:xapi_commands",
                "xapiAccess": msgspec.json.encode(access).decode(),
                "orgName": f"Example {self.name}",
                "userId": public_id("PEOPLE", uuid_for(self.name, "admin")),
                "expiryTime": render_time(self.now() + timedelta(days=1)),
                **claims,
            },
        )

    def send_action(self, action: str, **claims: object) -> str:
        """Have an action reach the integration by its queue, or by a post when it has an address; return the token."""
        token = self.token(action, **claims)
        body = msgspec.json.encode({"type": "action", "jwt": token})
        if self.settings.get("queue", {}).get("state") == "enabled":
            self.queue.put(body)
        else:
            self.webhook.put(body, is_action=True)
        return token

    def move_region(self) -> str:
        """
        Move to another region: another place, another refresh token; what waits comes along. Return the action.

        The old place and token serve until the new place is told where to send.
        """
        self._old_path, self._old_refresh = self.app_path, self._refresh
        self.region = (self.region + 1) % len(_REGIONS)
        return self.send_action("update", appUrl=self.app_url, refreshToken=self.new_refresh_token())

    def is_at(self, path: str) -> bool:
        """Whether the installation is to be found at *path*."""
        return path in (self.app_path, self._old_path)

    def configure(self, path: str, settings: Mapping[str, Any]) -> None:
        """Take settings over that came to *path*."""
        if path == self.app_path and self._old_path is not None:
            self._old_path = self._old_refresh = None
            self.queue.wake()
            self.access_tokens = {token: self.access_tokens[token] for token in list(self.access_tokens)[-1:]}
        self.settings = {**self.settings, **settings}
        webhook = self.settings.get("webhook")
        self.webhook.settings = webhook if isinstance(webhook, dict) and not webhook.get("disabled") else None
        self.webhook.actions_url = self.settings.get("actionsUrl")

    def app(self) -> Mapping[str, object]:
        """Return the settings of the installation as the cloud shows them."""
        shown = dict(self.settings)
        if isinstance(webhook := shown.get("webhook"), dict):
            shown["webhook"] = {name: webhook[name] for name in webhook if name not in {"secret", "password"}}
        if self.settings.get("queue", {}).get("state") == "enabled":
            shown["queue"] = {"state": "enabled", "pollUrl": f"{self.app_url}/queue"}
        return {
            "id": self.app_id,
            "manifestVersion": 1,
            "scopes": ["spark:xapi_statuses", "spark:xapi_commands"],
            "roles": ["id_readonly_admin"],
            "xapiAccessKeys": {"commands": self.commands, "statuses": self.statuses, "events": self.events},
            "createdAt": "2026-05-01T08:00:00.000Z",
            "updatedAt": self.timestamp(),
            "provisioningState": "in_progress",
            "operationalState": "operational",
            "availability": "org_private",
            "locations": [],
            "features": [],
            **shown,
        }
