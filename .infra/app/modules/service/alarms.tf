# When a person should look. The first two also roll a deployment back.

locals {
  target_dimensions  = { TargetGroup = aws_lb_target_group.this.arn_suffix, LoadBalancer = var.alb_arn_suffix }
  service_dimensions = { ClusterName = var.cluster_name, ServiceName = var.name }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.full_name}-5xx"
  alarm_description = "More than ${var.alarm_thresholds.error_percent} % of the answers have a 5xx status."

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.error_percent
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "percent"
    label       = "5xx in percent"
    expression  = "100 * FILL(errors, 0) / requests"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "HTTPCode_Target_5XX_Count", requests = "RequestCount" }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = local.target_dimensions
        stat        = "Sum"
        period      = 60
      }
    }
  }

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name        = "${local.full_name}-unhealthy"
  alarm_description = "A task fails the health checks of the load balancer."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = local.target_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "no_task" {
  alarm_name        = "${local.full_name}-no-task"
  alarm_description = "No task may take traffic: the service is down."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.target_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "breaching" # no data means no target at all

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name        = "${local.full_name}-latency"
  alarm_description = "The slowest hundredth of the answers takes more than ${var.alarm_thresholds.p99_seconds} s."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = local.target_dimensions
  extended_statistic  = "p99"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.p99_seconds
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
}

# Fargate reports no throttling of its own; a task that uses all the CPU it may is the one that gets throttled.
resource "aws_cloudwatch_metric_alarm" "throttled" {
  alarm_name        = "${local.full_name}-throttled"
  alarm_description = "A task uses more than ${var.alarm_thresholds.cpu_percent} % of its CPU, so the kernel makes it wait."

  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = local.service_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.cpu_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  alarm_actions = [var.alarm_topic_arn]
  ok_actions    = [var.alarm_topic_arn]
}
