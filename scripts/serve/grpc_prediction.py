"""Predictions for raw rows over gRPC (prediction.proto): what the JSON routes answer, in messages."""

from collections.abc import Callable
from typing import Any

from scripts.serve import prediction_pb2 as pb
from scripts.serve.extras import Extras, check_extras
from scripts.serve.http_request import choose_request_id
from scripts.serve.inference import InferenceService, check_row_count, describe_answer
from scripts.serve.model import Model, request_columns
from scripts.serve.tasks import check_model_count, check_task, classify, regress


def read_rows(rows: Any) -> list[dict]:
    """Return the rows of a message as those of JSON. Raises HTTPError if they are too many."""
    check_row_count(len(rows))
    return [{name: read_value(value) for name, value in row.columns.items()} for row in rows]


def read_value(value: pb.Value) -> Any:
    """Return a value as that of JSON, None if it is missing."""
    kind = value.WhichOneof("kind")
    return None if kind is None else getattr(value, kind)


def read_choice(spec: pb.ModelSpec) -> tuple[int | None, str | None]:
    """Return the version and the label that *spec* names, None for what it does not."""
    choice = spec.WhichOneof("choice")
    return spec.version if choice == "version" else None, spec.label if choice == "label" else None


def write_value(value: Any) -> pb.Value:
    """Return the message of a value of JSON."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "text"}
    return pb.Value(**({} if value is None else {kinds[type(value)]: value}))


def read_extras(message: pb.PredictRequest) -> Extras:
    """Return what a request asks for besides predictions. Raises HTTPError if that cannot be."""
    coverage = message.coverage if message.HasField("coverage") else None
    return check_extras(Extras(message.explain, coverage, message.abstain))


def write_reasons(reasons: dict) -> pb.Reasons:
    """Return the message of the reasons of an answer."""
    found = reasons.get("counterfactual")
    if found:
        changes = {name: write_value(value) for name, value in found["changes"].items()}
        found = pb.Counterfactual(**(found | {"changes": changes}))
    return pb.Reasons(**(reasons | {"counterfactual": found}))


def write_besides(answer: dict) -> dict:
    """Return the fields of a message that *answer* has besides the answer itself: flags, and extras if it has any."""
    flags = [pb.Flag(**(flag | {"column": flag["column"] or ""})) for flag in answer.get("flags", ())]
    extras = {name: answer[name] for name in ("set", "interval", "abstain", "reasons") if name in answer}
    if "reasons" in extras:
        extras["reasons"] = write_reasons(extras["reasons"])
    return {"flags": flags} | ({"extras": pb.Extras(**extras)} if extras else {})


def write_prediction(prediction: dict) -> pb.Prediction:
    """Return the message of a prediction."""
    own = {name: prediction[name] for name in ("label", "score", "probabilities", "prediction") if name in prediction}
    return pb.Prediction(**own, **write_besides(prediction))


def write_classification(prediction: dict) -> pb.Classification:
    """Return the message of a prediction as classification."""
    answer = classify(prediction)
    classes = [pb.ClassProbability(**item) for item in answer["classes"]]
    return pb.Classification(label=answer["label"], classes=classes, **write_besides(answer))


def write_regression(prediction: dict) -> pb.Regression:
    """Return the message of a prediction as regression."""
    answer = regress(prediction)
    return pb.Regression(value=answer["value"], **write_besides(answer))


class PredictionServicer:
    """The methods of the service."""

    descriptor = pb.DESCRIPTOR.services_by_name["PredictionService"]
    inference = frozenset({"Predict", "Classify", "Regress", "MultiInference"})

    def __init__(self, service: InferenceService):
        self.service = service

    def find_model(self, spec: pb.ModelSpec) -> Model:
        """Return the model that *spec* names (default: champion). Raises HTTPError if there is none."""
        return self.service.find_model(spec.case, *read_choice(spec))

    def answer(self, message: pb.PredictRequest, received: int, key: str, task: str | None, write: Callable) -> tuple:
        """Return what answered, and the message that *write* makes of each prediction.

        Raises HTTPError, also if the model is one for another *task*, or ContractError.
        """
        case, request = message.model.case, choose_request_id(message.request)
        model, shadows = self.service.choose_model(case, *read_choice(message.model), key or request)
        if task:
            check_task(model, task)
        with self.service.measured(case, model, received) as timing:
            rows, extras = read_rows(message.rows), read_extras(message)
            predictions = self.service.predict(case, model, request, rows, timing, shadows, extras)
            return pb.Answered(**describe_answer(request, case, model)), [*map(write, predictions)]

    def Predict(self, message: pb.PredictRequest, received: int, key: str) -> pb.PredictResponse:
        """Return predictions. Raises HTTPError or ContractError."""
        answered, predictions = self.answer(message, received, key, None, write_prediction)
        return pb.PredictResponse(answered=answered, predictions=predictions)

    def Classify(self, message: pb.PredictRequest, received: int, key: str) -> pb.ClassifyResponse:
        """Return the classes of each row by probability. Raises HTTPError or ContractError."""
        answered, classifications = self.answer(message, received, key, "classification", write_classification)
        return pb.ClassifyResponse(answered=answered, classifications=classifications)

    def Regress(self, message: pb.PredictRequest, received: int, key: str) -> pb.RegressResponse:
        """Return the value of each row. Raises HTTPError or ContractError."""
        answered, regressions = self.answer(message, received, key, "regression", write_regression)
        return pb.RegressResponse(answered=answered, regressions=regressions)

    def MultiInference(self, message: pb.MultiInferenceRequest, received: int, key: str) -> pb.MultiInferenceResponse:
        """Return the predictions of several models for the same rows. Raises HTTPError or ContractError."""
        check_model_count(len(message.models))
        request = choose_request_id(message.request)
        specs = [(spec.case, *read_choice(spec)) for spec in message.models]
        answers = self.service.predict_by_each(specs, request, key or request, read_rows(message.rows), received)
        results = [
            pb.PredictResponse(answered=pb.Answered(**answered), predictions=map(write_prediction, predictions))
            for answered, predictions in answers
        ]
        return pb.MultiInferenceResponse(request=request, results=results)

    def GetModelMetadata(self, message: pb.GetModelMetadataRequest) -> pb.GetModelMetadataResponse:
        """Return what a model takes and gives. Raises HTTPError if there is none of that name."""
        case, model = message.model.case, self.find_model(message.model)
        contract, columns = model.contract, request_columns(model.contract).items()
        decision = {} if contract["positive"] is None else {key: contract[key] for key in ("positive", "threshold")}
        return pb.GetModelMetadataResponse(
            answered=pb.Answered(**describe_answer("", case, model)),
            columns=[pb.Column(name=name, type=dtype) for name, dtype in columns],
            task=contract["task"],
            classes=contract["classes"],
            **decision,
        )

    def GetModelStatus(self, message: pb.GetModelStatusRequest) -> pb.GetModelStatusResponse:
        """Return which versions of a case are ready. Raises HTTPError if there is none."""
        case = self.service.find_case(message.model.case)
        models = case.versions.values()
        if message.model.WhichOneof("choice"):
            models = [self.find_model(message.model)]
        versions = [
            pb.VersionStatus(
                version=model.version,
                bundle=model.digest,
                labels=sorted(label for label, version in case.labels.items() if version == model.version),
            )
            for model in models
        ]
        return pb.GetModelStatusResponse(versions=versions)
