"""Where requests are answered: tiny ones by quick models in the event loop, others in threads by size and cost."""

import asyncio
import dataclasses
import threading
import time
from types import SimpleNamespace

import pytest

from scripts.serve import model as models
from scripts.serve.extras import Extras
from scripts.serve.inference import SMALL_BODY, TINY_BODY, InferenceService
from scripts.serve.model import load_model
from tests.unit.serve.tiny import ROW, bundle, put, rich_bundle

pytestmark = pytest.mark.feature("S23")


@pytest.fixture
def service():
    """A service without cases."""
    return InferenceService(SimpleNamespace(cases={}), SimpleNamespace(put=lambda *_: None))


@pytest.mark.parametrize(
    ("size", "quick", "explain", "places"),
    [
        (TINY_BODY, True, False, ["MainThread"]),
        (TINY_BODY, False, False, ["MainThread", "small"]),
        (TINY_BODY, True, True, ["MainThread", "small", "large"]),
        (TINY_BODY + 1, True, False, ["small"]),
        (SMALL_BODY, False, True, ["small", "large"]),
        (SMALL_BODY + 1, True, False, ["large"]),
    ],
)
def test_a_request_is_answered_where_it_may_take_as_long_as_it_does(tmp_path, service, size, quick, explain, places):
    put(tmp_path, "birds", 1, bundle())
    model, ran = dataclasses.replace(load_model(tmp_path / "birds/1"), is_quick=quick), []

    def answer() -> list[dict]:
        ran.append(threading.current_thread().name.partition("_")[0])
        with service.measured("birds", model, 0) as timing:
            return service.predict("birds", model, "one", [ROW], timing, extras=Extras(explain))

    (answered,) = asyncio.run(service.run(size, answer))
    assert ran == places and ("reasons" in answered) == explain
    counts = service.statistics.describe("birds", 1)["inference_stats"]
    assert (counts["success"]["count"], counts["fail"]["count"]) == (1, 0)


def test_several_models_are_counted_once_where_one_of_them_is_not_quick(tmp_path):
    put(tmp_path, "birds", 1, bundle())
    model = load_model(tmp_path / "birds/1")
    versions = {number: dataclasses.replace(model, version=number, is_quick=number == 1) for number in (1, 2)}
    case = SimpleNamespace(versions=versions, labels={}, traffic=None)
    service = InferenceService(SimpleNamespace(cases={"birds": case}), SimpleNamespace(put=lambda *_: None))
    specs = [("birds", 1, None), ("birds", 2, None)]
    asyncio.run(service.run(10, service.predict_by_each, specs, "one", "", [ROW], 0))
    counts = [service.statistics.describe("birds", number)["inference_count"] for number in (1, 2)]
    assert counts == [1, 1]


def test_models_that_are_slow_or_run_code_of_users_are_not_quick(tmp_path, monkeypatch):
    put(tmp_path, "birds", 1, bundle())
    put(tmp_path, "birds", 2, rich_bundle(0.0))
    monkeypatch.setattr(models, "QUICK_SECONDS", 60)
    assert load_model(tmp_path / "birds/1").is_quick and not load_model(tmp_path / "birds/2").is_quick
    predict = models.Model.predict
    monkeypatch.setattr(models.Model, "predict", lambda *given: time.sleep(0.01) or predict(*given))
    monkeypatch.setattr(models, "QUICK_SECONDS", 0.005)
    assert not load_model(tmp_path / "birds/1").is_quick
