"""What makes two tests the same, and two invocations one session: decided here and nowhere else.

A test's key covers its parameters and whatever could change what it measures and is known before
it runs: its command lines with the parameters filled in (`%%ID%%` and the like left as they are,
since they only keep tests apart), the environment that the config adds, the working directory
relative to the config, the content of its source files (store/sources.py), the versions of its
compilers, the models and drivers of the devices, how often it is run and what a run is measured by,
and, for simulated devices, the settings of the simulation. It does not cover the aggregate, which
is computed from stored samples, nor the number and names of lanes.

A session's key covers the same for the whole config, and what decides which tests are made:
parameters, constraints, tree, strategy, goal and distribution's effect (whether each lane searches
for itself).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

IDENTITY_VERSION = 2
"""Part of every key; it changes when keys come to mean something else: old results stay apart."""


_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


def make_key(parts: Mapping[str, object]) -> str:
    """A key of named parts: equal if and only if all parts are.

    Args:
        parts: what JSON can hold; the order of mappings does not matter.
    """
    text = _encode({"identity": IDENTITY_VERSION, **parts})
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
