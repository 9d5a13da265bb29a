"""Security group rules that name a group or a prefix list lose their description: every plan shows them as changed."""

from moto.ec2.models.security_groups import SecurityGroupRule


def _description(rule):
    prefix_list = getattr(rule, "prefix_list_id", None)
    places = (rule.ip_range, rule.source_group, prefix_list if isinstance(prefix_list, dict) else None)
    return next((place["Description"] for place in places if place and place.get("Description")), None)


def apply():
    SecurityGroupRule.description = property(_description)
