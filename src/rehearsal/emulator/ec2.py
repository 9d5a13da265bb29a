"""Security group rules that name a group or a prefix list lose their description: every plan shows them as changed.

A subnet or a security group that something still uses could be deleted. EC2 refuses, as long as a network interface of a task,
a load balancer, a NAT gateway or an endpoint is in it.
"""

import inspect

from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends


def _interfaces(backend):
    """The subnets and the security groups of everything that has network interfaces."""
    account, region = backend.account_id, backend.region_name
    for service in ecs_backends[account][region].services.values():
        network = (service.network_configuration or {}).get("awsvpcConfiguration", {})
        if service.status == "ACTIVE":
            yield network.get("subnets", []), network.get("securityGroups", [])
    for balancer in elbv2_backends[account][region].load_balancers.values():
        yield [getattr(subnet, "id", subnet) for subnet in balancer.subnets], balancer.security_groups
    for gateway in backend.nat_gateways.values():
        if gateway.state != "deleted":
            yield [gateway.subnet_id], []
    for endpoint in backend.vpc_end_points.values():
        if endpoint.state != "deleted":
            yield endpoint.subnet_ids or [], endpoint.security_group_ids or []


def _refuse_while_used(delete, kind, parameter, message):
    parameters = inspect.signature(delete)

    def refuse_or_delete(self, *args, **kwargs):
        wanted = parameters.bind(self, *args, **kwargs).arguments.get(parameter)
        if any(wanted in used[kind] for used in _interfaces(self)):
            raise DependencyViolationError(message.format(wanted))
        return delete(self, *args, **kwargs)

    return refuse_or_delete


def _description(rule):
    places = (rule.ip_range, rule.source_group, rule.prefix_list)
    return next((place["Description"] for place in places if place and place.get("Description")), None)


def apply():
    init = SecurityGroupRule.__init__
    parameters = inspect.signature(init)

    def init_with_prefix_list(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.prefix_list = parameters.bind(self, *args, **kwargs).arguments.get("prefix_list_id")

    SecurityGroupRule.__init__ = init_with_prefix_list
    SecurityGroupRule.description = property(_description)

    EC2Backend.delete_subnet = _refuse_while_used(
        EC2Backend.delete_subnet, 0, "subnet_id", "The subnet '{}' has dependencies and cannot be deleted."
    )
    EC2Backend.delete_security_group = _refuse_while_used(
        EC2Backend.delete_security_group, 1, "group_id", "resource {} has a dependent object"
    )
