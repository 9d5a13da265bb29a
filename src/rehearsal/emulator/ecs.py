"""CreateService and UpdateService drop these fields: every plan shows them as changed.

Every service runs as many tasks as it shall at once, where moto takes a fixed number, but no task of it exists. With
EMULATOR_SCHEDULER=external, a deployment is in progress until a scheduler outside, which starts real ones, says what became
of it: see report and roll_back.
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


def _event(service, message):
    event = {"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": f"(service {service.name}) {message}"}
    service.events = [event, *service.events][:100]


def _tell(service, deployment, told):
    """Adds the events that ECS writes when a deployment changes its state."""
    state = told.get("rolloutState")
    if told.get("failedTasks", 0) > deployment["failedTasks"]:
        _event(service, f"(deployment {deployment['id']}) has a failed task: {told['rolloutStateReason']}")
    if state == deployment["rolloutState"]:
        return
    if state == "COMPLETED":
        _event(service, f"(deployment {deployment['id']}) deployment completed.")
        _event(service, "has reached a steady state.")
    elif state == "FAILED":
        _event(service, f"(deployment {deployment['id']}) deployment failed: tasks failed to start.")


def report(request, _service_name, region):
    """Says how deployments of a service stand, and which are over. One that is not named has begun meanwhile."""
    service, told = _service(request, region), request["deployments"]
    service.deployments = [deployment for deployment in service.deployments if deployment["id"] not in request["over"]]
    for deployment in service.deployments:
        _tell(service, deployment, told.get(deployment["id"], {}))
        deployment.update(told.get(deployment["id"], {}), updatedAt=utcnow())
    service.running_count = sum(deployment["runningCount"] for deployment in service.deployments)
    service.pending_count = 0
    return {}


def roll_back(request, _service_name, region):
    """Makes an older deployment the primary one again, as the circuit breaker does; what failed stays until its tasks are gone."""
    service, goal = _service(request, region), request["deployment"]
    for deployment in service.deployments:
        deployment["status"] = "PRIMARY" if deployment["id"] == goal else "ACTIVE"
        if deployment["id"] != goal:
            _event(service, f"(deployment {deployment['id']}) deployment failed: {deployment['rolloutStateReason']}")
    service.deployments.sort(key=lambda deployment: deployment["status"] != "PRIMARY")
    service.deployments[0].update(
        rolloutState="IN_PROGRESS",
        rolloutStateReason=f"ECS deployment circuit breaker: rolling back to deploymentId {goal}.",
    )
    _event(service, f"rolling back to (deployment {goal})")
    service.task_definition = service.deployments[0]["taskDefinition"]
    return {}


def _run_all(service):
    count = service.desired_count
    service.running_count, service.pending_count = count, 0
    service.deployments[0].update(desiredCount=count, runningCount=count, pendingCount=0, rolloutState="COMPLETED")


def _keeping_fields(call, created):
    def wrapped(self):
        answer = call(self)
        service = (answer._result if hasattr(answer, "_result") else answer.result)["service"]
        for parameter, attribute in FIELDS.items():
            value = self._get_param(parameter)
            if value is not None:
                setattr(service, attribute, value)
        if not SCHEDULED:
            _run_all(service)
        elif created:
            service.running_count = 0
            _begin_deployment(service, [])
        elif self._get_param("taskDefinition") or self._get_param("forceNewDeployment"):
            _begin_deployment(service, service.deployments)
        return answer

    return wrapped


def apply():
    Response.create_service = _keeping_fields(Response.create_service, created=True)
    Response.update_service = _keeping_fields(Response.update_service, created=False)
