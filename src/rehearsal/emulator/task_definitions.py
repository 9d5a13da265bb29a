"""ECS stores container definitions in its own form and returns that: a list which was left out comes back empty, a default is
filled in, and variables come back in another order. A definition that is written otherwise shows as changed in every plan.
"""

from moto.ecs.models import TaskDefinition

# What ECS fills in where a container or its health check leaves it out.
CONTAINER = {
    "cpu": 0,
    "environment": [],
    "essential": True,
    "mountPoints": [],
    "portMappings": [],
    "systemControls": [],
    "volumesFrom": [],
}
HEALTH_CHECK = {"interval": 30, "retries": 3, "timeout": 5}
CAPABILITIES = {"add": [], "drop": []}


def _port_mapping(given):
    # On Fargate each task has an address of its own, so the host's port is the container's.
    return {"hostPort": given.get("containerPort"), "protocol": "tcp", **given}


def stored(given):
    """A container definition as ECS returns it."""
    container = {**CONTAINER, **{key: value for key, value in given.items() if value is not None}}
    container["portMappings"] = [_port_mapping(mapping) for mapping in container["portMappings"]]
    container["environment"] = sorted(container["environment"], key=lambda variable: variable["name"], reverse=True)

    if "healthCheck" in container:
        container["healthCheck"] = {**HEALTH_CHECK, **container["healthCheck"]}

    linux = dict(container.get("linuxParameters", {}))
    capabilities = linux.pop("capabilities", {})
    if capabilities:
        linux["capabilities"] = {**CAPABILITIES, **capabilities}
    if linux:
        container["linuxParameters"] = linux
    else:
        container.pop("linuxParameters", None)
    return container


def apply():
    init = TaskDefinition.__init__

    def init_stored(self, family, revision, container_definitions, *args, **kwargs):
        init(self, family, revision, [stored(given) for given in container_definitions], *args, **kwargs)

    TaskDefinition.__init__ = init_stored
