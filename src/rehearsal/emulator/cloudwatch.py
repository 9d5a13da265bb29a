"""An alarm may act on anything; in AWS, only on what is in its own region. Percentiles are no statistics.

measure publishes what a load balancer has measured; AWS takes nothing in its own namespaces by PutMetricData.
"""

import math

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum, Statistics, cloudwatch_backends


def measure(request, _service_name, region):
    """Keeps metrics of AWS/ApplicationELB, as of now."""
    measured = request["measured"]
    dimensions = [{"Name": name, "Value": value} for name, value in request["dimensions"].items()]
    values = {
        "RequestCount": [measured["requests"]],
        "HTTPCode_Target_5XX_Count": [measured["errors"]],
        "TargetResponseTime": measured["seconds"],
    }
    cloudwatch_backends["123456789012"][region].metric_data.extend(
        MetricDatum("AWS/ApplicationELB", name, value, dimensions, None) for name, all_values in values.items() for value in all_values
    )
    return {}


def apply():
    put = CloudWatchBackend.put_metric_alarm

    def put_in_region(self, *args, **kwargs):
        for action in (kwargs.get("alarm_actions") or []) + (kwargs.get("ok_actions") or []):
            region = action.split(":")[3]
            if region not in ("", self.region_name):
                raise ValidationError(f"Invalid region {region} specified. Only {self.region_name} is supported.")
        return put(self, *args, **kwargs)

    CloudWatchBackend.put_metric_alarm = put_in_region

    statistic = Statistics.get_statistics_for_type

    def statistic_or_percentile(self, stat):
        if not stat.startswith("p"):
            return statistic(self, stat)
        values = sorted(self.metric_single_values_list)
        return values[max(0, math.ceil(len(values) * float(stat[1:]) / 100) - 1)] if values else None

    Statistics.get_statistics_for_type = statistic_or_percentile
