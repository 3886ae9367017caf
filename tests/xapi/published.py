"""Reference files beside the checkout, where they are; what needs them is skipped elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

_BESIDE: Final = Path(__file__).resolve().parents[3] / "shared"
SCHEMAS: Final = tuple(sorted((_BESIDE / "reference" / "xapi").glob("roomos-*.json")))
CAPTURES: Final = tuple(sorted((_BESIDE / "captures").glob("*.json")))
BOOKINGS_LIST: Final = _BESIDE / "captures" / "roomos_bookings_list_jsxapi_2022-05-16.json"

needs_schemas: Final = pytest.mark.skipif(not SCHEMAS, reason="the published schema files are not here")
needs_captures: Final = pytest.mark.skipif(not BOOKINGS_LIST.exists(), reason="the captures are not here")
