"""IDs of hosted zones have no Z at their beginning, which stacks check. Any health check is taken.

Route 53 chooses the ID of a zone. A rehearsal makes the zone that an environment's variables name already.
"""

import botocore.session
import moto.route53.models as models
from moto.core import DEFAULT_ACCOUNT_ID
from moto.route53.exceptions import InvalidInput

REGIONS = botocore.session.get_session().get_service_model("route53").shape_for("HealthCheckRegion").enum


def make(request, *_):
    backend = models.route53_backends[DEFAULT_ACCOUNT_ID]["aws"]
    zone = backend.create_hosted_zone(request["name"], private_zone=False)
    del backend.zones[zone.resource_id]
    zone.resource_id = request["id"]
    backend.zones[zone.resource_id] = zone
    return {}


def _wrong(check):
    """What is wrong with a health check; None if nothing is."""
    search, regions = check.get("search_string") or "", check.get("regions") or REGIONS
    if bool(search) != check["type"].endswith("_STR_MATCH"):
        return f"SearchString must be given for a health check that matches a string, and for no other; not for {check['type']}"
    if len(search) > 255:
        return "SearchString must have at most 255 characters"
    if len(regions) < 3 or not set(regions) <= set(REGIONS):
        return f"Regions must be at least 3 of {', '.join(REGIONS)}; not {', '.join(regions)}"
    if int(check.get("request_interval") or 30) not in (10, 30):
        return "RequestInterval must be 10 or 30"


def _unless_wrong(create):
    def checked(self, caller_reference, health_check_args):
        if why := _wrong(health_check_args):
            raise InvalidInput(why)
        return create(self, caller_reference, health_check_args)

    return checked


def apply():
    make_id = models.create_route53_zone_id
    models.create_route53_zone_id = lambda *args, **kwargs: "Z" + make_id(*args, **kwargs)[:20]
    models.Route53Backend.create_health_check = _unless_wrong(models.Route53Backend.create_health_check)
