"""Names of variables in namespaces."""

from __future__ import annotations

import pytest

from harness.emulation.names import qualify

SOURCE = """\
// __constant__ float weights[1];
__constant__ float weights[4], others[4];
namespace outer {
struct Pair { float first, second; };
__device__ float twice(float table) { return 2 * table; }
namespace inner::most { __constant__ __align__(16) float table[16]; }
static __device__ int count = 0;
}
namespace { __constant__ double scale; }
namespace outer { __constant__ int limit; } __constant__ int limit;
extern "C" __global__ void k(float *o) { o[0] = outer::twice(outer::inner::most::table[0]); }
"""


@pytest.mark.parametrize(
    ("name", "qualified"),
    [
        ("weights", "weights"),
        ("others", "others"),
        ("table", "outer::inner::most::table"),
        ("count", "outer::count"),
        ("scale", "scale"),
        ("limit", "limit"),
        ("absent", "absent"),
    ],
)
def test_a_variable_is_named_with_its_namespaces(name: str, qualified: str) -> None:
    assert qualify(name, SOURCE) == qualified
