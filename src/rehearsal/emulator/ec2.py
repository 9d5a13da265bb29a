"""Security group rules that name a group or a prefix list lose their description: every plan shows them as changed."""

import inspect

from moto.ec2.models.security_groups import SecurityGroupRule


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
