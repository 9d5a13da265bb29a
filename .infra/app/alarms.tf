# Where alarms go, and the one alarm that is about the load balancer instead of a service.
#
# An alarm sends its ALARM itself. Its OK is sent by a rule, and only after an ALARM: an alarm's own ok_actions also run when it has
# just been made, one mail for each alarm and service.

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = data.aws_kms_alias.environments.target_key_arn
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }

  statement {
    sid       = "RulesPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    # EventBridge passes no account on to an encrypted topic.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.alarm_over.arn, aws_cloudwatch_event_rule.outside.arn]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_event_rule" "alarm_over" {
  name        = "${local.name}-alarm-over"
  description = "An alarm of ${local.name} goes back from ALARM to OK."

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = [{ prefix = "arn:${local.partition}:cloudwatch:${var.region}:${local.account_id}:alarm:${local.name}-" }, local.outside_alarm_arn]
    detail      = { state = { value = ["OK"] }, previousState = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "alarm_over" {
  rule = aws_cloudwatch_event_rule.alarm_over.name
  arn  = aws_sns_topic.alarms.arn

  input_transformer {
    input_paths    = { alarm = "$.detail.alarmName", time = "$.time" }
    input_template = "\"OK: <alarm> is over since <time>.\""
  }

  depends_on = [aws_sns_topic_policy.alarms]
}

# The alarm of the stack outside is in another region, and can't send to this topic itself: its events come here.
locals {
  outside_alarm_arn = "arn:${local.partition}:cloudwatch:us-east-1:${local.account_id}:alarm:${local.name}-outside"
}

resource "aws_cloudwatch_event_rule" "outside" {
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
  rule = aws_cloudwatch_event_rule.outside.name
  arn  = aws_sns_topic.alarms.arn

  input_transformer {
    input_paths    = { alarm = "$.detail.alarmName", time = "$.time" }
    input_template = "\"ALARM: <alarm> is on since <time>: asked from outside, the service does not give the right answer.\""
  }

  depends_on = [aws_sns_topic_policy.alarms]
}

# A task that crashes answers nothing: the load balancer does, with 502. Its metric does not say which service a request was for, so
# this alarm takes the deployment of any service back. Requests without a target are not in RequestCount.
resource "aws_cloudwatch_metric_alarm" "alb_5xx" {
  alarm_name        = "${local.name}-alb-5xx"
  alarm_description = "The load balancer itself answers more than ${var.alarm_thresholds.error_percent} % of the requests, at least 5 in a minute, with 5xx: there is no task, or a task crashes or takes too long."

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.error_percent
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "percent"
    label       = "5xx of the load balancer in percent"
    expression  = "IF(FILL(broken, 0) >= 5, 100 * broken / (broken + FILL(requests, 0)), 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { broken = "HTTPCode_ELB_5XX_Count", requests = "RequestCount" }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
        stat        = "Sum"
        period      = 60
      }
    }
  }

  alarm_actions = [aws_sns_topic.alarms.arn]
}
