"""What rules put into shell lines: paths that a user names are one word, whatever they contain."""

import shlex

import pytest

from scripts.provenance.rule_functions import file_arguments


@pytest.mark.parametrize("path", ["a b.json", "a$(touch owned);b.json", "`id`", "it's", 'a"b', "a\nb"])
def test_path_is_one_word_of_the_shell(path):
    words = list(file_arguments({"reuse": path, "tables": [path, "x"], "changed": "t"}, {"record": "r"}))
    assert shlex.split(" ".join(words)) == ["--reuse", path, "--tables", path, "x"]
