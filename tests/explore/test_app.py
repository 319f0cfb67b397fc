"""The live explorer in a real browser."""

import json
import time
import zipfile

import numpy as np
import pytest

pytest.importorskip("selenium", reason="selenium is not installed: it drives the browser")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from vicinal import generate

pytestmark = pytest.mark.xdist_group("explore")


@pytest.fixture
def page(browser, running):
    """Return the browser with the page, once its first samples are there."""
    resize(browser, 1280)
    browser.get(running[0])
    until(browser, lambda: len(captions(browser)) == 12)
    return browser


def until(page, condition):
    WebDriverWait(page, 20, ignored_exceptions=[Exception]).until(lambda _: condition())


def resize(browser, width):
    metrics = {"width": width, "height": 2400, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def captions(page):
    return [label.text for label in page.find_elements(By.CSS_SELECTOR, ".pictures .caption-label")]


def text(page):
    return page.find_element(By.TAG_NAME, "body").text


def press(page, label):
    page.find_element(By.XPATH, f"//button[contains(., '{label}')]").click()


def choose(page, widget, option):
    page.find_element(By.CSS_SELECTOR, f"input[aria-label='{widget}']").click()
    until(page, lambda: page.find_element(By.XPATH, f"//*[@role='option'][contains(., '{option}')]").is_displayed())
    page.find_element(By.XPATH, f"//*[@role='option'][contains(., '{option}')]").click()


def enter(page, widget, value):
    box = page.find_element(By.CSS_SELECTOR, f"input[type=number][aria-label*='{widget}']")
    script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
    page.execute_script(script, box, str(value))
    page.execute_script("arguments[0].dispatchEvent(new Event('blur', {bubbles: true}))", box)


def test_no_request_leaves_this_machine_and_nothing_fails(page, running):
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert any(url.startswith(running[0]) for url in asked)
    assert [url for url in asked if not url.startswith((running[0], "data:", "blob:"))] == []
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_the_screen(page, width):
    resize(page, width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def saved(page, name):
    """Save the samples; return what is said of them, and their pixels."""
    press(page, "Save the samples")
    until(page, lambda: list(page.downloads.glob(name)))
    (path,) = page.downloads.glob(name)
    with zipfile.ZipFile(path) as file:
        pixels = [np.asarray(pytest.importorskip("PIL.Image").open(file.open(f"{i:06d}.png"))) for i in range(12)]
        facts = json.loads(file.read("made-by.json"))
    path.unlink()
    return facts, np.stack(pixels)


def test_a_seed_makes_the_samples_and_they_can_be_saved(page, model, samplers):
    before = captions(page)
    enter(page, "Seed", 7)
    until(page, lambda: len(captions(page)) == 12 and captions(page) != before)
    facts, pixels = saved(page, "samples-seed-7.zip")
    assert (facts["seed"], facts["sampler"]) == (7, "local.safetensors")
    made = generate(model, samplers["local"], 12, random_state=facts["seed"])
    np.testing.assert_array_equal(pixels, np.rint(np.clip(made[:, 0], 0, 1) * 255))


def test_a_click_on_the_map_goes_to_the_nearest_latent(page):
    chart = page.find_element(By.XPATH, "//*[contains(@class, 'pictures')][contains(., 'Map')]//img")
    ActionChains(page).move_to_element(chart).click().perform()
    until(page, lambda: any(label.startswith("training row") for label in captions(page)))


def test_a_path_is_shown(page):
    press(page, "Show the path")
    until(page, lambda: len(captions(page)) == 12 + 8)


def test_a_refit_makes_copies_or_new_samples(page):
    enter(page, "Novelty", 0.25)
    press(page, "Refit")
    until(page, lambda: "near copies of training latents" in text(page))


def test_a_sampler_shows_what_it_has(page):
    assert "Temperature" not in text(page)
    choose(page, "Sampler", "pmf")
    until(page, lambda: "Temperature" in text(page))
    choose(page, "Sampler", "gmm")
    until(page, lambda: "GMMSampler has no novelty to choose." in text(page) and "Show the path" not in text(page))
    time.sleep(0.5)
    assert "Class" not in text(page)


def test_a_class_is_drawn_within(page):
    before = captions(page)
    choose(page, "Class", "dark")
    until(page, lambda: len(captions(page)) == 12 and captions(page) != before)
    facts, pixels = saved(page, "samples-seed-0.zip")
    assert facts["label"] == "dark"
    assert pixels.mean(axis=(1, 2)).max() < 128
