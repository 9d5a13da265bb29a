"""moto signs the checksum of a DIGEST once more, so no one else can verify what it signs. It takes messages of any length."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey

LONGEST_MESSAGE = 4096
HASHES = {"ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384(), "ECDSA_SHA_512": hashes.SHA512()}


class _Digest(bytes):
    """A message that is a checksum already."""


def _message(message, message_type, signing_algorithm):
    if len(message) > LONGEST_MESSAGE:
        raise ValidationException(
            "1 validation error detected: Value at 'message' failed to satisfy constraint: "
            f"Member must have length less than or equal to {LONGEST_MESSAGE}"
        )
    if message_type != "DIGEST":
        return message
    if signing_algorithm in HASHES and len(message) != HASHES[signing_algorithm].digest_size:
        raise ValidationException(f"Digest is invalid length for algorithm {signing_algorithm}.")
    return _Digest(message)


def apply():
    get_param, sign, verify = KmsResponse._get_param, ECDSAPrivateKey.sign, ECDSAPrivateKey.verify

    def get_checked(self, name, if_none=None):
        value = get_param(self, name, if_none)
        if name != "Message" or not value:
            return value
        return _message(value, get_param(self, "MessageType"), get_param(self, "SigningAlgorithm"))

    def sign_digest(self, message, signing_algorithm):
        if not isinstance(message, _Digest):
            return sign(self, message, signing_algorithm)
        return self.private_key.sign(message, ec.ECDSA(utils.Prehashed(HASHES[signing_algorithm])))

    def verify_digest(self, message, signature, signing_algorithm):
        if not isinstance(message, _Digest):
            return verify(self, message, signature, signing_algorithm)
        try:
            self.private_key.public_key().verify(signature, message, ec.ECDSA(utils.Prehashed(HASHES[signing_algorithm])))
        except InvalidSignature:
            return False
        return True

    KmsResponse._get_param = get_checked
    ECDSAPrivateKey.sign, ECDSAPrivateKey.verify = sign_digest, verify_digest
