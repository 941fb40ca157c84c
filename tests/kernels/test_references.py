"""The references that are more than one call of NumPy, against what their definition says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kernels import references

RANDOM = np.random.default_rng(5)


def test_convolution2d_weighs_each_window() -> None:
    image, weights = RANDOM.random((7, 9)), RANDOM.random((3, 3))
    found = references.convolution2d(image, weights, np.zeros((5, 7)), 5, 7)
    for y, x in itertools.product(range(5), range(7)):
        assert found[y, x] == pytest.approx((image[y : y + 3, x : x + 3] * weights).sum())


def test_stencil_averages_six_neighbours_and_keeps_the_surface() -> None:
    before = RANDOM.random((4, 5, 3))
    found = references.stencil(before, np.zeros_like(before), 3, 5, 4)
    for point in itertools.product(*map(range, before.shape)):
        z, y, x = point
        if all(0 < i < size - 1 for i, size in zip(point, before.shape, strict=True)):
            around = (
                before[z, y, [x - 1, x + 1]].sum()
                + before[z, [y - 1, y + 1], x].sum()
                + before[[z - 1, z + 1], y, x].sum()
            )
            assert found[point] == pytest.approx(around / 6)
        else:
            assert found[point] == before[point]


def test_nbody_adds_the_pull_of_each_pair() -> None:
    n, softening2 = 300, 0.01
    bodies = RANDOM.random((n, 4))
    found = references.nbody(bodies, np.zeros((n, 4)), softening2, n)
    for i in (0, 255, 256, 299):
        distances = bodies[:, :3] - bodies[i, :3]
        cubed = ((distances**2).sum(axis=1) + softening2) ** 1.5
        expected = (bodies[:, 3:] * distances / cubed[:, None]).sum(axis=0)
        np.testing.assert_allclose(found[i], [*expected, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rows", [1, 2, 1000])
@pytest.mark.parametrize("seed", [0, 1])
def test_sparse_matrices_are_as_long_and_as_wide_as_promised(rows: int, seed: int) -> None:
    starts = references.csr_starts((rows + 1,), seed)
    columns = references.csr_columns((rows * references.MEAN_ROW,), seed)
    lengths = np.diff(starts)
    assert starts[0] == 0
    assert starts[-1] == columns.size
    assert 0 <= lengths.min() <= lengths.max() <= 4 * references.MEAN_ROW
    assert 0 <= columns.min() <= columns.max() < rows


def test_spmv_multiplies_the_matrix() -> None:
    rows = 20
    starts = references.csr_starts((rows + 1,), 3)
    columns = references.csr_columns((rows * references.MEAN_ROW,), 3)
    values, x = RANDOM.random(columns.size), RANDOM.random(rows)
    dense = np.zeros((rows, rows))
    np.add.at(dense, (np.repeat(np.arange(rows), np.diff(starts)), columns), values)
    found = references.spmv(starts, columns, values, x, np.zeros(rows), rows)
    np.testing.assert_allclose(found, dense @ x, rtol=1e-12)
