"""A real browser for tests: headless Chromium, driven over two pipes by the Chrome DevTools Protocol."""

import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

NAMES = "chromium", "chromium-browser", "google-chrome"
KEYS = {
    "ArrowRight": 39,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowDown": 40,
    "Enter": 13,
    "Escape": 27,
    "Home": 36,
    "End": 35,
}


def installed() -> str | None:
    """Return the path of a browser, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser that keeps its profile in *folder*."""

    def __init__(self, program: str, folder: Path):
        theirs, self.ours = os.pipe()
        answers, back = os.pipe()
        options = f"--headless --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={folder}"
        command = f'exec "$0" {options} 3<&{theirs} 4>&{back}'
        with open(folder / "browser.log", "w") as log:
            self.process = subprocess.Popen(["bash", "-c", command, program], pass_fds=(theirs, back), stderr=log)
        os.close(theirs)
        os.close(back)
        self.answers, self.numbers = os.fdopen(answers, "rb"), itertools.count(1)
        self.rest, self.session, self.said = b"", None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params) -> dict:
        """Return the result of a command; what the page says meanwhile (errors among it) goes to `said`."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.ours, json.dumps(message).encode() + b"\0")
        while True:
            found = self.message()
            if found.get("id") == number:
                assert "result" in found, found
                return found["result"]
            if found.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                self.said.append(found["params"])

    def message(self) -> dict:
        """Return the next message of the browser."""
        while b"\0" not in self.rest:
            part = self.answers.read1()
            assert part, "the browser went away"
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        return json.loads(line)

    def open(self, path: Path, width: int = 1100, dark: bool = False, scripts: bool = True) -> None:
        """Load a page of *width* pixels."""
        self.said.clear()
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def find(self, expression: str):
        """Return the value of a JavaScript expression."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.find(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key, kind in itertools.product(keys, ("keyDown", "keyUp")):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    def point(self, selector: str, kind: str = "mouseMoved", **more) -> None:
        """Move the mouse to the middle of an element, or press or release it there."""
        middle = "{x: box.x + box.width / 2, y: box.y + box.height / 2}"
        seen = f"document.querySelector({json.dumps(selector)})"
        place = self.find(
            f"{seen}.scrollIntoView({{block: 'center'}}); (box => ({middle}))({seen}.getBoundingClientRect())"
        )
        self.ask("Input.dispatchMouseEvent", type=kind, **place, **more)

    def close(self) -> None:
        """End the browser."""
        os.close(self.ours)
        self.process.terminate()
        self.process.wait(30)
        self.answers.close()
