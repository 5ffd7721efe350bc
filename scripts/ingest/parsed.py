"""pyarrow's parser for a block of CSV that ends with a record."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.csv as pacsv

from scripts.ingest.columns import FALSE, TRUE

WORDS = [[form(word) for word in words for form in (str.lower, str.upper, str.title)] for words in (TRUE, FALSE)]


def parsed(
    raw: bytes, names: list[str], types: dict[str, pa.DataType], options: dict, skip: Callable | None = None
) -> pa.Table:
    """Return the records of *raw*, whose fields are called *names*, as the columns *types*. Raises ArrowInvalid.

    *skip* takes the records with another number of fields; without it they raise.
    """
    return pacsv.read_csv(
        pa.BufferReader(raw),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=names),
        parse_options=pacsv.ParseOptions(
            delimiter=options["separator"],
            quote_char=options["quote"] or False,
            newlines_in_values=True,
            invalid_row_handler=skip,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            check_utf8=False,  # checked before
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=options["null_values"] if skip is None else [],
            true_values=WORDS[0],
            false_values=WORDS[1],
        ),
    )
