"""Who may call what, once a test switches authorisation on.

Only S3 and IAM calls say which resource they are about; the rest arrive as "*", which no scoped policy would ever match,
and no call says its conditions. What is unknown counts as met in an Allow and as unmet in a Deny.

Two names differ from those in policies: requests to CloudWatch are signed for "monitoring", and HeadBucket is allowed by
s3:ListBucket. What is denied is named in the log, as some of the answers do not say it.
"""

import sys

from moto.iam.access_control import IAMPolicyStatement, IAMRequestBase, PermissionResult


def _policy_name(action):
    if action.startswith("monitoring:"):
        return action.replace("monitoring:", "cloudwatch:", 1)
    return {"s3:HeadBucket": "s3:ListBucket"}.get(action, action)


def apply():
    is_permitted, matches = IAMPolicyStatement.is_action_permitted, IAMPolicyStatement._check_element_matches

    def matches_or_unknown(statement, element, value):
        if element == "Resource" and value == "*":
            return statement._statement["Effect"] == "Allow"
        return matches(statement, element, value)

    def is_permitted_without_conditions(
        statement, action, resource="*", principal=None, incoming_condition_values=None
    ):
        if incoming_condition_values is None and "Condition" in statement._statement:
            if statement._statement["Effect"] == "Deny":
                return PermissionResult.NEUTRAL
            statement = IAMPolicyStatement({k: v for k, v in statement._statement.items() if k != "Condition"})
        return is_permitted(statement, action, resource, principal, incoming_condition_values)

    check = IAMRequestBase.check_action_permitted

    def check_by_policy_name(self, resource):
        self._action = _policy_name(self._action)
        try:
            check(self, resource)
        except Exception:
            print(f"denied: {self._action} on {resource}", file=sys.stderr, flush=True)
            raise

    IAMRequestBase.check_action_permitted = check_by_policy_name
    IAMPolicyStatement._check_element_matches = matches_or_unknown
    IAMPolicyStatement.is_action_permitted = is_permitted_without_conditions
