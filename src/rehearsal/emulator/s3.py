"""Lifecycle rules lose NewerNoncurrentVersions: the provider waits three minutes for it, then fails.

The last version of a deleted object can't be deleted: HTTP 500, and a bucket that never gets empty.
"""

from moto.s3.models import FakeBucket, FakeDeleteMarker
from moto.s3.responses import S3Response


def apply():
    FakeDeleteMarker.dispose = lambda *_: None  # a marker holds no content

    set_lifecycle, serialized = FakeBucket.set_lifecycle, S3Response.serialized

    def set_whole_lifecycle(self, rules):
        set_lifecycle(self, rules)
        for given, kept in zip(rules, self.rules):
            kept.newer_noncurrent = (given.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")

    def serialized_whole(self, answer):
        if self.data.get("Action") == "GetBucketLifecycleConfiguration" and isinstance(answer._result, dict):
            rules = self.backend.get_bucket_lifecycle(self.bucket_name) or []
            kept = {rule.id: getattr(rule, "newer_noncurrent", None) for rule in rules}
            for rule in answer._result.get("Rules", []):
                if kept.get(rule.get("ID")):
                    rule["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = kept[rule["ID"]]
        return serialized(self, answer)

    FakeBucket.set_lifecycle, S3Response.serialized = set_whole_lifecycle, serialized_whole
