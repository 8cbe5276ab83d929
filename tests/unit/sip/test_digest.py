"""Digest: the published examples, the choice among challenges, and when to stop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.engines.sip.digest import Authenticator, Challenge, Credentials, authorization, challenges
from calldron.engines.sip.errors import DigestError
from calldron.engines.sip.fields import split
from calldron.engines.sip.message import Response

# RFC 7616 section 3.9.1, both algorithms.
MUFASA = Credentials("Mufasa", "Circle of Life")
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def asked(*values: str, code: int = 401) -> Response:
    name = "www-authenticate" if code == 401 else "proxy-authenticate"
    return Response({name: list(values)}, code=code)


def challenge(text: str) -> Challenge:
    (found,) = challenges(asked(text))
    return found


def params(value: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in split(value.removeprefix("Digest ")))


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, expected: str) -> None:
    one = challenge(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    said = params(authorization(one, MUFASA, "GET", "/dir/index.html", CNONCE, 1))
    assert said["response"] == f'"{expected}"'
    assert said["nc"] == "00000001"
    assert said["qop"] == "auth"
    assert said["algorithm"] == algorithm
    assert said["opaque"] == '"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'


def test_without_qop_as_rfc_2069_has_it() -> None:
    one = challenge('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    said = params(authorization(one, Credentials("Mufasa", "CircleOfLife"), "GET", "/dir/index.html", CNONCE, 1))
    assert said["response"] == '"1949323746fe6a43ef61f9606e7febea"'  # RFC 2069 section 2.4, erratum 749
    assert "cnonce" not in said
    assert "nc" not in said
    assert "algorithm" not in said


def test_sess_binds_the_nonces_into_the_secret() -> None:
    plain = challenge(f'Digest realm="r", nonce="{NONCE}", algorithm=MD5, qop="auth"')
    session = challenge(f'Digest realm="r", nonce="{NONCE}", algorithm=MD5-sess, qop="auth"')
    answers = [params(authorization(one, MUFASA, "INVITE", "sip:x", CNONCE, 1))["response"] for one in (plain, session)]
    assert answers[0] != answers[1]


def test_the_strongest_algorithm_that_we_know_is_taken() -> None:
    authenticator = Authenticator(MUFASA)
    authenticator.take(
        asked(
            'Digest realm="r", nonce="1", algorithm=MD5',
            'Digest realm="r", nonce="2", algorithm=SHA-256',
            'Digest realm="r", nonce="3", algorithm=SHA-512-256',
            'Basic realm="r"',
        )
    )
    (said,) = authenticator.headers("INVITE", "sip:x")["authorization"]
    assert params(said)["nonce"] == '"2"'


def test_several_challenges_in_one_field() -> None:
    found = challenges(
        asked('Digest realm="a, b", nonce="1", qop="auth,auth-int", Digest realm="c", nonce=2', code=407)
    )
    assert [(one.realm, one.nonce, one.qop) for one in found] == [
        ("a, b", "1", frozenset({"auth", "auth-int"})),
        ("c", "2", frozenset()),
    ]
    assert {one.header for one in found} == {"proxy-authorization"}


def test_a_second_challenge_means_that_the_password_is_wrong() -> None:
    authenticator = Authenticator(MUFASA)
    authenticator.take(asked('Digest realm="r", nonce="1"', code=407))
    with pytest.raises(DigestError, match="refused"):
        authenticator.take(asked('Digest realm="r", nonce="2"', code=407))


def test_a_stale_nonce_is_replaced_but_not_for_ever() -> None:
    authenticator = Authenticator(MUFASA)
    authenticator.take(asked('Digest realm="r", nonce="0"'))
    for number in (1, 2, 3):
        authenticator.take(asked(f'Digest realm="r", nonce="{number}", stale=TRUE'))
        (said,) = authenticator.headers("INVITE", "sip:x")["authorization"]
        assert params(said)["nonce"] == f'"{number}"'
    with pytest.raises(DigestError):
        authenticator.take(asked('Digest realm="r", nonce="4", stale=true'))


def test_a_nonce_called_stale_and_given_again_is_no_new_one() -> None:
    authenticator = Authenticator(MUFASA)
    authenticator.take(asked('Digest realm="r", nonce="1"'))
    with pytest.raises(DigestError):
        authenticator.take(asked('Digest realm="r", nonce="1", stale=true'))


def test_proxy_and_server_are_both_answered() -> None:
    authenticator = Authenticator(MUFASA)
    authenticator.take(asked('Digest realm="proxy", nonce="1"', code=407))
    authenticator.take(asked('Digest realm="server", nonce="2"', code=401))
    assert set(authenticator.headers("INVITE", "sip:x")) == {"authorization", "proxy-authorization"}


def test_the_nonce_count_rises() -> None:
    authenticator = Authenticator(MUFASA)
    authenticator.take(asked('Digest realm="r", nonce="1", qop=auth'))
    counts = [params(authenticator.headers("INVITE", "sip:x")["authorization"][0])["nc"] for _ in range(3)]
    assert counts == ["00000001", "00000002", "00000003"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce="n", algorithm=unknown',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Basic realm="r", nonce="n"',
        'Digest realm="r, nonce="n',
    ],
)
def test_what_cannot_be_answered_is_said(value: str) -> None:
    with pytest.raises(DigestError):
        Authenticator(MUFASA).take(asked(value))


def test_nobody_without_a_user_name_answers() -> None:
    with pytest.raises(DigestError, match="none is set"):
        Authenticator(Credentials("", "")).take(asked('Digest realm="r", nonce="1"'))


def test_the_password_is_in_no_repr() -> None:
    assert "Circle" not in repr(MUFASA)


@given(st.text(max_size=80), st.text(alphabet='Digest realm="non c,=\\', max_size=120))
def test_challenges_of_junk(one: str, other: str) -> None:
    for value in (one, other, f"Digest {other}"):
        try:
            authenticator = Authenticator(MUFASA)
            authenticator.take(asked(value))
            authenticator.headers("INVITE", "sip:x")
        except DigestError:
            continue


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_user_name_cannot_begin_a_header_field(user: str, realm: str) -> None:
    one = Challenge("authorization", realm, "n", "", frozenset(), None, stale=False)
    said = authorization(one, Credentials(user, "x"), "INVITE", "sip:x", "c", 1)
    assert "\n" not in said
    assert "\r" not in said
