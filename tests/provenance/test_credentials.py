"""Keys of this computer are made once and kept for its user; the user's own are used as they are, or refused."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dreamtalk.errors import UnusableInput
from dreamtalk.provenance import credentials as module
from dreamtalk.provenance.credentials import CERTIFICATE, PRIVATE_KEY, credentials
from dreamtalk.provenance.manifest import check, read_manifest, seal
from dreamtalk.provenance.origin import Origin


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another user's empty folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(module.platformdirs, "user_data_path", lambda name, appauthor: tmp_path / name)
    module._self_made.cache_clear()
    return tmp_path


def test_self_made_credentials_are_kept_for_the_user_alone(fresh: Path) -> None:
    first = credentials()
    assert first.self_made and first.algorithm == "ES256" and first.kept == fresh / "dreamtalk" / "signing.pem"
    assert stat.S_IMODE(first.kept.stat().st_mode) == 0o600
    module._self_made.cache_clear()
    assert credentials() == first


def test_the_chain_is_what_c2pa_asks_for() -> None:
    signer, authority = x509.load_pem_x509_certificates(credentials().chain)
    signer.verify_directly_issued_by(authority)
    usage = signer.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    purposes = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert not signer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_damaged_or_ending_ones_are_made_anew(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = credentials()
    assert first.kept is not None
    first.kept.write_bytes(first.kept.read_bytes()[:400])
    module._self_made.cache_clear()
    second = credentials()
    assert second.chain != first.chain and second.kept == first.kept
    monkeypatch.setattr(module, "_RENEWED", module.timedelta(days=365 * 20))
    module._self_made.cache_clear()
    assert credentials().chain != second.chain


def test_without_a_place_to_keep_them_they_last_for_the_process(fresh: Path) -> None:
    (fresh / "dreamtalk").write_text("a file where the folder should be")
    made = credentials()
    assert made.kept is None and credentials() == made


def test_a_user_without_a_home_has_them_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(name: str, appauthor: bool) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(module.platformdirs, "user_data_path", homeless)
    made = credentials()
    assert made.kept is None and made.self_made and credentials() == made


def test_own_credentials_are_used(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = credentials()
    (fresh / "chain.pem").write_bytes(made.chain)
    (fresh / "key.pem").write_bytes(made.key)
    monkeypatch.setenv(CERTIFICATE, str(fresh / "chain.pem"))
    with pytest.raises(UnusableInput, match="both"):
        credentials()
    monkeypatch.setenv(PRIVATE_KEY, str(fresh / "key.pem"))
    own = credentials()
    assert not own.self_made and own.chain == made.chain and own.key == made.key


def signer(key: PrivateKeyTypes, days: tuple[int, int] = (-1, 10), purpose: bool = True) -> tuple[bytes, bytes, bytes]:
    """PEM of a certificate, of the authority above it, and of the key."""
    above, now, pem = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc), serialization.Encoding.PEM
    authority = module._certificate("authority", above, None, above)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A News Room")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "News"), *name]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    made = builder.sign(above, hashes.SHA256())
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem), authority.public_bytes(pem), plain


def set_own(folder: Path, monkeypatch: pytest.MonkeyPatch, chain: bytes, key: bytes) -> None:
    for variable, name, data in ((CERTIFICATE, "chain.pem", chain), (PRIVATE_KEY, "key.pem", key)):
        (folder / name).write_bytes(data)
        monkeypatch.setenv(variable, str(folder / name))


KEYS: dict[str, Callable[[], PrivateKeyTypes]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ED25519": lambda: ed25519.Ed25519PrivateKey.generate(),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_keys_of_every_kind_that_c2pa_knows_sign(algorithm: str, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, authority, key = signer(KEYS[algorithm]())
    set_own(fresh, monkeypatch, certificate + authority, key)
    own = credentials()
    assert (own.algorithm, own.self_made) == (algorithm, False)
    check(own)
    (fresh / "a.webm").write_bytes(b"any bytes")
    manifest = seal(fresh / "a.webm", Origin({}, {}, {}), None, own)
    assert manifest is not None
    (fresh / "a.c2pa").write_bytes(manifest)
    found, trusted = (read_manifest(fresh / "a.webm", anchors) for anchors in (None, authority))
    assert found is not None and found.intact and not found.trusted and found.signer == "News / A News Room"
    assert trusted is not None and trusted.trusted


def test_own_credentials_that_cannot_sign_are_refused_in_words(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, authority, pem = signer(key)
    small = signer(ec.generate_private_key(ec.SECP192R1()))
    for chain, private, told in (
        (authority + certificate, pem, "must be the first"),
        (signer(key, (-20, -10))[0], pem, "not today"),
        (signer(key, (10, 20))[0], pem, "not today"),
        (certificate, b"", "no PEM"),
        (b"", pem, "no PEM"),
        (pem, certificate, "no PEM"),
        (small[0], small[2], "C2PA allows"),
    ):
        set_own(fresh, monkeypatch, chain, private)
        with pytest.raises(UnusableInput, match=told):
            credentials()
    set_own(fresh, monkeypatch, signer(key, purpose=False)[0] + authority, pem)
    with pytest.raises(UnusableInput, match="cannot be signed"):
        check(credentials())
    monkeypatch.setenv(CERTIFICATE, str(fresh))
    with pytest.raises(UnusableInput, match="cannot be read"):
        credentials()
    monkeypatch.setenv(CERTIFICATE, "")
    with pytest.raises(UnusableInput, match="not set, or empty"):
        credentials()
    monkeypatch.setenv(PRIVATE_KEY, "")
    assert credentials().self_made


@pytest.mark.parametrize("what", ["absent", "no key", "another key"])
def test_unusable_own_credentials_are_refused_in_words(what: str, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = fresh / "key.pem"
    (fresh / "chain.pem").write_bytes(credentials().chain)
    if what == "no key":
        key.write_text("hello")
    elif what == "another key":
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        other = ed25519.Ed25519PrivateKey.generate()
        key.write_bytes(other.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    monkeypatch.setenv(CERTIFICATE, str(fresh / "chain.pem"))
    monkeypatch.setenv(PRIVATE_KEY, str(key))
    with pytest.raises(UnusableInput, match=r"key\.pem"):
        credentials()
