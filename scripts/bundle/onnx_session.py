"""Sessions of ONNX Runtime for graphs with an input for each column, of which there may be thousands."""

import onnxruntime


class Session(onnxruntime.InferenceSession):
    """A session whose calls take time linear in the number of inputs (read against onnxruntime 1.32)."""

    def _validate_input(self, feed_input_names: list[str]) -> None:
        super()._validate_input(set(feed_input_names))  # it looks each input up in what it is given
