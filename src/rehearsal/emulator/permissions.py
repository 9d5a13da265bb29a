"""Who may call what, once a test switches authorisation on.

Only S3 and IAM calls say which resource they are about; the rest arrive as "*", which no scoped policy would ever match,
and no call says its conditions. What is unknown counts as met in an Allow and as unmet in a Deny.

Who may assume a role is asked of its trust policy. The caller may be a user or a role, or, as no service can call from here, a
service that an administrator names as the SourceIdentity, such as codebuild.amazonaws.com.

Two names differ from those in policies: requests to CloudWatch are signed for "monitoring", and HeadBucket is allowed by
s3:ListBucket. What is denied is named in the log, as some of the answers do not say it. Services that speak JSON get XML, which no
SDK can read.
"""

import copy
import json
import sys

from moto.core.exceptions import JsonRESTError
from moto.iam.access_control import IAMPolicyStatement, IAMRequestBase, PermissionResult


def _policy_name(action):
    if action.startswith("monitoring:"):
        return action.replace("monitoring:", "cloudwatch:", 1)
    return {"s3:HeadBucket": "s3:ListBucket"}.get(action, action)


# What AWS asks of a caller besides the call itself, and on which resources. Alarms are asked for by name and without one.
ALARMS = ("arn:aws:cloudwatch:{region}:{account}:alarm:", "arn:aws:cloudwatch:{region}:{account}:alarm:TargetTracking-{target}-AlarmHigh")
DEPENDENT_ACTIONS = {
    "elasticloadbalancing:CreateLoadBalancer": ("ec2:GetSecurityGroupsForVpc", ("arn:aws:ec2:{region}:{account}:vpc/vpc-1",)),
    "elasticloadbalancing:SetSecurityGroups": ("ec2:GetSecurityGroupsForVpc", ("arn:aws:ec2:{region}:{account}:vpc/vpc-1",)),
    "application-autoscaling:PutScalingPolicy": ("cloudwatch:PutMetricAlarm", ALARMS),
    "application-autoscaling:DeleteScalingPolicy": ("cloudwatch:DeleteAlarms", ALARMS),
}


def _dependent_requests(request):
    action, resources = DEPENDENT_ACTIONS.get(request._action, (None, ()))
    target = ""
    if resources is ALARMS:
        target = json.loads(request._body or "{}").get("ResourceId", "")
    for resource in resources:
        dependent = copy.copy(request)
        dependent._action = action
        yield dependent, resource.format(region=request._region, account=request.account_id, target=target)


def _listed(value):
    return value if isinstance(value, list) else [value]


def _is_trusted(self, role_arn):
    document = self.backend.get_role_by_arn(role_arn).assume_role_policy_document
    service = _listed(self._data.get("SourceIdentity", ""))[0]
    caller = self._access_key.arn
    if ":assumed-role/" in caller:
        account, name = caller.split(":")[4], caller.split("/")[1]
        caller = f"arn:aws:iam::{account}:role/{name}"

    for statement in _listed(json.loads(document)["Statement"]):
        trusted = statement["Principal"]
        if statement["Effect"] == "Allow" and (
            caller in _listed(trusted.get("AWS", [])) or service and service in _listed(trusted.get("Service", []))
        ):
            return True
    return False


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

    def check_or_name(request, resource):
        try:
            check(request, resource)
        except Exception:
            print(f"denied: {request._action} on {resource}", file=sys.stderr, flush=True)
            if "X-Amz-Target" in request._headers:
                message = f"User: {request._access_key.arn} is not authorized to perform: {request._action} on {resource}"
                raise JsonRESTError("AccessDeniedException", message)
            raise

    def check_by_policy_name(self, resource):
        self._action = _policy_name(self._action)
        check_or_name(self, resource)
        for dependent, needed in _dependent_requests(self):
            check_or_name(dependent, needed)

    IAMRequestBase.check_action_permitted = check_by_policy_name
    IAMRequestBase._check_role_trust_relationship = _is_trusted
    IAMPolicyStatement._check_element_matches = matches_or_unknown
    IAMPolicyStatement.is_action_permitted = is_permitted_without_conditions
