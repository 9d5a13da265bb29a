# Optional: Route 53 asks the service for a known answer, from several regions, all day long. An alarm goes off when it does not get it.
#
# The check's metrics are in us-east-1 alone, and so is its alarm, which can't send to a topic of another region. So what happens to the
# alarm goes home as events: to this environment's topic, to whoever has subscribed to it.

locals {
  # Other partitions have no such region; there the check is refused, and this region does as well as any.
  metrics_region = can(regex("^(cn|us-gov|us-iso[a-z]*)-", var.region)) ? var.region : "us-east-1"

  outside_alarm_arn = "arn:${local.partition}:cloudwatch:${local.metrics_region}:${local.account_id}:alarm:${local.name}-outside"
}

resource "aws_route53_health_check" "outside" {
  count = var.outside_check.enabled ? 1 : 0

  type          = local.https ? "HTTPS_STR_MATCH" : "HTTP_STR_MATCH"
  fqdn          = local.https ? var.domain_name : aws_lb.this.dns_name
  port          = local.https ? 443 : 80
  enable_sni    = local.https
  resource_path = "/clock?mirror_time=12:22"
  search_string = "\"actual_time\":\"11:38\"" # in the first 5,120 bytes of the answer
  regions       = var.outside_check.regions

  # Each of its checkers asks every 30 seconds; one that fails three times in a row says so. Below 18 % that succeed, the check is red.
  request_interval  = 30
  failure_threshold = 3

  tags = { Name = "${local.name}-outside" }

  depends_on = [aws_route53_record.alias]

  # The type can't change: the alarm watches the new check before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_metric_alarm" "outside" {
  count    = var.outside_check.enabled ? 1 : 0
  provider = aws.metrics

  alarm_name        = "${local.name}-outside"
  alarm_description = "From outside, ${local.https ? "https" : "http"} does not give the right answer, wherever it is asked from: the service is not to be reached, or wrong."

  namespace           = "AWS/Route53"
  metric_name         = "HealthCheckStatus"
  dimensions          = { HealthCheckId = aws_route53_health_check.outside[0].id }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  # No word from Route 53 says nothing about the service.
  treat_missing_data = "ignore"
}

# From the alarm's region to this one.
resource "aws_cloudwatch_event_rule" "outside_home" {
  count    = var.outside_check.enabled && var.region != local.metrics_region ? 1 : 0
  provider = aws.metrics

  name        = "${local.name}-outside"
  description = "The alarm ${local.name}-outside changes its state."

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = [local.outside_alarm_arn]
  })
}

resource "aws_cloudwatch_event_target" "outside_home" {
  count    = length(aws_cloudwatch_event_rule.outside_home)
  provider = aws.metrics

  rule     = aws_cloudwatch_event_rule.outside_home[0].name
  arn      = "arn:${local.partition}:events:${var.region}:${local.account_id}:event-bus/default"
  role_arn = "arn:${local.partition}:iam::${local.account_id}:role/clockmirror-events-home" # of the bootstrap stack
}

# At home: its ALARM. Its OK is sent as those of the other alarms are.
resource "aws_cloudwatch_event_rule" "outside" {
  count = var.outside_check.enabled ? 1 : 0

  name        = "${local.name}-outside-alarm"
  description = "The alarm ${local.name}-outside goes off."

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = [local.outside_alarm_arn]
    detail      = { state = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "outside" {
  count = var.outside_check.enabled ? 1 : 0

  rule = aws_cloudwatch_event_rule.outside[0].name
  arn  = aws_sns_topic.alarms.arn

  input_transformer {
    input_paths    = { alarm = "$.detail.alarmName", time = "$.time" }
    input_template = "\"ALARM: <alarm> is on since <time>: asked from outside, the service does not give the right answer.\""
  }

  depends_on = [aws_sns_topic_policy.alarms]
}
