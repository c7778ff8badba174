"""The pages about accounts, from the forms in them to the store: what a person without a script does."""

from __future__ import annotations

import pytest

from tests.integration.agent.accounts.browser import Browser
from tests.integration.agent.accounts.house import ANN, EVE, House
from tests.integration.agent.machine import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW = "Another horse 2"


async def test_password_is_another_one_when_the_link_in_the_mail_was_followed(house: House) -> None:
    browser = Browser(house.http)
    await browser.open("/sign-in")
    assert 'href="/reset-password"' in browser.text
    await browser.open("/reset-password")

    assert "If the address has an account" in await browser.send("/reset-password/link", email=ANN.email)
    token = await house.link(ANN.email)
    await browser.open(f"/reset-password?token={token}")
    assert "This must" in await browser.send("/reset-password", new_password="weak", again="weak")
    assert "Your password is changed" in await browser.send("/reset-password", new_password=NEW, again=NEW)

    await browser.sign_in(ANN.email, NEW)
    await browser.open(f"/reset-password?token={token}")
    assert "no longer good" in await browser.send("/reset-password", new_password=NEW, again=NEW)


async def test_account_is_there_when_the_invitation_was_accepted(house: House) -> None:
    eve = await house.sign_in(EVE)
    await eve.post("/users/invitations", {"email": "carl@example.org", "name": "Carl", "role": "technician"})
    browser = Browser(house.http)

    await browser.open(f"/accept-invitation?token={await house.link('carl@example.org')}")
    await browser.send("/accept-invitation", password=NEW, again=NEW, username="carl")

    assert "Your account is there" in browser.text
    await browser.sign_in("carl@example.org", NEW)


async def test_account_has_its_other_address_when_that_was_confirmed(house: House) -> None:
    ann = await house.sign_in(ANN)
    await ann.post("/users/email", {"new_email": "ann@example.net", "password": PASSWORD})
    browser = Browser(house.http)
    token = await house.link("ann@example.net")

    await browser.open(f"/confirm-address?token={token}")
    assert (await ann.get("/users/profile")).body["email"] == ANN.email
    await browser.send("/confirm-address")

    assert "Your e-mail address is confirmed" in browser.text
    await browser.sign_in("ann@example.net")


async def test_somebody_signs_up_when_the_keep_lets_them(house: House) -> None:
    browser = Browser(house.http)
    await browser.open("/sign-up")
    assert "By invitation only" in browser.text  # this site does not offer it; the keep would
    await browser.post(
        "/sign-up", {"email": " carl@example.org ", "password": NEW, "again": NEW, "name": "Carl", "username": ""}
    )
    assert "A mail is on its way" in browser.text

    await browser.open(f"/confirm-address?token={await house.link('carl@example.org')}")
    await browser.send("/confirm-address")

    await browser.sign_in("carl@example.org", NEW)


async def test_profile_and_preferences_are_others_when_they_were_saved(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    await browser.open("/account")
    assert f"<strong>{ANN.email}</strong>" in browser.text
    assert 'value="Europe/London"' in browser.text

    assert "Your profile is saved." in await browser.send("/account/profile", name="Ann <Lee>", username="ann")
    assert 'value="Ann &lt;Lee&gt;"' in browser.text
    typed = {"language": "de", "time_zone": "Asia/Tokyo", "units": "imperial", "deadline_threshold": "1w"}
    assert "Your preferences are saved." in await browser.send("/account/preferences", notice_overdue="on", **typed)

    preferences = (await (await house.sign_in(ANN)).get("/users/preferences")).body
    assert preferences["notifications"] == {"email": False, "deadline_threshold": "1w", "types": ["overdue"]}
    assert (preferences["language"], preferences["time_zone"], preferences["units"]) == ("de", "Asia/Tokyo", "imperial")
    assert '<option value="imperial" selected>' in browser.text
    assert browser.text.count(" checked>") == 1


async def test_change_is_kept_and_can_be_repeated_when_somebody_was_faster(house: House) -> None:
    browser, ann = await Browser(house.http).sign_in(ANN.email), await house.sign_in(ANN)
    for action, typed, faster in (
        ("/account/profile", {"name": "Ann Typed"}, ("/users/profile", {"name": "Ann Faster"})),
        ("/account/preferences", {"language": "fr"}, ("/users/preferences", {"language": "it"})),
    ):
        await browser.open("/account")
        await ann.put(*faster)
        assert "It was changed elsewhere" in await browser.send(action, **typed)
        [value] = typed.values()
        assert (browser.status, f'value="{value}"' in browser.text) == (409, True)
        assert "saved." in await browser.send(action, **typed)
        assert f'value="{value}"' in browser.text


async def test_wrong_field_is_named_beside_it_when_profile_or_preferences_are_wrong(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    await browser.open("/account")
    await browser.send("/account/profile", name="", username="a b")
    assert browser.wrong == ["name", "username"]
    assert 'value="a b"' in browser.text
    await browser.open("/account")
    await browser.send("/account/preferences", time_zone="Mars")
    assert browser.wrong == ["time_zone"]
    assert 'value="Mars"' in browser.text


async def test_password_is_another_and_this_browser_stays_when_it_was_changed(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    other = await Browser(house.http).sign_in(ANN.email)
    await browser.open("/account/security")

    await browser.send("/account/password", current_password="Wrong horse 1", new_password=NEW, again=NEW)
    assert (browser.status, browser.wrong) == (400, ["current_password"])
    assert NEW not in browser.text
    await browser.send("/account/password", current_password=PASSWORD, new_password=NEW, again=NEW)

    assert "Your password is changed" in browser.text
    assert browser.text.count("This browser") == 1
    await other.open("/account")
    assert other.path.startswith("/sign-in")
    await other.sign_in(ANN.email, NEW)


async def test_address_is_another_once_it_was_confirmed_when_it_was_asked_for(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    await browser.open("/account/security")

    await browser.send("/account/email", new_email="ann@example.net", password="Wrong horse 1")
    assert (browser.wrong, 'value="ann@example.net"' in browser.text) == (["password"], True)
    await browser.send("/account/email", new_email="ann@example.net", password=PASSWORD)
    assert "A link is on its way" in browser.text
    await browser.open(f"/confirm-address?token={await house.link('ann@example.net')}")
    await browser.send("/confirm-address")

    await browser.sign_in("ann@example.net")


async def test_other_sessions_end_when_their_owner_says_so(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    others = [await Browser(house.http).sign_in(ANN.email) for _ in range(3)]
    await browser.open("/account/security")
    assert browser.text.count("Another browser or program") == 3

    assert "That session has ended." in await browser.send("/account/sessions/end")
    assert browser.text.count("Another browser or program") == 2
    assert "Every other session has ended." in await browser.send("/account/sessions/end-others")
    assert "End all others" not in browser.text

    for other in others:
        await other.open("/account")
        assert other.path.startswith("/sign-in")


async def test_activity_says_in_words_what_was_done(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    await browser.open("/account")
    await browser.send("/account/profile", name="Ann Lee")

    await browser.open("/account/activity")

    assert browser.text.index("Changed the profile") < browser.text.index("Signed in")
    assert "Times are in Europe/London" in browser.text
    await browser.open("/account/activity?cursor=x")
    assert browser.status == 400


async def test_account_is_gone_when_its_owner_typed_the_word_and_the_password(house: House) -> None:
    browser = await Browser(house.http).sign_in(ANN.email)
    await browser.open("/account/data")
    assert 'href="/users/export"' in browser.text

    await browser.send("/account/delete", confirm="", password=PASSWORD)
    assert (browser.status, browser.wrong) == (400, ["confirm"])
    await browser.send("/account/delete", confirm=" Delete ", password="Wrong horse 1")
    assert (browser.status, browser.wrong) == (400, ["password"])
    assert "Your account is deleted" in await browser.send("/account/delete", confirm="delete", password=PASSWORD)

    assert "__Host-session" not in browser.cookies
    assert (await house.nobody.post("/auth/login", {"email": ANN.email, "password": PASSWORD})).status == 401
