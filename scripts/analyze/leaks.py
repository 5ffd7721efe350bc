"""Screen the columns of a bundle for leaks: what each column alone says about the label, on rows of eval.

A permutation of labels cannot find a column that holds the label, since the model is right to use it. Three things can:

- skill: how well a model of the column alone predicts the rows that it was not fitted on. Numbers, dates and times are
  split by a tree, other columns are counted by value, and of texts the single word that says most counts, too. A limit
  (analyze.leaks.limit) applies.
- determined: for every class, one value of the column is found in rows of that class only; the smallest share of a
  class that its value holds (regression: the share of rows whose value is the label). Honest columns may know one class
  for sure, copies know all. This finds copies in a part of the rows, such as those of the finished cases alone.
- identifier: all values differ and they are codes or numbers in sequence, so that a model can only learn rows by heart.

What none can find is a copy in a part of the rows whose other values are of the same kind: it is as good as an honest
column. Only who knows the data can say so, by `known_at: after` in the data schema.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from scripts.arrow_types import ARROW_TYPES
from scripts.bundle.column_numbers import to_numbers
from scripts.bundle.label import labelled_batches
from scripts.metrics.losses import measure

MAX_ROWS = 4000  # of eval, drawn at random
FOLDS = 3
CLASS_ROWS = 30  # of a class that a column must decide to be a copy
CHANCE = 1e-6  # of values that decide all classes
MAX_WORDS = 1000
MIN_IDENTIFIERS = 100  # rows with a value, to call it an identifier
MAX_STEP = 20  # mean difference between numbers that count rows
LAG = "@"  # in the name of a lag, an earlier value of a series


def sample_labelled_rows(tables: list[Path], label: dict, columns: list[str]) -> tuple[pa.Table, np.ndarray]:
    """Return *columns* and targets of at most MAX_ROWS labelled rows of *tables*, always the same, in order."""
    parts = list(labelled_batches(tables, label, columns))
    y = np.concatenate([targets for _, targets in parts])
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:MAX_ROWS])
    return pa.concat_tables([part.select(columns) for part, _ in parts]).take(pa.array(rows)), y[rows]


def is_text(column: pa.ChunkedArray) -> bool:
    """Return whether the values of *column* are names rather than quantities."""
    return column.type in (ARROW_TYPES["text"], ARROW_TYPES["boolean"])


def to_codes(column: pa.ChunkedArray) -> np.ndarray:
    """Return the number of the value of each row, with one number for missing values."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def encode_column(column: pa.ChunkedArray, codes: np.ndarray) -> np.ndarray | sparse.csr_matrix:
    """Return the features of *column* for a model of it alone: its numbers, or the values that repeat."""
    if not is_text(column):
        return to_numbers(column).reshape(-1, 1)
    repeated = np.bincount(codes) > 1
    levels = np.cumsum(repeated) * repeated
    return sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), levels[codes])))


def measure_column(column: pa.ChunkedArray, codes: np.ndarray, y: np.ndarray, classes: int, metric: str) -> float:
    """Return *metric* (roc_auc or r2) of a model of *column* alone, on rows of folds that it was not fitted on."""
    x, leaf = encode_column(column, codes), max(5, len(y) // 100)
    if classes:
        text = is_text(column)
        model = LogisticRegression(C=10, max_iter=200) if text else DecisionTreeClassifier(min_samples_leaf=leaf)
        _, y = np.unique(y, return_inverse=True)
        folds, method = StratifiedKFold(FOLDS, shuffle=True, random_state=0), "predict_proba"
    else:
        model = Ridge() if is_text(column) else DecisionTreeRegressor(min_samples_leaf=leaf)
        folds, method = KFold(FOLDS, shuffle=True, random_state=0), "predict"
    p = cross_val_predict(model.set_params(random_state=0), x, y, cv=folds, method=method)
    return measure(metric, y, p if classes else p.reshape(-1, 1))


def measure_words(column: pa.ChunkedArray, y: np.ndarray, classes: int) -> float:
    """Return the skill of the single word of texts that says most, of several classes the mean of each one's word.

    All words together are not one column but many features: honest messages tell spam by them. So it is, with single
    words, where texts are the only column. NaN without words.
    """
    texts = [value or "" for value in column.to_pylist()]
    try:
        words = CountVectorizer(binary=True, max_features=MAX_WORDS, min_df=2).fit_transform(texts)
    except ValueError:  # no word occurs twice
        return np.nan
    if classes:
        hits = (y[:, None] == np.unique(y)).astype(np.float64)
        rates = words.T @ (hits / hits.sum(axis=0)), words.T @ ((1 - hits) / (1 - hits).sum(axis=0))
        return float(np.mean(0.5 + np.abs(rates[0] - rates[1]).max(axis=0) / 2))
    share = np.asarray(words.mean(axis=0)).ravel()
    covariance = words.T @ (y - y.mean()) / len(y)
    variance = np.maximum(share * (1 - share), 1e-12) * y.var()
    return float((covariance**2 / variance).max())


def share_determined(codes: np.ndarray, y: np.ndarray) -> float:
    """Return the share of a class *y* that a single value decides: the smallest of all classes of CLASS_ROWS rows.

    A value decides a class if all of its rows are of it. The share is 0 where values without any say would do as well
    with a chance of CHANCE.
    """
    numbers, y = np.unique(y, return_inverse=True)
    table = np.zeros((codes.max() + 1, len(numbers)), np.int64)
    np.add.at(table, (codes, y), 1)
    class_rows, pure = table.sum(axis=0), (table > 0).sum(axis=1) == 1
    decided, large = np.where(pure[:, None], table, 0).max(axis=0), class_rows >= CLASS_ROWS
    log_chance = decided[large] @ np.log(class_rows[large] / len(y))
    if large.sum() < 2 or log_chance > np.log(CHANCE):
        return 0.0
    return float((decided[large] / class_rows[large]).min())


def share_equal(column: pa.ChunkedArray, y: np.ndarray) -> float:
    """Return the share of rows in which *column* is the value to predict *y*, less what chance would give."""
    if is_text(column):
        return 0.0
    values = to_numbers(column)
    shuffled = np.random.default_rng(0).permutation(y)
    return max(0.0, float((values == y).mean() - (values == shuffled).mean()))


def is_identifier(column: pa.ChunkedArray) -> bool:
    """Return whether all values of *column* differ, and are codes or whole numbers that lie close together.

    Codes differ in their digits alone ("ID 17"), or have one length and digits in most of them (hexadecimal numbers);
    other texts, such as notes, names or addresses, may all differ and say something. So many numbers of a range that is
    hardly larger would repeat if they were drawn from it.
    """
    values = column.drop_null().combine_chunks()
    if len(values) < MIN_IDENTIFIERS or pc.count_distinct(values).as_py() < len(values):
        return False
    if values.type == ARROW_TYPES["text"]:
        return is_code(values)
    if values.type not in (ARROW_TYPES["integer"], ARROW_TYPES["number"]):
        return False
    numbers = values.to_numpy()
    return bool((numbers == np.floor(numbers)).all() and np.ptp(numbers) <= MAX_STEP * len(numbers))


def is_code(texts: pa.Array) -> bool:
    """Return whether *texts* are a word or two that differ in their digits alone, or codes of one length."""
    with_digits = pc.mean(pc.match_substring_regex(texts, "[0-9]").cast(pa.float64())).as_py()
    words = pc.unique(pc.replace_substring_regex(texts, "[0-9]+", "")).to_pylist()
    if with_digits == 1 and len(words) == 1 and len(words[0].split(" ")) <= 2:
        return True
    rest = pc.unique(pc.replace_substring_regex(texts, "[0-9A-Za-z]+", ""))
    return with_digits >= 0.5 and len(pc.unique(pc.utf8_length(texts))) == 1 and len(rest) == 1


def screen_columns(tables: list[Path], label: dict, columns: dict[str, dict], classes: int) -> list[dict]:
    """Return {"column", "metric", "skill", "determined", "identifier"} of each of *columns*, most skill first.

    *columns* are those of the contract. What a hook reads may be an identifier: its feature need not be one.
    *classes* is the number of classes of *label*, 0 for a regression; those of fewer than FOLDS rows are left out, as
    are lags, earlier values of a series by construction. A skill that is undefined is None.
    """
    names = [name for name in columns if LAG not in name]
    if not names:
        return []
    table, y = sample_labelled_rows(tables, label, names)
    if classes:
        frequent = np.bincount(y)[y] >= FOLDS
        table, y = table.filter(pa.array(frequent)), y[frequent]
    if len(np.unique(y)) < 2:
        return []
    metric, entries = "roc_auc" if classes else "r2", []
    for name in names:
        column = table[name]
        codes = to_codes(column)
        skill = measure_column(column, codes, y, classes, metric)
        if column.type == ARROW_TYPES["text"] and len(names) > 1:
            skill = np.fmax(skill, measure_words(column, y, classes))
        determined = share_determined(codes, y) if classes else share_equal(column, y)
        entry = {"column": name, "metric": metric, "skill": float(skill) if np.isfinite(skill) else None}
        identifier = columns[name]["tensor"] != "hook" and is_identifier(column)
        entries.append(entry | {"determined": determined, "identifier": identifier})
    return sorted(entries, key=lambda entry: -(entry["skill"] or 0.0))
