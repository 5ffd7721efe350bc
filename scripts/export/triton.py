"""The configuration of a model in a Triton model repository (config.pbtxt, the text form of a protobuf message)."""

from scripts.export.interface import list_inputs, list_outputs

CLASSES = "classes.txt"  # next to config.pbtxt: the name of each class, one a line
LARGEST_BATCH = 10_000  # rows of a request, as at the server of this repository


def quote(text: str) -> str:
    """Return *text* as a string of the text form of protobuf."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def render_config(name: str, contract: dict, meaning: dict[str, str]) -> str:
    """Return config.pbtxt of the model *name*, whose tensors *contract* describes; *meaning* becomes its parameters."""
    lines = [f"name: {quote(name)}", 'backend: "onnxruntime"', f"max_batch_size: {LARGEST_BATCH}"]
    for column, texts in list_inputs(contract):
        kind = "TYPE_STRING" if texts else "TYPE_FP64"
        lines.append(f"input {{ name: {quote(column)} data_type: {kind} dims: [ 1 ] }}")
    labels = f" label_filename: {quote(CLASSES)}" if contract["classes"] else ""
    for output, width in list_outputs(contract):
        lines.append(f"output {{ name: {quote(output)} data_type: TYPE_FP64 dims: [ {width} ]{labels} }}")
    for key, value in sorted(meaning.items()):
        lines.append(f"parameters {{ key: {quote(key)} value: {{ string_value: {quote(value)} }} }}")
    return "\n".join(lines) + "\n"
