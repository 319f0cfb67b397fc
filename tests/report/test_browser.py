"""The page in a real browser: it opens from disk, asks for nothing, and does what one clicks."""

import base64
import csv
import io
import json

import pytest

from vicinal import report
from vicinal.report import Section, Table

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
pytest.importorskip("selenium", reason="selenium is not installed: it drives the browser")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def path(scores, explorer, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    table = Table("Several", [["", "x"], ["a", "worse by 3.0 [2.0, 4.0]"], ["b", "-"], ["c", "better by 1,000"]])
    report.write(path, "A page", "A lead.", [Section("AE", "Text.", scores, (), explorer)], {}, tables=[table])
    return path


@pytest.fixture
def page(browser, path):
    """Return the browser with the page as it opens, on a large screen."""
    resize(browser, 1280)
    browser.get(path.as_uri())
    return browser


def resize(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def one(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def choose(page, name, value):
    script = "const e = arguments[0]; e.value = arguments[1]; e.dispatchEvent(new Event('input', {bubbles: true}))"
    page.execute_script(script, one(page, f"[name={name}]"), value)


def levels(page):
    """Return the grey level in the middle of each picture: sample, decoded neighbour, its training image."""
    script = (
        "return [...document.querySelectorAll('canvas')].map(c => c.getContext('2d').getImageData(3, 3, 1, 1).data[0])"
    )
    return page.execute_script(script)


def expected(explorer, i):
    nearest = int(explorer.arrays["nearest"][i])
    return [2 * i, 100 + nearest, 200 + nearest]


def numbers(page):
    return [float(cell.text) for cell in page.find_elements(By.CSS_SELECTOR, ".numbers dd")]


def samples_on_map(page):
    return [
        int(ring.get_attribute("data-sample")) for ring in page.find_elements(By.CSS_SELECTOR, "circle[data-sample]")
    ]


def names(page, table):
    script = "return [...document.querySelectorAll(arguments[0])].map(cell => cell.firstChild.textContent.trim())"
    return page.execute_script(script, f"#{table} tbody th")


def test_no_request_leaves_the_page_and_nothing_fails(page, path):
    choose(page, "sampler", "B")
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert path.as_uri() in asked
    assert [url for url in asked if not url.startswith("data:") and url != path.as_uri()] == []
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_clicking_shows_the_right_images(page, explorer):
    shown = samples_on_map(page)
    assert shown == list(range(10, 20)), "the novelty of fresh data is chosen first"
    for i in (12, 17):
        one(page, f"circle[data-sample='{i}']").click()
        assert levels(page) == expected(explorer, i)
        assert f"Sample {i - 9} of 10, class {'cat' if i % 2 == 0 else 'dog'}." in one(page, ".said").text
        assert f"is {i / 10:.2f} times that of fresh data" in one(page, ".said").text


def test_pointing_shows_images_too(page, explorer):
    ActionChains(page).move_to_element(one(page, "circle[data-sample='14']")).perform()
    assert levels(page) == expected(explorer, 14)


def test_arrow_keys_go_to_the_next_sample_in_their_direction(page, explorer):
    x, y = explorer.arrays["pca-samples"].T
    shown = samples_on_map(page)
    one(page, f"circle[data-sample='{shown[0]}']").click()
    svg = one(page, ".views svg")
    for key, place in ((Keys.ARROW_RIGHT, x), (Keys.ARROW_UP, y)):
        start = min(shown, key=lambda i: place[i])
        one(page, f"circle[data-sample='{start}']").click()
        for following in sorted(shown, key=lambda i: place[i])[1:4]:
            svg.send_keys(key)
            assert levels(page) == expected(explorer, following)
    svg.send_keys(Keys.ARROW_DOWN)
    assert levels(page) == expected(explorer, sorted(shown, key=lambda i: y[i])[2])


def test_numbers_move_with_the_choices(page):
    assert numbers(page) == [2.0, 3.0, 4.0]
    choose(page, "novelty", 0)
    assert one(page, "output").text == "0.50"
    assert numbers(page) == [1.0, 2.0, 3.0]
    assert samples_on_map(page) == list(range(10))
    choose(page, "class", "dog")
    assert numbers(page) == [1.3, 2.3, 3.3]
    assert samples_on_map(page) == [1, 3, 5, 7, 9]
    choose(page, "sampler", "B")
    assert numbers(page) == [3.0, 4.0, 5.0]
    assert samples_on_map(page) == list(range(20, 30)), "it does not draw within a class"
    assert not one(page, "[name=class]").is_enabled()
    assert not one(page, "[name=novelty]").is_enabled()


@pytest.mark.parametrize("width", [400, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen(page, explorer, width, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    resize(page, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    red = page.execute_script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) < 60) == (scheme == "dark")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", one(page, ".views svg"))
    one(page, "circle[data-sample='13']").click()
    assert levels(page) == expected(explorer, 13)


def test_wide_tables_scroll_below_fixed_names_and_say_so(page):
    resize(page, 400)
    page.execute_script("window.dispatchEvent(new Event('resize'))")
    scroll = one(page, ".scroll:has(#scores-1)")
    hint = page.execute_script("return arguments[0].nextElementSibling.querySelector('.hint')", scroll)
    assert hint.is_displayed()
    page.execute_script("arguments[0].scrollLeft = 150", scroll)
    left = "return arguments[0].getBoundingClientRect().left"
    assert page.execute_script(left, one(page, "#scores-1 tbody th")) == page.execute_script(left, scroll)
    assert scroll.get_attribute("tabindex") == "0"


def test_tables_sort_by_number_both_ways_with_what_is_missing_last(page):
    button = page.find_elements(By.CSS_SELECTOR, "#scores-1 thead button")[2]
    assert button.text.startswith("Frechet distance")
    button.send_keys(Keys.ENTER)
    rising = ["bootstrap copies", "near", "real versus real", "good", "bad"]
    assert names(page, "scores-1") == [*rising, "lost"]
    assert one(page, "#scores-1 th[aria-sort]").get_attribute("aria-sort") == "ascending"
    button.click()
    assert names(page, "scores-1") == [*rising[::-1], "lost"]


def test_worse_sorts_below_better(page):
    page.find_elements(By.CSS_SELECTOR, "#table-1 thead button")[1].click()
    assert names(page, "table-1") == ["a", "c", "b"]


def test_downloads_are_inside_the_page(page, scores):
    files = {}
    for link in page.find_elements(By.CSS_SELECTOR, "a[download]"):
        head, _, content = link.get_attribute("href").partition(";base64,")
        assert head.startswith("data:")
        files[link.get_attribute("download")] = base64.b64decode(content)
    assert files["ae-scores.csv"].decode() == scores.csv()
    assert json.loads(files["ae-scores.json"]) == scores.to_dict()
    assert list(csv.reader(io.StringIO(files["several.csv"].decode())))[3] == ["c", "better by 1,000"]
    assert files["ae-quality-against-novelty.png"].startswith(b"\x89PNG")
