"""The part of a schema that requests must keep: deploy publishes it beside a bundle, the server enforces it."""

from typing import Any

from scripts.schema.expression import columns_of, parse
from scripts.schema.rules import Rule, rules_of
from scripts.schema.schema import is_checked, types_of
from scripts.schema.single import RowCheck

KEPT = {"type", "min_fraction", "serving", "min", "max", "domain", "kind", "matches", "min_length", "max_length"}
KEPT |= {"allow_nan", "allow_infinite"}


def served(schema: dict, columns: dict) -> dict:
    """Return the part of *schema* on *columns* (those of a contract) that belongs to the environment SERVING."""
    held = {
        name: {key: value for key, value in spec.items() if key in KEPT}
        for name, spec in schema["columns"].items()
        if name in columns and is_checked(spec, "SERVING")
    }
    trees = [(rule, parse(rule["expression"], types_of(schema))) for rule in schema["custom"]]
    return {"columns": held, "custom": [rule for rule, tree in trees if held.keys() >= set(columns_of(tree))]}


class Guard:
    """The rules for requests: a row that breaks one is refused, or flagged where the schema tolerates it."""

    def __init__(self, schema: dict):
        self.columns = schema["columns"]
        self.tolerated = {rule["name"] for rule in schema["custom"] if rule["limit"]}
        rules = [rule for rule in rules_of(schema, "SERVING") if rule.key != "present" or self.always(rule)]
        self.check = RowCheck(rules, types_of(schema)) if rules else None

    def always(self, rule: Rule) -> bool:
        """Return whether every row needs a value, not a share of them."""
        return self.columns[rule.column].get("min_fraction") == 1

    def refuses(self, rule: Rule) -> bool:
        """Return whether a row that breaks *rule* is refused."""
        if rule.kind == "custom":
            return rule.key not in self.tolerated
        return self.columns[rule.column].get("serving") != "flag"

    def broken(self, row: dict[str, Any]) -> list[Rule]:
        """Return the rules that *row*, which keeps the contract, breaks."""
        return self.check.broken(row) if self.check else []

    def words(self, rule: Rule, row: dict[str, Any]) -> str:
        """Return how *row* breaks *rule*."""
        if rule.kind == "custom":
            return f"breaks the rule {rule.key}"
        if rule.key == "present":
            return f"{rule.column} must have a value"
        limit = self.columns[rule.column].get(rule.key, False)
        return f"{rule.column} must keep {rule.key} {limit!s:.120}, got {row[rule.column]!r:.60}"
