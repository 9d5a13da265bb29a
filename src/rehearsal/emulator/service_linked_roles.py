"""A fresh account has no service-linked roles. Each service makes its own on first use, in the name of its caller: who may not
iam:CreateServiceLinkedRole for that service is refused. ECS answers before its role can be assumed, so the very first
CreateCluster of an account fails even then. It works when it is repeated.
"""

import json

from moto import settings
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionAuthenticatorMixin
from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.responses import ELBV2Response
from moto.iam.access_control import IAMRequest
from moto.iam.models import iam_backends
from moto.wafv2.responses import WAFV2Response
from needs import need
from permissions import refusal

ACTION = "iam:CreateServiceLinkedRole"

# The call that makes a role, the service that the role is for, and the role's name.
CALLS = (
    (EC2ContainerServiceResponse, "create_cluster", "ecs.amazonaws.com", "AWSServiceRoleForECS"),
    (ELBV2Response, "create_load_balancer", "elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    (
        ApplicationAutoScalingResponse,
        "register_scalable_target",
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
    ),
    (WAFV2Response, "put_logging_configuration", "wafv2.amazonaws.com", "AWSServiceRoleForWAFV2Logging"),
)


def _may_create(response, service, arn):
    if ActionAuthenticatorMixin.request_count < settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return True
    caller = IAMRequest(
        account_id=response.current_account,
        method=response.method,
        path=response.path,
        data=response.data,
        body=response.body,
        headers=response.headers,
        action=response._get_action(),
    )
    return refusal(caller, [need(ACTION, arn, {"iam:AWSServiceName": service})]) is None


def _refuse(response, message):
    if isinstance(response, ELBV2Response):
        raise ELBClientError("AccessDenied", message)
    raise JsonRESTError("AccessDeniedException", message)


def _making(call, service, name):
    def wrapped(self):
        backend, path = iam_backends[self.current_account][self.partition], f"/aws-service-role/{service}/"
        arn = f"arn:{self.partition}:iam::{self.current_account}:role{path}{name}"
        if any(role.arn == arn for role in backend.get_roles()):
            return call(self)
        if not _may_create(self, service, arn):
            _refuse(self, f"The caller is not authorized to perform: {ACTION} on resource: {arn}")

        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        backend.create_role(name, document, path, None, "", [], "3600", linked_service=service)
        if service == "ecs.amazonaws.com":
            message = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
            raise InvalidParameterException(message)
        return call(self)

    return wrapped


def apply():
    for response, call, service, name in CALLS:
        setattr(response, call, _making(getattr(response, call), service, name))
