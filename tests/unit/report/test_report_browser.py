"""The report in a real browser: pointer, keys, check boxes and sliders, and what is left without JavaScript.

Needs Chromium (Debian: apt-get install chromium), which CI installs.
"""

import pytest

from tests.browser import Browser, find_browser
from tests.deployed import kept, once
from tests.report import make_report
from tests.results import FEEDBACK, complete, results

pytestmark = [pytest.mark.full, pytest.mark.skipif(not find_browser(), reason="no Chromium, see the text above")]
SHOWN = (
    "[...document.querySelectorAll('#history [data-trial]')].filter(m => getComputedStyle(m).display !== 'none').length"
)
LIT = "document.querySelectorAll('.trial.lit').length"
OUT = "document.querySelectorAll('#history .out').length"
TIP = "(tip => tip.hidden ? '' : tip.textContent)(document.querySelector('.tip'))"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of all that may be in it, made once for all workers."""

    def made(folder):
        folder.mkdir()
        make_report(complete(results()) | {"feedback": FEEDBACK}, folder)

    return once(kept(tmp_path_factory) / "page", made) / "report.html"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """The browser."""
    browser = Browser(find_browser(), tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium, page):
    """The browser that shows the report; no test may make it complain."""
    chromium.open(page)
    yield chromium
    assert chromium.console == []


@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_refused_or_wider_than_the_page(browser, page, width, dark):
    browser.open(page, width=width, dark=dark)
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.evaluate("document.querySelector('#performance svg, #performance .dots') !== null")
    assert browser.evaluate("document.querySelectorAll('#timeline tr').length") > 4
    widths = "[...document.querySelectorAll('#dependence svg')].map(svg => svg.getBoundingClientRect().width)"
    assert len(drawn := browser.evaluate(widths)) == 3 and all(150 < found < width for found in drawn)
    colors = "getComputedStyle(document.body)"
    assert browser.evaluate(f"{colors}.color === 'rgb(233, 235, 239)'") == dark


def test_keys_go_from_trial_to_trial_in_all_plots(browser):
    browser.evaluate("document.querySelector('#history svg').focus()")
    browser.press("ArrowRight", "ArrowRight")
    assert "trial 1, logistic" in browser.evaluate(TIP) and "± 0.0141 (2 fits)" in browser.evaluate(TIP)
    assert browser.evaluate(LIT) == 3 and browser.evaluate("document.querySelectorAll('tr.lit').length") >= 1
    browser.press("End", "Enter", "ArrowLeft")
    assert "trial 10, boosting" in browser.evaluate(TIP)
    browser.evaluate("document.activeElement.blur()")
    assert browser.evaluate("document.querySelector('#history .lit').dataset.trial") == "11"
    browser.evaluate("document.querySelector('#history svg').focus()")
    browser.press("Escape")
    assert browser.evaluate(LIT) == 0


def test_pointer_finds_the_nearest_trial_and_a_click_keeps_it(browser):
    browser.mouse("#history [data-trial='7']")
    assert "trial 7" in browser.evaluate(TIP)
    browser.mouse("#history [data-trial='7']", "mousePressed", button="left", clickCount=1)
    browser.mouse("#history [data-trial='7']", "mouseReleased", button="left", clickCount=1)
    browser.mouse("h1")
    assert browser.evaluate(LIT) == 3 and browser.evaluate(TIP) == ""


def test_check_boxes_hide_families(browser):
    assert browser.evaluate(SHOWN) == 12
    browser.evaluate("document.querySelector('#family-0').click()")
    assert browser.evaluate(SHOWN) == 6
    assert browser.evaluate("document.querySelector('#parallel .f0').getClientRects().length") == 0


def test_ends_of_an_axis_choose_trials(browser):
    assert browser.evaluate(OUT) == 0
    browser.evaluate("[...document.querySelectorAll('#parallel .f1 .end')].at(-1).focus()")
    assert browser.evaluate("document.activeElement.getAttribute('aria-label')") == "roc_auc, lowest shown"
    browser.press(*["ArrowUp"] * 10)
    assert (
        0 < browser.evaluate(OUT) < 6
        and browser.evaluate("document.activeElement.getAttribute('aria-valuenow')") == "50"
    )
    browser.evaluate("document.querySelector('#families button').click()")
    assert browser.evaluate(OUT) == 0


def test_slider_stands_at_the_chosen_threshold_when_the_page_opens(browser):
    slider = "document.querySelector('#thresholds input')"
    assert browser.evaluate(f"Number({slider}.value)") == 0.31
    line = "document.querySelector('#thresholds .at')"
    place = f"({line}.getAttribute('x1') - {line}.dataset.left) / ({line}.dataset.right - {line}.dataset.left)"
    assert browser.evaluate(place) == pytest.approx(0.31, abs=0.005)


def test_no_table_is_cut_off_on_a_phone(browser, page):
    browser.open(page, width=390)
    cut = """[...document.querySelectorAll('table')].filter((table) => {
      const box = table.closest('.scroll');
      return !box || getComputedStyle(box).overflowX !== 'auto' || box.getBoundingClientRect().right > innerWidth;
    }).length"""
    assert browser.evaluate("document.querySelectorAll('table').length") > 8 and browser.evaluate(cut) == 0


def test_slider_reads_another_threshold(browser):
    words = "document.querySelector('#thresholds output').textContent"
    assert "✓ chosen" in browser.evaluate(words)
    before = browser.evaluate("document.querySelector('#thresholds .at').getAttribute('x1')")
    browser.evaluate("document.querySelector('#thresholds input').focus()")
    browser.press("End")
    assert browser.evaluate(words) == "threshold 1, precision –, recall 0.0 %, F1 –, selection rate 0.0 %"
    assert browser.evaluate("document.querySelector('#thresholds .at').getAttribute('x1')") != before


def test_plots_and_choices_without_javascript(browser, page):
    browser.open(page, scripts=False)
    assert browser.evaluate(SHOWN) == 12 and browser.evaluate("document.querySelector('.tip, .brush') === null")
    assert "trial 0, boosting" in browser.evaluate("document.querySelector('#history [data-trial] title').textContent")
    shown = "document.querySelector('#slices .by-size').getClientRects().length"
    assert browser.evaluate(shown) == 0
    for selector in ("#family-1", "#slices-size"):
        for kind in ("mousePressed", "mouseReleased"):
            browser.mouse(selector, kind, button="left", clickCount=1)
    assert browser.evaluate(SHOWN) == 6 and browser.evaluate(shown) == 1
