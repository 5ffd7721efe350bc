"""The page at `/` in a real browser: light and dark, on a phone and wide, and nothing that its policy refuses.

Needs Chromium (Debian: apt-get install chromium), which CI installs.
"""

import pytest

from tests.browser import Browser, find_browser
from tests.unit.serve.tiny import ROWS, bundle, put, running

pytestmark = [
    pytest.mark.feature("S16"),
    pytest.mark.full,
    pytest.mark.skipif(not find_browser(), reason="no Chromium, see the text above"),
]


class Address:
    """The page of a server, as Browser.open() takes it."""

    def __init__(self, port: int):
        self.port = port

    def as_uri(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A browser, and the page of a server with two versions."""
    root = tmp_path_factory.mktemp("status") / "serving"
    put(root, "birds", 1, bundle(0.0))
    put(root, "birds", 2, bundle(2.0), label="challenger")
    browser = Browser(find_browser(), tmp_path_factory.mktemp("browser"))
    with running(root) as server:
        server.ask("POST", "/predict/birds", ROWS)
        yield browser, Address(server.port)
    browser.close()


@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_and_nothing_is_refused(shown, width, dark):
    browser, page = shown
    browser.open(page, width=width, dark=dark)
    assert browser.evaluate("document.querySelectorAll('tbody tr').length") == 2
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.evaluate("getComputedStyle(document.body).color === 'rgb(233, 235, 239)'") == dark
    assert (
        browser.evaluate("performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length")
        == 0
    )
    assert browser.console == []
