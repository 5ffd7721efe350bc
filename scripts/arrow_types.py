"""The Arrow types of columns. scripts/column_types.py has what the server and the driver need, without pyarrow."""

import pyarrow as pa

ARROW_TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
}
