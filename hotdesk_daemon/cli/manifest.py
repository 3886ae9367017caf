"""``manifest``: what Control Hub wants to know of the integration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from hotdesk_daemon.app.manifest import EMAIL, VENDOR, integration_manifest
from hotdesk_daemon.ops.settings import MANIFEST_ID

if TYPE_CHECKING:
    import uuid


@click.command("manifest")
@click.option("--id", "app_id", type=click.UUID, default=MANIFEST_ID, show_default=True, help="The integration's own.")
@click.option("--vendor", default=VENDOR, show_default=True, help="Who answers for it.")
@click.option("--email", default=EMAIL, show_default=True, help="How they are reached.")
@click.option("--only-required", is_flag=True, help="Leave out what is marked optional.")
def command(app_id: uuid.UUID, vendor: str, email: str, *, only_required: bool) -> None:
    """
    Print the manifest to upload in Control Hub, under Workspaces, Integrations.

    An --id other than the default must also be the organisation's app_id in the configuration.
    """
    shown = integration_manifest(app_id=str(app_id), vendor=vendor, email=email, only_required=only_required)
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
