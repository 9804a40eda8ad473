"""Who sees what: alumni what the owner shows, HR what the company knew or what is listed, the owner all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.visibility import CHOOSABLE, COMPANY_KNOWS, NAME, Audience, visible

SHOWN = st.lists(
    st.one_of(st.sampled_from(CHOOSABLE), st.sampled_from(["private_email", "romaji", "id", ""]))
)


@given(SHOWN, st.booleans())
def test_alumni_see_only_what_is_shown_and_only_of_the_listed(shown: list[str], listed: bool) -> None:
    seen = visible(Audience.ALUMNI, shown, listed=listed)
    assert seen <= {NAME, *shown}
    assert seen <= {NAME, *CHOOSABLE}
    assert bool(seen) is listed
    assert (NAME in seen) is listed


@given(SHOWN, st.booleans(), st.sampled_from(CHOOSABLE))
def test_showing_more_never_hides_and_showing_less_never_shows(
    shown: list[str], listed: bool, field: str
) -> None:
    less = [f for f in shown if f != field]
    for audience in Audience:
        assert visible(audience, less, listed=listed) <= visible(audience, [*shown, field], listed=listed)
    assert field not in visible(Audience.ALUMNI, less, listed=listed)


@given(SHOWN, st.booleans())
def test_hr_never_sees_less_than_it_brought_and_the_owner_sees_all(shown: list[str], listed: bool) -> None:
    hr = visible(Audience.HR, shown, listed=listed)
    assert hr >= COMPANY_KNOWS
    assert hr == (visible(Audience.SELF, shown, listed=listed) if listed else COMPANY_KNOWS)
    assert visible(Audience.SELF, shown, listed=listed) == {NAME, *CHOOSABLE}
    assert hr >= visible(Audience.ALUMNI, shown, listed=listed)
