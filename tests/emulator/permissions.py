"""Who may call what, once a test switches authorisation on.

Only S3 and IAM calls say which resource they are about; the rest arrive as "*", which no scoped policy would ever match,
and no call says its conditions. What is unknown counts as met in an Allow and as unmet in a Deny.
"""

from moto.iam.access_control import IAMPolicyStatement, PermissionResult


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

    IAMPolicyStatement._check_element_matches = matches_or_unknown
    IAMPolicyStatement.is_action_permitted = is_permitted_without_conditions
