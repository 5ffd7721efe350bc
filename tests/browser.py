"""A real browser for tests: headless Chromium, controlled over two pipes by the Chrome DevTools Protocol."""

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


def find_browser() -> str | None:
    """Return the path of a browser, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser whose profile is in *folder*; its messages and errors are in `console`."""

    def __init__(self, program: str, folder: Path):
        theirs, self.ours = os.pipe()
        replies, back = os.pipe()
        options = f"--headless --no-sandbox --disable-gpu --remote-debugging-pipe --user-data-dir={folder}"
        command = f'exec "$0" {options} 3<&{theirs} 4>&{back}'
        with open(folder / "browser.log", "w") as log:
            self.process = subprocess.Popen(["bash", "-c", command, program], pass_fds=(theirs, back), stderr=log)
        os.close(theirs)
        os.close(back)
        self.answers, self.numbers = os.fdopen(replies, "rb"), itertools.count(1)
        self.buffer, self.session, self.console = b"", None, []
        target = self.send_command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send_command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime"):
            self.send_command(f"{domain}.enable")

    def send_command(self, method: str, **params) -> dict:
        """Send a command and return its result; console messages and errors meanwhile are appended to `console`."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.ours, json.dumps(message).encode() + b"\0")
        while True:
            found = self.next_message()
            if found.get("id") == number:
                assert "result" in found, found
                return found["result"]
            if found.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                self.console.append(found["params"])

    def next_message(self) -> dict:
        """Return the next message of the browser."""
        while b"\0" not in self.buffer:
            part = self.answers.read1()
            assert part, "the browser went away"
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(line)

    def open(self, path: Path, width: int = 1100, dark: bool = False, scripts: bool = True) -> None:
        """Load the page *path* in a window of *width* pixels, and empty `console`."""
        self.console.clear()
        self.send_command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.send_command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send_command("Emulation.setEmulatedMedia", features=[scheme])
        self.send_command("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str):
        """Return the value of a JavaScript expression."""
        found = self.send_command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other."""
        for key, kind in itertools.product(keys, ("keyDown", "keyUp")):
            self.send_command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    def mouse(self, selector: str, kind: str = "mouseMoved", **more) -> None:
        """Move the mouse to the middle of an element, or press or release it there."""
        middle = "{x: box.x + box.width / 2, y: box.y + box.height / 2}"
        seen = f"document.querySelector({json.dumps(selector)})"
        place = self.evaluate(
            f"{seen}.scrollIntoView({{block: 'center'}}); (box => ({middle}))({seen}.getBoundingClientRect())"
        )
        self.send_command("Input.dispatchMouseEvent", type=kind, **place, **more)

    def close(self) -> None:
        """End the browser."""
        os.close(self.ours)
        self.process.terminate()
        self.process.wait(30)
        self.answers.close()
