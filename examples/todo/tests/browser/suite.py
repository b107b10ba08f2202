"""What people do with the pages, in a real browser: suite.py CHROMIUM PAGES ADMIN FOLDER. Each step prints its name."""

import re
import sys
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM, PAGES, ADMIN, FOLDER = sys.argv[1:5]
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"
WAIT_MS = 30_000
DESKTOP, PHONE = {"width": 1200, "height": 820}, {"width": 390, "height": 780}


def step(name):
    print(name, flush=True)


def looked_at(page, name):
    """Nothing serious for people with other senses, and a picture."""
    violations = Axe().run(page).response["violations"]
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    assert not serious, (name, [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious])
    page.screenshot(path=f"{FOLDER}/{name}.png", full_page=True)


class Mailbox:
    """The operator's pages: their address counts once."""

    def __init__(self, browser):
        self.context = browser.new_context()
        page = self.context.new_page()
        page.goto(ADMIN)
        self.page = page

    def find(self, pattern):
        address = "{0.scheme}://{0.netloc}/mailbox".format(urlsplit(ADMIN))
        for _ in range(WAIT_MS // 100):
            mails = self.context.request.get(address, headers={"accept": "application/json"}).json()
            for mail in mails:
                found = re.search(pattern, mail["text"] or "")
                if found:
                    return found
            self.page.wait_for_timeout(100)
        raise AssertionError(f"no mail has {pattern}")


def context_of(browser, errors, **options):
    context = browser.new_context(**{"viewport": DESKTOP, "timezone_id": "Europe/Berlin", **options})
    context.set_default_timeout(WAIT_MS)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    # Everything comes from here.
    context.on("request", lambda asked: errors.append(asked.url) if not asked.url.startswith(PAGES) else None)
    return context


def sign_up(page, mailbox):
    page.goto(PAGES)
    looked_at(page, "welcome")
    page.click("text=Create an account")
    looked_at(page, "sign-up")
    page.fill("[name=email]", EMAIL)
    page.click("button:has-text('Create account')")
    page.wait_for_selector("text=Look at your mail")
    looked_at(page, "sent")
    page.goto(PAGES + mailbox.find(r"/verify\?token=\S+").group())
    looked_at(page, "verify")
    page.fill("[name=password]", PASSWORD)
    page.click("button:has-text('Confirm')")
    page.wait_for_selector("text=All clear")
    looked_at(page, "empty")


def add_by_keyboard(page, second):
    page.keyboard.press("n")
    titles = ["Water the plants", "Call the dentist", "Write the talk on distributed systems", "Book trains to Lyon"]
    for title in titles:
        page.keyboard.type(title)
        page.keyboard.press("Enter")
        page.wait_for_selector(f".todo >> text={title}")
    second.wait_for_selector(f".todo >> text={titles[-1]}")


def add_with_all(page):
    now = datetime.now()
    for title, due, tags in [
        ("Hand in the report", now + timedelta(days=1), "work"),
        ("Pay the rent", now - timedelta(days=1), "home, money"),
        ("Mend the bicycle", None, "home"),
    ]:
        page.fill("#new-title", title)
        page.fill("[name=due]", due.strftime("%Y-%m-%dT10:00") if due else "")
        page.fill("[name=tags]", tags)
        page.click("button:has-text('Add')")
        page.wait_for_selector(f".todo >> text={title}")


def use_keys(page):
    page.keyboard.press("Escape")
    for key in "jjj":
        page.keyboard.press(key)
    page.keyboard.press("x")
    page.wait_for_selector("text=Completed.")
    assert page.evaluate("document.activeElement.closest('[data-todo]') !== null"), "the focus is lost"
    looked_at(page, "list")
    page.keyboard.press("u")
    page.wait_for_selector(".undo", state="detached")
    page.keyboard.press("/")
    page.keyboard.type("rent")
    page.keyboard.press("Enter")
    page.wait_for_selector(".todo >> text=Call the dentist", state="detached")
    looked_at(page, "search")


def remind(page, mailbox):
    page.goto(PAGES)
    page.click("text=Hand in the report")
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert zone == "Europe/Berlin" and page.locator(f"text={zone}").count(), zone
    soon = page.evaluate(
        """() => { const at = new Date(Date.now() + 4000), two = (number) => String(number).padStart(2, '0');
        return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T`
            + `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`; }"""
    )
    page.fill("[name=at]", soon)
    page.click("text=Add reminder")
    page.wait_for_selector(".lines li")
    looked_at(page, "todo")
    link = mailbox.find(r"Hand in the report[\s\S]*?(/\?todo=\S+)").group(1)
    page.goto(PAGES + link)
    page.wait_for_selector("input[value='Hand in the report']")


class Calendar(BaseHTTPRequestHandler):
    """A calendar with one event, tomorrow."""

    def do_GET(self):
        start = datetime.now() + timedelta(days=1)
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "X-WR-CALNAME:Choir", "BEGIN:VEVENT", "UID:1@choir"]
        lines += [f"DTSTART:{start:%Y%m%dT%H%M%S}Z", "SUMMARY:Sing <b>loud</b>", "END:VEVENT", "END:VCALENDAR", ""]
        self.send_response(200)
        self.end_headers()
        self.wfile.write("\r\n".join(lines).encode())

    def log_message(self, *_):
        """Nobody wants to know."""


def read_a_calendar(page):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Calendar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page.goto(PAGES)
    page.click("text=Calendars")
    page.fill("[name=url]", "http://10.0.0.1/calendar.ics")
    page.click("button:has-text('Add')")
    page.wait_for_selector("text=only public addresses are read")
    looked_at(page, "calendar-refused")
    page.fill("[name=url]", f"http://127.0.0.1:{server.server_port}/choir.ics")
    page.click("button:has-text('Add')")
    page.wait_for_selector("text=Your calendars")
    for _ in range(WAIT_MS // 100):
        if page.locator("text=up to date").count():
            break
        page.wait_for_timeout(100)
        page.goto(PAGES + "/sources")
    assert page.locator("text=1 to-do").count(), page.content()
    looked_at(page, "calendars")
    page.goto(PAGES)
    page.wait_for_selector(".todo >> text=Sing <b>loud</b>")
    server.shutdown()


def on_other_screens(browser, errors, state):
    for name, options in [
        ("phone-dark", {"viewport": PHONE, "color_scheme": "dark"}),
        ("phone", {"viewport": PHONE}),
        ("dark", {"color_scheme": "dark"}),
    ]:
        context = context_of(browser, errors, storage_state=state, **options)
        page = context.new_page()
        page.goto(PAGES)
        looked_at(page, name)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (name, wide)
        context.close()


def without_script(browser, errors, state):
    context = context_of(browser, errors, storage_state=state, java_script_enabled=False)
    page = context.new_page()
    page.goto(PAGES)
    page.fill("#new-title", "Without a script")
    page.click("button:has-text('Add')")
    page.click("[aria-label='Complete: Without a script']")
    page.wait_for_selector("text=Completed.")
    page.click("button:has-text('Undo')")
    page.click("[aria-label='Delete: Without a script']")
    page.wait_for_selector("text=Deleted.")
    assert page.locator(".todo >> text=Without a script").count() == 0
    context.close()


def sign_out_everywhere(page, second):
    page.goto(PAGES + "/account")
    page.fill("[name=name]", "my script")
    page.click("text=Make a token")
    page.wait_for_selector(".token")
    looked_at(page, "account")
    page.click("text=Sign out everywhere")
    page.wait_for_selector("text=You are signed out everywhere")
    second.wait_for_url("**/sign-in*")
    looked_at(second, "sign-in")


with sync_playwright() as playwright:
    # Chromium keeps no sandbox of its own where root runs it, as in a container.
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    errors = []
    mailbox = Mailbox(browser)
    context = context_of(browser, errors)
    page = context.new_page()
    sign_up(page, mailbox)
    step("signed up")
    second = context.new_page()
    second.goto(PAGES)
    page.bring_to_front()
    add_by_keyboard(page, second)
    step("seen in a second window")
    add_with_all(page)
    use_keys(page)
    step("used by keys")
    remind(page, mailbox)
    step("reminded")
    assert not errors, errors
    read_a_calendar(page)
    # Chromium notes the page that tells what is wrong with an address.
    errors[:] = [each for each in errors if "status of 422" not in each]
    step("read a calendar")
    state = context.storage_state()
    on_other_screens(browser, errors, state)
    without_script(browser, errors, state)
    step("used without a script")
    sign_out_everywhere(page, second)
    step("signed out everywhere")
    assert not errors, errors
    browser.close()
