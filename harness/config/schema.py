"""The JSON Schema of the TOML format, for editors that complete and check."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.config.parallel import LANE_NAME
from harness.config.ranges import Range
from harness.config.spec import SpecFile
from harness.config.substitute import NAME_PATTERN


def make_json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a config file.

    It accepts every valid config; what concerns several keys at once (placeholders, constraints,
    trees) only the reader checks.
    """
    made = msgspec.json.schema(SpecFile)
    tables: dict[str, Any] = made["$defs"]
    root: dict[str, Any] = tables.pop("SpecFile")
    parameters = root["properties"]["parameters"]
    parameters["minProperties"] = 1
    parameters["propertyNames"] = {"pattern": f"^{NAME_PATTERN}$"}
    root["properties"]["problem"]["propertyNames"] = parameters["propertyNames"]
    values = parameters["additionalProperties"] | {"minItems": 1, "uniqueItems": True}
    parameters["additionalProperties"] = {"anyOf": [values, _make_range_schema()]}
    _refine_parallel(root["properties"]["parallel"]["anyOf"])
    root["oneOf"] = [{"required": ["command"]}, {"required": ["kernel"]}]
    tables["CommandTable"]["required"] = ["test"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_null_defaults(root),
        "title": "Config file of gpu-harness",
        "$defs": _without_null_defaults(tables),
    }


def _make_range_schema() -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.schema(Range)["$defs"]["Range"]
    return made


def _refine_parallel(forms: list[dict[str, Any]]) -> None:
    lane = {"type": "string", "pattern": f"^{LANE_NAME.pattern}$"}
    for form in forms:
        if form["type"] == "string":
            form["const"] = "auto"
        elif form["type"] == "array":
            form |= {"items": lane, "minItems": 1, "uniqueItems": True}
        elif form["type"] == "object":
            form |= {"propertyNames": {"pattern": lane["pattern"]}, "minProperties": 1}


def _without_null_defaults(part: Any) -> Any:
    """The same without nulls, which TOML cannot say."""
    if isinstance(part, list):
        return [_without_null_defaults(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    cleaned = {key: _without_null_defaults(item) for key, item in part.items() if item is not None}
    if len(cleaned.get("anyOf", ())) == 1:
        cleaned |= cleaned.pop("anyOf")[0]
    return cleaned
