"""IAM counts the characters of a policy that are no white space: a managed policy has at most 6,144, and the inline policies of a
role have at most 10,240 together.
"""

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend

MANAGED, INLINE = 6144, 10240


def _size(document):
    return len("".join(document.split()))


def apply():
    create, change, put = IAMBackend.create_policy, IAMBackend.create_policy_version, IAMBackend.put_role_policy

    def check_managed(document):
        if _size(document) > MANAGED:
            raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MANAGED}")

    def create_policy(self, description, path, policy_document, policy_name, tags):
        check_managed(policy_document)
        return create(self, description, path, policy_document, policy_name, tags)

    def create_policy_version(self, policy_arn, policy_document, set_as_default):
        check_managed(policy_document)
        return change(self, policy_arn, policy_document, set_as_default)

    def put_role_policy(self, role_name, policy_name, policy_json):
        policies = {**self.get_role(role_name).policies, policy_name: policy_json}
        if sum(map(_size, policies.values())) > INLINE:
            raise LimitExceededException(f"Maximum policy size of {INLINE} bytes exceeded for role {role_name}")
        return put(self, role_name, policy_name, policy_json)

    IAMBackend.create_policy, IAMBackend.create_policy_version, IAMBackend.put_role_policy = create_policy, create_policy_version, put_role_policy
