"""The quick report's live elements in a real Firefox, from disk, without a network."""

import shutil
import socket
import subprocess
import warnings
from typing import Any

import numpy as np
import pytest
from conftest import GIVEN
from report.browsers import assert_close, expected, quick_study, shown_methods

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
    from marionette_driver.by import By
    from marionette_driver.keys import Keys
    from marionette_driver.marionette import Marionette
    from marionette_driver.wait import Wait

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(
    FIREFOX is None, reason="no Firefox is installed, as by `apt-get install firefox-esr`"
)
# All that the browser itself would ask the network for ends at a port where nobody listens.
PROFILE = """
user_pref("marionette.port", {port});
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
"""
DECODER = "document.querySelector('glo-decoder').wrappedJSObject"


@pytest.fixture(scope="module")
def firefox(quick, tmp_path_factory):
    """A Firefox with a profile of its own, which shows the report."""
    profile = tmp_path_factory.mktemp("firefox")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (profile / "user.js").write_text(PROFILE.format(port=port), encoding="utf-8")
    # Its errors can be read by privileged scripts alone.
    options = ["--marionette", "--headless", "--no-remote", "--remote-allow-system-access"]
    with open(profile / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [str(FIREFOX), *options, "--profile", str(profile)], stdout=log, stderr=log
        )
    try:
        client = Marionette(host="127.0.0.1", port=port)
        client.raise_for_port(60)
        client.start_session()
        client.navigate((quick.build / "report.html").as_uri())
        wait_until(client, "document.querySelector('glo-decoder[data-ready]') !== null")
        yield client
        client.delete_session()
    finally:
        process.terminate()
        process.wait(20)


def evaluate(firefox: Marionette, expression: str) -> Any:
    return firefox.execute_script(f"return {expression}")


def wait_until(firefox: Marionette, condition: str) -> None:
    Wait(firefox, timeout=30).until(lambda firefox: evaluate(firefox, condition))


def settle(firefox: Marionette) -> None:
    """Waits until all that was asked for is shown: until two frames have passed."""
    firefox.execute_async_script(
        "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(done))"
    )


def assert_generated(firefox: Marionette, generated: np.ndarray) -> None:
    """Asserts that the decoder has generated what PyTorch has, and shows it."""
    found = np.array(evaluate(firefox, f"[...{DECODER}.generated]"))
    assert_close(found, generated)
    shown = evaluate(
        firefox,
        "[...document.querySelector('[data-show=generated]').getContext('2d')"
        ".getImageData(0, 0, 28, 28).data.filter((_, k) => k % 4 === 0)]",
    )
    assert np.abs(1 - np.array(shown) / 255 - found).max() <= 0.5 / 255 + 1e-6


def test_the_decoder_generates_what_pytorch_generates(firefox, quick):
    study = quick_study(quick, *GIVEN)
    glo = shown_methods(study)["our GLO"][0].glo  # shown first
    label, target = study.pair
    content = glo.content_table[study.pick(label, 2)[0]]
    evaluate(firefox, f"{DECODER}.choose({2 * label})")
    settle(firefox)
    assert_generated(firefox, expected(glo, label, target, 0.0, content))
    slider = firefox.find_element(By.CSS_SELECTOR, "glo-decoder input[name=mix]")
    slider.send_keys(Keys.END)
    settle(firefox)
    assert_generated(firefox, expected(glo, label, target, 1.0, content))


def test_a_player_plays_and_pauses(firefox):
    figure = "document.querySelector('#fig-learning-to-draw')"
    slider, button = f"{figure}.querySelector('input')", f"{figure}.querySelector('button')"
    last = evaluate(firefox, f"{slider}.max")
    play = firefox.find_element(By.CSS_SELECTOR, "#fig-learning-to-draw button")
    play.click()  # from the start, as it stands at its end
    wait_until(firefox, f"['1', '2', '3'].includes({slider}.value)")
    assert evaluate(firefox, f"{button}.textContent") == "Pause"
    play.click()
    paused = evaluate(firefox, f"{slider}.value")
    assert int(paused) < int(last)
    firefox.execute_async_script("setTimeout(arguments[0], 1200)")  # two frames and more
    assert evaluate(firefox, f"{slider}.value") == paused


def test_it_asks_for_nothing_and_nothing_goes_wrong(firefox):
    """What the page's own policy has kept it from asking for would be an error, too."""
    assert evaluate(firefox, "performance.getEntriesByType('resource').length") == 0
    with firefox.using_context(Marionette.CONTEXT_CHROME):
        errors = firefox.execute_script(
            """return Services.console.getMessageArray()
                .filter((each) => each instanceof Ci.nsIScriptError)
                .filter((each) => !(each.flags & Ci.nsIScriptError.warningFlag))
                .filter((each) => each.sourceName.startsWith("file:"))
                .map((each) => each.errorMessage)"""
        )
    assert errors == []
