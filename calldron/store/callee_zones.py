"""The time zone that a number tells: a landline's does by its area code, a mobile's in a country of one zone.

The tables of libphonenumber are coarse: they join a country, or an area, to any zone that has kept its time of late.
Where that is not so, its own zone stands here.
"""

from functools import lru_cache

from calldron.domain.zones import iana_zones

# Prefix: zone. Compared over all offsets of 2026 and 2027 with the zones that tzdata gives each country, and for Russia
# with those of its areas.
_CORRECTED = {
    "+7401": "Europe/Kaliningrad",
    "+7845": "Europe/Saratov",
    "+211": "Africa/Juba",
    "+212": "Africa/Casablanca",
    "+213": "Africa/Algiers",
    "+218": "Africa/Tripoli",
    "+505": "America/Managua",
    "+970": "Asia/Hebron",
}
_LENGTHS = sorted({len(prefix) for prefix in _CORRECTED})


def callee_zone(number: str, fallback: str) -> str:
    """The zone of a number in E.164; ``fallback`` where it tells none, or several (all of +7 9xx)."""
    return _zone_of(number) or fallback


@lru_cache(maxsize=16_384)
def _zone_of(number: str) -> str | None:
    for length in _LENGTHS:
        if number[:length] in _CORRECTED:
            return _CORRECTED[number[:length]]
    # Costly (a tenth of a second, 13 MB), and most never need it.
    from phonenumbers import NumberParseException, parse, timezone  # noqa: PLC0415

    try:
        names = timezone.time_zones_for_number(parse(number))
    except NumberParseException:
        return None
    return names[0] if len(names) == 1 and names[0] in iana_zones() else None
