"""IDs of hosted zones have no Z at their beginning, which stacks check.

Route 53 chooses the ID of a zone. A rehearsal makes the zone that an environment's variables name already.
"""

import moto.route53.models as models
from moto.core import DEFAULT_ACCOUNT_ID


def make(request, *_):
    backend = models.route53_backends[DEFAULT_ACCOUNT_ID]["aws"]
    zone = backend.create_hosted_zone(request["name"], private_zone=False)
    del backend.zones[zone.resource_id]
    zone.resource_id = request["id"]
    backend.zones[zone.resource_id] = zone
    return {}


def apply():
    make_id = models.create_route53_zone_id
    models.create_route53_zone_id = lambda *args, **kwargs: "Z" + make_id(*args, **kwargs)[:20]
