"""Which numbers cannot exist by the numbering plans of the world, as far as ``phonenumbers`` knows them."""

from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata, is_possible_number, parse


def suspect(number: str) -> bool:
    """Whether ``phonenumbers`` calls an E.164 number impossible."""
    code = _country_code(number[1:4])
    if not code:
        return True
    national = number[1 + len(code) :]
    prefix = _national_prefix(code)
    # Where nothing can be stripped as a national prefix, the answer is one of length alone: a list of 100,000 then
    # costs a handful of questions of 30 µs each.
    if prefix and (not prefix.isdecimal() or national.startswith(prefix)):
        return not _possible(number)
    return not _possible_length(code, prefix, len(national))


@lru_cache(maxsize=1024)
def _country_code(digits: str) -> str:
    return next((digits[:n] for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), "")


@lru_cache(maxsize=1024)
def _national_prefix(code: str) -> str:
    """Digits, a regular expression, or "" where the plan has none."""
    region = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    return (metadata.national_prefix_for_parsing or "") if metadata is not None else ""


@lru_cache(maxsize=4096)
def _possible_length(code: str, prefix: str, length: int) -> bool:
    filler = "3" if prefix.startswith("2") else "2"  # any digit that does not begin the prefix
    return _possible("+" + code + filler * length)


def _possible(number: str) -> bool:
    try:
        return is_possible_number(parse(number))
    except NumberParseException:
        return False
