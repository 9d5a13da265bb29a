"""CreateService and UpdateService drop these fields: every plan shows them as changed.

Every service runs its tasks at once, but no task of it exists. With EMULATOR_SCHEDULER=external, a deployment is in progress
until a scheduler outside, which starts real ones, says what became of it: see report and roll_back.
"""

import os

from moto.core.utils import utcnow
from moto.ecs.models import ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse as Response
from moto.moto_api._internal import mock_random

FIELDS = {
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}

SCHEDULED = os.environ.get("EMULATOR_SCHEDULER") == "external"


def _begin_deployment(service, former):
    now = utcnow()
    for deployment in former:
        deployment["status"] = "ACTIVE"
    service.deployments = [
        {
            **service.deployments[0],
            "id": f"ecs-svc/{mock_random.randint(0, 32**12)}",
            "status": "PRIMARY",
            "taskDefinition": service.task_definition,
            "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": "The scheduler has yet to start it.",
            "desiredCount": service.desired_count,
            "runningCount": 0,
            "pendingCount": service.desired_count,
            "failedTasks": 0,
            "createdAt": now,
            "updatedAt": now,
        },
        *former,
    ]


def _service(request, region):
    return ecs_backends["123456789012"][region].services[f"{request['cluster']}:{request['service']}"]


def report(request, _service_name, region):
    """Says how deployments of a service stand, and which are over. One that is not named has begun meanwhile."""
    service, told = _service(request, region), request["deployments"]
    service.deployments = [deployment for deployment in service.deployments if deployment["id"] not in request["over"]]
    for deployment in service.deployments:
        deployment.update(told.get(deployment["id"], {}), updatedAt=utcnow())
    service.running_count = sum(deployment["runningCount"] for deployment in service.deployments)
    service.pending_count = 0
    return {}


def roll_back(request, _service_name, region):
    """Makes an older deployment the primary one again, as the circuit breaker does; what failed is over."""
    service = _service(request, region)
    service.deployments = [deployment for deployment in service.deployments if deployment["id"] == request["deployment"]]
    service.deployments[0].update(status="PRIMARY", rolloutState="IN_PROGRESS")
    service.task_definition = service.deployments[0]["taskDefinition"]
    return {}


def _keeping_fields(call, created):
    def wrapped(self):
        answer = call(self)
        service = (answer._result if hasattr(answer, "_result") else answer.result)["service"]
        for parameter, attribute in FIELDS.items():
            value = self._get_param(parameter)
            if value is not None:
                setattr(service, attribute, value)
        if SCHEDULED and created:
            service.running_count = 0
            _begin_deployment(service, [])
        elif SCHEDULED and (self._get_param("taskDefinition") or self._get_param("forceNewDeployment")):
            _begin_deployment(service, service.deployments)
        return answer

    return wrapped


def apply():
    Response.create_service = _keeping_fields(Response.create_service, created=True)
    Response.update_service = _keeping_fields(Response.update_service, created=False)
