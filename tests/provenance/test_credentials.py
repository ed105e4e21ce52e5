"""Keys of this computer are made once and kept for its user; the user's own are used as they are, or refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from dreamtalk.errors import UnusableInput
from dreamtalk.provenance import credentials as module
from dreamtalk.provenance.credentials import CERTIFICATE, PRIVATE_KEY, credentials


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
