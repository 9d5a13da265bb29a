"""An alarm may act on anything; in AWS, only on what is in its own region."""

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend


def apply():
    put = CloudWatchBackend.put_metric_alarm

    def put_in_region(self, *args, **kwargs):
        for action in (kwargs.get("alarm_actions") or []) + (kwargs.get("ok_actions") or []):
            region = action.split(":")[3]
            if region not in ("", self.region_name):
                raise ValidationError(f"Invalid region {region} specified. Only {self.region_name} is supported.")
        return put(self, *args, **kwargs)

    CloudWatchBackend.put_metric_alarm = put_in_region
