# Optional: Route 53 asks the service for a known answer, from several regions, all day long. An alarm goes off when it does not get it.
#
# The check's metrics are in us-east-1 alone, and so is its alarm, which can't send to a topic of another region. So what happens to the
# alarm goes home as events, to the rules of the app stack, and from there to whoever has subscribed to the environment's topic.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  app        = "app-${var.env}"
  name       = "${local.app}-outside"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  https = startswith(var.url, "https:")
  host  = regex("^https?://(.*)$", var.url)[0]
}

resource "aws_route53_health_check" "this" {
  type          = local.https ? "HTTPS_STR_MATCH" : "HTTP_STR_MATCH"
  fqdn          = local.host
  port          = local.https ? 443 : 80
  enable_sni    = local.https
  resource_path = "/clock?mirror_time=12:22"
  search_string = "\"actual_time\":\"11:38\"" # in the first 5,120 bytes of the answer
  regions       = var.regions

  # Each of its checkers asks every 30 seconds; one that fails three times in a row says so. Below 18 % that succeed, the check is red.
  request_interval  = 30
  failure_threshold = 3

  tags = { Name = local.name }

  # The type can't change: the alarm watches the new check before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name        = "${local.app}-outside"
  alarm_description = "From outside, ${var.url} does not give the right answer, wherever it is asked from: the service is not to be reached, or wrong."

  namespace           = "AWS/Route53"
  metric_name         = "HealthCheckStatus"
  dimensions          = { HealthCheckId = aws_route53_health_check.this.id }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  # No word from Route 53 says nothing about the service.
  treat_missing_data = "ignore"
}

# From the alarm's region to the environment's, if that is another one.
resource "aws_cloudwatch_event_rule" "home" {
  count = var.region == "us-east-1" ? 0 : 1

  name        = local.name
  description = "The alarm ${local.name} changes its state."

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = ["arn:${local.partition}:cloudwatch:us-east-1:${local.account_id}:alarm:${local.name}"]
  })
}

resource "aws_cloudwatch_event_target" "home" {
  count = length(aws_cloudwatch_event_rule.home)

  rule     = aws_cloudwatch_event_rule.home[0].name
  arn      = "arn:${local.partition}:events:${var.region}:${local.account_id}:event-bus/default"
  role_arn = "arn:${local.partition}:iam::${local.account_id}:role/clockmirror-events-home" # of the bootstrap stack
}
