"""What a rule of the schema finds in a table, added up row group by row group in bounded memory."""

import decimal
import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.schema.columnar import WORST, breaks, measured
from scripts.schema.columns import decoded
from scripts.schema.rules import Rule
from scripts.spine.canon import DIGITS, rounded

EXAMPLES = 5
STRANGE = 20  # values that break a rule, listed
DISTINCT = 1000  # and counted
LISTED = {"domain", "kind", "matches"}  # rules for which they are


@dataclass
class Tally:
    """What was found so far of one rule: rows and values looked at, rows that break it, the first of them."""

    rule: Rule
    rows: int = 0
    values: int = 0
    count: int = 0
    examples: list = field(default_factory=list)
    strange: dict[Any, int] = field(default_factory=dict)
    worst: Any = None
    more: bool = False

    def add(self, table: pa.Table, first: int, keys: pa.Table | None) -> None:
        """Count the rows of *table*, which *keys* names, or else their numbers, the first of which is *first*."""
        rule = self.rule
        column = table[rule.column] if rule.column else None
        self.rows += len(table)
        self.values += len(table) if column is None else len(table) - column.null_count
        counted = rule.key == "present"  # already
        if counted and (not column.null_count or len(self.examples) == EXAMPLES):
            self.count += column.null_count
            return
        mask = breaks(rule, table)
        found = pc.sum(mask).as_py() or 0
        if not found:
            return
        self.count += found
        where = pc.indices_nonzero(mask)
        wanted = where.slice(0, EXAMPLES - len(self.examples))
        if len(wanted):
            numbers = [first + at for at in wanted.to_pylist()]
            self.examples += numbers if keys is None else keys.take(wanted).to_pylist()
        if rule.key in LISTED:
            self.list(decoded(column.take(where)))
        elif rule.key in WORST:
            end = WORST[rule.key](measured(rule, decoded(column.take(where)))).as_py()
            ends = [end] if self.worst is None else [end, self.worst]
            self.worst = min(ends) if WORST[rule.key] is pc.min else max(ends)

    def list(self, values: pa.ChunkedArray) -> None:
        """Count the different values among those that break the rule."""
        for item in pc.value_counts(values.combine_chunks()).to_pylist():
            value = item["values"]
            if value in self.strange or len(self.strange) < DISTINCT:
                self.strange[value] = self.strange.get(value, 0) + item["counts"]
            else:
                self.more = True

    def found(self) -> dict:
        """Return the figures for checks.json."""
        rule = self.rule
        named = {"code": rule.code, "column": rule.column, "key": rule.key}
        strange = sorted(self.strange.items(), key=lambda item: (-item[1], item[0]))
        return named | {
            "rows": self.rows,
            "values": self.values,
            "count": self.count,
            "examples": self.examples,
            "strange": [list(item) for item in strange[:STRANGE]],
            "all_listed": not self.more and len(strange) <= STRANGE,
            "worst": outward(self.worst, rule.key),
        }


def outward(worst: Any, key: str) -> Any:
    """Return *worst*, a float at 12 significant digits (what JSON files keep) that it does not lie beyond."""
    if not isinstance(worst, float) or not math.isfinite(worst) or rounded(worst) == worst:
        return worst
    rounding = decimal.ROUND_FLOOR if WORST[key] is pc.min else decimal.ROUND_CEILING
    return float(decimal.Context(prec=DIGITS, rounding=rounding).plus(decimal.Decimal(worst)))
