"""Who signs our manifests: keys of the user's own, or ones that this computer makes for itself the first time.

Self-made keys show that a file was not changed since it was written. They do not show who wrote it: nobody vouches for
them, and readers of C2PA call them untrusted. For keys that somebody vouches for, set both variables below.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

import platformdirs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dreamtalk.errors import UnusableInput

CERTIFICATE = "DREAMTALK_CERTIFICATE"
"""Environment variable: a PEM file with the signer's certificate and those above it, the signer's first."""

PRIVATE_KEY = "DREAMTALK_PRIVATE_KEY"
"""Environment variable: the PEM file of the key that belongs to it, without a password."""

ORGANISATION = "dreamtalk (self-made, vouched for by nobody)"
_YEARS = 10
_RENEWED = timedelta(days=30)
"""Self-made certificates that end sooner than this are made anew."""

_KEY = b"-----BEGIN PRIVATE KEY-----"

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """chain: PEM certificates, the signer's first. key: PEM (PKCS 8). algorithm: C2PA's name of it, such as "ES256".
    self_made: nobody vouches for them. kept: where self-made ones lie; None: they end with this process.
    """

    chain: bytes
    key: bytes
    algorithm: str
    self_made: bool
    kept: Path | None = None


def credentials() -> Credentials:
    """The user's own, or this computer's. Raises UnusableInput when the variables name what cannot be used."""
    certificate, key = os.environ.get(CERTIFICATE), os.environ.get(PRIVATE_KEY)
    if bool(certificate) != bool(key):
        raise UnusableInput(
            f"Own credentials need both {CERTIFICATE} and {PRIVATE_KEY}; one of them is not set, or empty."
        )
    if certificate and key:
        return _given(Path(certificate), Path(key))
    try:
        return _self_made(platformdirs.user_data_path("dreamtalk", appauthor=False) / "signing.pem")
    except RuntimeError:  # a user without a home, as in containers
        return _self_made(None)


def _given(certificate: Path, key: Path) -> Credentials:
    parts = {}
    for variable, file in ((CERTIFICATE, certificate), (PRIVATE_KEY, key)):
        try:
            parts[variable] = file.read_bytes()
        except OSError as error:
            raise UnusableInput(f"{variable}: {file} cannot be read ({error.strerror}).") from error
    return _checked(parts[CERTIFICATE], parts[PRIVATE_KEY], f"{certificate} and {key}", self_made=False)


def _checked(chain: bytes, key: bytes, what: str, self_made: bool, kept: Path | None = None) -> Credentials:
    """Credentials of PEM data. Raises UnusableInput when they do not belong together or are out of date."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        private = serialization.load_pem_private_key(key, password=None)
        wanted, *owners = (_public(part) for part in (private.public_key(), *(c.public_key() for c in certificates)))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableInput(f"{what}: no PEM certificate and key without a password ({error}).") from error
    if owners[0] != wanted:
        order = " The signer's certificate must be the first, those above it follow." if wanted in owners else ""
        raise UnusableInput(f"{what}: the key does not belong to the first certificate.{order}")
    begins, ends = certificates[0].not_valid_before_utc, certificates[0].not_valid_after_utc
    if not begins <= datetime.now(timezone.utc) <= ends:
        raise UnusableInput(f"{what}: the certificate is good from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}, not today.")
    return Credentials(chain, key, _algorithm(private, what), self_made, kept)


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _algorithm(key: PrivateKeyTypes, what: str) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ED25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "PS256"
    raise UnusableInput(f"{what}: C2PA allows keys of the curves P-256, P-384, P-521 and Ed25519, and RSA.")


@lru_cache
def _self_made(file: Path | None) -> Credentials:
    """This computer's credentials, made and kept for its user alone when there are none that last. None: not kept."""
    if file is None:
        return Credentials(*_make(), "ES256", True)
    with contextlib.suppress(OSError, ValueError, UnusableInput):
        kept = file.read_bytes()
        ends = x509.load_pem_x509_certificates(kept)[0].not_valid_after_utc
        if ends - datetime.now(timezone.utc) > _RENEWED:
            cut = kept.index(_KEY)  # certificates first, then the key
            return _checked(kept[:cut], kept[cut:], str(file), self_made=True, kept=file)
    chain, key = _make()
    return Credentials(chain, key, "ES256", True, file if _keep(chain + key, file) else None)


def _keep(data: bytes, file: Path) -> bool:
    """Write key and certificates as one file, so that two processes at once leave a pair that fits. False: no room."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".signing-")  # for its owner alone, mode 0600
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
            os.replace(temporary, file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return False
    return True


def _make() -> tuple[bytes, bytes]:
    """A chain of two certificates and the signer's key, as C2PA asks for them (specification 2.1, 14.5)."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("authority of one computer with dreamtalk", authority_key, None, authority_key)
    signer = _certificate("one computer with dreamtalk", key, authority, authority_key)
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signer.public_bytes(pem) + authority.public_bytes(pem), plain


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate | None,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """A certificate signed by an authority, or an authority's own (authority None)."""
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    is_authority, now = authority is None, datetime.now(timezone.utc)
    usage = x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if authority is None else authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of other computers may be behind
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_id, critical=False)
        .add_extension(usage, critical=True)
    )
    if not is_authority:
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(mail, critical=False)
    return builder.sign(authority_key, hashes.SHA256())
