"""Which setting of the sweep a challenger gets, and what is said where there is none."""

import pytest

from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_json
from scripts.tune.challenger import challenger
from scripts.tune.schedule import derive_seed

HALVING = {"rungs": 2, "eta": 2}


def trial(number, family, loss):
    """Return a trial of the sweep."""
    return {"number": number, "family": family, "params": {"C": number}, "loss": loss, "status": "ok"}


@pytest.fixture
def choose(tmp_path):
    """A function that chooses a setting of a family among trials."""

    def run(family, trials, halving=HALVING):
        sweep, published, best = (tmp_path / f"{name}.json" for name in ("trials", "published", "best"))
        write_json(sweep, {"metric": "roc_auc", "trials": trials, "best": {"number": 2, "family": "logistic"}})
        write_json(published, {"version": 7})
        challenger(sweep, published, best, {"other": family, "more": "bayes"}, halving, 5, "other")
        return read_json(best)

    return run


@pytest.mark.feature("F5")
def test_it_is_the_best_trial_of_the_family_on_all_of_the_data(choose, capsys):
    # brackets of two trials on half of the data, and the better one on all of it
    trials = [trial(0, "forest", 0.1), trial(1, "logistic", 0.1), trial(2, "logistic", 0.05)]
    trials += [trial(3, "forest", 0.1), trial(4, "forest", 0.3), trial(5, "forest", 0.4), trial(8, "forest", 0.2)]
    assert choose("forest", trials) == {"family": "forest", "params": {"C": 8}, "seed": derive_seed(5, 8)}
    assert "other of version 7: forest, roc_auc 0.8000" in capsys.readouterr().err
    assert choose("logistic", trials)["params"] == {"C": 2}
    assert "the deployed model itself" in capsys.readouterr().err


@pytest.mark.feature("F5")
def test_a_family_without_a_model_is_named(choose):
    with pytest.raises(InputError, match=r"train\.challengers\.other: no trial of svm .* raise tune\.trials"):
        choose("svm", [trial(2, "logistic", 0.1), trial(0, "svm", 0.1), trial(5, "svm", None)])
