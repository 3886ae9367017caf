"""How the pages of a listing follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.transport.cloud.links import link_to
from tests.transport.cloud.answering import Reply, reply

if TYPE_CHECKING:
    from tests.transport.cloud.answering import Api

# --- the header ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("", None),
        (" , ,\t", None),
        ('<a>; rel="next"', "a"),
        ("<a>;rel=next", "a"),
        ('<>; rel="next"', ""),
        ('<a>; rel="NEXT"', "a"),
        ('<a>; REL="Next"', "a"),
        ('<a>; rel="next last"', "a"),
        ('<a>; rel="last  next"', "a"),
        ('<a>; rel="\\next"', "a"),
        ('<a>; rel="nextdoor"', None),
        ('<a>; rel="http://example.com/next"', None),
        ('<a>; rel="prev"; rel="next"', None),
        ('<a>; rel; rel="next"', None),
        ('<a>; rev="next"', None),
        ('<a>; title="rel=next"', None),
        ('<a>; title="; rel=next, <b>; rel=\\"next\\""', None),
        ('<a>; title="\\""; rel="next"', "a"),
        ("<a>; title*=UTF-8''b%2c; rel=next", "a"),
        ('<a> ; ; rel = "next" ;', "a"),
        ("<a>", None),
        ("<a>, <b>; rel=next", "b"),
        ('<a>; rel=first,,<b>; rel="next" , <c>; rel=next', "b"),
        ("<a;b,c>; rel=next", "a;b,c"),
        ('<a?b=";rel=next">; rel=first', None),
    ],
)
def test_a_link_is_found_by_its_relation(value: str, target: str | None) -> None:
    assert target == link_to("next", value)


@pytest.mark.parametrize("value", ["a", "<a", "a>; rel=next", "<a> b", '<a>; rel="next', "<<a>>"])
def test_what_is_no_list_of_links_is_not_taken_for_an_end(value: str) -> None:
    with pytest.raises(ValueError, match="no "):
        link_to("next", value)


@given(
    st.text() | st.lists(st.sampled_from(["<a>", "<", ">", ";", ",", "rel", "=", '"', "next", "\\", " "])).map("".join)
)
def test_whatever_a_header_says_is_read_or_refused(value: str) -> None:
    try:
        target = link_to("next", value)
    except ValueError:
        return
    assert target is None or f"<{target}>" in value


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ['; rel="next"', "; rel=next", ';rel="next"', '; rel = "next"', '; a="b"; rel="next"'])
@pytest.mark.parametrize(
    "following", ["{base}/v1/devices?start=1", "/v1/devices?start=1", "?start=1", "devices?start=1"]
)
async def test_the_next_page_is_found_however_it_is_written(api: Api, rest: str, following: str) -> None:
    api.cloud.says(api.links(following.format(base=api.cloud.url), rest=rest), reply({"items": [2]}))

    assert [1, 2] == await api.items()

    assert ("/v1/devices", {"start": "1"}) == (api.cloud.asked[1].path, api.cloud.asked[1].query)


@pytest.mark.parametrize("rest", ['; rel="prev"', '; rel="first"', "", "; next"])
async def test_other_links_are_not_followed(api: Api, rest: str) -> None:
    api.cloud.says(api.links("/v1/devices?start=1", rest=rest))

    assert [1] == await api.items()


@pytest.mark.parametrize(
    "following", ["http://elsewhere.example.com/v1/devices", "https://127.0.0.1/v1/devices", "//elsewhere.example.com/"]
)
async def test_the_token_goes_nowhere_else(api: Api, following: str) -> None:
    api.cloud.says(api.links(following))

    with pytest.raises(ProtocolError, match="elsewhere"):
        await api.items()

    assert 1 == len(api.cloud.asked)


@pytest.mark.parametrize("rest", ['; rel="next last"', '; REL="NEXT"', "; rel=next; title=more"])
async def test_the_next_page_is_found_by_any_spelling_of_its_relation(api: Api, rest: str) -> None:
    api.cloud.says(api.links("?start=1", rest=rest), reply({"items": [2]}))

    assert [1, 2] == await api.items()


@pytest.mark.parametrize("cursor", ["a;b", "a,b", 'a";rel="first'])
async def test_an_address_may_have_delimiters_of_the_header_in_it(api: Api, cursor: str) -> None:
    api.cloud.says(api.links(f"/v1/devices?cursor={cursor}"), reply({"items": [2]}))

    assert [1, 2] == await api.items()

    assert ("/v1/devices", {"cursor": cursor}) == (api.cloud.asked[1].path, api.cloud.asked[1].query)


async def test_every_line_of_the_header_is_read(api: Api) -> None:
    lines = (("Link", '</v1/devices?start=0>; rel="first"'), ("Link", '</v1/devices?start=1>; rel="next"'))
    api.cloud.says(Reply(200, b'{"items": [1]}', lines), reply({"items": [2]}))

    assert [1, 2] == await api.items()

    assert {"start": "1"} == api.cloud.asked[1].query


@pytest.mark.parametrize("value", ['<http://[x>; rel="next"', "</v1/devices?start=1; rel=next", "/v1/devices?start=1"])
async def test_a_listing_that_goes_on_nobody_knows_where_is_no_listing(api: Api, value: str) -> None:
    api.cloud.says(Reply(200, b'{"items": [1]}', (("Link", value),)))

    with pytest.raises(ProtocolError, match="where the next page is cannot be read"):
        await api.items()

    assert 1 == len(api.cloud.asked)
