"""A rule may send to an event bus of another region without a role; in AWS, only with one that may put events there."""

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend


def apply():
    put = EventsBackend.put_targets

    def put_with_role(self, name, event_bus_arn, targets):
        for target in targets:
            _, _, service, region, _, resource = target["Arn"].split(":", 5)
            if service == "events" and resource.startswith("event-bus/") and region != self.region_name and not target.get("RoleArn"):
                raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
        return put(self, name, event_bus_arn, targets)

    EventsBackend.put_targets = put_with_role
