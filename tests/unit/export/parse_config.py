"""Triton's own description of config.pbtxt, in the environment `client`: parse_config.py FILE prints it as JSON."""

import json
import sys
from pathlib import Path

from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

config = text_format.Parse(Path(sys.argv[1]).read_text(encoding="utf-8"), ModelConfig())
print(json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True)))
