"""The page at /what-if/<case> in a real browser: light and dark, on a phone and wide; the form asks the model.

Needs Chromium (Debian: apt-get install chromium), which CI installs.
"""

import pytest

from tests.browser import Browser, find_browser
from tests.unit.serve.test_explain import counterfactual_bundle
from tests.unit.serve.tiny import put, rich_bundle, running

pytestmark = [
    pytest.mark.feature("A15"),
    pytest.mark.full,
    pytest.mark.skipif(not find_browser(), reason="no Chromium, see the text above"),
]
REQUESTS = "performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"
ANSWER = "document.querySelector('.answer').textContent"


class Address:
    """A page of a server, as Browser.open() takes it."""

    def __init__(self, port: int, path: str):
        self.port, self.path = port, path

    def as_uri(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}{self.path}"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A browser, and the port of a server with two cases."""
    root = tmp_path_factory.mktemp("what-if") / "serving"
    put(root, "change", 1, counterfactual_bundle(["height"]))
    put(root, "series", 1, rich_bundle(0.0))
    browser = Browser(find_browser(), tmp_path_factory.mktemp("browser"))
    with running(root) as server:
        yield browser, server.port
    browser.close()


@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_and_nothing_is_refused(shown, width, dark):
    browser, port = shown
    long = "x" * 300
    for path in ("/what-if/change", "/what-if/change?height=high", "/what-if/series", f"/what-if/series?note={long}"):
        browser.open(Address(port, path), width=width, dark=dark)
        assert browser.evaluate("document.querySelectorAll('form label').length") >= 3
        assert browser.evaluate("innerWidth") == width
        assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert browser.evaluate("getComputedStyle(document.body).color === 'rgb(233, 235, 239)'") == dark
        assert browser.evaluate(REQUESTS) == 0
        complaints = [entry for entry in browser.console if "422" not in str(entry)]  # the status of the page itself
        assert complaints == []


def click(browser, selector: str) -> None:
    """Click on an element and wait for the page that it leads to."""
    browser.evaluate(f"window.isOld = true; document.querySelector('{selector}').click()")
    browser.wait("!window.isOld && document.body !== null && document.readyState === 'complete'")


def test_an_edited_row_is_answered_and_the_counterfactual_filled_in(shown):
    browser, port = shown
    browser.open(Address(port, "/what-if/change"))
    assert browser.evaluate(ANSWER) == "present"
    browser.evaluate("document.querySelector('[name=height]').value = '100'")
    click(browser, "button")
    assert browser.evaluate(ANSWER) == "absent"
    assert browser.evaluate("document.querySelector('[name=height]').value") == "100"
    assert browser.evaluate("document.querySelector('[name=phase]').value") == "Climb"
    assert browser.evaluate("document.querySelectorAll('td .up, td .down').length") >= 3
    click(browser, "section p a")
    assert browser.evaluate(ANSWER) == "present" and browser.console == []


def test_an_emptied_field_is_a_missing_value_and_a_refused_one_stays(shown):
    browser, port = shown
    browser.open(Address(port, "/what-if/change?height=high"))
    assert browser.evaluate("document.querySelector('[name=height]').value") == "high"
    assert "height must be" in browser.evaluate("document.querySelector('[role=alert]').textContent")
    browser.evaluate("document.querySelector('[name=height]').value = ''")
    click(browser, "button")
    assert "height=&" in browser.evaluate("location.search")
    assert browser.evaluate("document.querySelector('[name=height]').placeholder") == "missing"
    assert browser.evaluate("document.querySelector('.answer') !== null")


def test_the_form_works_without_javascript(shown):
    browser, port = shown
    browser.open(Address(port, "/what-if/series?date=1999-12-31"), scripts=False)
    assert browser.evaluate("document.querySelector('[name=date]').value") == "1999-12-31"
    assert browser.evaluate("document.querySelectorAll('script').length") == 0
