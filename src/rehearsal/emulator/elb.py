"""The name of a load balancer is in Amazon's domain, where nothing answers.

With EMULATOR_LOAD_BALANCER, such as 127.0.0.1:8080, it is that address.
"""

import os

from moto.elbv2.models import FakeLoadBalancer

ADDRESS = os.environ.get("EMULATOR_LOAD_BALANCER")


def apply():
    if not ADDRESS:
        return

    init = FakeLoadBalancer.__init__

    def init_at_address(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.dns_name = ADDRESS

    FakeLoadBalancer.__init__ = init_at_address
