"""The command line of the server, from the section `serve` of the configuration."""


def list_words(serve: dict) -> list[str]:
    """Return the words of the command line that say what the section *serve* does."""
    words = ["--port", serve["port"], "--poll", serve["poll_seconds"]]
    for key in ("grpc_port", "verify_key"):
        if serve[key] is not None:
            words += [f"--{key.replace('_', '-')}", serve[key]]
    batching, versions = serve["batching"], serve["versions"]
    if batching["rows"]:
        words += ["--batch", batching["rows"], batching["delay_ms"], batching["queue"]]
        words += ["--batch-onnx"] * batching["onnx"]
    if versions["latest"]:
        words += ["--latest", versions["latest"]]
    if versions["only"]:
        words += ["--only", *versions["only"]]
    words += ["--unload-first"] * versions["unload_first"]
    return [str(word) for word in words]
