"""Who may call what, once a test switches authorisation on. For every call, Go's package iam decides on all that the call needs,
which needs.py says, by the caller's policies and its permissions boundary.

Who may assume a role is asked of its trust policy. The caller may be a user or a role, or, as no service can call from here, a
service that an administrator names as the SourceIdentity, such as codebuild.amazonaws.com.

Two names differ from those in policies: requests to CloudWatch are signed for "monitoring", and HeadBucket is allowed by
s3:ListBucket. What is called and denied is named in the log, as some of the answers do not say it. Services that speak JSON would get XML,
which no SDK can read.

A request without a body is signed as such; moto takes its headers for the body of a GET and of a DELETE.

Policies of buckets are left to moto, which knows none of their conditions, such as that of TLS: statements with one don't count.
"""

import json
import os
import sys
import threading
import urllib.error
import urllib.request

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.iam.access_control import IAMPolicyStatement, IAMRequestBase, PermissionResult
from moto.utilities.utils import get_partition
from needs import Call, needs

AUTHORIZER = os.environ["EMULATOR_AUTHORIZER"]
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine, whatever proxy there is
HANDLED = threading.local()


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


def _document(policy):
    if isinstance(policy, str):
        return policy
    if isinstance(policy, dict):
        return policy["policy_document"]
    return next(version.document for version in policy.versions if version.is_default)


def _boundary(request):
    """What the permissions boundary of a caller says; users here have none."""
    name = getattr(request._access_key, "_owner_role_name", None)
    boundary = name and request.backend.get_role(name).permissions_boundary_arn
    return _document(request.backend.get_policy(boundary)) if boundary else ""


def refusal(request, needed):
    """Why a caller may not do what is needed; None if it may."""
    policies = [_document(policy) for policy in request._access_key.collect_policies()]
    question = {"policies": policies, "boundary": _boundary(request), "needs": needed}
    try:
        OPENER.open(AUTHORIZER, json.dumps(question).encode()).close()
    except urllib.error.HTTPError as denied:
        return denied.read().decode().strip()


def _call(request, resource):
    response = HANDLED.response
    service, operation = request._action.split(":")
    service = {"monitoring": "cloudwatch"}.get(service, service)
    if service == "s3":
        operation = {"HeadBucket": "ListBucket"}.get(operation, operation)
        params = {"Resource": resource, "prefix": response.querystring.get("prefix", [None])[0]}
    else:
        response.parse_parameters(response.normalized_request)
        params = response.params
    return Call(request.account_id, request._region, get_partition(request._region), service, operation, params)


def _check(request, resource):
    if request._action == "sts:GetCallerIdentity":  # nobody can be denied it
        return
    why = refusal(request, needs(_call(request, resource)))
    if request._action == "sts:AssumeRole" and not why and not request._check_role_trust_relationship(resource):
        why = f"{request._action} on resource: {resource}, which does not trust the caller"
    if not why:
        print(f"called: {request._access_key.arn}: {request._action}", file=sys.stderr, flush=True)
        return
    print(f"denied: {request._access_key.arn}: {why}", file=sys.stderr, flush=True)
    if "X-Amz-Target" in request._headers:
        raise JsonRESTError("AccessDeniedException", f"User: {request._access_key.arn} is not authorized to perform: {why}")
    if request._action.startswith("s3:"):
        request._raise_access_denied()
    refused = AccessDeniedError(user_arn=request._access_key.arn, action=why)
    if not request._action.startswith("ec2:"):  # moto has each error in a list, as EC2 alone does in AWS
        refused.description = refused.description.replace("<Errors>", "").replace("</Errors>", "")
    raise refused


def apply():
    authorize, is_permitted = ActionAuthenticatorMixin._authenticate_and_authorize_action, IAMPolicyStatement.is_action_permitted

    def authorize_handled(response, *args, **kwargs):
        HANDLED.response = response
        authorize(response, *args, **kwargs)

    def is_permitted_unconditionally(statement, *args, **kwargs):
        return PermissionResult.NEUTRAL if "Condition" in statement._statement else is_permitted(statement, *args, **kwargs)

    create = IAMRequestBase._create_aws_request

    def create_without_body(request):
        created = create(request)
        if not request._body and request._method in ("DELETE", "GET"):
            created.data = b""
        return created

    ActionAuthenticatorMixin._authenticate_and_authorize_action = authorize_handled
    IAMRequestBase._create_aws_request = create_without_body
    IAMPolicyStatement.is_action_permitted = is_permitted_unconditionally
    IAMRequestBase.check_action_permitted = _check
    IAMRequestBase._check_role_trust_relationship = _is_trusted
