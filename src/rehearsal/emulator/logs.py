"""AssociateKmsKey is missing: HTTP 500, and the provider tries for a long time to encrypt a log group that is there already."""

from moto.logs.responses import LogsResponse


def _associate_kms_key(self):
    self.logs_backend.groups[self._get_param("logGroupName")].kms_key_id = self._get_param("kmsKeyId")
    return ""


def apply():
    LogsResponse.associate_kms_key = _associate_kms_key
