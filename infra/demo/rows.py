"""The CSV of the story: 100,000 rows, the same every time, and what must come out of them."""

from collections.abc import Iterator

ROWS = 100_000
REGIONS = ("east", "north", "south", "west")


def rows() -> Iterator[tuple[int, str, int]]:
    """(number, region, cents); cents by a linear congruential generator (C99 7.20.2.2)."""
    state = 1
    for number in range(ROWS):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        yield number, REGIONS[state // 65_536 % len(REGIONS)], state // 7 % 100_000


def table() -> bytes:
    """The CSV that is uploaded."""
    lines = [f"{number},{region},{cents}" for number, region, cents in rows()]
    return "\n".join(["number,region,cents", *lines, ""]).encode()


def summary() -> bytes:
    """The CSV that must come back: rows and cents of each region."""
    counts, cents = dict.fromkeys(REGIONS, 0), dict.fromkeys(REGIONS, 0)
    for _, region, amount in rows():
        counts[region] += 1
        cents[region] += amount
    lines = [f"{region},{counts[region]},{cents[region]}" for region in REGIONS]
    return "\n".join(["region,rows,cents", *lines, ""]).encode()
