# Bake: what it watches the one box by. The rest is Verify's: it reads what the service runs, and puts the image back that ran before.

locals {
  permissions_bake = [
    {
      sid       = "FindAlarms"
      why       = "it lists, and is asked for no alarm"
      actions   = ["cloudwatch:DescribeAlarms"]
      resources = [format(local.regional, "cloudwatch", "alarm:*")]
    },
    {
      sid       = "ReadMetrics"
      why       = "requests, errors and latency; CloudWatch knows no resource for it"
      actions   = ["cloudwatch:GetMetricData"]
      resources = ["*"]
    },
    {
      sid       = "FindTargetGroups"
      why       = "their names in metrics; it lists, and knows no resource"
      actions   = ["elasticloadbalancing:DescribeTargetGroups"]
      resources = ["*"]
    },
  ]
}
