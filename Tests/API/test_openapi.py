"""The committed API document, judged by somebody else's reading of OpenAPI 3.1."""

import json
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/openapi.json"


def test_the_document_is_openapi_3_1():
    errors = [str(error) for error in OpenAPIV31SpecValidator(json.loads(DOCUMENT.read_text())).iter_errors()]
    assert errors == []


def test_operations_have_names_of_their_own():
    paths = json.loads(DOCUMENT.read_text())["paths"]
    names = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(names) == len(set(names)) > 15
