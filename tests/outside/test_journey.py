"""The journey of a citizen, in a real browser against the running demo."""

import re

import pytest
import requests
from conftest import choose, claim, log_in, password_login, shoot, totp


def problem(page):
    return page.get_attribute("[data-problem]", "data-problem")


def test_the_whole_journey(page, demo):
    citizen = demo.citizen("national")

    # 1. Level 1: the broker offers identity providers, the national one asks for the password.
    page.goto(demo.url("portal1"))
    shoot(page, "01-portal")
    page.click("a[href^='/login'] >> nth=0")
    assert page.url.startswith(demo.url("broker") + "/login/")
    assert page.locator("button[name=idp]").count() == 2
    shoot(page, "02-choose")
    choose(page, "national")
    assert page.url.startswith(demo.url("national"))
    shoot(page, "03-password")
    password_login(page, citizen)
    assert page.url == demo.url("portal1") + "/"
    shoot(page, "04-logged-in")
    assert citizen["name"] in page.inner_text("main")
    assert claim(page, "acr") == "urn:nixa:loa:1"
    assert claim(page, "amr") == "pwd"
    first_time = claim(page, "auth_time")
    assert first_time
    first_sub = claim(page, "sub")
    assert page.locator('[data-claim="personal_number"]').count() == 0, "this portal is not entitled to it"

    # 2. Level 2: single sign-on, then only the missing factor.
    page.goto(demo.url("portal2") + "/login")
    assert page.url.startswith(demo.url("national")) and page.url.endswith("/totp")
    assert page.locator("#password").count() == 0
    shoot(page, "05-totp")
    page.fill("#code", totp(citizen))
    page.click("main form button >> nth=0")
    assert page.url == demo.url("portal2") + "/"
    assert claim(page, "acr") == "urn:nixa:loa:2"
    assert set(claim(page, "amr").split()) == {"pwd", "otp", "mfa"}
    assert claim(page, "personal_number") == citizen["personal_number"]
    assert claim(page, "sub") != first_sub, "sub is pairwise"

    # 3. Level 1 again: no prompt at all.
    page.goto(demo.url("portal1") + "/login")
    assert page.url == demo.url("portal1") + "/"
    assert claim(page, "sub") == first_sub

    # 4. Level 3 cannot be met: the citizen reads why, the portal is told.
    page.goto(demo.url("portal3") + "/login")
    assert page.url.startswith(demo.url("broker")) and page.url.endswith("/unmet")
    shoot(page, "06-unmet")
    assert page.locator("main ul li").count() >= 3
    page.click("main form button >> nth=0")
    assert page.url.startswith(demo.url("portal3"))
    assert page.inner_text("[data-error-code]") == "unmet_authentication_requirements"
    shoot(page, "07-portal-unmet")

    # 6. Log out at one portal: the others are told and show it at their next request.
    page.goto(demo.url("portal1"))
    page.click("form[action*=logout] button")
    assert page.url.startswith(demo.url("broker")), "two services are open: this one or everywhere"
    assert page.locator("main ul li").count() == 2
    shoot(page, "08-logout")
    page.click("button[value=yes]")
    assert page.url.startswith(demo.url("portal1") + "/logged-out")
    shoot(page, "08-logged-out")
    page.goto(demo.url("portal2"))
    assert page.locator('[data-notice="logged-out-elsewhere"]').count() == 1
    shoot(page, "09-logged-out-elsewhere")
    # The broker's session has ended: the password is asked for again, though the provider remembers.
    page.goto(demo.url("portal1") + "/login")
    choose(page, "national")
    assert page.url.endswith("/password")


def test_the_partner_leads_to_the_same_person_capped_at_level_2(chromium, page, demo):
    citizen, same = demo.citizen("partner"), demo.citizen("national")
    assert citizen["personal_number"] == same["personal_number"]
    log_in(page, demo, "portal2", citizen, with_totp=True)
    assert page.url == demo.url("portal2") + "/"
    assert claim(page, "acr") == "urn:nixa:loa:2"
    sub = claim(page, "sub")

    other = chromium.new_context(java_script_enabled=False).new_page()
    log_in(other, demo, "portal2", same, with_totp=True)
    assert claim(other, "sub") == sub
    other.context.close()

    # The chooser says why the partner cannot serve level 3.
    page.goto(demo.url("portal3") + "/login")
    assert page.url.endswith("/unmet")
    assert "mức 2" in page.inner_text("main")


def test_continue_as_is_asked_before_a_new_portal_learns_who_it_is(page, demo):
    citizen = demo.citizen("national", 1)
    log_in(page, demo, "portal2", citizen, with_totp=True)
    page.goto(demo.url("portal1") + "/login")
    assert page.url.endswith("/confirm")
    assert citizen["name"] in page.inner_text("h1")
    shoot(page, "10-confirm")
    page.click("main form button >> nth=0")
    assert page.url == demo.url("portal1") + "/"
    assert claim(page, "acr") == "urn:nixa:loa:2", "the level that was reached is told, not the one asked for"
    # Not me: another person takes over, and the first one's portals are told.
    page.goto(demo.url("portal1") + "/login?prompt=select_account")
    page.click("form[action$=switch] button")
    choose(page, "national")
    other = demo.citizen("national", 2)
    password_login(page, other)
    assert page.url == demo.url("portal1") + "/"
    assert claim(page, "name") == other["name"]
    page.goto(demo.url("portal2"))
    assert page.locator('[data-notice="logged-out-elsewhere"]').count() == 1


def test_each_service_of_the_tax_portal_asks_for_what_it_needs(page, demo):
    citizen = demo.citizen("national", 3)
    page.goto(demo.url("portal3"))
    page.click('[data-service="look-up-debt"]')
    assert "Tra cứu nợ thuế" in page.inner_text("[data-transaction]")
    choose(page, "national")
    password_login(page, citizen)
    assert page.url == demo.url("portal3") + "/"
    assert claim(page, "acr") == "urn:nixa:loa:1"
    shoot(page, "15-services")
    page.click('[data-service="file-return"]')
    assert page.url.endswith("/totp"), "only the missing factor"
    page.fill("#code", totp(citizen))
    page.click("main form button >> nth=0")
    assert claim(page, "acr") == "urn:nixa:loa:2"
    page.click('[data-service="look-up-debt"]')
    assert page.url == demo.url("portal3") + "/", "enough already"
    page.click('[data-service="refund-account"]')
    assert page.url.endswith("/unmet")
    assert "hoàn thuế" in page.inner_text("[data-transaction]")
    page.click("main form button >> nth=0")
    assert page.inner_text("[data-error-code]") == "unmet_authentication_requirements"


def test_cancel_at_the_provider_then_at_the_broker(page, demo):
    page.goto(demo.url("portal1") + "/login")
    choose(page, "national")
    page.click("form[action$=cancel] button")
    assert page.url.startswith(demo.url("broker")) and page.url.endswith("/choose")
    assert page.locator("[role=alert]").count() == 1
    shoot(page, "11-cancelled")
    page.click("form[action$=cancel] button")
    assert page.url.startswith(demo.url("portal1"))
    assert page.inner_text("[data-error-code]") == "access_denied"


def test_back_button_after_the_login(page, demo):
    citizen = demo.citizen("national", 3)
    page.goto(demo.url("portal1") + "/login")
    chooser = page.url
    choose(page, "national")
    password_page = page.url
    password_login(page, citizen)
    assert claim(page, "acr") == "urn:nixa:loa:1"
    page.goto(password_page)
    assert problem(page) == "login-finished"
    shoot(page, "12-finished")
    # The way on leads, through the broker, to the service.
    page.click("main a.button")
    assert page.url.startswith(demo.url("broker"))
    assert problem(page) == "login-finished"
    page.click("main a.button")
    assert page.url == demo.url("portal1") + "/"
    page.goto(chooser)
    assert problem(page) == "login-finished"


def test_two_tabs_at_once(page, demo):
    citizen = demo.citizen("national", 3)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(demo.url("portal1") + "/login")
        choose(tab, "national")
    password_login(page, citizen)
    assert page.url == demo.url("portal1") + "/"
    password_login(other, citizen)
    assert other.url == demo.url("portal1") + "/"
    assert claim(other, "name") == citizen["name"]


def test_wrong_answers_say_so_and_can_be_mended(page, demo):
    citizen = demo.citizen("national", 2)
    page.goto(demo.url("portal2") + "/login")
    choose(page, "national")
    password_login(page, dict(citizen, password="wrong"))
    assert page.locator("[role=alert]").inner_text()
    shoot(page, "13-wrong-password")
    password_login(page, citizen)
    page.fill("#code", "000000")
    page.click("main form button >> nth=0")
    assert page.locator("[role=alert]").inner_text()
    page.fill("#code", totp(citizen))
    page.click("main form button >> nth=0")
    assert claim(page, "acr") == "urn:nixa:loa:2"


@pytest.mark.parametrize("step", ["choose", "confirm", "unmet", "go/national", "go/nobody", "cancel", "switch"])
def test_a_bookmark_of_a_middle_step_leads_on(page, demo, step):
    page.goto(demo.url("portal1") + "/login")
    login = re.search(r"/login/([^/]+)/", page.url).group(1)
    response = page.goto(f"{demo.url('broker')}/login/{login}/{step}")
    assert response.status < 500
    assert page.locator("h1").count() == 1
    assert page.locator("main a, main button").count() >= 1


@pytest.mark.parametrize("server", ["broker", "national"])
@pytest.mark.parametrize("path", ["/login/unknown/choose", "/login/unknown/password", "/continue/unknown", "/nowhere"])
def test_a_stale_bookmark_is_a_page_and_no_dead_end(page, demo, server, path):
    response = page.goto(demo.url(server) + path)
    assert response.status == 404
    assert problem(page) in ("login-unknown", "not-found")
    assert page.locator("header a.brand").count() == 1


def test_another_browser_cannot_take_over_a_login(chromium, page, demo):
    page.goto(demo.url("portal1") + "/login")
    stranger = chromium.new_context(java_script_enabled=False).new_page()
    stranger.goto(page.url)
    assert problem(stranger) == "login-unknown"
    stranger.context.close()


def test_english_by_the_switch_and_it_stays(page, demo):
    page.goto(demo.url("portal1") + "/login")
    assert page.get_attribute("html", "lang") == "vi"
    page.click("header a.lang")
    assert page.get_attribute("html", "lang") == "en"
    assert page.inner_text("h1") == "Choose how to log in"
    shoot(page, "14-english")
    choose(page, "national")
    assert page.get_attribute("html", "lang") == "en", "the broker passes the language on"


def test_pages_fit_a_phone_and_work_by_keyboard(page, demo):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(demo.url("portal1") + "/login")
    scale = page.context.new_cdp_session(page).send("Page.getLayoutMetrics")
    assert scale["cssContentSize"]["width"] <= 360
    page.keyboard.press("Tab")
    assert page.locator("a.skip:focus").count() == 1
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.locator("button[name=idp]:focus").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/password")
    for label in page.locator("label").all():
        assert page.locator(f"#{label.get_attribute('for')}").count() == 1
    scale = page.context.new_cdp_session(page).send("Page.getLayoutMetrics")
    assert scale["cssContentSize"]["width"] <= 360


def test_an_api_that_asks_for_more_is_answered_by_a_step_up(page, demo):
    """RFC 9470: the tax portal's API refuses a login of level 1; its page steps up and sends again."""
    citizen = demo.citizen("national", 1)
    page.goto(demo.url("portal3"))
    page.click("a[data-service=look-up-debt]")
    choose(page, "national")
    password_login(page, citizen)
    assert claim(page, "acr") == "urn:nixa:loa:1"
    shoot(page, "20-tax-account")
    page.click("[data-file-return]")
    assert page.url.startswith(demo.url("national")) and page.url.endswith("/totp")
    page.fill("#code", totp(citizen))
    page.click("main form button >> nth=0")
    assert page.url == demo.url("portal3") + "/returns"
    receipt = page.inner_text("[data-receipt]")
    assert re.fullmatch(r"\d{12}", receipt)
    shoot(page, "21-filed")
    page.reload()
    assert page.locator("[data-receipt]").count() == 0, "it is sent once"
    page.goto(demo.url("portal3"))
    assert claim(page, "acr") == "urn:nixa:loa:2"
    page.click("[data-file-return]")
    assert page.inner_text("[data-receipt]") != receipt, "now the level is there"


def test_the_api_speaks_for_itself(demo):
    """What a developer sees who calls the API without a browser."""
    api = demo.url("portal3") + "/api/returns"
    none = requests.post(api, timeout=5)
    assert (none.status_code, none.headers["www-authenticate"].startswith("Bearer")) == (401, True)
    assert "error" not in none.headers["www-authenticate"]
    bad = requests.post(api, headers={"authorization": "Bearer made-up"}, timeout=5)
    assert (bad.status_code, 'error="invalid_token"' in bad.headers["www-authenticate"]) == (401, True)
