"""CreateService and UpdateService drop these fields: every plan shows them as changed."""

from moto.ecs.responses import EC2ContainerServiceResponse as Response

FIELDS = {
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
}


def _keeping_fields(call):
    def wrapped(self):
        answer = call(self)
        service = (answer._result if hasattr(answer, "_result") else answer.result)["service"]
        for parameter, attribute in FIELDS.items():
            value = self._get_param(parameter)
            if value is not None:
                setattr(service, attribute, value)
        return answer

    return wrapped


def apply():
    Response.create_service = _keeping_fields(Response.create_service)
    Response.update_service = _keeping_fields(Response.update_service)
