"""At which size a kernel is emulated."""

from __future__ import annotations

from harness.emulation.sizes import keeps_factors, list_factors, shrink


def test_sizes_shrink_together_and_small_ones_stay() -> None:
    found = list(shrink({"ROWS": 256, "ELEMENTS": 1024, "WIDTH": 7, "SCALE": 2.5}))
    assert found[0] == {"ROWS": 1, "ELEMENTS": 4, "WIDTH": 7, "SCALE": 2.5}
    assert found[1] == {"ROWS": 2, "ELEMENTS": 8, "WIDTH": 7, "SCALE": 2.5}
    assert found[-1] == {"ROWS": 256, "ELEMENTS": 1024, "WIDTH": 7, "SCALE": 2.5}
    assert len(found) == 9


def test_whether_tiles_end_with_the_data_stays() -> None:
    for size in (1_000_000, (1 << 20) + 32, 12_288, 1_000_003):
        for small in shrink({"N": size}):
            number = int(small["N"])
            power = size & -size
            assert number % power == 0 or number < power
            assert number < 2 * power or number % (2 * power) != 0
    assert {"ROWS": 15_552, "ELEMENTS": 16 * 15_552} in list(
        shrink({"ROWS": 1_000_000, "ELEMENTS": 16_000_000})
    )


def test_a_problem_without_sizes_stays_as_it_is() -> None:
    assert list(shrink({})) == [{}]
    assert list(shrink({"N": 63, "FAST": True})) == [{"N": 63, "FAST": True}]


def test_what_divides_the_whole_divides_the_small() -> None:
    factors = list_factors([32, 4], products=False)
    assert factors == {32, 4}
    assert keeps_factors({"N": 64}, {"N": 4096}, factors)
    assert not keeps_factors({"N": 16}, {"N": 4096}, factors)
    assert keeps_factors({"N": 15}, {"N": 1000001}, factors)  # which they do not divide either
    assert list_factors([32, 4, 1], products=True) == {32, 4, 128}
