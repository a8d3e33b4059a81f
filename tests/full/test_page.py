"""The status page in a real browser, served by the production image beside a production echo."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stagecraft import apt

NETWORK = "stagecraft-page"
ECHO, HEALTH = f"{NETWORK}-echo", f"{NETWORK}-health"
LATENCY = re.compile(r"^\d+(\.\d)? ms$")
# Room for a slow machine: an expectation that holds ends at once.
PATIENCE_MS = 20_000
# A root's browser has no sandbox of its own; the rest keeps it from asking anybody for anything.
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# By each text that is seen, how much it stands out from what is behind it, as WCAG counts: 4.5 is asked for.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const painted = (...colours) => {
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (pixel) => pixel.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const found = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: place, textContent } = texts.currentNode;
    if (!textContent.trim() || !place.checkVisibility() || place.closest("svg")) continue;
    const behind = [];
    for (let each = place; each; each = each.parentElement) behind.unshift(getComputedStyle(each).backgroundColor);
    const [one, other] = [light(painted(...behind)), light(painted(...behind, getComputedStyle(place).color))];
    found[textContent.trim()] = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }
  return found;
}"""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    apt.ensure("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(name="address", scope="module")
def _address(images: dict[str, str], run: Any, wait_until_healthy: Any) -> Iterator[str]:
    """Start health and the echo that it watches; give health's address."""
    targets = json.dumps({"echo": {"url": f"http://{ECHO}:8000/health", "interval": 0.5}})
    held = ("--read-only", "--cap-drop", "ALL", "--network", NETWORK)
    try:
        run("docker", "network", "create", NETWORK)
        run("docker", "run", "--detach", "--name", ECHO, *held, images["echo-production"])
        run(
            *("docker", "run", "--detach", "--name", HEALTH, *held, "--publish", "127.0.0.1::8000"),
            *("--env", f"HEALTH_TARGETS={targets}", images["health-production"]),
        )
        wait_until_healthy(HEALTH)
        yield f"http://{run('docker', 'port', HEALTH, '8000').stdout.split()[0]}"
    finally:
        run("docker", "rm", "--force", ECHO, HEALTH, code=None)
        run("docker", "network", "rm", NETWORK, code=None)


@pytest.fixture(name="open_page")
def _open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open the page as some reader's browser would; whatever that complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(**reader: Any) -> Page:
        contexts.append(browser.new_context(**reader))
        page = contexts[-1].new_page()
        # a violation of the policy is an error on the console, too
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def test_it_shows_what_happens(open_page: Callable[..., Page], run: Any) -> None:
    """A target's state, latency and checks are there, and follow it down and up again without a reload."""
    page = open_page()
    page.evaluate("window.first = true")
    echo = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="echo"))

    expect(page.get_by_role("status")).to_have_text("Everything is up")
    expect(echo).to_contain_text(f"http://{ECHO}:8000/health")
    expect(echo.locator("[data-slot=latency]")).to_have_text(LATENCY)
    expect(echo.locator("rect.up").nth(2)).to_be_attached()
    run("docker", "pause", ECHO)
    expect(page.get_by_role("status")).to_have_text("Not up: echo")
    expect(echo).to_contain_text("no answer within 1 s")
    expect(echo.locator("rect.down").first).to_be_attached()
    assert page.title() == "Not up: echo"
    run("docker", "unpause", ECHO)
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("status")).to_have_text("Everything is up")
    expect(echo.locator("[data-slot=latency]")).to_have_text(LATENCY)
    assert page.evaluate("window.first"), "the page was loaded again"


def test_it_says_when_it_hears_nothing(open_page: Callable[..., Page]) -> None:
    """What is shown is marked as old while the service is not reached or says nonsense, and no longer than that."""
    page = open_page()
    expect(page.get_by_role("status")).to_have_text("Everything is up")

    # answered here, as a proxy in front would: a refused connection would be an error on the console
    page.route("**/api/status*", lambda route: route.fulfill(json={"title": "Bad Gateway"}))

    expect(page.get_by_role("status")).to_have_text("No answer")
    expect(page.get_by_role("alert")).to_contain_text("health is not reached: targets is missing")
    expect(page.get_by_role("listitem")).to_contain_text("echo")
    page.unroute("**/api/status*")
    expect(page.get_by_role("status")).to_have_text("Everything is up")
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_a_phone(open_page: Callable[..., Page], scheme: str) -> None:
    """At 360 pixels nothing is beyond the edge, and no text is pale, in either scheme."""
    page = open_page(color_scheme=scheme, viewport={"width": 360, "height": 740})
    expect(page.locator("rect.up").first).to_be_attached()

    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert {words: ratio for words, ratio in page.evaluate(CONTRASTS).items() if ratio < 4.5} == {}


def test_without_scripts_it_shows_the_status(open_page: Callable[..., Page]) -> None:
    """The service has filled the page in; nothing is offered that only a script could do."""
    page = open_page(java_script_enabled=False)

    expect(page.get_by_role("status")).to_have_text("Everything is up")
    expect(page.get_by_role("listitem")).to_contain_text(f"http://{ECHO}:8000/health")
    expect(page.get_by_role("button")).to_have_count(0)


def test_a_keyboard_is_enough(open_page: Callable[..., Page]) -> None:
    """Landmarks and one heading lead around the page, and the button answers to the keyboard and keeps the focus."""
    page = open_page()
    button = page.get_by_role("button", name="Check now")
    expect(page.locator("rect.up").first).to_be_attached()

    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    with page.expect_response("**/api/status?refresh=true") as response:
        page.keyboard.press("Enter")

    assert response.value.ok
    expect(button).to_be_focused()
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
