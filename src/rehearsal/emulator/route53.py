"""IDs of hosted zones have no Z at their beginning, which stacks check."""

import moto.route53.models as models


def apply():
    make = models.create_route53_zone_id
    models.create_route53_zone_id = lambda *args, **kwargs: "Z" + make(*args, **kwargs)[:20]
